"""Separated text: what is well formed comes back as it was, what is not is named and kept."""

from __future__ import annotations

import csv
import gzip
import io
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from staging import Staged, stage, stage_bytes

from bespeak.collect import csv as separated
from bespeak.collect import text
from bespeak.errors import ConfigInvalid, SourceMissing, SourceUnreadable

ORDERS = "order,item,price\n1,A,2.50\n2,B,3.75\n"


def written(rows: list[list[str]], **dialect: object) -> str:
    out = io.StringIO()
    csv.writer(out, **dialect).writerows(rows)  # type: ignore[arg-type]
    return out.getvalue()


def test_values_stay_text_and_rows_count_as_in_a_spreadsheet(tmp_path: Path) -> None:
    found = stage_bytes(tmp_path, ORDERS.encode())
    assert found.rows == [
        {"order": "1", "item": "A", "price": "2.50", "_row": 2},
        {"order": "2", "item": "B", "price": "3.75", "_row": 3},
    ]
    assert found.facts["format"] == "csv" and found.facts["columns"] == ["order", "item", "price"]
    assert (found.facts["encoding"], found.facts["separator"]) == ("utf-8", ",")
    assert found.facts["decimal"] == "."


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_found_out(tmp_path: Path, separator: str) -> None:
    found = stage_bytes(tmp_path, ORDERS.replace(",", separator).encode())
    assert found.facts["separator"] == separator and len(found.facts["columns"]) == 3


def test_decimal_commas_do_not_pass_for_separators(tmp_path: Path) -> None:
    content = "id;price;weight\n1;2,50;0,1\n2;1.234,00;0,25\n"
    found = stage_bytes(tmp_path, content.encode())
    assert found.values == [("1", "2,50", "0,1"), ("2", "1.234,00", "0,25")]
    assert found.facts["decimal"] == "," and found.says("after a comma")


def test_commas_in_prose_do_not_pass_for_separators(tmp_path: Path) -> None:
    content = "id\ttext\n1\tgood, cheap, fast\n2\tbad, dear, slow\n3\tno comma\n"
    assert stage_bytes(tmp_path, content.encode()).facts["separator"] == "\t"


def test_a_row_over_several_lines_counts_once(tmp_path: Path) -> None:
    content = 'id,note\n1,"two\nlines, ""quoted"""\n2,"\r\n"\n3,x\n'
    found = stage_bytes(tmp_path, content.encode())
    assert found.values == [("1", 'two\nlines, "quoted"'), ("2", "\r\n"), ("3", "x")]
    assert found.numbers == [2, 3, 4]


def test_ragged_rows_are_refused_with_their_number_and_text(tmp_path: Path) -> None:
    content = "a,b,c\n1,2,3\n1,2\n1,2,3,4\n5,6,7\n"
    found = stage_bytes(tmp_path, content.encode())
    assert found.numbers == [2, 5]
    assert found.refused == [
        {"row": 3, "reason": "ragged_row", "found": "2 fields", "expected": "3 fields",
         "raw": "1,2"},
        {"row": 4, "reason": "ragged_row", "found": "4 fields", "expected": "3 fields",
         "raw": "1,2,3,4"},
    ]  # fmt: skip


def test_an_unclosed_quotation_mark_loses_its_own_line_only(tmp_path: Path) -> None:
    content = 'a,b,c\n1,"open,3\n4,5,6\n7,8,9\n'
    found = stage_bytes(tmp_path, content.encode())
    assert found.reasons == [(2, "unclosed_quote")]
    assert found.values == [("4", "5", "6"), ("7", "8", "9")] and found.numbers == [3, 4]


def test_an_unclosed_mark_does_not_swallow_rows_up_to_the_next_mark(tmp_path: Path) -> None:
    content = 'a,b,c\n1,"open,3\n4,5,6\n7,"x",9\n10,11,12\n'
    found = stage_bytes(tmp_path, content.encode())
    assert found.reasons == [(2, "unclosed_quote")]
    assert found.numbers == [3, 4, 5]


