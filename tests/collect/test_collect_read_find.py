"""Files are found by pattern, told by content, and called by their shortest clear name."""

from __future__ import annotations

import bz2
import gzip
import sqlite3
import zipfile
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bespeak import collect
from bespeak.config import Source
from bespeak.errors import SourceMissing, SourceUnreadable


def source(*files: str, **settings: object) -> Source:
    return Source(name="s", files=list(files), **settings)  # type: ignore[arg-type]


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("a,b\n1,2\n")


def test_patterns_are_relative_to_the_workspace_and_files_sorted(tmp_path: Path) -> None:
    touch(tmp_path, "raw/b.csv", "raw/a.csv", "raw/deep/c.csv", "raw/x.txt")
    found = collect.find(source("raw/*.csv", "raw/**/c.csv", "raw/a.csv"), tmp_path)
    assert [str(path.relative_to(tmp_path)) for path in found] == [
        "raw/a.csv", "raw/b.csv", "raw/deep/c.csv",
    ]  # fmt: skip


def test_absolute_patterns_and_folders_are_taken(tmp_path: Path) -> None:
    touch(tmp_path, "in/a.csv", "in/part/b.csv", "in/_SUCCESS", "in/.hidden/c.csv")
    wanted = [tmp_path / "in/a.csv", tmp_path / "in/part/b.csv"]
    assert collect.find(source(str(tmp_path / "in")), Path("/")) == wanted
    assert collect.find(source(str(tmp_path / "in" / "*.csv")), Path("/")) == wanted[:1]


def test_a_name_with_brackets_is_a_name_first(tmp_path: Path) -> None:
    touch(tmp_path, "orders [1].csv")
    assert collect.find(source("orders [1].csv"), tmp_path) == [tmp_path / "orders [1].csv"]


def test_a_pattern_that_fits_nothing_is_named(tmp_path: Path) -> None:
    touch(tmp_path, "a.csv")
    with pytest.raises(SourceMissing, match=r"source `s`: no file fits `b\*\.csv`"):
        collect.find(source("a.csv", "b*.csv"), tmp_path)


def test_a_server_has_no_files(tmp_path: Path) -> None:
    asked = Source(name="s", database="postgresql://h/db", query="SELECT 1")
    assert collect.find(asked, tmp_path) == []


def test_names_are_as_long_as_needed_to_tell_files_apart() -> None:
    paths = [Path("/d/2024/01/web.csv"), Path("/d/2024/02/web.csv"), Path("/d/2024/02/till.csv")]
    assert collect.short_names(paths) == ["01/web.csv", "02/web.csv", "till.csv"]
    assert collect.short_names([]) == [] and collect.short_names(paths[:1]) == ["web.csv"]
    deep = [Path("/a/x/f"), Path("/b/x/f")]
    assert collect.short_names(deep) == ["a/x/f", "b/x/f"]


LOG = '::1 - - [01/Jan/2024:00:00:00 +0000] "GET / HTTP/1.1" 200 5\n'


@pytest.mark.parametrize(
    ("name", "content", "wanted"),
    [
        ("a.csv", b"a,b\n1,2\n", "csv"),
        ("a.txt", b"a\tb\n1\t2\n", "csv"),
        ("a", b"a,b\n", "csv"),
        ("a.tsv.gz", gzip.compress(b"a\tb\n"), "csv"),
        ("a.jsonl", b'{"a": 1}\n', "jsonl"),
        ("a.txt", b'{"a": 1}\n', "jsonl"),
        ("a.dat", b'[{"a": 1}]', "jsonl"),
        ("a.json.gz", gzip.compress(b'[{"a": 1}]'), "jsonl"),
        ("access.log", LOG.encode(), "access_log"),
        ("access.log.1", LOG.encode() * 3 + b"odd\n", "access_log"),
        ("app.log", b"when,what\n1,2\n", "csv"),
        ("a.PARQUET", b"PAR1", "parquet"),
        ("no-suffix", b"PAR1....", "parquet"),
        ("a.bin", b"SQLite format 3\x00", "sql"),
        ("a.xlsx", b"not a zip", "excel"),
    ],
)
def test_a_format_is_told_by_content_then_by_name(
    tmp_path: Path, name: str, content: bytes, wanted: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert collect.format_of(source(name), path) == wanted


def test_a_configured_format_is_believed(tmp_path: Path) -> None:
    touch(tmp_path, "a.csv")
    assert collect.format_of(source("a.csv", format="jsonl"), tmp_path / "a.csv") == "jsonl"


def test_what_can_not_be_read_is_named_with_a_way_out(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.csv.zip", "w") as archive:
        archive.writestr("a.csv", "a,b\n")
    (tmp_path / "b.csv.bz2").write_bytes(bz2.compress(b"a,b\n"))
    (tmp_path / "c.pdf").write_bytes(b"%PDF-1.7")
    (tmp_path / "folder").mkdir()
    for name, words in (("a.csv.zip", "ZIP"), ("b.csv.bz2", "bzip2"), ("c.pdf", "PDF"),
                        ("folder", "does not let it be read")):  # fmt: skip
        with pytest.raises(SourceUnreadable, match=f"{name}.*{words}"):
            collect.find_format(tmp_path / name)
    with pytest.raises(SourceMissing, match="gone"):
        collect.find_format(tmp_path / "gone.csv")


def test_every_format_can_be_previewed(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("n,t\n" + "".join(f"{n},x\n" for n in range(50)))
    (tmp_path / "b.jsonl").write_text("".join(f'{{"n": {n}, "t": "x"}}\n' for n in range(50)))
    pq.write_table(pa.table({"n": range(50), "t": ["x"] * 50}), tmp_path / "c.parquet")
    book = openpyxl.Workbook()
    for row in [("n", "t"), *((n, "x") for n in range(50))]:
        book.worksheets[0].append(row)
    book.save(tmp_path / "d.xlsx")
    with sqlite3.connect(tmp_path / "e.db") as database:
        database.execute("CREATE TABLE t1 (n INTEGER, t TEXT)")
        database.executemany("INSERT INTO t1 VALUES (?, 'x')", [(n,) for n in range(50)])
    database.close()
    for name in ("a.csv", "b.jsonl", "c.parquet", "d.xlsx", "e.db"):
        columns, rows, said = collect.preview(tmp_path / name, rows=20)
        assert columns == ["n", "t"] and len(rows) == 20 and said, name
        assert [str(row["n"]) for row in rows] == [str(n) for n in range(20)], name
    (tmp_path / "f.log").write_text(LOG * 50)
    columns, rows, _ = collect.preview(tmp_path / "f.log", rows=20)
    assert "path" in columns and len(rows) == 20


def test_a_preview_takes_options_and_tells_of_rows_that_do_not_fit(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n1,2\n3\n")
    _, rows, said = collect.preview(tmp_path / "a.csv")
    assert rows == [{"a": "1", "b": "2"}] and any("1 of the first rows" in each for each in said)
    columns, _, _ = collect.preview(tmp_path / "a.csv", header=False)
    assert columns == ["column_1", "column_2"]


def test_a_preview_of_a_broken_parquet_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(SourceUnreadable, match=r"a\.parquet"):
        collect.preview(tmp_path / "a.parquet")


def test_how_a_source_is_read_is_a_value_that_json_can_say(tmp_path: Path) -> None:
    import json

    plain, other = source("a.csv"), source("a.csv", separator=";")
    assert json.dumps(collect.reading(plain)) != json.dumps(collect.reading(other))
    renamed = source("elsewhere.csv", channel="web")
    assert collect.reading(plain) == collect.reading(renamed)
