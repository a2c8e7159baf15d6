"""A sorted file answers as a plain look at each of its rows would, however it is cut."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from bespeak.serve.snapshot import Sorted

KEYS = ["", "a", "a", "b", "b", "b", "b", "c", "é", "é"]


@pytest.mark.parametrize("rows", [1, 2, 3, 10])
def test_rows_of_one_key_are_found_across_the_pieces_of_a_file(tmp_path: Path, rows: int) -> None:
    table = pa.table({"key": KEYS, "number": list(range(len(KEYS)))})
    with pa.ipc.new_file(str(tmp_path / "some.arrow"), table.schema) as file:
        file.write_table(table, max_chunksize=rows)
    opened = Sorted(tmp_path / "some.arrow", "key")
    for asked in ("", "a", "aa", "b", "bb", "c", "d", "é", "z"):
        wanted = [number for number, key in enumerate(KEYS) if key == asked]
        assert opened.of(asked)["number"].to_pylist() == wanted
        assert opened.values(asked, "number", "key") == [(number, asked) for number in wanted]
        assert opened.has(asked) is bool(wanted)


def test_a_file_without_rows_has_nobody(tmp_path: Path) -> None:
    schema = pa.schema({"key": pa.string()})
    with pa.ipc.new_file(str(tmp_path / "none.arrow"), schema):
        pass
    opened = Sorted(tmp_path / "none.arrow", "key")
    assert (opened.values("a", "key"), opened.has("a")) == ([], False)