def test_marks_that_are_not_doubled_are_read_as_meant(tmp_path: Path) -> None:
    content = 'a,b\n1,"a 5" pipe"\n2,"say "hi", now"\n3,"fine"\n'
    found = stage_bytes(tmp_path, content.encode())
    assert found.values == [("1", 'a 5" pipe'), ("3", "fine")]
    assert found.reasons == [(3, "broken_quotes")] and found.says("not doubled")


def test_a_mark_inside_a_bare_value_is_part_of_it(tmp_path: Path) -> None:
    content = 'a\tb\n1\t5" pipe\n2\tplain\n'
    assert stage_bytes(tmp_path, content.encode()).values == [("1", '5" pipe'), ("2", "plain")]


def test_marks_that_enclose_nothing_are_text(tmp_path: Path) -> None:
    content = 'id\ttitle\n1\t"Heroes" live\n2\t"Low\n3\tplain\n4\t"Lodger" and more\n'
    found = stage_bytes(tmp_path, content.encode())
    assert found.values[:2] == [("1", '"Heroes" live'), ("2", '"Low')]
    assert found.says("part of the text")


def test_backslashed_marks_are_understood(tmp_path: Path) -> None:
    content = 'id,title\n1,"say \\"hi\\", now"\n2,"b"\n3,"say \\"ho\\", then"\n'
    found = stage_bytes(tmp_path, content.encode())
    assert found.values == [("1", 'say "hi", now'), ("2", "b"), ("3", 'say "ho", then')]


def test_a_space_before_a_quoted_value_is_understood(tmp_path: Path) -> None:
    found = stage_bytes(tmp_path, b'id, title\n1, "a, b"\n2, "c, d"\n')
    assert found.facts["columns"] == ["id", "title"]
    assert found.values == [("1", "a, b"), ("2", "c, d")]


def test_a_value_may_be_long(tmp_path: Path) -> None:
    long = "x\n\n" * 100_000
    found = stage_bytes(tmp_path, f'a,b\n1,"{long}"\n\n2,y\n'.encode())
    assert found.values == [("1", long), ("2", "y")] and found.numbers == [2, 4]


def test_blank_lines_count_but_are_no_rows(tmp_path: Path) -> None:
    found = stage_bytes(tmp_path, b"\na,b\n1,2\n\n   \n3,4\n\n")
    assert found.values == [("1", "2"), ("3", "4")] and found.numbers == [3, 6]
    assert found.refused == [] and found.says("3 blank lines")


def test_rows_of_nothing_but_separators_are_rows(tmp_path: Path) -> None:
    found = stage_bytes(tmp_path, b"a,b\n,\n1,2\n")
    assert found.values == [("", ""), ("1", "2")]


def test_a_name_that_stands_twice_is_numbered_and_said(tmp_path: Path) -> None:
    found = stage_bytes(tmp_path, b"id,amount,Amount,amount_1\n1,2,3,4\n")
    assert found.facts["columns"] == ["id", "amount_1_2", "Amount_2", "amount_1"]
    assert found.says("comes twice in the header")


def test_a_mapping_may_not_read_a_name_that_stands_twice(tmp_path: Path) -> None:
    content = b"id,amount,amount\n1,2,3\n"
    for at, mapped in enumerate(({"price": "amount"}, {"price": {"expression": "amount * 2"}})):
        with pytest.raises(SourceUnreadable) as caught:
            stage_bytes(tmp_path, content, f"{at}.csv", columns=_config(mapped))
        assert f"{at}.csv, row 1, column `amount`" in str(caught.value)
        assert "columns 2, 3" in str(caught.value) and "amount_2" in str(caught.value)
    assert stage_bytes(tmp_path, content, columns={"price": "amount_2"}).values == [("1", "2", "3")]


