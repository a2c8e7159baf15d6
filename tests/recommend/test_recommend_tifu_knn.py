from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import pytest

from bespeak.recommend.base import whys
from bespeak.recommend.evaluating.files import Rows, interactions_of
from bespeak.recommend.histories import Interactions
from bespeak.recommend.interactions import DAY
from bespeak.recommend.models import fit
from contracts.recommender import RecommenderContract, world


class TestTifuKnn(RecommenderContract):
    name = "tifu_knn"
    personal = True


class TestTifuKnnOfOne(RecommenderContract):
    name = "tifu_knn"
    carried = 0.7  # another history has another neighbour
    parameters: ClassVar = {"neighbours": 1, "newest": 1, "own": 0.0, "focus": 0.0, "taste": 0.0}


def first(known: Interactions, customer: str, count: int = 1, **settings: float) -> list[str]:
    """The first of a customer's list, owned items allowed."""
    model = fit("tifu_knn", known, settings)
    row = known.customers.find(customer)
    items = model.recommend(known.histories.take(np.array([row])), count).row(0)
    return [model.items[item] for item in items.tolist()]


def test_what_is_bought_most_often_comes_first() -> None:
    known = world([("a", "tea"), ("a", "milk"), ("a", "milk"), ("b", "tea"), ("c", "tea")])
    assert first(known, "a", 2) == ["milk", "tea"]


def bought(rows: Sequence[tuple[str, str, int]]) -> Interactions:
    """Purchases of (customer, item, day)."""
    customers, items, days = zip(*rows, strict=True)
    times = np.array(days) * DAY
    return interactions_of(Rows(customers, items, times, np.ones(len(rows)), timed=True))


def test_what_people_come_back_to_comes_before_what_they_have_once() -> None:
    rows = [("a", "lamp", 9), ("a", "milk", 9)]
    rows += [(who, "milk", day) for who in "bcd" for day in range(4)]
    rows += [(who, "lamp", 0) for who in "efg"]
    known = bought(rows)
    assert first(known, "a", own=100.0) == ["milk"]
    assert first(known, "a", own=100.0, again=0.0, neighbours=1) == ["lamp"]  # by its id


def test_what_was_left_out_for_longer_than_usual_comes_later() -> None:
    rows = [("a", "left", day) for day in (0, 7, 14, 21)]
    rows += [("a", "still", day) for day in (60, 67, 74, 81)]
    known = bought([*rows, ("b", "left", 0)])
    assert first(known, "a", own=100.0) == ["still"]
    assert first(known, "a", own=100.0, late=0.0, fresh=0.0, again=0.0) == ["left"]


def test_somebody_alike_brings_the_new() -> None:
    known = world([*[("a", i) for i in "xyz"], *[("b", i) for i in "xyn"], ("c", "z"), ("c", "f")])
    model = fit("tifu_knn", known)
    own = known.histories.take(np.array([0]))
    assert model.items[int(model.recommend(own, 1, exclude=own).items[0, 0])] == "n"


def test_a_reason_is_what_carried_the_score() -> None:
    known = world([("a", "x"), ("a", "x"), ("a", "x"), ("b", "x"), ("b", "y"), ("c", "x"),
                   ("c", "y")])  # fmt: skip
    model = fit("tifu_knn", known)
    own = known.histories.take(np.array([0]))
    items = np.array([known.items.find("x"), known.items.find("y")], np.int32)
    again, new = model.why(own, items)
    assert (again.kind, again.other) == ("rhythm", items[0])
    assert (new.kind, new.other, new.customers) == ("with", items[0], 2)
    assert whys(model, own, items[None, :]).others.tolist() == [[-1, items[0]]]


@pytest.mark.parametrize("weight", [1e-6, 1e9])
def test_weights_of_any_size_overflow_nothing(weight: float) -> None:
    pairs = [(customer, item) for customer in "abc" for item in "xyz" if customer != item]
    known = world(pairs, [weight] * len(pairs))
    model = fit("tifu_knn", known, {"own": 1000.0, "again": 4.0})
    found = model.scores(known.histories)
    assert (found >= 0).all()
    assert (found[known.histories.rows, known.histories.indices] > 0).all()


def test_of_what_others_have_comes_first_what_people_begin_to_have() -> None:
    rows = [("a", "shared", 0), ("a", "shared", 91)]
    rows += [(who, item, 0) for who in "bc" for item in ("shared", "aging")]
    rows += [(who, "begun", 90) for who in "bc"]
    known = bought(rows)
    assert first(known, "a", 2) == ["shared", "begun"]
    assert first(known, "a", 2, fresh=0.0) == ["shared", "aging"]  # by its id
