from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bespeak.engines import Engine
from bespeak.errors import BadRequest
from bespeak.recommend.evaluating.files import Rows
from bespeak.recommend.evaluating.splits import (
    before,
    by_time,
    carve,
    foretold,
    hold,
    leave_last_out,
    load_held,
    new_to,
    unowned,
)
from bespeak.recommend.interactions import DAY
from contracts.recommender import checkerboard, world

START = datetime(2024, 5, 1)


def rows(days: list[tuple[str, str, int]]) -> Rows:
    return Rows(
        [customer for customer, _, _ in days], [item for _, item, _ in days],
        np.array([day * DAY for _, _, day in days], np.int64), np.ones(len(days)), timed=True,
    )  # fmt: skip


@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.sampled_from("xy"), st.integers(0, 50)), min_size=1
    )
)
def test_no_row_of_the_test_is_before_one_of_the_training(
    drawn: list[tuple[str, str, int]],
) -> None:
    try:
        train, test = by_time(rows(drawn), 7)
    except BadRequest:
        return
    assert train.times.max() < test.times.min()
    assert len(train) + len(test) == len(drawn)
    assert test.times.min() > test.times.max() - 7 * DAY


def test_a_test_as_long_as_the_file_is_refused() -> None:
    with pytest.raises(BadRequest, match="nothing is left"):
        by_time(rows([("a", "x", 1), ("a", "y", 2)]), 30)


def test_without_times_there_is_no_split_by_time() -> None:
    rows = Rows(["a"], ["x"], np.zeros(1, np.int64), np.ones(1))
    for split in (lambda: by_time(rows, 1), lambda: leave_last_out(rows)):
        with pytest.raises(BadRequest, match="needs a time"):
            split()


def test_each_customer_s_last_is_left_out_but_never_their_only_one() -> None:
    days = [("a", "x", 1), ("a", "z", 9), ("a", "y", 9), ("b", "x", 5)]
    train, test = leave_last_out(rows(days))
    assert list(zip(test.customers, test.items, strict=True)) == [("a", "z")]
    assert len(train) == 3


def test_a_share_is_carved_of_everybody_who_has_two() -> None:
    interactions = world([("a", f"i{n}") for n in range(20)] + [("b", "x"), ("b", "y"), ("c", "z")])
    train, held = carve(interactions, 0.1, seed=7)
    assert [interactions.customers[c] for c in held.customers.tolist()] == ["a", "b"]
    assert np.diff(held.indptr).tolist() == [2, 1]
    assert train.histories.lengths.tolist() == [18, 1, 1]
    pairs = set(zip(train.histories.rows.tolist(), train.histories.indices.tolist(), strict=True))
    taken = set(zip(held.customers[held.rows].tolist(), held.items.tolist(), strict=True))
    assert not pairs & taken


def test_the_same_seed_carves_the_same() -> None:
    one, two = (carve(checkerboard(), 0.3, seed=5)[1] for _ in range(2))
    other = carve(checkerboard(), 0.3, seed=6)[1]
    assert np.array_equal(one.items, two.items)
    assert not np.array_equal(one.items, other.items)


@pytest.mark.parametrize("share", [0.0, 1.0, -1.0])
def test_a_share_of_nothing_or_all_is_refused(share: float) -> None:
    with pytest.raises(BadRequest, match="share"):
        carve(checkerboard(), share, seed=1)


def test_held_pairs_keep_what_training_never_saw() -> None:
    train = world([("a", "x"), ("b", "y")])
    held = hold(train, ["a", "a", "a", "new", "a"], ["y", "ghost", "spirit", "x", "y"])
    assert held.customers.tolist() == [0, -1]
    assert np.diff(held.indptr).tolist() == [3, 1]
    assert sorted(held.items[:3].tolist()) == [-1, -1, 1]


def test_what_is_owned_can_be_told_from_what_is_new() -> None:
    train = world([("a", "x"), ("b", "y")])
    held = hold(train, ["a", "a", "a", "b"], ["x", "y", "ghost", "y"])
    kept = unowned(held, train.histories.take(held.customers), len(train.items))
    left = held.where(kept)
    assert left.customers.tolist() == [0]
    assert sorted(left.items.tolist()) == [-1, 1]


def test_the_engine_splits_events_at_one_instant(engine: Engine) -> None:
    def event(
        day: int, item: str, kind: str = "purchase", product: bool = True
    ) -> dict[str, object]:
        return {
            "customer_id": "a", "item_id": item, "type": kind, "is_product": product,
            "time": START + timedelta(days=day),
        }  # fmt: skip

    events = engine.table(
        pa.Table.from_pylist(
            [event(0, "x"), event(1, "y"), event(2, "z"), event(2, "z"), event(3, "late"),
             event(2, "seen", "view"), event(2, "postage", product=False)]
        )
    )  # fmt: skip
    since, until = START + timedelta(days=1), START + timedelta(days=3)
    assert engine.run(before(engine, events, since))["item_id"].to_pylist() == ["x"]
    pairs = foretold(engine, events, since=since, until=until)
    assert sorted(engine.run(pairs)["item_id"].to_pylist()) == ["y", "z"]
    held = load_held(engine, pairs, world([("a", "y")]))
    assert sorted(held.items.tolist()) == [-1, 0]


def test_where_all_that_is_held_is_owned_nothing_new_is_left() -> None:
    known = world([("ann", "tea"), ("ann", "milk"), ("bob", "ink")])
    assert len(new_to(hold(known, ["ann", "bob"], ["tea", "ink"]), known)) == 0
    held = new_to(hold(known, ["ann", "ann", "bob"], ["tea", "ink", "ink"]), known)
    assert [known.customers[int(row)] for row in held.customers] == ["ann"]
    assert [known.items[int(item)] for item in held.items] == ["ink"]
