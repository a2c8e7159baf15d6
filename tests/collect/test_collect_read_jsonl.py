"""JSON lines: keys united, digits kept, bad lines named."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from staging import stage_bytes

from bespeak.collect import jsonl
from bespeak.errors import SourceUnreadable


def test_rows_unite_by_key_and_count_as_lines(tmp_path: Path) -> None:
    lines = b'{"a": "x"}\n\n{"b": true, "a": null}\n{"c": "y"}\n'
    found = stage_bytes(tmp_path, lines, "in.jsonl")
    assert found.facts["columns"] == ["a", "b", "c"]
    assert found.values == [("x", None, None), (None, "true", None), (None, None, "y")]
    assert found.numbers == [1, 3, 4] and found.says("1 blank line")


def test_numbers_keep_their_digits(tmp_path: Path) -> None:
    line = b'{"id": 12345678901234567890123, "p": 1.50, "q": 1e400, "r": -0.10}'
    found = stage_bytes(tmp_path, line, "in.jsonl")
    assert found.values == [("12345678901234567890123", "1.50", "1e400", "-0.10")]


def test_a_plain_line_and_one_with_an_object_within_say_the_same(tmp_path: Path) -> None:
    plain = '"a": 0, "b": -0, "c": -0.0, "d": 18446744073709551616, "e": true, "f": null, "g": "é"'
    found = stage_bytes(tmp_path, f'{{{plain}}}\n{{{plain}, "h": [1]}}\n'.encode(), "log.jsonl")
    said = ("0", "-0", "-0.0", "18446744073709551616", "true", None, "é")
    assert found.values == [(*said, None), (*said, "[1]")]


def test_a_key_that_comes_and_goes_stays_with_its_rows(tmp_path: Path) -> None:
    lines = b'{"a": 1}\n{"b": 2}\n{"a": 3, "c": 4}\n{}\n{"b": 5}\n'
    found = stage_bytes(tmp_path, lines, "log.jsonl")
    assert [found.facts["columns"], *map(list, found.values)] == [
        ["a", "b", "c"],
        ["1", None, None],
        [None, "2", None],
        ["3", None, "4"],
        [None, None, None],
        [None, "5", None],
    ]


def test_an_object_within_is_flattened_once_and_lists_stay_json(tmp_path: Path) -> None:
    line = b'{"user": {"id": 7, "geo": {"lat": 1.50}}, "tags": ["a", 2.0], "none": {}}'
    found = stage_bytes(tmp_path, line, "in.jsonl")
    assert found.rows == [
        {"user.id": "7", "user.geo": '{"lat": 1.50}', "tags": '["a", 2.0]', "none": "{}", "_row": 1}
    ]


def test_a_key_with_a_point_does_not_hide_one_within(tmp_path: Path) -> None:
    found = stage_bytes(tmp_path, b'{"a.b": 1, "a": {"b": 2}}', "in.jsonl")
    assert found.rows == [{"a.b": "1", "a.b_2": "2", "_row": 1}]


def test_bad_lines_are_refused_with_their_number(tmp_path: Path) -> None:
    lines = b'{"a": 1}\n{"a": \nnot json\n[1]\n5\n{"a": NaN}\n{"a": "\xff"}\n{"a": 2}\n'
    found = stage_bytes(tmp_path, lines, "in.jsonl", encoding="utf-8")
    assert found.values == [("1",), ("2",)] and found.numbers == [1, 8]
    assert found.reasons == [
        (2, "invalid_json"), (3, "invalid_json"), (4, "invalid_json"), (5, "invalid_json"),
        (6, "invalid_json"), (7, "undecodable_text"),
    ]  # fmt: skip
    assert found.refused[2]["found"] == "an array" and found.refused[3]["found"] == "a number"
    assert found.refused[0]["raw"] == '{"a": '


def test_text_that_no_encoding_can_hold_is_refused(tmp_path: Path) -> None:
    lines = b'{"a": "\\ud800"}\n{"a": "\\ud83d\\ude00"}\n' + b"[" * 100_000 + b"\n"
    found = stage_bytes(tmp_path, lines, "in.jsonl")
    assert found.values == [("😀",)] and [row for row, _ in found.reasons] == [1, 3]


def test_names_that_differ_in_case_are_two_columns(tmp_path: Path) -> None:
    found = stage_bytes(tmp_path, b'{"ID": 1, "id": 2}\n{"id": 3}\n', "in.jsonl")
    assert found.facts["columns"] == ["ID", "id_2"]
    assert found.values == [("1", "2"), (None, "3")]


def test_a_name_of_bespeaks_own_is_numbered(tmp_path: Path) -> None:
    assert stage_bytes(tmp_path, b'{"_row": 9}\n', "in.jsonl").rows == [{"_row_2": "9", "_row": 1}]


def test_a_file_that_is_one_array_is_read_by_element(tmp_path: Path) -> None:
    content = b'[\n {"a": 1},\n {"a": 2, "b": [3]},\n 7\n]'
    found = stage_bytes(tmp_path, content, "in.json")
    assert found.values == [("1", None), ("2", "[3]")] and found.numbers == [1, 2]
    assert found.reasons == [(3, "invalid_json")] and found.says("one JSON array")


def test_an_array_that_is_broken_or_too_large_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SourceUnreadable, match="array can't be read"):
        stage_bytes(tmp_path, b'[{"a": 1}, {', "in.json")
    monkeypatch.setattr(jsonl, "ARRAY_LIMIT", 10)
    with pytest.raises(SourceUnreadable, match="one object per line"):
        stage_bytes(tmp_path, b'[{"a": 1}, {"a": 2}]', "big.json")


def test_gzip_and_other_encodings_are_read(tmp_path: Path) -> None:
    text = '{"city": "北京"}\n{"city": "上海"}\n'
    for name, content in (
        ("a.jsonl.gz", gzip.compress(text.encode())),
        ("b.jsonl", text.encode("gb18030")),
        ("c.jsonl", text.encode("utf-16")),
        ("d.jsonl", text.encode("utf-8-sig")),
    ):
        assert stage_bytes(tmp_path, content, name).values == [("北京",), ("上海",)], name


def test_a_line_without_an_end_and_an_empty_file_are_errors(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable, match="row 2"):
        stage_bytes(tmp_path, b'{"a": 1}\n' + b"x" * (17 << 20), "in.jsonl")
    with pytest.raises(SourceUnreadable, match="empty"):
        stage_bytes(tmp_path, b"", "none.jsonl")


def test_a_file_of_bad_lines_only_still_has_its_account(tmp_path: Path) -> None:
    found = stage_bytes(tmp_path, b"a\nb\n", "in.jsonl")
    assert found.rows == [] and found.facts["refused"] == 2


KEYS = st.text("abcdé茶_", min_size=1, max_size=4)
VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=5)


@given(st.lists(st.dictionaries(KEYS, VALUES, max_size=4), min_size=1, max_size=10))
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100, deadline=None
)
def test_any_flat_objects_come_back(tmp_path: Path, objects: list[dict[str, object]]) -> None:
    lines = "\n".join(json.dumps(each, ensure_ascii=len(each) % 2 == 0) for each in objects)
    shutil.rmtree(tmp_path / "staged-in.jsonl", ignore_errors=True)
    found = stage_bytes(tmp_path, lines.encode(), "in.jsonl", encoding="utf-8")
    spoken = {True: "true", False: "false", None: None}
    for row, given_ in zip(found.rows, objects, strict=True):
        kept = {name: value for name, value in row.items() if name != "_row"}
        wanted = {
            name: spoken[value] if value is None or isinstance(value, bool) else str(value)
            for name, value in given_.items()
        }
        assert {name: value for name, value in kept.items() if value is not None} == {
            name: value for name, value in wanted.items() if value is not None
        }
