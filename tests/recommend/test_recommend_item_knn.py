from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from bespeak.errors import ConfigInvalid
from bespeak.recommend.histories import UNIT, Histories, Interactions
from bespeak.recommend.mathematics import kernels
from bespeak.recommend.models import parameters_of
from bespeak.recommend.models.item_knn import ItemKnn, ItemKnnParameters, fit_item_knn
from contracts.recommender import RecommenderContract, checkerboard, world


class TestItemKnn(RecommenderContract):
    name = "item_knn"
    personal = True


class TestItemKnnWithOneWitness(RecommenderContract):
    name = "item_knn"
    personal = True
    parameters: ClassVar = {"least_common": 1, "weighting": "bm25", "shrinkage": 2.0, "own": 0.0}


def some_world(seed: int = 3) -> Interactions:
    draw = np.random.default_rng(seed)
    pairs = [(f"c{c}", f"i{i}") for c in range(30) for i in range(12) if draw.random() < 0.3]
    return world(pairs, draw.integers(1, 6, len(pairs)).tolist())


def dense(interactions: Interactions) -> np.ndarray[Any, np.dtype[np.float64]]:
    table = np.zeros((len(interactions.customers), len(interactions.items)))
    histories = interactions.histories
    table[histories.rows, histories.indices] = histories.weights / UNIT
    return table


@pytest.mark.parametrize(
    "settings",
    [
        {"length": 0.0, "history_item": 0.5, "item": 0.5},
        {"length": 1.0, "history_item": 0.6, "item": 0.3, "shrinkage": 3.0},
        {"length": 0.75, "history_item": 0.2, "item": 0.9, "weighting": "log"},
        {"length": 0.5, "weighting": "binary", "least_common": 3},
    ],
)
def test_similarities_are_those_of_the_formula(settings: dict[str, Any]) -> None:
    interactions = some_world()
    parameters = parameters_of("item_knn", {"least_common": 1, **settings})
    assert isinstance(parameters, ItemKnnParameters)
    model = fit_item_knn(interactions, parameters)
    weights = dense(interactions)
    if parameters.weighting == "log":
        weights = np.log1p(weights)
    if parameters.weighting == "binary":
        weights = (weights > 0).astype(float)
    lengths = (weights > 0).sum(axis=1)
    sums = weights.T @ (weights / lengths[:, None] ** parameters.length)
    size = (weights**2).sum(axis=0)
    wanted = sums / (
        size[:, None] ** parameters.history_item * size**parameters.item + parameters.shrinkage
    )
    common = (weights > 0).astype(int).T @ (weights > 0).astype(int)
    wanted[common < parameters.least_common] = 0
    np.fill_diagonal(wanted, 0)
    found = np.zeros_like(wanted)
    for item in range(len(model.items)):
        entries = slice(model.indptr[item], model.indptr[item + 1])
        found[item, model.neighbours[entries]] = model.similarity[entries] / model.scale
        shared = common[item, model.neighbours[entries]]
        assert np.array_equal(model.common[entries], shared)
    np.testing.assert_allclose(found, wanted, atol=1e-6, rtol=1e-5)


def test_plain_cosine_of_identical_items_is_one() -> None:
    interactions = world([(c, i) for c in "abc" for i in ("x", "y")])
    plain = ItemKnnParameters(length=0.0, history_item=0.5, item=0.5)
    model = fit_item_knn(interactions, plain)
    assert model.similarity / model.scale == pytest.approx([1.0, 1.0], abs=1e-6)


def test_a_pair_in_a_long_history_counts_less() -> None:
    short = [("a", "x"), ("a", "near"), ("b", "x"), ("b", "near")]
    long = [(c, i) for c in "cd" for i in ("x", "far", *(f"z{n}" for n in range(20)))]
    interactions = world(short + long)
    near = fit_item_knn(interactions, ItemKnnParameters())
    x = np.array([interactions.items.find("x")], np.int32)
    assert near.items[int(near.similar(x, 1).items[0, 0])] == "near"


