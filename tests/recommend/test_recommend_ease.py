"""EASE and its sparse form, each against the same regression in double precision."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from bespeak.errors import ConfigInvalid
from bespeak.recommend.histories import UNIT, Histories, Interactions
from bespeak.recommend.mathematics.item_lists import ItemLists
from bespeak.recommend.mathematics.regression import RegressionParameters
from bespeak.recommend.models import fit
from bespeak.recommend.models.ease import EaseParameters, fit_ease, memory_of
from bespeak.recommend.models.sparse_ease import SparseEaseParameters, fit_sparse_ease
from contracts.recommender import RecommenderContract, world


class TestEase(RecommenderContract):
    name = "ease"
    personal = True


class TestEaseRelaxed(RecommenderContract):
    name = "ease"
    personal = True
    parameters: ClassVar = {"dropout": 0.4, "diagonal": 0.3, "length": 0.0, "least_common": 1}


class TestSparseEase(RecommenderContract):
    name = "sparse_ease"
    personal = True


class TestSparseEaseRelaxed(RecommenderContract):
    name = "sparse_ease"
    personal = True
    parameters: ClassVar = {"dropout": 0.4, "diagonal": 0.3, "weighting": "log", "least_common": 1}


def some_world(customers: int = 300, items: int = 60, share: float = 0.12) -> Interactions:
    """People of three tastes; some items of each taste stand for one another."""
    draw = np.random.default_rng(11)
    taste = draw.integers(0, 3, customers)
    chance = np.where(taste[:, None] == np.arange(items) % 3, 2 * share, share / 3)
    had = np.argwhere(draw.random((customers, items)) < chance).tolist()
    pairs = [(f"c{c:03d}", f"i{i:02d}") for c, i in had]
    return world(pairs, draw.integers(1, 4, len(pairs)).tolist())


def system(interactions: Interactions, parameters: RegressionParameters) -> Any:
    """G, Λ and how many histories hold both, in double precision."""
    histories = interactions.histories
    table = np.zeros((len(histories), len(interactions.items)))
    table[histories.rows, histories.indices] = (
        histories.weights / UNIT if parameters.weighting == "linear" else 1.0
    )
    lengths = np.maximum((table > 0).sum(axis=1, keepdims=True), 1)
    gram = table.T @ (table / lengths**parameters.length)
    own = np.diag(gram)
    share = parameters.dropout / (1 - parameters.dropout)
    had = (table > 0).astype(int)
    return gram, parameters.penalty * own.mean() + share * own, had.T @ had


def rare(common: Any, parameters: RegressionParameters) -> Any:
    """What a row of coefficients is multiplied by, since others than few have its item."""
    having = np.diag(common)[:, None]
    return (having.mean() / having) ** parameters.history_item


def kept(model: ItemLists) -> Any:
    """The lists as a table: what the item of a row says of the item of a column."""
    found = np.zeros((len(model.items), len(model.items)))
    givers = np.repeat(np.arange(len(model.items)), np.diff(model.indptr))
    found[givers, model.neighbours] = model.similarity / model.scale
    return found


SETTINGS: list[dict[str, Any]] = [
    {"length": 0.0, "history_item": 0.0},
    {"length": 0.5, "penalty": 0.1, "weighting": "linear"},
    {"dropout": 0.5, "penalty": 0.01},
    {"dropout": 0.5, "penalty": 0.3, "diagonal": 0.2},
    {"dropout": 0.3, "diagonal": 1.0},
]


@pytest.mark.parametrize("settings", SETTINGS)
def test_coefficients_are_those_of_the_inverse_in_double_precision(
    settings: dict[str, Any],
) -> None:
    interactions = some_world()
    parameters = EaseParameters(neighbours=60, least_common=1, **settings)
    gram, held, common = system(interactions, parameters)
    inverse = np.linalg.inv(gram + np.diag(held))
    own = np.diag(inverse)
    free = 1 - held * own > parameters.diagonal
    wanted = -inverse * np.where(free, (1 - parameters.diagonal) / own, held)
    wanted *= rare(common, parameters)
    wanted[common == 0] = 0
    np.fill_diagonal(wanted, 0)
    np.testing.assert_allclose(kept(fit_ease(interactions, parameters)), wanted, atol=2e-6)


@pytest.mark.parametrize("settings", SETTINGS)
def test_regressed_on_all_others_the_sparse_form_is_ease_itself(settings: dict[str, Any]) -> None:
    interactions = some_world(share=0.3)
    every = {"neighbours": 60, "least_common": 1, **settings}
    _, _, common = system(interactions, RegressionParameters(**every))
    assert (common > 0).all()  # so every item is near to every other
    dense = fit_ease(interactions, EaseParameters(**every))
    sparse = fit_sparse_ease(interactions, SparseEaseParameters(**every))
    np.testing.assert_allclose(kept(sparse), kept(dense), atol=3e-6)


def test_regressed_on_a_few_each_column_is_the_ridge_regression_on_them() -> None:
    interactions = some_world()
    parameters = SparseEaseParameters(regressors=5)
    gram, held, common = system(interactions, parameters)
    found = kept(fit_sparse_ease(interactions, parameters))
    for item in range(len(interactions.items)):
        like = gram[item] / np.diag(common) ** parameters.rarity * (common[item] >= 2)
        like[item] = 0
        chosen = np.flatnonzero(found[:, item])
        assert len(chosen) == 5
        assert like[chosen].min() >= np.sort(like)[-5] * (1 - 1e-6)
        part = gram[np.ix_(chosen, chosen)] + np.diag(held[chosen])
        wanted = np.linalg.solve(part, gram[chosen, item])
        wanted *= rare(common, parameters)[chosen, 0]
        np.testing.assert_allclose(found[chosen, item], wanted, atol=2e-6)


@pytest.mark.parametrize("name", ["ease", "sparse_ease"])
def test_items_that_stand_for_one_another_speak_against_each_other(name: str) -> None:
    """Everybody with a kettle has the red or the blue tea; next to nobody has both."""
    pairs = [(f"c{n}", i) for n in range(40) for i in ("kettle", "red" if n % 2 else "blue")]
    pairs += [(f"c{n}", "blue" if n % 2 else "red") for n in range(4)]
    pairs += [(f"d{n}", "red" if n % 2 else "blue") for n in range(4)]
    interactions = world(pairs)
    model = fit(name, interactions, {"length": 0.0, "penalty": 0.01})
    assert isinstance(model, ItemLists)
    kettle, red, blue = (interactions.items.find(one) for one in ("kettle", "red", "blue"))
    table = kept(model)
    assert table[kettle, red] > 0 > table[blue, red]
    assert blue not in model.similar(np.array([red], np.int32), 3).row(0)
    allow = np.ones(len(interactions.items), np.bool_)
    history = Histories.of_lists([[blue, kettle]])
    alone = model.single(history, 3, exclude=history.indices, allow=allow)
    ranked = model.recommend(history, 3, exclude=history)
    assert alone is not None
    assert alone.items.tolist() == ranked.row(0).tolist()
    assert list(alone.facts) == model.why(history, alone.items)


def test_a_catalogue_beyond_the_memory_is_refused_before_anything_is_allocated() -> None:
    assert 6.7e9 < memory_of(41_000) < 16e9
    with pytest.raises(ConfigInvalid, match=r"need 1\.\d GB.*sparse_ease") as raised:
        fit_ease(_Large(), EaseParameters(memory_gb=1.0))  # type: ignore[arg-type]
    assert "16000 items" in str(raised.value)


def test_pairs_beyond_the_memory_are_refused() -> None:
    with pytest.raises(ConfigInvalid, match="memory_gb = 1e-06"):
        fit_sparse_ease(some_world(), SparseEaseParameters(memory_gb=1e-6))


def test_one_common_customer_is_no_evidence_by_default(tmp_path: Path) -> None:
    interactions = world([("secret", "x"), ("secret", "y"), ("b", "x"), ("c", "y")])
    for name in ("ease", "sparse_ease"):
        model = fit(name, interactions)
        assert not model.scores(Histories.of_lists([[interactions.items.find("x")]]))[0, 1]


class _Large:
    """Stands for interactions of a large catalogue."""

    items = range(16_000)
