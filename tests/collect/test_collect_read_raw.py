"""All files of a source as one table: united by name, nothing lost, every row knows its file."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bespeak import collect
from bespeak.collect import RawFile
from bespeak.config import Source
from bespeak.engines import Engine
from bespeak.errors import SourceMissing, SourceUnreadable


def original(path: Path, columns: dict[str, Any]) -> RawFile:
    pq.write_table(pa.table(columns), path)
    return RawFile(path.name, path, staged=False)


def staged(tmp_path: Path, name: str, content: str) -> RawFile:
    (tmp_path / name).write_text(content)
    collect.stage(Source(name="s"), tmp_path / name, tmp_path / f"{name}.staged")
    return RawFile(name, tmp_path / f"{name}.staged" / "rows", staged=True)


def rows(engine: Engine, files: list[RawFile]) -> list[dict[str, Any]]:
    found = engine.run(collect.open_raw(engine, files)).to_pylist()
    return sorted(found, key=lambda row: (row["_file"], row["_row"]))


def test_staged_files_and_parquet_are_one_table(engine: Engine, tmp_path: Path) -> None:
    files = [
        staged(tmp_path, "a.csv", "id,name\n1,x\n2,y\n"),
        staged(tmp_path, "b.csv", "name,extra\nz,w\n"),
        original(tmp_path / "c.parquet", {"id": ["9"], "name": ["v"]}),
    ]
    assert rows(engine, files) == [
        {"id": "1", "name": "x", "extra": None, "_file": "a.csv", "_row": 2},
        {"id": "2", "name": "y", "extra": None, "_file": "a.csv", "_row": 3},
        {"id": None, "name": "z", "extra": "w", "_file": "b.csv", "_row": 2},
        {"id": "9", "name": "v", "extra": None, "_file": "c.parquet", "_row": 1},
    ]


def test_one_file_is_called_by_its_name_too(engine: Engine, tmp_path: Path) -> None:
    file = RawFile("02/a.csv", staged(tmp_path, "a.csv", "id\n1\n").path, staged=True)
    assert rows(engine, [file]) == [{"id": "1", "_file": "02/a.csv", "_row": 2}]


def test_parquet_keeps_its_types_where_files_agree(engine: Engine, tmp_path: Path) -> None:
    when = datetime(2024, 1, 2, 3, 4, 5)
    files = [
        original(tmp_path / f"{n}.parquet", {"n": pa.array([n], width), "t": [when], "x": [0.5]})
        for n, width in ((1, pa.int32()), (2, pa.int64()))
    ]
    table = collect.open_raw(engine, files)
    assert table["n"].type().is_int64() and table["t"].type().is_timestamp()
    assert table["x"].type().is_float64()
    assert [row["n"] for row in rows(engine, files)] == [1, 2]


def test_columns_whose_types_differ_become_text(engine: Engine, tmp_path: Path) -> None:
    files = [
        original(tmp_path / "a.parquet", {"id": [17850, 2], "x": [1, 2]}),
        original(tmp_path / "b.parquet", {"id": [17850.0, None], "x": [1, 2]}),
        original(tmp_path / "c.parquet", {"id": ["17850", "0x"], "x": [1, 2]}),
        original(tmp_path / "d.parquet", {"id": [float("nan"), 2.5], "x": [1, 2]}),
        original(tmp_path / "e.parquet", {"id": pa.nulls(2), "x": [1, 2]}),
    ]
    found = rows(engine, files)
    assert [row["id"] for row in found] == [
        "17850", "2", "17850", None, "17850", "0x", None, "2.5", None, None,
    ]  # fmt: skip
    assert {row["x"] for row in found} == {1, 2}


def test_a_column_without_values_takes_the_type_of_the_others(
    engine: Engine, tmp_path: Path
) -> None:
    files = [
        original(tmp_path / "a.parquet", {"n": pa.nulls(1)}),
        original(tmp_path / "b.parquet", {"n": [7]}),
    ]
    assert [row["n"] for row in rows(engine, files)] == [None, 7]


def test_names_are_united_whatever_their_case(engine: Engine, tmp_path: Path) -> None:
    files = [
        staged(tmp_path, "a.csv", "Id,v\n1,x\n"),
        staged(tmp_path, "b.csv", "ID,v\n2,y\n"),
        original(tmp_path / "c.parquet", {"id": [3]}),
    ]
    assert [row["Id"] for row in rows(engine, files)] == ["1", "2", "3"]


def test_nested_columns_become_json_and_bytes_text(engine: Engine, tmp_path: Path) -> None:
    file = original(
        tmp_path / "a.parquet",
        {"tags": [["a", "b"], None], "user": [{"id": 1, "n": "é"}] * 2, "raw": [b"abc", b"d"]},
    )
    found = rows(engine, [file])
    assert found[0]["tags"] == '["a","b"]' and found[1]["tags"] is None
    assert found[0]["user"] == '{"id":1,"n":"é"}' and found[0]["raw"] == "abc"


def test_a_column_called_filename_or_part_of_a_path_is_no_trap(
    engine: Engine, tmp_path: Path
) -> None:
    folder = tmp_path / "day=1 [x]"
    folder.mkdir()
    files = [
        original(folder / "a.parquet", {"filename": ["x"], "v": [1]}),
        original(folder / "b.parquet", {"filename": ["y"], "v": [2]}),
    ]
    assert rows(engine, files) == [
        {"filename": "x", "v": 1, "_file": "a.parquet", "_row": 1},
        {"filename": "y", "v": 2, "_file": "b.parquet", "_row": 1},
    ]


@pytest.mark.parametrize("columns", [{"_row": [1]}, {"_FILE": [1]}, {"a": [1], "A": [2]}])
def test_parquet_with_ambiguous_names_is_refused(
    engine: Engine, tmp_path: Path, columns: dict[str, Any]
) -> None:
    file = original(tmp_path / "a.parquet", columns)
    with pytest.raises(SourceUnreadable, match=r"a\.parquet, column"):
        collect.open_raw(engine, [file])


def test_what_is_missing_or_no_parquet_is_named(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "bad.parquet").write_text("no")
    with pytest.raises(SourceUnreadable, match=r"bad\.parquet"):
        collect.open_raw(engine, [RawFile("bad.parquet", tmp_path / "bad.parquet", staged=False)])
    for staged_ in (True, False):
        with pytest.raises(SourceMissing, match="gone"):
            collect.open_raw(engine, [RawFile("gone", tmp_path / "gone", staged=staged_)])
    with pytest.raises(SourceMissing):
        collect.open_raw(engine, [])


def test_parts_of_one_file_that_grew_columns_are_united(engine: Engine, tmp_path: Path) -> None:
    lines = [f'{{"a": {n}}}' for n in range(70_000)] + ['{"b": "late"}']
    file = staged(tmp_path, "a.jsonl", "\n".join(lines))
    assert len(list(file.path.glob("*.parquet"))) == 2
    found = rows(engine, [file])
    assert len(found) == 70_001 and found[-1] == {
        "a": None, "b": "late", "_file": "a.jsonl", "_row": 70_001,
    }  # fmt: skip


def test_refused_rows_of_all_files_are_one_table(engine: Engine, tmp_path: Path) -> None:
    files = [
        staged(tmp_path, "a.csv", "id,v\n1,2\n3\n"),
        staged(tmp_path, "b.csv", "id,v\n1,2\n"),
        staged(tmp_path, "c.csv", "id,v\n1,2\n1,2,3\n"),
        original(tmp_path / "d.parquet", {"id": [1]}),
    ]
    refused = collect.open_refused(engine, files)
    assert refused is not None
    found = sorted(engine.run(refused).to_pylist(), key=lambda row: str(row["file"]))
    assert [(row["file"], row["row"], row["reason"], row["raw"]) for row in found] == [
        ("a.csv", 3, "ragged_row", "3"), ("c.csv", 3, "ragged_row", "1,2,3"),
    ]  # fmt: skip
    assert collect.open_refused(engine, [files[1], files[3]]) is None


def test_many_daily_files_open_as_one_table(engine: Engine, tmp_path: Path) -> None:
    files = []
    for day in range(300):
        folder = tmp_path / f"{day}" / "rows"
        folder.mkdir(parents=True)
        table = pa.table({"id": [str(day)] * 2, "_row": pa.array([2, 3], pa.int64())})
        pq.write_table(table, folder / "part-00000.parquet")
        files.append(RawFile(f"{day:03d}.csv", folder, staged=True))
    found = rows(engine, files)
    assert [(row["_file"], row["_row"], row["id"]) for row in found] == [
        (f"{day:03d}.csv", row, str(day)) for day in range(300) for row in (2, 3)
    ]
