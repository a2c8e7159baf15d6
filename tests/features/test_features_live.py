"""Live and batch are one: after each event, the state gives what a table made just then would."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

import pytest
from feature_worlds import NOON, SETTINGS, at, catalogue, event, events, lived, remembered
from hypothesis import given, settings
from hypothesis import strategies as st
from test_features_laws import happenings

from bespeak.engines import Engine
from bespeak.errors import BadRequest
from bespeak.features import families, tables
from bespeak.features.clock import micros
from bespeak.features.declare import Feature, Is, Within, aggregates, evaluate, followed
from bespeak.features.live import Live, State
from bespeak.features.scope import Scope

ZONE = "Europe/London"
CATEGORIES = {"tea": "Drinks", "cake": "Food", "soap": None}
SCOPE = Scope((7, 28), ("Drinks", "Food"), ("web", "till"))
CUSTOMERS = (*families.of_orders(SCOPE), *families.of_categories(SCOPE))
ITEMS = families.of_items(SCOPE)
NEXT = timedelta(microseconds=1)
SOME = settings(max_examples=60, deadline=None)
BATCH_ONLY = {"visits"}
Rows = list[dict[str, Any]]


def states(
    live: Live, key: str, rows: Rows, before: dict[str, State] | None = None
) -> dict[str, State]:
    """By customer or item, with the rows added to what was before."""
    found = {} if before is None else before
    for row in rows:
        if row[key] is not None and row["type"] != "adjust":
            live.add(found.setdefault(row[key], State()), {"session_id": None, **row})
    return found


def day() -> tuple[Rows, Rows]:
    """Two months of three customers, and the day after, which brings one more: some of its events
    fall on the edge of a window, into the night, or come without value, order or item."""
    pick = random.Random(7)
    kinds = ["purchase", "purchase", "view", "cart", "return", "send", "open", "impression"]
    past = [
        event(
            pick.choice(["ann", "bob", "cid"]), at(pick.randrange(2, 70), hours=pick.randrange(24)),
            type=pick.choice(kinds), item_id=pick.choice(["tea", "cake", "soap"]),
            channel=pick.choice(["till", "web"]), order_id=pick.choice(["1", "2", "3", None]),
            value=f"{pick.randrange(1, 5000) / 100:.2f}", discount=pick.choice(["1.50", None]),
            quantity=pick.choice([1.0, 2.5]),
        )
        for _ in range(120)
    ]  # fmt: skip
    edges = [at(7), at(7) + NEXT, at(28), at(28) + NEXT, at(56), at(56) + NEXT]
    past += [event("ann", edge, value="3.33") for edge in edges]
    said: list[tuple[str | None, float, dict[str, Any]]] = [
        ("ann", 23.5, {"type": "view", "channel": "web"}),
        ("bob", 13, {"order_id": "9", "value": "12.34", "discount": "2.00"}),
        ("bob", 13, {"order_id": "9", "item_id": "cake", "value": None}),
        ("cid", 12, {"type": "return", "value": "5"}),
        (None, 11, {"value": "7"}),
        ("dee", 8, {"type": "view", "item_id": None, "channel": "web"}),
        ("ann", 6, {"is_product": False, "value": "4.99"}),
        ("dee", 3, {"item_id": "soap", "price": "2", "value": "4", "quantity": 2.0}),
        ("cid", 1, {"type": "open", "item_id": None}),
        ("ann", 0, {"type": "adjust"}),
        ("ann", 0, {"item_id": "cake", "price": "11"}),
    ]
    return past, [event(who, at(0, hours=ago), **more) for who, ago, more in said]


def batch(engine: Engine, rows: Rows, key: str, as_of: datetime) -> dict[str, dict[str, Any]]:
    table = tables.customers if key == "customer_id" else tables.items
    shop = catalogue(engine, tea="Drinks > Hot", cake="Food", soap=None)
    made = table(engine, events(engine, rows), shop, as_of=as_of, config=SETTINGS, timezone=ZONE)
    return {row[key]: row for row in engine.run(made).to_pylist()}


@pytest.mark.parametrize(("key", "wanted"), [("customer_id", CUSTOMERS), ("item_id", ITEMS)])
def test_a_replayed_day_gives_after_each_event_what_the_table_gives(
    engine: Engine, key: str, wanted: tuple[Feature, ...]
) -> None:
    past, today = day()
    live = Live(wanted, ZONE, CATEGORIES)
    found = states(live, key, past)
    for number, row in enumerate(today, start=1):
        found = states(live, key, [row], found)
        if key == "item_id" and number % 3:
            continue
        as_of = row["time"] + NEXT
        told = batch(engine, past + today[:number], key, as_of)
        assert found.keys() <= told.keys()
        for who, state in found.items():
            values = live.values(state, as_of)
            assert values == {name: told[who][name] for name in values}, (who, number)
            assert told[who].keys() - values.keys() <= {key, "as_of", *BATCH_ONLY}
            assert live.values(live.trimmed(state, as_of), as_of) == values


def test_only_what_rests_on_visits_is_left_to_the_tables() -> None:
    kept = Live(CUSTOMERS, ZONE, CATEGORIES).features
    assert {one.name for one in CUSTOMERS} - {one.name for one in kept} == BATCH_ONLY
    assert Live(ITEMS, ZONE, CATEGORIES).features == ITEMS
    assert all("session" in {need.of for need in aggregates([one])}
               for one in CUSTOMERS if one.batch_only)  # fmt: skip


@SOME
@given(rows=happenings(), cuts=st.tuples(st.integers(0, 31), st.integers(0, 31)))
@pytest.mark.parametrize(("key", "wanted"), [("customer_id", CUSTOMERS), ("item_id", ITEMS)])
def test_states_merge_in_any_grouping_and_order(
    key: str, wanted: tuple[Feature, ...], rows: Rows, cuts: tuple[int, int]
) -> None:
    low, high = sorted(cuts)
    live = Live(wanted, ZONE, CATEGORIES)
    whole_ones = states(live, key, rows)
    parts = [states(live, key, part) for part in (rows[:low], rows[low:high], rows[high:])]
    for who, whole_one in whole_ones.items():
        a, b, c = (part.get(who, State()) for part in parts)
        assert a.merged(b).merged(c) == a.merged(b.merged(c)) == whole_one
        assert c.merged(a).merged(b) == whole_one
        assert State().merged(whole_one) == whole_one


@SOME
@given(rows=happenings(), later=st.one_of(st.just(0), st.integers(0, 9 * 10**6)))
def test_time_alone_moves_windows_and_decay_as_plain_python_says(rows: Rows, later: int) -> None:
    as_of = NOON + timedelta(seconds=later)
    live = Live(CUSTOMERS, ZONE, CATEGORIES)
    told = lived(rows, as_of, ZONE)
    for who, state in states(live, "customer_id", rows).items():
        own = [row for row in told if row["customer"] == who]
        known = {need: remembered(need, own) for need in aggregates(live.features)}
        values = live.values(live.trimmed(state, as_of), as_of)
        for feature in live.features:
            expected = evaluate(feature.term, known, micros(as_of))
            value = values[feature.name]
            assert (value is None) == (expected is None), feature.name
            assert expected is None or value == pytest.approx(float(expected)), feature.name


def test_a_value_at_or_before_the_latest_event_is_refused() -> None:
    live, state = Live(CUSTOMERS, ZONE, CATEGORIES), State()
    live.add(state, {"session_id": None, **event("ann", NOON)})
    with pytest.raises(BadRequest, match="at or after as_of"):
        live.values(state, NOON)
    assert live.values(state, NOON + NEXT)["orders"] == 1


def test_what_no_state_can_tell_is_refused_when_it_is_declared() -> None:
    buys = (Is("type", ("purchase",)), Within(7))
    odd = followed("item", buys, buys, on="day")
    with pytest.raises(ValueError, match="no live value"):
        Live([Feature("odd", odd, "count", "", "", "")], ZONE, CATEGORIES)
