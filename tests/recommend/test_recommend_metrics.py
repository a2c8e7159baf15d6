from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bespeak.errors import BadRequest
from bespeak.recommend.base import Ranked
from bespeak.recommend.evaluating import metrics
from bespeak.recommend.evaluating.splits import Held, hold
from bespeak.recommend.histories import Interactions
from contracts.recommender import world

TRAIN = world([("a", "p"), ("a", "q"), ("b", "p"), ("b", "q"), ("c", "r"), ("d", "p")])


def ranked(lists: list[list[int]]) -> Ranked:
    width = max(len(items) for items in lists)
    items = np.array([row + [-1] * (width - len(row)) for row in lists], np.int32)
    return Ranked(items, (items >= 0).astype(np.int64), (items >= 0).sum(axis=1))


def held(rows: list[list[int]]) -> Held:
    indptr = np.cumsum([0, *(len(row) for row in rows)])
    return Held(
        np.arange(len(rows), dtype=np.int32),
        indptr,
        np.array([item for row in rows for item in row], np.int32),
    )


def measured(lists: list[list[int]], wanted: list[list[int]], k: int) -> dict[str, list[float]]:
    found = metrics.accuracy(ranked(lists), held(wanted), 10, k)
    return {name: values.tolist() for name, values in found.items()}


def test_a_perfect_list_is_one_by_every_measure() -> None:
    assert set(map(tuple, measured([[1, 2]], [[2, 1]], 2).values())) == {(1.0,)}


def test_a_list_that_misses_is_nought_by_every_measure() -> None:
    assert set(map(tuple, measured([[1, 2]], [[3]], 2).values())) == {(0.0,)}


def test_known_values_of_a_half_right_list() -> None:
    found = measured([[5, 1, 6, 2]], [[1, 2, 3]], 4)
    gain = 1 / math.log2(3) + 1 / math.log2(5)
    ideal = 1 + 1 / math.log2(3) + 1 / math.log2(4)
    assert found["recall@4"] == pytest.approx([2 / 3])
    assert found["ndcg@4"] == pytest.approx([gain / ideal])
    assert found["mrr@4"] == pytest.approx([1 / 2])
    assert found["hit@4"] == [1.0]
    assert found["map@4"] == pytest.approx([(1 / 2 + 2 / 4) / 3])


def test_the_ideal_is_over_k_where_there_is_more_to_find() -> None:
    found = measured([[1, 2]], [[1, 2, 3, 4]], 2)
    assert found["ndcg@2"] == [1.0]
    assert found["map@2"] == [1.0]
    assert found["recall@2"] == [0.5]


def test_an_item_nobody_knew_still_counts_as_relevant() -> None:
    assert measured([[1]], [[1, -1]], 1)["recall@1"] == [0.5]


def test_the_padding_of_a_short_list_hits_nothing() -> None:
    assert measured([[1], [2, 3]], [[-1], [2]], 2)["hit@2"] == [0.0, 1.0]


def test_nobody_with_a_test_item_is_an_error() -> None:
    with pytest.raises(BadRequest, match="no customer has a test item"):
        metrics.accuracy(ranked([[1]]), held([]), 10, 1)


@settings(max_examples=50)
@given(st.lists(st.permutations(range(6)), min_size=1, max_size=5), st.integers(1, 6))
def test_every_measure_is_between_nought_and_one(lists: list[list[int]], k: int) -> None:
    wanted = [[0, 1, 2]] * len(lists)
    for values in measured([row[:k] for row in lists], wanted, k).values():
        assert all(0 <= value <= 1 for value in values)


def test_an_interval_holds_its_mean_and_the_seed_repeats_it() -> None:
    values = {"x": np.random.default_rng(1).random(200), "flat": np.ones(200)}
    low, high = metrics.intervals(values, seed=7)["x"]
    assert low < values["x"].mean() < high
    assert (high - low) / 2 == pytest.approx(1.96 * values["x"].std() / 200**0.5, rel=0.15)
    assert metrics.intervals(values, seed=7) == metrics.intervals(values, seed=7)
    assert metrics.intervals(values, seed=7)["flat"] == (1.0, 1.0)


def test_coverage_counts_each_item_once() -> None:
    assert metrics.coverage(ranked([[0, 1], [1]]), 4) == 0.5


def test_novelty_is_the_bits_of_having_it() -> None:
    p, r = TRAIN.items.find("p"), TRAIN.items.find("r")
    wanted = (-math.log2(3 / 4) - math.log2(1 / 4)) / 2
    assert metrics.novelty(ranked([[p, r], []]), TRAIN) == pytest.approx(wanted)


def test_items_that_the_same_people_have_are_alike() -> None:
    p, q, r = (TRAIN.items.find(name) for name in "pqr")

    def unlike(items: list[int]) -> float | None:
        return metrics.diversity(ranked([items]), TRAIN, None, seed=7)

    assert unlike([p, r]) == pytest.approx(1.0)
    assert unlike([p, q]) == pytest.approx(1 - 2 / math.sqrt(6))
    assert unlike([p, q, r]) == pytest.approx(1 - 2 / math.sqrt(6) / 3)


def test_items_of_other_categories_are_unlike() -> None:
    labels = np.array([0, 0, 1, -1, -1], np.int32)

    def unlike(items: list[int]) -> float | None:
        return metrics.diversity(ranked([items]), TRAIN, labels, seed=7)

    assert unlike([0, 1]) == 0.0
    assert unlike([0, 2]) == 1.0
    assert unlike([3, 4]) == 1.0
    assert unlike([0, 1, 2]) == pytest.approx(2 / 3)


def test_what_no_list_can_tell_is_none() -> None:
    empty = Ranked(np.full((2, 1), -1, np.int32), np.zeros((2, 1), np.int64), np.zeros(2, np.int64))
    assert metrics.novelty(empty, TRAIN) is None
    assert metrics.diversity(empty, TRAIN, None, seed=7) is None
    assert metrics.diversity(ranked([[0]]), TRAIN, None, seed=7) is None


def test_pairs_come_from_both_sides() -> None:
    interactions: Interactions = TRAIN
    found = hold(interactions, ["a"], ["r"])
    hit = metrics.hits(ranked([[interactions.items.find("r"), 0]]), found, 3)
    assert hit.tolist() == [[True, False]]