def test_only_the_best_neighbours_stay_and_ties_go_by_id() -> None:
    interactions = world([(c, i) for c in "ab" for i in ("p", "q", "r", "s")])
    model = fit_item_knn(interactions, ItemKnnParameters(neighbours=2))
    assert np.diff(model.indptr).tolist() == [2, 2, 2, 2]
    lists = model.neighbours.reshape(4, 2).tolist()
    assert lists == [[1, 2], [0, 2], [0, 1], [0, 1]]


def test_one_common_customer_is_no_evidence_by_default() -> None:
    interactions = world([("secret", "x"), ("secret", "y"), ("b", "x"), ("c", "y")])
    assert len(fit_item_knn(interactions, ItemKnnParameters()).neighbours) == 0


def test_what_is_owned_can_be_recommended_again() -> None:
    interactions = checkerboard()
    histories = Histories.of_lists([[0]])
    again = fit_item_knn(interactions, ItemKnnParameters(own=1.0)).recommend(histories, 1)
    assert again.items[0, 0] == 0
    never = fit_item_knn(interactions, ItemKnnParameters(own=0.0)).recommend(histories, 1)
    assert never.items[0, 0] != 0


def test_the_reason_is_the_item_that_added_most() -> None:
    pairs = [(c, i) for c in "abcd" for i in ("tea", "milk")]
    pairs += [(c, i) for c in "efghijkl" for i in ("tea", "cake")] + [("m", "cake"), ("n", "milk")]
    interactions = world(pairs)
    model = fit_item_knn(interactions, ItemKnnParameters())
    milk, tea, cake = (interactions.items.find(name) for name in ("milk", "tea", "cake"))
    history = Histories.of_lists([[milk, cake]])
    (why,) = model.why(history, np.array([tea], np.int32))
    assert (why.kind, why.other, why.customers) == ("with", cake, 8)


def test_a_history_of_any_length_scores_on_one_scale() -> None:
    model = fit_item_knn(checkerboard(), ItemKnnParameters())
    scores = model.scores(Histories.of_lists([[0], [0, 2, 4, 6]])) / model.unit
    assert scores.max() <= 1.01


def test_only_the_heaviest_of_a_long_history_counts() -> None:
    pairs = [(c, i) for c in "ab" for i in ("p", "q", "r")]
    interactions = world(pairs, [5, 5, 1, 5, 5, 1])
    model = fit_item_knn(interactions, ItemKnnParameters(longest_history=2))
    r = np.array([interactions.items.find("r")], np.int32)
    assert model.similar(r, 5).own.tolist() == [0]


def test_huge_and_tiny_weights_stay_within_their_bits() -> None:
    pairs = [(c, i) for c in "abcd" for i in ("x", "y", "z")]
    interactions = world(pairs, [1e6, 1e-6, 1, 1e6, 1e-6, 1, 1, 1, 1, 1e-6, 1e-6, 1e6])
    model = fit_item_knn(interactions, ItemKnnParameters())
    assert (model.similarity > 0).all()
    assert (model.scores(interactions.histories) >= 0).all()


def test_parameters_out_of_range_are_refused() -> None:
    with pytest.raises(ConfigInvalid, match="neighbours"):
        parameters_of("item_knn", {"neighbours": 0})
    with pytest.raises(ConfigInvalid, match="weighting"):
        parameters_of("item_knn", {"weighting": "cosine"})


def test_mapped_and_fitted_arrays_share_one_compilation(tmp_path: Path) -> None:
    interactions = checkerboard()
    model = fit_item_knn(interactions, ItemKnnParameters())
    model.save(tmp_path)
    for asked in (model, ItemKnn.load(tmp_path)):
        ranked = asked.recommend(interactions.histories, 3, exclude=interactions.histories)
        asked.recommend(interactions.histories, 3)
        asked.why(interactions.histories.take(np.array([0])), ranked.row(0))
    for kernel in (kernels.neighbours, kernels.best, kernels.strongest):
        assert len(kernel.signatures) == 1  # type: ignore[attr-defined]
