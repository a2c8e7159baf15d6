"""Verdicts: which rows are let in, and what is said of the others."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from prepare_worlds import NOON, judged

from bespeak.engines import Engine

IMPOSSIBLE: list[tuple[dict[str, Any], str, str]] = [
    ({"quantity": -2.0}, "negative_quantity", "quantity"),
    ({"quantity": 2e9}, "impossible_quantity", "quantity"),
    ({"quantity": -2e9}, "impossible_quantity", "quantity"),
    ({"quantity": float("nan")}, "impossible_quantity", "quantity"),
    ({"quantity": float("inf")}, "impossible_quantity", "quantity"),
    ({"price": "-1.5"}, "negative_price", "price"),
    ({"value": "-0.0001"}, "negative_value", "value"),
    ({"time": datetime(1969, 12, 31, 23, 59, 59)}, "impossible_time", "time"),
    ({"time": datetime(2100, 1, 1)}, "impossible_time", "time"),
]
POSSIBLE: list[dict[str, Any]] = [
    {},
    {"quantity": 0.0, "price": "0", "value": "0"},
    {"quantity": 1e9},
    {"time": datetime(1970, 1, 1)},
    {"time": datetime(2099, 12, 31, 23, 59, 59, 999_999)},
    {"type": "return", "quantity": 2.0, "value": "9"},
    {"type": "adjust", "quantity": -2.0, "price": "-11062.06", "value": "-1"},
]


@pytest.mark.parametrize(("said", "reason", "column"), IMPOSSIBLE)
def test_a_row_that_cannot_be_is_turned_away_with_its_reason(
    engine: Engine, said: dict[str, Any], reason: str, column: str
) -> None:
    row = judged(engine, [said])[0]
    assert (row["_reason"], row["_column"]) == (reason, column)
    assert row["_found"] and row["_expected"]


@pytest.mark.parametrize("said", POSSIBLE)
def test_a_row_that_can_be_is_let_in(engine: Engine, said: dict[str, Any]) -> None:
    row = judged(engine, [said])[0]
    assert [row[name] for name in ("_reason", "_column", "_found", "_expected")] == [None] * 4
    assert row["flags"] is None


def test_the_verdict_of_the_mapping_stays(engine: Engine) -> None:
    said = {"_reason": "unparsable_number", "_column": "price", "_found": "abc", "quantity": -1.0}
    row = judged(engine, [said])[0]
    assert (row["_reason"], row["_column"], row["_found"]) == (
        "unparsable_number", "price", "abc",
    )  # fmt: skip


def test_of_several_faults_the_first_check_speaks(engine: Engine) -> None:
    row = judged(engine, [{"quantity": -1.0, "price": "-1", "time": datetime(1900, 1, 1)}])[0]
    assert row["_reason"] == "impossible_time"


def test_the_greatest_quantity_is_a_rule_of_the_config(engine: Engine) -> None:
    rows = judged(engine, [{"quantity": 100.0}, {"quantity": 101.0}], max_quantity=100)
    assert [row["_reason"] for row in rows] == [None, "impossible_quantity"]


def test_a_clock_from_before_the_shop_opened_or_after_the_export_is_wrong(engine: Engine) -> None:
    hours = [datetime(2024, 1, 1, hour) for hour in (7, 8, 15, 16)]
    rows = judged(
        engine,
        [{"time": hour} for hour in hours],
        earliest="2024-01-01T16:00:00+08:00",  # 08:00 UTC
        latest="2024-01-01T16:00:00",
    )
    assert [row["_reason"] for row in rows] == ["impossible_time", None, None, "impossible_time"]
    assert "2024-01-01T08:00:00" in rows[0]["_expected"]


def test_an_offer_may_end_after_the_export(engine: Engine) -> None:
    rows = judged(
        engine,
        [{"item_id": "1", "from_time": NOON, "to_time": datetime(2030, 1, 1)}],
        "placements",
        latest="2025-01-01",
    )
    assert rows[0]["_reason"] is None


def test_a_placement_may_not_end_before_it_begins(engine: Engine) -> None:
    later = datetime(2024, 3, 2)
    rows = judged(
        engine,
        [
            {"item_id": "1", "from_time": NOON, "to_time": later},
            {"item_id": "1", "from_time": NOON, "to_time": NOON},
            {"item_id": "1", "from_time": later, "to_time": NOON},
            {"item_id": "1", "from_time": NOON},
        ],
        "placements",
    )
    assert [row["_reason"] for row in rows] == [None, None, "ends_before_start", None]


def test_no_row_comes_or_goes_while_it_is_judged(engine: Engine) -> None:
    rows = [said for said, _, _ in IMPOSSIBLE] + POSSIBLE
    assert [row["row"] for row in judged(engine, rows)] == list(range(2, len(rows) + 2))
