"""Intervals of what lists are beside accurate, and parts of a test by time: known by eye."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from bespeak.errors import BadRequest
from bespeak.recommend import ALL, evaluate
from bespeak.recommend.base import Ranked
from bespeak.recommend.evaluating import metrics
from bespeak.recommend.evaluating.splits import hold
from bespeak.recommend.evaluating.spread import _coverage_without, _gini_without, beside
from bespeak.recommend.interactions import instant
from contracts.recommender import checkerboard, world

START = datetime(2024, 5, 1)


def ranked(lists: np.ndarray[Any, Any]) -> Ranked:
    return Ranked(lists.astype(np.int32), np.ones(lists.shape, np.int64), (lists >= 0).sum(axis=1))


def test_what_is_left_of_coverage_without_a_list_is_what_the_others_cover() -> None:
    lists = np.random.default_rng(3).integers(-1, 30, (40, 3))
    others = [ranked(np.delete(lists, row, axis=0)) for row in range(len(lists))]
    found = _coverage_without(ranked(lists), 30)
    assert found.tolist() == pytest.approx([metrics.coverage(one, 30) for one in others])


def test_what_is_left_of_gini_without_a_list_of_one_is_that_of_the_others() -> None:
    lists = np.random.default_rng(3).integers(0, 9, (40, 1))
    others = [ranked(np.delete(lists, row, axis=0)) for row in range(len(lists))]
    found = _gini_without(ranked(lists), 12)
    assert found.tolist() == pytest.approx([metrics.gini(one, 12) for one in others])


def test_intervals_hold_what_other_customers_would_give() -> None:
    draw = np.random.default_rng(5)
    more = {(f"c{n % 60}", f"i{item % 60}") for n, item in enumerate(draw.geometric(0.1, 200))}
    train = world(sorted({*more, *((f"c{n}", f"i{n}") for n in range(60))}))
    held = hold(train, [f"c{n}" for n in range(50)], [f"i{n}" for n in range(50)])

    def lists(count: int) -> Ranked:
        return ranked(np.minimum(draw.geometric(0.04, (count, 4)) - 1, 59))

    found = beside(lists(50), held, train, 4, None, 7)
    for name in ("coverage@4", "gini@4", "novelty@4", "diversity@4"):
        low, high = found[f"{name}_ci"]
        assert low < found[name] < high, name
    others = [metrics.coverage(lists(50), 60) for _ in range(200)]
    low, high = found["coverage@4_ci"]
    assert np.mean([low <= other <= high for other in others]) > 0.75


def test_one_list_has_figures_and_no_interval() -> None:
    train = checkerboard()
    found = beside(ranked(np.array([[1, 3]])), hold(train, ["c1"], ["i1"]), train, 2, None, 7)
    assert found["coverage@2"] == 0.2
    assert [found[f"{name}@2_ci"] for name in ("coverage", "gini", "novelty")] == [None] * 3


def timed(days: list[int]) -> tuple[Any, Any]:
    train = checkerboard()
    times = np.array([instant(START + timedelta(days=day, hours=5)) for day in days], np.int64)
    count = range(len(days))
    return train, hold(train, [f"c{n % 10}" for n in count], [f"i{n % 10}" for n in count], times)


def by_time(days: list[int]) -> dict[tuple[date, date], int]:
    train, held = timed(days)
    (row,) = evaluate(train, held, ["popular"], k=3, by=["time"])["models"]
    return {
        (date.fromisoformat(one["since"]), date.fromisoformat(one["until"])): one["pairs"]
        for one in row["slices"]
    }


def test_a_short_test_is_told_apart_by_days_and_a_long_one_by_weeks() -> None:
    first = START.date()
    assert by_time([0, 0, 2]) == {(first, first): 2, (date(2024, 5, 3), date(2024, 5, 3)): 1}
    assert by_time([0, 6, 7, 27]) == {
        (first, date(2024, 5, 7)): 2, (date(2024, 5, 8), date(2024, 5, 14)): 1,
        (date(2024, 5, 22), date(2024, 5, 28)): 1,
    }  # fmt: skip
    assert by_time([0, 400]) == {(first, date(2024, 7, 30)): 1,
                                 (date(2025, 4, 30), date(2025, 6, 5)): 1}  # fmt: skip


def test_an_item_had_twice_counts_when_it_was_had_first() -> None:
    train = checkerboard()
    times = np.array([instant(START + timedelta(days=day)) for day in (9, 2, 4)], np.int64)
    held = hold(train, ["c1", "c1", "c2"], ["i1", "i1", "i2"], times)
    assert held.times is not None
    assert held.times.tolist() == times[[1, 2]].tolist()
    kept = held.where(np.array([False, True])).times
    assert kept is not None
    assert kept.tolist() == [times[2]]


def test_without_times_a_test_can_t_be_told_apart_by_time() -> None:
    train = checkerboard()
    with pytest.raises(BadRequest, match="activity, popularity, all"):
        evaluate(train, hold(train, ["c1"], ["i1"]), ["popular"], by=["time"])


def test_all_is_all_that_is_known_each_once() -> None:
    train, held = timed([0, 1, 2])
    known = train.with_groups("segment", {"c0": "loyal"}).with_groups("place", {})
    found = evaluate(known, held, ["popular"], k=3, by=[ALL, "activity"])
    (row,) = found["models"]
    kinds = [one["by"] for one in row["slices"]]
    assert list(dict.fromkeys(kinds)) == ["activity", "popularity", "time", "segment"]
    assert len({(one["by"], one["slice"]) for one in row["slices"]}) == len(kinds)


def test_of_many_groups_the_largest_are_told_apart_and_the_others_are_one() -> None:
    pairs = [(f"c{n:02d}", item) for n in range(20) for item in ("x", "y")]
    known = world(pairs).with_groups("place", {f"c{n:02d}": f"p{n:02d}" for n in range(19)})
    wanted = [(f"c{n:02d}", item) for n in range(20) for item in "zuv"[: 3 if n > 7 else 1]]
    held = hold(known, [customer for customer, _ in wanted], [item for _, item in wanted])
    (row,) = evaluate(known, held, ["popular"], k=3, by=["place"])["models"]
    named = [one["slice"] for one in row["slices"]]
    assert named == [*(f"p{n:02d}" for n in (0, *range(8, 19))), "7 others", "none"]
    assert [one["pairs"] for one in row["slices"][-2:]] == [7, 3]


def test_a_table_says_what_was_measured_on_what() -> None:
    train, held = timed([0, 9])
    found = evaluate(train, held, ["popular"], k=3)
    assert found["data"]["train"] == {
        "rows": 40, "customers": 10, "items": 10, "first": None, "last": None
    }  # fmt: skip
    assert found["data"]["test"] == {
        "pairs": 2, "cold_pairs": 0, "customers": 2, "first": "2024-05-01", "last": "2024-05-10"
    }  # fmt: skip
    cold = hold(train, ["c1", "c1"], ["i1", "unheard of"])
    assert evaluate(train, cold, ["popular"], k=3)["data"]["test"]["cold_pairs"] == 1
    assert found["machine"]["cores"] >= 1
    assert found["machine"]["bespeak"]
