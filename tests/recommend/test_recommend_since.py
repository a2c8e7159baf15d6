"""A history brought up to date is the one that a count of all events would give."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bespeak.engines import Engine
from bespeak.recommend import dismissed, interactions, load_interactions
from bespeak.recommend.answering.since import Counting, Since, brought_up_to_date, hidden
from bespeak.recommend.histories import Histories
from bespeak.recommend.interactions import DAY, faded_to, instant

WEIGHTS = {"purchase": 1.0, "cart": 0.5, "view": 0.1}
START = instant(datetime(2024, 3, 1))
ITEMS = ("ink", "milk", "pens", "tea")
EVENTS = st.lists(
    st.builds(
        Since,
        item_id=st.sampled_from(ITEMS),
        type=st.sampled_from([*WEIGHTS, "search", "dismiss", "restore"]),
        time=st.integers(0, 40).map(lambda half: START + half * DAY // 2),
    ),
    min_size=1,
    max_size=30,
)


def tabled(events: list[Since]) -> pa.Table:
    """One customer's events, as the record has them."""
    kinds = {"customer_id": "c", "quantity": 1.0, "is_product": True}
    rows = [
        {**kinds, "item_id": event.item_id, "type": event.type, "time": event.time}
        for event in events
    ]
    table = pa.Table.from_pylist(rows)
    times = pa.array([row["time"] for row in rows], pa.timestamp("us"))
    return table.set_column(table.column_names.index("time"), "time", times)


def counted(engine: Engine, events: list[Since], until: int) -> Histories:
    """All of `events` as the batch counts them: one customer who has everything."""
    table = tabled(events)
    as_of = datetime(1970, 1, 1) + (datetime(1970, 1, 2) - datetime(1970, 1, 1)) * (until / DAY)
    made = interactions(
        engine, engine.table(table), weights=WEIGHTS, half_life_days=30.0, as_of=as_of
    )
    found = load_interactions(engine, engine.keep(made), as_of=as_of)
    places = {item: at for at, item in enumerate(ITEMS)}
    indices = np.array([places[found.items[int(at)]] for at in found.histories.indices], np.int32)
    return Histories(
        found.histories.indptr, indices, found.histories.weights, found.histories.times,
        found.histories.first_time, found.histories.last_time, found.histories.bought,
    )  # fmt: skip


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(events=EVENTS, cut=st.integers(1, 39))
def test_brought_up_to_date_is_counted_anew_but_for_a_common_factor(
    engine: Engine, events: list[Since], cut: int
) -> None:
    moment, end = START + cut * DAY // 2, START + 21 * DAY
    before = [event for event in events if event.time < moment]
    after = sorted((event for event in events if event.time >= moment), key=lambda e: e.time)
    counting = Counting(WEIGHTS, 30.0)
    if hidden([], before, counting):
        return  # what had been dismissed by then begins anew
    if not any(event.type in WEIGHTS for event in before):
        return
    known = counted(engine, before, moment)
    found = brought_up_to_date(
        known, after, [ITEMS.index(e.item_id) for e in after], counting, moment
    )
    if not len(found.indices):
        assert hidden([], events, counting)
        return
    wanted = counted(engine, events, end)
    for name in ("indptr", "indices", "times", "first_time", "last_time", "bought"):
        assert getattr(found, name).tolist() == getattr(wanted, name).tolist(), name
    factor = 2 ** ((faded_to(moment, 30.0) - faded_to(end, 30.0)) / DAY / 30)
    assert found.weights * factor == pytest.approx(wanted.weights, abs=40)


def test_nothing_since_changes_nothing() -> None:
    history = Histories.of_lists([[2, 0, 2]])
    found = brought_up_to_date(history, [], [], Counting(WEIGHTS, None), None)
    for name in ("indptr", "indices", "weights", "times", "bought"):
        assert getattr(found, name).tolist() == getattr(history, name).tolist()


def test_an_item_that_nobody_knows_and_a_type_without_weight_count_nothing() -> None:
    events = [Since("new", "view", START), Since("tea", "search", START)]
    found = brought_up_to_date(Histories.empty(1), events, [-1, 3], Counting(WEIGHTS, 30.0), START)
    assert found.indices.tolist() == []


def test_a_clock_a_thousand_years_ahead_does_not_overflow() -> None:
    event = Since("tea", "view", START + 400_000 * DAY)
    found = brought_up_to_date(Histories.empty(1), [event], [3], Counting(WEIGHTS, 1.0), START)
    assert 0 < found.weights[0] < 2**60


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(events=EVENTS)
def test_what_is_hidden_live_is_what_the_batch_calls_dismissed(
    engine: Engine, events: list[Since]
) -> None:
    table = tabled(events)
    as_of = datetime(2030, 1, 1)
    made = engine.run(dismissed(engine, engine.table(table), weights=WEIGHTS, as_of=as_of))
    assert set(made["item_id"].to_pylist()) == hidden([], events, Counting(WEIGHTS, 30.0))


def test_an_item_dismissed_before_is_hidden_until_the_customer_wants_it_again() -> None:
    counting = Counting(WEIGHTS, None)
    assert hidden(["tea", "ink"], [Since("tea", "view", START)], counting) == {"ink"}
    assert hidden(["tea"], [Since("tea", "restore", START)], counting) == set()
    assert hidden(["tea"], [Since("tea", "search", START)], counting) == {"tea"}