def _config(mapped: dict[str, object]) -> dict[str, object]:
    import msgspec

    from bespeak.config import Mapped

    return msgspec.convert(mapped, dict[str, Mapped])


def test_an_unnamed_column_is_called_by_its_place(tmp_path: Path) -> None:
    found = stage_bytes(tmp_path, b",name,_row\n0,x,y\n1,z,w\n")
    assert found.facts["columns"] == ["column_1", "name", "_row_1"]
    assert found.values == [("0", "x", "y"), ("1", "z", "w")]
    assert found.says("has no name") and found.says("of its own")


def test_a_separator_at_the_end_of_every_row_is_an_empty_column(tmp_path: Path) -> None:
    found = stage_bytes(tmp_path, b"a;b\n1;2;\n3;4;\n")
    assert found.values == [("1", "2", ""), ("3", "4", "")]


def test_a_file_without_a_header_says_so_and_loses_no_row(tmp_path: Path) -> None:
    found = stage_bytes(tmp_path, b"1,2024-01-05,3.20\n2,2024-01-06,4.50\n")
    assert found.facts["columns"] == ["column_1", "column_2", "column_3"]
    assert found.numbers == [1, 2] and found.says("looks like data")


def test_a_header_is_one_where_the_config_or_the_mapping_says_so(tmp_path: Path) -> None:
    content = b"30,60\n5,6\n7,8\n"
    assert stage_bytes(tmp_path, content, "a.csv").facts["columns"] == ["column_1", "column_2"]
    for name, settings_ in (("b.csv", {"header": True}), ("c.csv", {"columns": {"price": "30"}})):
        assert stage_bytes(tmp_path, content, name, **settings_).facts["columns"] == ["30", "60"]
    assert stage_bytes(tmp_path, ORDERS.encode(), "d.csv", header=False).numbers == [1, 2, 3]


