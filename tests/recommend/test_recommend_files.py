from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bespeak.errors import ColumnMissing, SourceMissing, SourceUnreadable
from bespeak.recommend.evaluating import files
from bespeak.recommend.evaluating.files import Rows, interactions_of, read_rows
from bespeak.recommend.histories import UNIT
from bespeak.recommend.interactions import instant


def written(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def pairs(rows: Rows) -> list[tuple[str, str]]:
    return list(zip(rows.customers, rows.items, strict=True))


def test_a_line_is_a_user_and_its_items(tmp_path: Path) -> None:
    rows = read_rows(written(tmp_path, "train.txt", "0 7 8\n1  9\t7 \n\n2\n"))
    assert pairs(rows) == [("0", "7"), ("0", "8"), ("1", "9"), ("1", "7")]
    assert not rows.timed


def test_a_byte_order_mark_is_no_part_of_an_id(tmp_path: Path) -> None:
    assert pairs(read_rows(written(tmp_path, "t.txt", "\ufeffa x\n"))) == [("a", "x")]


def test_ids_are_any_text(tmp_path: Path) -> None:
    long = "x" * 50_000
    rows = read_rows(written(tmp_path, "t.txt", f"👻 日本 {long}\n"))
    assert pairs(rows) == [("👻", "日本"), ("👻", long)]
    assert list(interactions_of(rows).items) == [long, "日本"]


def test_duplicates_are_summed_over_all_lines_of_a_user(tmp_path: Path) -> None:
    interactions = interactions_of(read_rows(written(tmp_path, "t.txt", "a x x\nb y\na x\n")))
    assert interactions.histories.weights.tolist() == [3 * UNIT, UNIT]
    assert interactions.histories.times.tolist() == [3, 1]


@pytest.mark.parametrize(
    "text",
    [
        "user,item\na,x\nb,y\n",
        "\ufeffCustomer ID;Stock Code\na;x\nb;y\n",
        "user_id\titem_id\textra\na\tx\t1\nb\ty\t2\n",
        'visitorid,productid\n"a","x"\n\nb,y\n',
    ],
)
def test_usual_column_names_and_separators_are_known(tmp_path: Path, text: str) -> None:
    assert pairs(read_rows(written(tmp_path, "t.csv", text))) == [("a", "x"), ("b", "y")]


def test_times_in_the_usual_spellings_are_the_same_instant(tmp_path: Path) -> None:
    spellings = ["2024-05-01", "2024-05-01 00:00:00", "2024-05-01T02:00:00+02:00", "1714521600.0"]
    spellings += ["1714521600" + "0" * zeros for zeros in (0, 3, 6, 9)]
    text = "user,item,time\n" + "".join(f"a,{n},{time}\n" for n, time in enumerate(spellings))
    rows = read_rows(written(tmp_path, "t.csv", text))
    assert set(rows.times.tolist()) == {instant(datetime(2024, 5, 1))}


def test_weights_fade_by_the_half_life_before_the_last_row(tmp_path: Path) -> None:
    text = "user,item,time,weight\na,old,2024-05-01,4\na,new,2024-05-11,1\n"
    rows = read_rows(written(tmp_path, "t.csv", text))
    interactions = interactions_of(rows, half_life_days=10, as_of=datetime(2024, 5, 11))
    assert dict(zip(interactions.items, interactions.histories.weights.tolist(), strict=True)) == {
        "new": UNIT, "old": 2 * UNIT,
    }  # fmt: skip


def test_the_same_instant_twice_is_one_occasion(tmp_path: Path) -> None:
    text = "user,item,time\na,x,5\na,x,5\na,x,9\n"
    interactions = interactions_of(read_rows(written(tmp_path, "t.csv", text)))
    assert interactions.histories.times.tolist() == [2]
    assert interactions.histories.first_time.tolist() == [5_000_000]
    assert interactions.histories.last_time.tolist() == [9_000_000]
    assert interactions.as_of == 9_000_001


def test_parquet_of_numbers_and_times_is_read(tmp_path: Path) -> None:
    table = pa.table(
        {
            "customer_id": [1.0, 2.0],
            "product_id": [10, 11],
            "timestamp": pa.array([datetime(2024, 5, 1)] * 2, pa.timestamp("ns")),
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    rows = read_rows(tmp_path / "t.parquet")
    assert pairs(rows) == [("1", "10"), ("2", "11")]
    assert rows.times.tolist() == [instant(datetime(2024, 5, 1))] * 2


def test_rows_of_no_weight_are_no_interactions(tmp_path: Path) -> None:
    rows = read_rows(written(tmp_path, "t.csv", "user,item,weight\na,x,0\na,y,1\n"))
    assert pairs(rows) == [("a", "y")]


@pytest.mark.parametrize(
    ("row", "where"),
    [
        ("a,x,1,nan", "row 3, weight"),
        ("a,x,1,-1", "row 3, weight"),
        ("a,x,1,many", "row 3, weight"),
        ("a,x,yesterday,1", "row 3, time"),
        ("a,,1,1", "row 3, item"),
        (" ,x,1,1", "row 3, user"),
        ("a,x", "row 3: too short"),
        ('a,"x', "row 3"),
    ],
)
def test_a_bad_cell_is_named_by_file_and_row(tmp_path: Path, row: str, where: str) -> None:
    path = written(tmp_path, "t.csv", f"user,item,time,weight\na,x,1,1\n{row}\n")
    with pytest.raises(SourceUnreadable, match=r"t\.csv") as caught:
        read_rows(path)
    assert where in str(caught.value)


def test_a_user_is_never_quoted(tmp_path: Path) -> None:
    path = written(tmp_path, "t.csv", "user,item,weight\nann@example.com,x,bad\n")
    with pytest.raises(SourceUnreadable) as caught:
        read_rows(path)
    assert "ann" not in str(caught.value)


@pytest.mark.parametrize("role", ["user", "item"])
def test_a_missing_column_is_named_with_what_was_found(tmp_path: Path, role: str) -> None:
    other = "item" if role == "user" else "user"
    path = written(tmp_path, "t.csv", f"{other},thing\na,x\n")
    with pytest.raises(ColumnMissing, match=f"known to be the {role}"):
        read_rows(path)


@pytest.mark.parametrize(("name", "text"), [("t.txt", ""), ("t.txt", "only\nusers\n"),
                                            ("t.csv", "user,item\n")])  # fmt: skip
def test_an_empty_file_says_what_was_expected(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(SourceUnreadable, match="no interaction in it"):
        read_rows(written(tmp_path, name, text))


@pytest.mark.parametrize("name", ["t.txt", "t.csv"])
def test_bytes_that_are_no_utf8_are_named_by_row(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, name, b"user,item\n" + b"a,b\n" * 5 + b"a,\xe9 b\n" + b"a,b\n" * 5)
    with pytest.raises(SourceUnreadable, match="row 7: not UTF-8 at byte 3"):
        read_rows(path)


def test_a_file_that_is_no_parquet_says_so(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable, match="not readable as Parquet"):
        read_rows(written(tmp_path, "t.parquet", "no"))


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing, match=r"gone\.txt"):
        read_rows(tmp_path / "gone.txt")


@pytest.mark.parametrize("name", ["t.txt", "t.csv"])
def test_an_endless_line_is_refused(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "LONGEST", 100)
    path = written(tmp_path, name, "user,item\n" * (name == "t.csv") + "a " + "x" * 500)
    with pytest.raises(SourceUnreadable, match="the line is too long"):
        read_rows(path)


def test_a_null_in_parquet_is_named_by_row(tmp_path: Path) -> None:
    columns: dict[str, Any] = {"user": ["a", "b"], "item": ["x", None]}
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    with pytest.raises(SourceUnreadable, match="row 2, item"):
        read_rows(tmp_path / "t.parquet")


def test_rows_keep_their_order_where_some_are_dropped() -> None:
    rows = Rows(["a", "b", "c"], ["x", "y", "z"], np.zeros(3, np.int64), np.ones(3))
    assert pairs(rows.where(np.array([True, False, True]))) == [("a", "x"), ("c", "z")]
