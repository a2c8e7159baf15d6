from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from walks import asked, sessions

from bespeak.errors import ConfigInvalid
from bespeak.recommend.base import RHYTHM, WITH
from bespeak.recommend.histories import Histories, Interactions
from bespeak.recommend.mathematics import order, order_kernels
from bespeak.recommend.models import parameters_of
from bespeak.recommend.models.session_knn import SessionKnn, SessionKnnParameters, fit_session_knn
from contracts.recommender import RecommenderContract, checkerboard, world


class TestSessionKnn(RecommenderContract):
    name = "session_knn"
    personal = True


class TestSessionKnnOfFewNeighbours(RecommenderContract):
    name = "session_knn"
    parameters: ClassVar = {"neighbours": 3, "newest": 2, "own": 0.0, "longest_history": 3}


def fitted(known: Interactions, **settings: Any) -> SessionKnn:
    parameters = parameters_of("session_knn", settings)
    assert isinstance(parameters, SessionKnnParameters)
    return fit_session_knn(known, parameters)


def scored(model: SessionKnn, lists: list[list[str]], history: list[str]) -> dict[str, float]:
    """The formula, in plain floating point; sessions that share anything have each item once."""
    own = model.parameters
    having = Counter(item for session in lists for item in session)
    worth = {
        item: np.exp(-ago / own.fade) * having[item] ** -own.history_item
        for ago, item in enumerate(reversed(history))
    }
    total = sum(worth.values())
    occasions = sum(len(session) for session in lists)
    again = sum(len(session) - len(set(session)) for session in lists) / occasions
    found: Counter[str] = Counter()
    for at, session in enumerate(lists):
        common = [item for item in reversed(history) if item in session]
        if not common:
            continue
        age = (len(lists) - 1 - at) / len(lists)
        like = sum(worth[item] for item in common) / total
        like *= len(session) ** -own.length * np.exp(-own.recency * age)
        shared = session.index(common[0])
        for place, item in enumerate(session):
            ahead = place - shared
            near = max(abs(ahead), 1) ** -own.distance * (1 if ahead >= 0 else own.backward)
            found[item] += like * (own.own * again if item in history else near)
    return {item: value * having[item] ** -own.item for item, value in found.items()}


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"fade": 4.0, "distance": 1.0, "backward": 0.3, "own": 5.0},
        {"history_item": 1.0, "item": 0.5, "length": 0.0, "recency": 0.0},
    ],
)
def test_scores_are_those_of_the_formula(settings: dict[str, Any]) -> None:
    draw = np.random.default_rng(5)
    lists = [
        draw.permutation([f"i{n}" for n in range(12)])[: draw.integers(1, 7)].tolist()
        for _ in range(40)
    ] + [["again", "again"]] * 20
    model = fitted(sessions(lists), **settings)
    for history in (["i3", "i7", "i1"], ["i0"], ["i5", "i2"]):
        wanted = scored(model, lists, history)
        found = model.scores(asked(model.items, [history]))[0] / model.unit
        for item, value in wanted.items():
            at = model.items.find(item)
            assert found[at] == pytest.approx(value, rel=5e-3), item
        assert (found > 0).sum() == len(wanted)


def test_where_nothing_is_had_twice_nothing_is_offered_again() -> None:
    model = fitted(sessions([["x", "y"], ["x", "y"]]))
    assert model.own == 0
    assert model.recommend(asked(model.items, [["x"]]), 3).row(0).tolist() == [1]


def test_what_came_after_is_nearer_than_what_came_before() -> None:
    model = fitted(sessions([["before", "x", "after"], ["before", "x", "after"]]), item=0.0)
    ranked = model.recommend(asked(model.items, [["x"]]), 3, exclude=asked(model.items, [["x"]]))
    assert [model.items[item] for item in ranked.row(0)] == ["after", "before"]


def test_the_latest_items_of_a_history_count_most() -> None:
    model = fitted(sessions([["x", "to x"], ["y", "to y"]]), recency=0.0)
    for history, first in ((["x", "y"], "to y"), (["y", "x"], "to x")):
        asking = asked(model.items, [history])
        ranked = model.recommend(asking, 1, exclude=asking)
        assert model.items[int(ranked.items[0, 0])] == first


def test_newer_sessions_count_more_and_only_so_many_are_looked_at() -> None:
    known = sessions([["x", "old"], ["x", "old"], ["x", "new"]])
    asking = asked(known.items, [["x"]])
    old, new = known.items.find("old"), known.items.find("new")
    both = fitted(known, item=0.0, recency=10.0).recommend(asking, 5, exclude=asking)
    assert both.row(0).tolist() == [new, old]
    fewer = fitted(known, newest=1).recommend(asking, 5, exclude=asking)
    assert fewer.row(0).tolist() == [new]