def test_names_over_numbers_are_a_header(tmp_path: Path) -> None:
    found = stage_bytes(tmp_path, b"product,2019,2020\ntea,5,6\nsoup,7,8\n")
    assert found.facts["columns"] == ["product", "2019", "2020"]


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\n\n  \n", b"\xff\xfe\n\x00"])
def test_an_empty_file_is_named(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(SourceUnreadable, match=r"in\.csv.*(empty|blank)"):
        stage_bytes(tmp_path, content)


def test_a_header_alone_is_a_table_without_rows(tmp_path: Path) -> None:
    for name, content in (("a.csv", b"a,b\n"), ("b.csv", b"a,b"), ("c.csv", b"a,b\r\n\r\n")):
        found = stage_bytes(tmp_path, content, name)
        assert found.facts["columns"] == ["a", "b"] and found.rows == []


def test_a_wrong_separator_is_named_with_the_right_one(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable) as caught:
        stage_bytes(tmp_path, ORDERS.replace(",", ";").encode(), separator=",")
    message = str(caught.value)
    assert "in.csv, row 1" in message and "one column" in message
    assert "3 columns" in message and 'separator = ";"' in message


def test_a_separator_that_can_be_none_is_a_mistake_of_the_config(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match="separator"):
        stage_bytes(tmp_path, ORDERS.encode(), separator="||")


def test_a_single_column_is_a_table_too(tmp_path: Path) -> None:
    found = stage_bytes(tmp_path, b'text\ngood\n"two, lines"\n\nbad\n""\n')
    assert found.values == [("good",), ("two, lines",), ("bad",), ("",)]
    assert found.numbers == [2, 3, 5, 6]


def test_zero_bytes_are_kept_and_said(tmp_path: Path) -> None:
    found = stage_bytes(tmp_path, b"a,b\n1,x\x00y\n2,z\n")
    assert found.values == [("1", "x\x00y"), ("2", "z")] and found.says("1 zero byte")


def test_a_damaged_row_is_refused_and_the_others_are_kept(tmp_path: Path) -> None:
    content = "id,name\n1,Zoë\n2,José\n".encode() + b"3,bad\xff\xfe\n" + "4,Ñandú\n".encode()
    found = stage_bytes(tmp_path, content)
    assert found.values == [("1", "Zoë"), ("2", "José"), ("4", "Ñandú")]
    assert found.numbers == [2, 3, 5]
    assert found.refused == [
        {"row": 4, "reason": "undecodable_text", "found": r"bytes \xfe \xff",
         "expected": "text in the file's encoding", "raw": r"3,bad\xff\xfe"},
    ]  # fmt: skip


def test_damage_in_a_recoded_file_is_refused_by_row(tmp_path: Path) -> None:
    good = "编号,城市\n1,北京\n2,上海\n".encode("gb18030")
    found = stage_bytes(tmp_path, good + b"3,\xff\xff\n" + "4,广州\n".encode("gb18030"))
    assert found.facts["encoding"] == "gb18030"
    assert found.numbers == [2, 3, 5] and found.reasons == [(4, "undecodable_text")]
    assert found.refused[0]["raw"] == r"3,\xff\xff"


def test_damage_in_the_header_is_an_error(tmp_path: Path) -> None:
    content = b"id,n\xffme\n" + "1,Zoë\n2,José\n".encode()
    with pytest.raises(SourceUnreadable, match=r"row 1.*header"):
        stage_bytes(tmp_path, content)


def test_gzip_is_unpacked_whatever_the_name(tmp_path: Path) -> None:
    packed = gzip.compress(ORDERS.encode())
    for name in ("a.csv.gz", "b.csv"):
        assert stage_bytes(tmp_path, packed, name).numbers == [2, 3]
    with pytest.raises(SourceUnreadable, match="gzip"):
        stage_bytes(tmp_path, packed[:-9], "c.csv.gz")


def test_a_row_without_an_end_fails_before_it_fills_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "huge.csv"
    with path.open("wb") as stream:
        stream.write(b"a" * (1 << 20))
        stream.truncate(1 << 30)  # a gigabyte on paper, a megabyte on disk
    with pytest.raises(SourceUnreadable, match=r"huge\.csv, row 1.*16,384 KiB"):
        stage(path, tmp_path / "out")


def test_a_later_row_without_an_end_fails_with_its_number(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable, match="row 4"):
        stage_bytes(tmp_path, ORDERS.encode() + b"3,C," + b"x" * (17 << 20))


def test_a_mark_left_open_over_a_long_file_costs_one_row(tmp_path: Path) -> None:
    rows = b"".join(b"%d,%s,2.50\n" % (n, b"x" * 1000) for n in range(18_000))
    found = stage_bytes(tmp_path, b'order,item,price\n1,"open,2\n' + rows)
    assert found.reasons == [(2, "unclosed_quote")] and found.facts["rows"] == 18_000
    assert found.rows[-1]["_row"] == 18_002


def test_a_missing_file_and_a_binary_one_are_named(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing, match=r"gone\.csv"):
        stage(tmp_path / "gone.csv", tmp_path / "out")
    noise = bytes(range(256)) * 50
    with pytest.raises(SourceUnreadable, match=r"noise\.csv.*no text"):
        stage_bytes(tmp_path, noise, "noise.csv")
    with pytest.raises(SourceUnreadable, match="zero bytes"):
        stage_bytes(tmp_path, bytes(4096), "zeros.csv")


def test_rows_are_the_same_however_the_file_falls_into_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blocks of a few bytes cut through rows, marks, line breaks and characters."""
    content = 'a,b\n1,"x\n,""y"""\n2,é茶\r\n3\n\n4,"open\n5,6\n7,"5" pipe"\n8,\xff\n'
    data = content.encode().replace("\xff".encode(), b"\xff")
    whole = stage_bytes(tmp_path, data, "whole.csv")
    assert [n for n, _ in whole.reasons] == [4, 6, 9]
    for size in (1, 2, 3, 5, 8, 13):
        monkeypatch.setattr(text.chunks, "__defaults__", (size,))
        parts = stage_bytes(tmp_path, data, f"{size}.csv")
        assert parts.rows == whole.rows and parts.refused == whole.refused


CELLS = st.text(
    st.one_of(
        st.sampled_from(list(",;|\t\"\r\n '\\é茶€")),
        st.characters(codec="utf-8", exclude_characters="\x00", max_codepoint=0x9FFF),
    ),
    max_size=8,
)


@st.composite
def tables(draw: st.DrawFn) -> list[list[str]]:
    """A header of plain names over any texts."""
    width = draw(st.integers(1, 5))
    rows = draw(st.lists(st.lists(CELLS, min_size=width, max_size=width), max_size=8))
    return [[f"c{n}" for n in range(width)], *rows]


@given(
    table=tables(),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "gb18030"]),
    line_end=st.sampled_from(["\r\n", "\n"]),
)
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None
)
def test_any_table_that_was_written_comes_back(
    tmp_path: Path,
    table: list[list[str]],
    delimiter: str,
    quoting: int,
    encoding: str,
    line_end: str,
) -> None:
    if line_end == "\n" and quoting == csv.QUOTE_MINIMAL:
        # Python's writer leaves a lone carriage return bare here, which its reader then breaks at
        table = [[cell.replace("\r", "") for cell in row] for row in table]
    content = written(table, delimiter=delimiter, quoting=quoting, lineterminator=line_end)
    shutil.rmtree(tmp_path / "staged-in.csv", ignore_errors=True)
    found = stage_bytes(
        tmp_path, content.encode(encoding), encoding=encoding, separator=delimiter, header=True
    )
    assert found.values == [tuple(row) for row in table[1:]]
    assert found.numbers == list(range(2, len(table) + 1)) and found.refused == []


