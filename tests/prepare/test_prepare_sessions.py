"""Visits: where one ends and the next begins."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prepare_worlds import NOON, conformed, said

from bespeak import prepare
from bespeak.engines import Engine

Row = dict[str, Any]
START = 1_709_294_400_000_000


def visits(engine: Engine, rows: list[Row], gap: float = 30) -> list[str | None]:
    """Session ids, by row number."""
    found = prepare.sessionise(engine, conformed(engine, rows), gap)
    return [row["session_id"] for row in said(engine, found.order_by("row"))]


def view(actor: str | None, minutes: float, **more: Any) -> Row:
    return {"actor": actor, "time": NOON + timedelta(minutes=minutes), "type": "view", **more}


def test_a_longer_pause_than_the_gap_begins_a_new_visit(engine: Engine) -> None:
    rows = [view("device:a", minutes) for minutes in (61, 0, 30, 60.5)]
    # 0 -> 30 is no longer than the gap; 30 -> 60.5 is; 60.5 -> 61 is not
    first, second = f"device:a@{START}", f"device:a@{START + 3_630_000_000}"
    assert visits(engine, rows) == [second, first, first, second]


def test_orders_sessions_of_the_source_and_strangers_are_left_alone(engine: Engine) -> None:
    rows = [
        view("device:a", 0, session_id="own"),
        view("device:a", 1, order_id="7"),
        view(None, 2),
        view("device:a", 3),
    ]
    assert visits(engine, rows) == ["own", None, None, f"device:a@{START + 180_000_000}"]


def test_where_nothing_is_missing_the_table_is_the_same(engine: Engine) -> None:
    table = conformed(engine, [view("device:a", 0, order_id="7")])
    assert prepare.sessionise(engine, table, 30) is table


def test_the_customer_counts_before_the_identifier(engine: Engine) -> None:
    table = conformed(engine, [view("device:a", 0), view("email:x", 5), view("device:b", 6)])
    named = table.mutate(customer_id=(table["actor"] != "device:b").ifelse("1", None))
    found = said(engine, prepare.sessionise(engine, named, 30).order_by("row"))
    assert [row["session_id"] for row in found] == [
        f"1@{START}", f"1@{START}", f"device:b@{START + 360_000_000}",
    ]  # fmt: skip


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 200)), max_size=25),
    st.randoms(use_true_random=False),
)
def test_visits_are_the_runs_without_a_pause_in_whatever_order_rows_come(
    engine: Engine, drawn: list[tuple[str, int]], rng: random.Random
) -> None:
    rows = [view(f"device:{who}", minute) for who, minute in drawn]
    expected: list[str | None] = []
    for who, minute in drawn:
        start = minute
        earlier = sorted({m for other, m in drawn if other == who and m <= minute}, reverse=True)
        for before in earlier:
            if start - before > 30:
                break
            start = before
        expected.append(f"device:{who}@{START + start * 60_000_000}")
    assert visits(engine, rows) == expected
    order = rng.sample(range(len(rows)), len(rows))
    shuffled = visits(engine, [rows[at] for at in order])
    assert shuffled == [expected[at] for at in order]
