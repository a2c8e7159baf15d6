"""Copies of the log: every event in one of them, once, whatever dies on the way."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest

from bespeak.live import (
    Entry,
    SQLiteLog,
    check,
    copies,
    copy_new,
    drop_copies,
    impression,
    without,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SQLiteLog]:
    opened = SQLiteLog(tmp_path / "live.db")
    yield opened
    opened.close()


def told(log: SQLiteLog, *events: dict[str, Any]) -> None:
    entries = [check(msgspec.json.encode(one), 0, NOW, "{}:{}".format) for one in events]
    assert all(isinstance(one, Entry) for one in entries), entries
    log.append([[one for one in entries if isinstance(one, Entry)]], received=1)


def view(event_id: str, **more: Any) -> dict[str, Any]:
    return {"event_id": event_id, "type": "view", "session_id": "s", "item_id": "tea", **more}


def rows(folder: Path) -> list[dict[str, Any]]:
    return [row for one in copies(folder) for row in pq.read_table(one.path).to_pylist()]


def ids(folder: Path) -> list[str]:
    return [row["event_id"] for row in rows(folder)]


def test_each_event_is_copied_once_and_a_copy_never_changes(log: SQLiteLog, tmp_path: Path) -> None:
    folder = tmp_path / "live"
    assert copy_new(log, folder) == []
    told(log, view("a"), view("b"))
    (first,) = copy_new(log, folder)
    before = first.path.read_bytes()
    assert copy_new(log, folder) == []
    told(log, view("b"), view("c"))
    (second,) = copy_new(log, folder)
    assert ids(folder) == ["a", "b", "c"]
    assert second.first == first.last + 1
    assert first.path.read_bytes() == before


def test_a_copy_cut_short_is_made_again(log: SQLiteLog, tmp_path: Path) -> None:
    folder = tmp_path / "live"
    told(log, view("a"))
    copy_new(log, folder)
    (folder / ".aside-2").write_bytes(b"PAR1 and then the machine went down")
    told(log, view("b"))
    copy_new(log, folder)
    assert ids(folder) == ["a", "b"]
    assert len(list(folder.iterdir())) == 2


def test_many_events_make_several_copies(log: SQLiteLog, tmp_path: Path) -> None:
    told(log, *(view(f"e{at}") for at in range(25)))
    made = copy_new(log, tmp_path / "live", rows=10)
    assert [(one.first, one.last) for one in made] == [(1, 10), (11, 20), (21, 25)]
    assert ids(tmp_path / "live") == [f"e{at}" for at in range(25)]


def test_a_copy_says_what_the_event_said(log: SQLiteLog, tmp_path: Path) -> None:
    told(
        log,
        {
            "event_id": "a", "type": "purchase", "session_id": "s", "item_id": "tea",
            "identifiers": {"customer": "7"}, "time": "2026-03-01T10:00:00.5+02:00",
            "price": "2.50", "quantity": 3, "position": 2, "properties": {"shelf": "top"},
        },
        view("b", value="1.10", identifiers={"card": "9"}),
    )  # fmt: skip
    (made,) = copy_new(log, tmp_path / "live")
    assert made.namespaces == ["card", "customer", "session"]
    bought, seen = rows(tmp_path / "live")
    assert bought["time"] == datetime(2026, 3, 1, 8, 0, 0, 500_000)
    assert (bought["price"], bought["quantity"]) == ("2.50", 3.0)
    assert Decimal(bought["value"]) == Decimal("7.50")
    assert (bought["id_customer"], bought["id_session"]) == ("customer:7", "session:s")
    assert (bought["position"], bought["properties"]) == (2, '{"shelf":"top"}')
    assert (seen["value"], seen["price"], seen["id_card"]) == ("1.10", None, "card:9")
    assert seen["time"] == NOW.replace(tzinfo=None)


def test_a_copy_is_written_again_without_who_was_erased(log: SQLiteLog, tmp_path: Path) -> None:
    folder = tmp_path / "live"
    told(log, view("a"), view("b", identifiers={"email": "h"}), view("c", session_id="t"))
    told(log, view("d", session_id="u", identifiers={"customer": "1"}))
    (whole,) = copy_new(log, folder)
    untouched = whole.path.read_bytes()
    assert without(folder, lambda given: set(given) & {"email:nobody"}) == {}
    assert whole.path.read_bytes() == untouched
    left = without(folder, lambda given: set(given) & {"email:h", "session:t"})
    assert left == {whole.path.name: 2}
    assert ids(folder) == ["a", "d"]
    without(folder, set)
    assert ids(folder) == []
    assert copy_new(log, folder) == [], "the name still says how far the log was copied"


def test_copies_leave_when_all_their_events_are_old_but_never_the_last(
    log: SQLiteLog, tmp_path: Path
) -> None:
    folder = tmp_path / "live"
    for day in (1, 2, 3):
        told(log, view(f"e{day}", time=f"2026-02-0{day}T00:00:00Z"))
        copy_new(log, folder)
    second = int(datetime(2026, 2, 2, tzinfo=UTC).timestamp() * 1e6)
    assert drop_copies(folder, second) == 1
    assert ids(folder) == ["e2", "e3"]
    assert drop_copies(folder, 10 * second) == 1
    assert ids(folder) == ["e3"]
    assert copy_new(log, folder) == []


def test_a_list_that_was_shown_is_a_row_for_each_of_its_items(
    log: SQLiteLog, tmp_path: Path
) -> None:
    made = impression(
        "r1", ["tea", "milk"], actor="customer:c1", session=None, time=NOW, said={"model": "m"}
    )
    log.append([[made]], 0)
    copy_new(log, tmp_path / "live")
    first, second = rows(tmp_path / "live")
    assert (first["item_id"], first["position"]) == ("tea", 0)
    assert (second["item_id"], second["position"]) == ("milk", 1)
    assert first["event_id"] != second["event_id"]
    for row in (first, second):
        assert row["type"] == "impression" and row["request_id"] == "r1"
        assert row["id_customer"] == "customer:c1" and row["properties"] == '{"model":"m"}'