@given(body=st.text(st.sampled_from(list('qw,,""\n\n\r é')), max_size=60), at=st.integers(0, 60))
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100, deadline=None
)
def test_any_text_is_split_alike_fast_and_with_care_and_no_row_is_lost(
    tmp_path: Path, body: str, at: int
) -> None:
    content = f"x,y\n{body}".encode()
    content = content[: 4 + at] + b"\xff" * (at % 3 == 0) + content[4 + at :]
    known = {"encoding": "utf-8", "separator": ",", "header": True}
    for name in ("fast", "careful"):
        shutil.rmtree(tmp_path / f"staged-{name}", ignore_errors=True)
    fast = stage_bytes(tmp_path, content, "fast", format="csv", **known)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(separated, "whole_rows", lambda data, dialect, *, last: None)
        careful = stage_bytes(tmp_path, content, "careful", format="csv", **known)
    assert fast.rows == careful.rows and fast.refused == careful.refused
    numbers = sorted([*fast.numbers, *(row for row, _ in fast.reasons)])
    assert len(set(numbers)) == len(numbers) and all(number > 1 for number in numbers)
    for value in "qw":  # every letter is in a row that was kept or in the text of one that was not
        held = sum(cell.count(value) for row in fast.values for cell in row)
        held += sum(row["raw"].count(value) for row in fast.refused)
        assert held == body.count(value)


WORDS = st.text("abc dé茶,;", min_size=1, max_size=6).map(str.strip).filter(bool)


@given(
    rows=st.lists(st.tuples(WORDS, WORDS, st.integers(0, 99).map(str)), min_size=2, max_size=20),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None
)
def test_what_is_found_out_is_right(
    tmp_path: Path, rows: list[tuple[str, str, str]], delimiter: str, encoding: str
) -> None:
    content = written([["title", "brand", "stock"], *map(list, rows)], delimiter=delimiter)
    shutil.rmtree(tmp_path / "staged-in.csv", ignore_errors=True)
    found: Staged = stage_bytes(tmp_path, content.encode(encoding))
    assert found.facts["separator"] == delimiter
    assert found.values == rows
