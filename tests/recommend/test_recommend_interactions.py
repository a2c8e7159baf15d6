from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from bespeak.engines import Engine
from bespeak.errors import ColumnMissing, ConfigInvalid, NotReady
from bespeak.recommend.histories import UNIT
from bespeak.recommend.interactions import (
    DAY,
    faded_to,
    instant,
    interactions,
    latest,
    load_interactions,
    moment,
    usual_places,
)

NOW = datetime(2024, 5, 1)
WEIGHTS = {"purchase": 1.0, "view": 0.1}

SCHEMA = pa.schema(
    [
        ("customer_id", pa.string()),
        ("item_id", pa.string()),
        ("type", pa.string()),
        ("time", pa.timestamp("us")),
        ("quantity", pa.float64()),
        ("is_product", pa.bool_()),
        ("place", pa.string()),
    ]
)


def event(
    item: str | None = "tea",
    kind: str = "purchase",
    *,
    days: float = 0.001,
    customer: str | None = "ann",
    quantity: float | None = 1.0,
    product: bool | None = True,
    place: str | None = None,
) -> dict[str, Any]:
    """An event `days` before NOW."""
    return {
        "customer_id": customer, "item_id": item, "type": kind,
        "time": NOW - timedelta(days=days), "quantity": quantity, "is_product": product,
        "place": place,
    }  # fmt: skip


def summed(
    engine: Engine, rows: list[dict[str, Any]], **options: Any
) -> dict[tuple[str, str], dict[str, Any]]:
    settings = {"weights": WEIGHTS, "half_life_days": None, "as_of": NOW, **options}
    events = engine.table(pa.Table.from_pylist(rows, schema=SCHEMA))
    found = engine.run(interactions(engine, events, **settings)).to_pylist()
    return {(row["customer_id"], row["item_id"]): row for row in found}


def test_each_event_counts_by_its_type(engine: Engine) -> None:
    found = summed(engine, [event(), event(kind="view", days=1), event(kind="login", days=2)])
    assert found["ann", "tea"]["weight"] == 1.1 * UNIT


def before_whole(half_life_days: float) -> float:
    """Days before NOW at which an event counts whole."""
    return (instant(NOW) - faded_to(instant(NOW), half_life_days)) / DAY


def test_an_event_of_one_half_life_ago_counts_half(engine: Engine) -> None:
    found = summed(engine, [event(days=before_whole(90) + 90)], half_life_days=90.0)
    assert found["ann", "tea"]["weight"] == UNIT // 2


def test_each_event_is_rounded_before_it_is_summed(engine: Engine) -> None:
    rows = [event(days=days) for days in (10, 20, 30)]
    found = summed(engine, rows, half_life_days=7.0)
    whole = before_whole(7)
    wanted = sum(round(UNIT * 2 ** (-(days - whole) / 7)) for days in (10, 20, 30))
    assert found["ann", "tea"]["weight"] == wanted


def test_weights_stand_still_for_an_eighth_of_a_half_life(engine: Engine) -> None:
    start = moment(faded_to(instant(NOW), 80.0))
    rows = [event(days=30)]
    by_day = [
        summed(engine, rows, half_life_days=80.0, as_of=start + timedelta(days=day))
        for day in (0, 3, 9.99, 10)
    ]
    weights = [found["ann", "tea"]["weight"] for found in by_day]
    assert weights[0] == weights[1] == weights[2]
    assert weights[3] == pytest.approx(weights[0] * 2 ** (-1 / 8), abs=1)


def test_nothing_fades_to_nothing(engine: Engine) -> None:
    assert summed(engine, [event(days=9000)], half_life_days=1.0)["ann", "tea"]["weight"] == 1


def test_nothing_at_or_after_as_of_is_seen(engine: Engine) -> None:
    assert summed(engine, [event(days=0), event(days=-1)]) == {}


def test_services_and_nameless_rows_are_left_out(engine: Engine) -> None:
    rows = [event("postage", product=False), event(None), event(customer=None)]
    assert summed(engine, rows) == {}


def test_an_item_of_which_nobody_said_what_it_is_counts(engine: Engine) -> None:
    assert ("ann", "tea") in summed(engine, [event(product=None)])


def test_quantity_does_not_count(engine: Engine) -> None:
    assert summed(engine, [event(quantity=500.0)])["ann", "tea"]["weight"] == UNIT


def test_a_return_of_everything_undoes_the_purchase(engine: Engine) -> None:
    rows = [event(quantity=2.0, days=3), event(kind="return", quantity=2.0)]
    assert summed(engine, rows) == {}


