from __future__ import annotations

from collections import Counter
from typing import Any, ClassVar

import numpy as np
import pytest
from walks import asked, sessions

from bespeak.recommend.base import GOES, WITH
from bespeak.recommend.histories import Interactions
from bespeak.recommend.models import parameters_of
from bespeak.recommend.models.transitions import Transitions, TransitionsParameters, fit_transitions
from contracts.recommender import RecommenderContract, checkerboard


class TestTransitions(RecommenderContract):
    name = "transitions"
    personal = True


class TestTransitionsWithTwoWitnesses(RecommenderContract):
    name = "transitions"
    personal = True
    parameters: ClassVar = {"least_common": 2, "own": 0.0, "item": 1.0}


def fitted(known: Interactions, **settings: Any) -> Transitions:
    parameters = parameters_of("transitions", settings)
    assert isinstance(parameters, TransitionsParameters)
    return fit_transitions(known, parameters)


@pytest.mark.parametrize(
    "settings", [{}, {"distance": 1.0, "backward": 0.2, "recency": 0.0, "item": 1.0, "length": 1.0}]
)
def test_nearness_is_that_of_the_formula(settings: dict[str, Any]) -> None:
    draw = np.random.default_rng(5)
    lists = [
        draw.permutation([f"i{n}" for n in range(12)])[: draw.integers(1, 7)].tolist()
        for _ in range(40)
    ] + [["again", "again"]] * 20
    model = fitted(sessions(lists), second=0.0, **settings)
    own, having = model.parameters, Counter(item for each in lists for item in each)
    again = 20 / sum(having.values())
    wanted: Counter[tuple[str, str]] = Counter()
    for at, session in enumerate(lists[:40]):
        factor = len(session) ** -own.length * np.exp(
            -own.recency * (len(lists) - 1 - at) / len(lists)
        )
        for here, item in enumerate(session):
            for place, other in enumerate(session):
                near = max(abs(place - here), 1) ** -own.distance
                near *= own.backward if place < here else 1
                wanted[item, other] += factor * (own.own * again if place == here else near)
    found = {
        (model.items[item], model.items[int(model.next_items[at])]): model.nearness[at]
        for item in range(len(model.items))
        for at in range(model.indptr[item], model.indptr[item + 1])
        if model.items[item] != "again"
    }
    assert found.keys() == wanted.keys()
    for (item, other), value in wanted.items():
        near = value * having[other] ** -own.item
        assert found[item, other] / model.scale == pytest.approx(near, rel=5e-3)


def table(model: Transitions) -> np.ndarray[Any, np.dtype[np.float64]]:
    found = np.zeros((len(model.items), len(model.items)))
    rows = np.repeat(np.arange(len(found)), np.diff(model.indptr))
    found[rows, model.next_items] = model.nearness / model.scale
    return found


def test_a_second_step_goes_on_by_the_shares_of_each_list() -> None:
    draw = np.random.default_rng(5)
    known = sessions([draw.integers(0, 12, draw.integers(1, 7)).astype(str) for _ in range(40)])
    one, two = (table(fitted(known, second=share, neighbours=1000)) for share in (0.0, 0.4))
    others = one - np.diag(np.diag(one))
    onward = others @ (others / np.maximum(others.sum(axis=1, keepdims=True), 1e-12))
    np.fill_diagonal(onward, 0)
    np.testing.assert_allclose(two, one + 0.4 * onward, rtol=1e-4, atol=1e-6)


def test_what_only_a_second_step_reaches_is_offered_and_no_history_is_said_to_hold_both() -> None:
    model = fitted(sessions([["a", "b"], ["b", "c"]]), backward=0.0, second=0.5)
    a, b, c = (model.items.find(name) for name in "abc")
    history = asked(model.items, [["a"]])
    ranked = model.recommend(history, 5, exclude=history)
    assert ranked.row(0).tolist() == [b, c]
    near, far = model.why(history, ranked.row(0))
    assert (near.other, near.customers) == (a, 1)
    assert (far.kind, far.other, far.customers) == ("with", a, None)
    assert model.whys(history, ranked.items).kinds.tolist() == [[WITH, GOES, -1]]


def test_what_comes_next_is_offered_first_and_one_session_is_no_evidence_if_two_are_asked() -> None:
    known = sessions([["a", "b", "c"], ["a", "b", "c"], ["a", "z"]])
    asking = asked(known.items, [["a"]])
    b, c, z = (known.items.find(name) for name in "bcz")
    plain = fitted(known, item=0.0, second=0.0, length=0.0, recency=0.0)
    assert plain.recommend(asking, 1, exclude=asking).row(0).tolist() == [b]
    two = fitted(known, least_common=2).recommend(asking, 5, exclude=asking)
    assert set(two.row(0).tolist()) == {b, c}
    assert z not in two.row(0)


def test_each_item_keeps_its_nearest() -> None:
    model = fitted(
        sessions([["a", "b", "c", "d"]] * 3), neighbours=2, own=0.0, backward=0.0, second=0.0
    )
    lists = [
        model.next_items[model.indptr[i] : model.indptr[i + 1]].tolist()
        for i in range(len(model.items))
    ]
    assert lists == [[1, 2], [2, 3], [3], []]


def test_the_reason_is_the_item_that_added_most_and_again_for_itself() -> None:
    lists = [["tea", "milk"]] * 4 + [["cake", "tea"]] * 8 + [["milk", "milk"]] * 2
    model = fitted(sessions(lists), recency=0.0, second=0.0)
    tea, milk, cake = (model.items.find(name) for name in ("tea", "milk", "cake"))
    history = asked(model.items, [["milk", "cake"]])
    (why,) = model.why(history, np.array([tea], np.int32))
    assert (why.kind, why.other, why.customers) == ("with", cake, 8)
    (again,) = model.why(history, np.array([milk], np.int32))
    assert (again.kind, again.other) == ("rhythm", milk)


def test_reasons_of_many_lists_are_those_of_each() -> None:
    known = checkerboard()
    model = fitted(known)
    ranked = model.recommend(known.histories, 4)
    facts = model.whys(known.histories, ranked.items)
    for row in range(len(known.histories)):
        history = known.histories.take(np.array([row]))
        for place, why in enumerate(model.why(history, ranked.row(row))):
            assert facts.kinds[row, place] == why.number
            assert facts.others[row, place] == (why.other if why.kind == "with" else -1)


def test_similar_items_are_those_that_come_next() -> None:
    model = fitted(sessions([["x", "y"], ["x", "y"], ["z", "w"]]))
    x, y = model.items.find("x"), model.items.find("y")
    assert model.similar(np.array([x], np.int32), 5).row(0).tolist() == [y]


def test_long_sessions_stay_within_their_bits() -> None:
    known = sessions([[f"i{n}" for n in range(30)] * 2] * 50)
    model = fitted(known, own=100.0, recency=0.0, item=0.0)
    assert (model.nearness > 0).all()
    assert (model.scores(known.histories) > 0).all()
