from __future__ import annotations

import numpy as np
import pytest

from bespeak.recommend.evaluating.evaluate import evaluate
from bespeak.recommend.models import fit
from bespeak.recommend.searching.carving import by_share
from bespeak.recommend.searching.mixing import Stack
from contracts.recommender import world


def stack(values: list[list[list[float]]], wanted: list[list[bool]], k: int = 1) -> Stack:
    """values : (parts, rows, candidates)"""
    hit = np.array(wanted)
    items = np.tile(np.arange(hit.shape[1], dtype=np.int32), (len(hit), 1))
    return Stack(np.array(values), items, hit, hit.sum(axis=1), k)


def test_one_part_that_is_right_is_enough() -> None:
    right, wrong = [[2.0, 1.0], [1.0, 2.0]], [[1.0, 2.0], [2.0, 1.0]]
    found = stack([wrong, right], [[True, False], [False, True]])
    assert found.ndcg([0, 1]) == 1.0
    assert found.ndcg([1, 0]) == 0.0
    assert found.best_weights() == [0.0, 1.0]


def test_parts_that_are_sure_of_different_rows_are_joined() -> None:
    one, other = [[5.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [5.0, 0.0]]
    found = stack([one, other], [[True, False], [True, False]])
    assert found.ndcg([1, 0]) == found.ndcg([0, 1]) == 0.5
    weights = found.best_weights()
    assert found.ndcg(weights) == 1.0
    assert min(weights) > 0
    assert sum(weights) == pytest.approx(1)


def test_what_no_part_says_anything_of_is_no_hit() -> None:
    assert stack([[[0.0, 0.0]]], [[True, False]]).ndcg([1.0]) == 0.0


def test_a_stack_says_of_a_part_what_its_own_lists_say() -> None:
    draw = np.random.default_rng(6)
    known = world(
        [(f"c{c}", f"i{i:02}") for c in range(40) for i in range(20) if draw.random() < 0.3]
    )
    trial = by_share(known, repeat=False)
    names = ["item_knn", "popular"]
    models = [fit(name, trial.train) for name in names]
    found = Stack.of(models, trial, 3, seed=7)
    rows = evaluate(trial.train, trial.held, names, k=3)["models"]
    assert found.ndcg([1, 0]) == pytest.approx(rows[0]["ndcg@3"])
    assert found.ndcg([0, 1]) == pytest.approx(rows[1]["ndcg@3"])
    other = found.with_part(1, models[0], trial, seed=7)
    assert other.ndcg([0, 1]) == found.ndcg([1, 0])
    assert found.ndcg([0, 1]) == pytest.approx(rows[1]["ndcg@3"])  # as it was
