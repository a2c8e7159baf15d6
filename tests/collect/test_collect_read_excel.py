"""Workbooks: the right sheet, the sheet's own row numbers, exact text."""

from __future__ import annotations

import zipfile
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from staging import Staged, stage

from bespeak.errors import SourceMissing, SourceUnreadable


def book(path: Path, **sheets: list[list[Any]]) -> Path:
    made = openpyxl.Workbook()
    made.remove(made.worksheets[0])
    for title, rows in sheets.items():
        sheet = made.create_sheet(title)
        for row in rows:
            sheet.append(row)
    made.save(path)
    return path


def staged(tmp_path: Path, rows: list[list[Any]], **settings: Any) -> Staged:
    path = book(tmp_path / "in.xlsx", Orders=rows)
    return stage(path, tmp_path / f"out{len(list(tmp_path.iterdir()))}", **settings)


def test_values_become_exact_text(tmp_path: Path) -> None:
    moment, day = datetime(2024, 1, 31, 10, 0, 5), date(2024, 2, 1)
    header = ["n", "price", "when", "day", "at", "yes", "none", "text"]
    row = [7, 2.55, moment, day, time(9, 30), True, None, "é茶"]
    found = staged(tmp_path, [header, row])
    assert found.facts["format"] == "excel"
    assert found.values == [
        ("7", "2.55", "2024-01-31T10:00:05", "2024-02-01T00:00:00", "09:30:00", "true", None, "é茶")
    ]


def test_whole_floats_lose_their_point_and_large_ones_no_digit(tmp_path: Path) -> None:
    found = staged(tmp_path, [["a", "b", "c"], [17850.0, 1e20, 0.1]])
    assert found.values == [("17850", "100000000000000000000", "0.1")]


def test_rows_are_numbered_as_the_sheet_shows_them(tmp_path: Path) -> None:
    found = staged(tmp_path, [[], [], ["a", "b"], [1, 2], [], [3, 4], [None, ""], []])
    assert found.numbers == [4, 6] and found.values == [("1", "2"), ("3", "4")]
    assert found.says("empty row")


def test_the_first_sheet_that_holds_anything_is_taken(tmp_path: Path) -> None:
    path = book(tmp_path / "in.xlsx", Cover=[], Orders=[["a"], ["x"]], Notes=[["b"], ["y"]])
    assert stage(path, tmp_path / "one").values == [("x",)]
    assert stage(path, tmp_path / "two", sheet="Notes").values == [("y",)]
    with pytest.raises(SourceUnreadable, match=r"in\.xlsx.*`Gone`.*`Orders`"):
        stage(path, tmp_path / "three", sheet="Gone")
    with pytest.raises(SourceUnreadable, match=r"`Cover`.*empty"):
        stage(path, tmp_path / "four", sheet="Cover")


def test_names_are_made_fit_as_in_text_files(tmp_path: Path) -> None:
    found = staged(tmp_path, [["id", None, "x", "x"], ["a", "b", "c", "d"]])
    assert found.facts["columns"] == ["id", "column_2", "x_1", "x_2"]
    with pytest.raises(SourceUnreadable, match=r"in\.xlsx, row 1, column `x`"):
        staged(tmp_path, [["id", "x", "x"], ["a", "b", "c"]], columns={"price": "x"})


def test_values_right_of_the_header_are_kept_in_columns_of_their_own(tmp_path: Path) -> None:
    found = staged(tmp_path, [["a", "b"], ["x", "y"], ["z", "w", None, "note"]])
    assert found.facts["columns"] == ["a", "b", "column_3", "column_4"]
    assert found.values[1] == ("z", "w", None, "note") and found.says("right of the header")


def test_a_sheet_without_a_header_says_so(tmp_path: Path) -> None:
    found = staged(tmp_path, [[1, "2024-01-05"], [2, "2024-01-06"]])
    assert found.numbers == [1, 2] and found.says("looks like data")


def test_a_formula_counts_by_its_saved_value_and_an_unsaved_one_is_said(tmp_path: Path) -> None:
    found = staged(tmp_path, [["a", "b"], ["x", "=1+1"], ["y", "=2+2"]])
    assert found.values == [("x", None), ("y", None)] and found.says("2 formulas")
    path = tmp_path / "in.xlsx"
    with zipfile.ZipFile(path) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    parts[sheet] = parts[sheet].replace(b"<f>1+1</f><v />", b"<f>1+1</f><v>2</v>")
    parts[sheet] = parts[sheet].replace(b"<f>1+1</f><v></v>", b"<f>1+1</f><v>2</v>")
    with zipfile.ZipFile(path, "w") as new:
        for name, content in parts.items():
            new.writestr(name, content)
    found = stage(path, tmp_path / "saved")
    assert found.values == [("x", "2"), ("y", None)] and found.says("1 formula ")


def test_what_is_no_workbook_is_named(tmp_path: Path) -> None:
    (tmp_path / "text.xlsx").write_text("a,b\n1,2\n")
    whole = book(tmp_path / "in.xlsx", Orders=[["a"], ["x"]]).read_bytes()
    (tmp_path / "half.xlsx").write_bytes(whole[: len(whole) // 2])
    for name in ("text.xlsx", "half.xlsx"):
        with pytest.raises(SourceUnreadable, match=f"{name}.*no Excel workbook"):
            stage(tmp_path / name, tmp_path / "out", format="excel")
    with pytest.raises(SourceMissing, match=r"gone\.xlsx"):
        stage(tmp_path / "gone.xlsx", tmp_path / "out")
    (tmp_path / "old.xls").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100))
    with pytest.raises(SourceUnreadable, match=r"old\.xls.*Save it as \.xlsx"):
        stage(tmp_path / "old.xls", tmp_path / "out")


def test_a_header_alone_is_a_table_without_rows(tmp_path: Path) -> None:
    found = staged(tmp_path, [["a", "b"]])
    assert found.facts["columns"] == ["a", "b"] and found.rows == []
