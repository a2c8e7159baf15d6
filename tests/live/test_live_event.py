"""An event is taken as the log keeps it, or its first fault is named."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bespeak.live import Entry, Wrong, check

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
VIEW = {"type": "view", "session_id": "s", "item_id": "tea"}


def identify(namespace: str, value: str) -> str | None:
    return f"{namespace}:{value.strip().lower()}" if value.strip() else None


def checked(said: Any, index: int = 0) -> Entry | Wrong:
    raw = said if isinstance(said, bytes) else json.dumps(said).encode()
    return check(raw, index, NOW, identify)


def test_an_event_of_a_session_is_the_sessions_and_gets_an_id_and_a_time() -> None:
    entry = checked(VIEW)
    assert isinstance(entry, Entry)
    assert (entry.visitor, entry.session, entry.item_id) == ("session:s", "s", "tea")
    assert entry.event_id.startswith("live-")
    assert entry.time == 1_769_860_800_000_000
    assert json.loads(entry.body)["time"] == "2026-01-31T12:00:00Z"


def test_an_identifier_says_whose_event_it_is_and_stands_spelled_in_the_body() -> None:
    entry = checked({**VIEW, "identifiers": {"customer": " Ann ", "email": "A@b.c"}})
    assert isinstance(entry, Entry)
    assert entry.visitor == "customer:ann"
    assert json.loads(entry.body)["identifiers"] == {
        "customer": "customer:ann",
        "email": "email:a@b.c",
    }


def test_a_time_with_an_offset_is_kept_as_utc_and_money_exactly() -> None:
    entry = checked({**VIEW, "time": "2026-01-31T20:00:00.123456+08:00", "price": "0.10"})
    assert isinstance(entry, Entry)
    assert entry.time == 1_769_860_800_123_456
    assert json.loads(entry.body)["price"] == "0.10"


@pytest.mark.parametrize(
    ("change", "field", "found", "expected"),
    [
        ({"type": "sold"}, "type", "sold", "view"),
        ({"type": None}, "type", "null", "str"),
        ({"session_id": None}, "session_id", "nobody", "identifiers"),
        ({"quantity": "two"}, "quantity", "str", "float"),
        ({"quantity": -1}, "quantity", "-1", "0 to"),
        ({"price": "1e20"}, "price", "1", "10^14"),
        ({"price": "NaN"}, "price", "NaN", "amount"),
        ({"time": "2026-01-31T12:00:00"}, "time", "2026", "offset"),
        ({"time": "2026-02-02T12:00:00Z"}, "time", "2026", "a day from now"),
        ({"time": "1969-12-31T00:00:00Z"}, "time", "1969", "1970"),
        ({"colour": "red"}, "colour", "unknown", "item_id"),
        ({"identifiers": {"E Mail": "x"}}, "identifiers", "E Mail", "email"),
        ({"identifiers": {"email": "  "}}, "identifiers.email", "nothing", "identifier"),
        ({"item_id": ""}, "item_id", "", ""),
        ({"position": -3}, "position", "", ""),
    ],
)  # fmt: skip
def test_the_first_fault_is_named(
    change: dict[str, Any], field: str, found: str, expected: str
) -> None:
    wrong = checked({**VIEW, **change}, index=3)
    assert isinstance(wrong, Wrong), wrong
    assert (wrong.index, wrong.field) == (3, field)
    assert found in wrong.found
    assert expected in wrong.expected


@pytest.mark.parametrize("raw", [b"", b"[]", b"1", b"null", b"{", b'{"type":"view"', b"\xff\xfe"])
def test_what_is_no_event_is_wrong_and_nothing_worse(raw: bytes) -> None:
    assert isinstance(checked(raw), Wrong)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=9) | st.integers(),
                    lambda part: st.lists(part, max_size=3)
                    | st.dictionaries(st.sampled_from([*sorted(VIEW), "time", "price", "x"]), part),
                    max_leaves=8))  # fmt: skip
def test_any_json_is_an_entry_or_a_fault(said: Any) -> None:
    assert isinstance(check(msgspec.json.encode(said), 0, NOW, identify), Entry | Wrong)


def test_few_stars_say_that_an_item_does_not_interest_and_many_that_it_does() -> None:
    for stars, kind in ((1, "dismiss"), (2.5, "dismiss"), (3, "rate"), (5, "rate")):
        found = checked({"type": "rate", "session_id": "s", "item_id": "i", "rating": stars})
        assert isinstance(found, Entry) and found.type == kind
        assert msgspec.json.decode(found.body)["properties"] == {"rating": stars}


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"type": "rate", "item_id": "i"}, "rating"),
        ({"type": "rate", "item_id": "i", "rating": 6}, "rating"),
        ({"type": "view", "item_id": "i", "rating": 4}, "rating"),
        ({"type": "dismiss"}, "item_id"),
        ({"type": "view", "properties": {"bespeak.shown": []}}, "properties.bespeak.shown"),
    ],
)  # fmt: skip
def test_feedback_that_says_too_little_or_too_much_is_refused(
    said: dict[str, Any], field: str
) -> None:
    found = checked({"session_id": "s", **said})
    assert isinstance(found, Wrong) and found.field == field


def test_a_fast_clock_does_not_make_the_next_word_of_consent_the_older_one() -> None:
    for said, kept in (("2026-02-01T11:00:00Z", NOW), ("2026-01-30T12:00:00Z", None)):
        entry = checked(
            {"type": "consent", "session_id": "s", "time": said, "properties": {"training": True}}
        )
        assert isinstance(entry, Entry)
        expected = kept or datetime.fromisoformat(said)
        assert entry.time == round(expected.timestamp() * 1e6)
        told = json.loads(entry.body)["time"]
        assert datetime.fromisoformat(told) == expected  # as the record will have it
