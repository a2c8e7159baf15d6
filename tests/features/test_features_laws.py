"""Laws of the feature tables: point in time, any row order, merging, one meaning twice told."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest
from feature_worlds import NOON, at, customers, event, events, items, lived, remembered
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bespeak.engines import Engine
from bespeak.features import families
from bespeak.features.behaviour import DERIVED, Instant, behaviour, calendar, happened
from bespeak.features.clock import micros
from bespeak.features.compile import Plan, edges, lift, merge, plans, totals, values
from bespeak.features.declare import Feature, Is, aggregates, distinct, evaluate
from bespeak.features.kinds import PURCHASE
from bespeak.features.scope import Scope

ZONE = "Europe/London"
SCOPE = Scope((7, 28), ("Drinks", "Food"), ("web", "till"))
SLOW = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
FEW = settings(max_examples=4, deadline=None, suppress_health_check=SLOW)
SOME = settings(FEW, max_examples=8)

MONEY = st.one_of(st.none(), st.integers(0, 100_000).map(lambda cents: f"{cents / 100:.2f}"))
MOMENTS = st.one_of(
    st.sampled_from([7.0, 14.0, 28.0, 56.0]).map(at),
    st.integers(1, 80 * 86_400 * 1_000_000).map(lambda ago: NOON - timedelta(microseconds=ago)),
)
TYPES = ["purchase", "purchase", "purchase", "return", "view", "cart", "send", "open", "adjust"]


@st.composite
def happenings(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Up to thirty events of few customers, items, orders and instants, so that they meet."""
    moments = draw(st.lists(MOMENTS, min_size=1, max_size=8))
    one = st.builds(
        event,
        st.sampled_from(["ann", "bob", None]),
        st.sampled_from(moments),
        type=st.sampled_from(TYPES),
        item_id=st.sampled_from(["tea", "cake", "soap", None]),
        channel=st.sampled_from(["till", "web", None]),
        order_id=st.sampled_from(["1", "2", None]),
        price=MONEY,
        value=MONEY,
        discount=MONEY,
        quantity=st.sampled_from([0.0, 1.0, 2.5, None]),
        is_product=st.sampled_from([True, True, False, None]),
    )
    first = event("ann", moments[0])
    return [first, *draw(st.lists(one, max_size=30))]


@FEW
@given(past=happenings(), future=happenings())
def test_what_happens_at_or_after_as_of_changes_nothing(
    engine: Engine, past: list[dict[str, Any]], future: list[dict[str, Any]]
) -> None:
    for row in future:
        row["time"] = NOON + (NOON - row["time"]) - timedelta(days=7)
        row["time"] = max(row["time"], NOON)
    assert customers(engine, past + future) == customers(engine, past)
    assert items(engine, past + future) == items(engine, past)


@FEW
@given(rows=happenings(), seed=st.integers(0, 1000))
def test_the_order_of_rows_changes_nothing(
    engine: Engine, rows: list[dict[str, Any]], seed: int
) -> None:
    shuffled = random.Random(seed).sample(rows, len(rows))
    assert customers(engine, shuffled) == customers(engine, rows)
    assert items(engine, shuffled) == items(engine, rows)


ORDERS_ON_MONDAYS = Feature(
    "monday_orders",
    distinct("order", PURCHASE, Is("weekday", (0,))),
    "count",
    "orders",
    "Orders on a Monday",
    "周一下单次数",
)
"""Counts one dimension by what follows from another, as no feature does yet."""
TABLES = [
    pytest.param(
        "customer",
        (*families.of_orders(SCOPE), *families.of_categories(SCOPE), ORDERS_ON_MONDAYS),
        id="customers",
    ),
    pytest.param("item", families.of_items(SCOPE), id="items"),
]
Cells = list[tuple[Plan, Any]]


def _cells(engine: Engine, rows: Any, entity: str, wanted: tuple[Feature, ...]) -> Cells:
    instant = Instant(micros(NOON), micros(at(90)), ZONE)
    seen = behaviour(happened(engine, events(engine, rows)), instant, edges(wanted))
    return [(plan, merge(lift(seen, plan), plan)) for plan in plans(wanted, entity, DERIVED)]


def _derived(plan: Plan, cells: Any) -> Any:
    if "hour" in plan.grain.cell:
        return calendar(cells)
    if "item" in plan.grain.cell:
        return cells.mutate(category=cells.item.cases(("tea", "Drinks"), ("cake", "Food")))
    return cells


def _told(
    engine: Engine, cells: Cells, rows: list[Any], entity: str, wanted: tuple[Feature, ...]
) -> dict[str, dict[str, Any]]:
    found = [(plan, totals(_derived(plan, table), plan)) for plan, table in cells]
    seen = happened(engine, events(engine, rows))
    everyone = seen.filter(seen[entity].notnull()).select(entity).distinct()
    table = engine.run(values(everyone, found, wanted, micros(NOON)))
    return {row[entity]: row for row in table.to_pylist()}


@pytest.mark.parametrize(("entity", "wanted"), TABLES)
@SOME
@given(rows=happenings(), cut=st.integers(0, 31))
def test_states_of_two_halves_merge_to_those_of_the_whole(
    engine: Engine,
    entity: str,
    wanted: tuple[Feature, ...],
    rows: list[Any],
    cut: int,
) -> None:
    halves = [_cells(engine, part, entity, wanted) for part in (rows[:cut], rows[cut:])]
    merged = [
        (plan, merge(one.union(other), plan))
        for (plan, one), (_, other) in zip(*halves, strict=True)
    ]
    whole = _cells(engine, rows, entity, wanted)
    assert _told(engine, merged, rows, entity, wanted) == _told(engine, whole, rows, entity, wanted)


@pytest.mark.parametrize(("entity", "wanted"), TABLES)
@SOME
@given(rows=happenings())
def test_the_query_says_what_plain_python_says(
    engine: Engine, entity: str, wanted: tuple[Feature, ...], rows: list[Any]
) -> None:
    told = _told(engine, _cells(engine, rows, entity, wanted), rows, entity, wanted)
    seen = lived(rows, NOON, ZONE)
    assert set(told) == {row[entity] for row in seen} - {None}
    for one, columns in told.items():
        own = [row for row in seen if row[entity] == one]
        known = {need: remembered(need, own) for need in aggregates(wanted)}
        for feature in wanted:
            expected = evaluate(feature.term, known, micros(NOON))
            found = columns[feature.name]
            assert (found is None) == (expected is None), feature.name
            assert expected is None or found == pytest.approx(float(expected)), feature.name