def test_a_return_of_some_takes_its_share(engine: Engine) -> None:
    rows = [event(quantity=4.0, days=3), event(kind="return", quantity=1.0)]
    found = summed(engine, rows)["ann", "tea"]
    assert (found["weight"], found["times"], found["bought"]) == (0.75 * UNIT, 1, True)


def test_what_came_back_was_still_looked_at(engine: Engine) -> None:
    rows = [event(days=3), event(kind="return"), event(kind="view", days=4)]
    found = summed(engine, rows)["ann", "tea"]
    assert (found["weight"], found["times"], found["bought"]) == (0.1 * UNIT, 1, False)
    assert found["last_time"] == instant(NOW - timedelta(days=4))


def test_a_return_without_a_purchase_is_no_interaction(engine: Engine) -> None:
    assert summed(engine, [event(kind="return")]) == {}


def test_times_are_of_purchases_where_there_are_any(engine: Engine) -> None:
    rows = [event(days=9), event(days=2), event(days=2), event(kind="view", days=1)]
    found = summed(engine, rows)["ann", "tea"]
    assert found["times"] == 2
    assert found["first_time"] == instant(NOW - timedelta(days=9))
    assert found["last_time"] == instant(NOW - timedelta(days=2))
    assert found["bought"] is True


@pytest.mark.parametrize("weights", [{"purchas": 1.0}, {"return": 1.0}, {"view": -1.0},
                                     {"view": float("nan")}])  # fmt: skip
def test_a_weight_that_is_none_is_refused(engine: Engine, weights: dict[str, float]) -> None:
    with pytest.raises(ConfigInvalid, match=next(iter(weights))):
        summed(engine, [event()], weights=weights)


def test_weights_of_nothing_are_refused(engine: Engine) -> None:
    with pytest.raises(ConfigInvalid, match="nothing counts"):
        summed(engine, [event()], weights={"view": 0.0})


def test_a_missing_column_is_named(engine: Engine) -> None:
    events = engine.table(pa.Table.from_pylist([event()], schema=SCHEMA)).drop("is_product")
    with pytest.raises(ColumnMissing, match="is_product"):
        interactions(engine, events, weights=WEIGHTS, half_life_days=None, as_of=NOW)


def test_any_row_order_loads_the_same(engine: Engine) -> None:
    rows = [event(item, customer=customer) for customer in "bca" for item in ("x", "🍵", "10", "9")]
    loaded = []
    for ordered in (rows, rows[::-1]):
        events = engine.table(pa.Table.from_pylist(ordered, schema=SCHEMA))
        table = interactions(engine, events, weights=WEIGHTS, half_life_days=None, as_of=NOW)
        loaded.append(load_interactions(engine, table, as_of=NOW))
    one, two = loaded
    assert list(one.customers) == ["a", "b", "c"]
    assert list(one.items) == ["10", "9", "x", "🍵"]
    assert one.histories.indices.tolist() == [0, 1, 2, 3] * 3
    assert one.as_of == instant(NOW)
    for column in ("indptr", "indices", "weights", "times", "first_time", "last_time", "bought"):
        assert np.array_equal(getattr(one.histories, column), getattr(two.histories, column))


def test_no_interaction_at_all_is_not_ready(engine: Engine) -> None:
    events = engine.table(pa.Table.from_pylist([], schema=SCHEMA))
    table = interactions(engine, events, weights=WEIGHTS, half_life_days=None, as_of=NOW)
    with pytest.raises(NotReady, match="no customer"):
        load_interactions(engine, table, as_of=NOW)
    with pytest.raises(NotReady, match="no events"):
        latest(engine, events)


def test_latest_is_a_microsecond_after_the_last_event(engine: Engine) -> None:
    events = engine.table(pa.Table.from_pylist([event(days=3), event(days=1)], schema=SCHEMA))
    assert latest(engine, events) == NOW - timedelta(days=1) + timedelta(microseconds=1)


def test_moments_and_instants_are_each_other_s_inverse() -> None:
    assert moment(instant(NOW)) == NOW


def test_a_usual_place_is_where_most_events_were(engine: Engine) -> None:
    rows = [event(place=place) for place in ("north", "south", "north", None)]
    rows += [event(place=place, customer="bob") for place in ("west", "east")]
    table = usual_places(engine.table(pa.Table.from_pylist(rows, schema=SCHEMA)))
    found = {row["customer_id"]: row["place"] for row in engine.run(table).to_pylist()}
    assert found == {"ann": "north", "bob": "east"}