def test_the_order_of_sessions_without_times_is_no_recency() -> None:
    known = world([("a", "x"), ("a", "one"), ("b", "x"), ("b", "two")])
    scores = fitted(known).scores(asked(known.items, [["x"]]))[0]
    assert scores[known.items.find("one")] == scores[known.items.find("two")] > 0


def test_the_reason_is_the_item_that_carried_the_score_and_in_how_many_sessions() -> None:
    lists = [["tea", "milk"]] * 4 + [["cake", "tea"]] * 8
    model = fitted(sessions([*lists, ["milk", "milk"]]), fade=100.0, recency=0.0)
    tea, milk, cake = (model.items.find(name) for name in ("tea", "milk", "cake"))
    (why,) = model.why(asked(model.items, [["milk", "cake"]]), np.array([tea], np.int32))
    assert (why.kind, why.other, why.customers) == ("with", cake, 8)
    again = model.why(asked(model.items, [["milk"]]), np.array([milk, cake], np.int32))
    assert model.own > 0
    assert [(one.kind, one.other) for one in again] == [("rhythm", milk), ("rhythm", cake)]


def test_reasons_of_many_lists_are_those_of_each() -> None:
    known = checkerboard()
    model = fitted(known)
    ranked = model.recommend(known.histories, 4)
    facts = model.whys(known.histories, ranked.items)
    for row in range(len(known.histories)):
        history = known.histories.take(np.array([row]))
        for place, why in enumerate(model.why(history, ranked.row(row))):
            assert facts.kinds[row, place] == (RHYTHM if why.kind == "rhythm" else WITH)
            assert facts.others[row, place] == (why.other if why.kind == "with" else -1)


def test_similar_items_are_what_a_history_of_one_item_is_offered() -> None:
    model = fitted(sessions([["x", "y"], ["x", "y"], ["z", "w"]]))
    x, y = model.items.find("x"), model.items.find("y")
    assert model.similar(np.array([x, y], np.int32), 5).items[:, 0].tolist() == [y, x]


def test_scores_of_the_longest_lists_stay_within_their_bits() -> None:
    many = sessions([["x", "y", "x", "y"]] * 3000)
    model = fitted(many, neighbours=2000, newest=3000, own=100.0, recency=0.0, item=0.0, length=0.0)
    asking = asked(model.items, [["x", "y"]])
    wanted = 2000 * 10 * model.unit
    assert model.scores(asking).tolist()[0] == pytest.approx([wanted, wanted], rel=1e-3)


def test_places_are_those_of_first_and_last_and_one_without_times() -> None:
    known = sessions([["b", "a", "c", "a"], ["c"]])
    first, last = known.histories.places()
    assert (first.tolist(), last.tolist()) == ([1, 0, 2, 0], [3, 0, 2, 0])
    first, last = Histories.of_lists([[3, 1], [], [2]]).places()
    assert first.tolist() == last.tolist() == [0, 0, 0]


def test_rows_are_newest_first_and_equally_old_without_times() -> None:
    known = sessions([["x"], ["y"], ["x"], ["z"]])
    rows, ages = order.newest_first(known.histories)
    assert (rows.tolist(), ages.tolist()) == ([3, 2, 1, 0], [0.0, 0.25, 0.5, 0.75])
    rows, ages = order.newest_first(Histories.of_lists([[1], [], [2]]))
    assert (rows.tolist(), ages.tolist()) == ([0, 2], [0.0, 0.0])


def test_parameters_out_of_range_are_refused() -> None:
    for settings in ({"fade": 0}, {"neighbours": 0}, {"backward": 2}, {"newest": -1}):
        with pytest.raises(ConfigInvalid, match=next(iter(settings))):
            parameters_of("session_knn", settings)


def test_mapped_and_fitted_arrays_share_one_compilation(tmp_path: Path) -> None:
    known = checkerboard()
    model = fitted(known)
    model.save(tmp_path)
    for one in (model, SessionKnn.load(tmp_path)):
        ranked = one.recommend(known.histories, 3, exclude=known.histories)
        one.recommend(known.histories, 3)
        one.why(known.histories.take(np.array([0])), ranked.row(0))
    for kernel in (order_kernels.best, order_kernels.carried):
        assert len(kernel.signatures) == 1  # type: ignore[attr-defined]
