"""What MLlib trains comes back as our models: nothing of Spark is left in them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from bespeak.engines import DuckDB, Spark
from bespeak.engines.base import Trainer
from bespeak.recommend.histories import UNIT, Interactions, Stored
from bespeak.recommend.models.als import Als, AlsParameters, fit_als
from bespeak.recommend.models.als_ratings import Rated, RatingsParameters, fit_ratings, rmse
from contracts.recommender import checkerboard, world


@pytest.fixture
def some_world() -> Interactions:
    draw = np.random.default_rng(3)
    pairs = [(f"c{c}", f"i{i}") for c in range(40) for i in range(25) if draw.random() < 0.3]
    return world(pairs, draw.integers(1, 6, len(pairs)).tolist())


def stored(interactions: Interactions, spark: Spark) -> Interactions:
    rows = spark.table(pa.table({"item": interactions.histories.indices}))
    return replace(interactions, stored=Stored(spark, rows, False))


def test_only_what_can_train_says_so(spark: Spark, duckdb: DuckDB) -> None:
    assert isinstance(spark, Trainer) and "mllib" in spark.can
    assert not isinstance(duckdb, Trainer) and "mllib" not in duckdb.can


def test_mllib_minimises_what_we_fold_in_by(spark: Spark, some_world: Interactions) -> None:
    """At its fixed point, MLlib's items solve their equations given customers folded in by us."""
    parameters = AlsParameters(
        factors=1, alpha=5.0, iterations=12, regularization=1.0, trainer="mllib"
    )
    model = fit_als(stored(some_world, spark), parameters)
    histories = some_world.histories
    people, items = model.fold_in(histories), model.factors * model.units
    weights = np.ones((len(histories), len(items)))
    weights[histories.rows, histories.indices] += 5.0 * histories.weights / UNIT
    wanted = (weights > 1).astype(np.float64)
    for item in range(len(items)):
        square = (people.T * weights[:, item]) @ people
        square += 1.0 * wanted[:, item].sum() * np.eye(1)
        exact = np.linalg.solve(square, people.T @ (weights[:, item] * wanted[:, item]))
        np.testing.assert_allclose(exact, items[item], atol=0.01)


def test_mllib_and_we_foretell_the_same(spark: Spark) -> None:
    interactions = checkerboard(20)
    ours = AlsParameters(factors=2, iterations=8)
    theirs = AlsParameters(factors=2, iterations=8, trainer="mllib")
    models = fit_als(interactions, ours), fit_als(stored(interactions, spark), theirs)
    first, second = (model.scores(interactions.histories) / model.unit for model in models)
    np.testing.assert_allclose(first, second, atol=0.05)


def test_long_training_does_not_overflow_javas_stack(spark: Spark) -> None:
    parameters = AlsParameters(factors=1, iterations=40, trainer="mllib")
    assert len(fit_als(stored(checkerboard(), spark), parameters).items) == 10


def test_what_mllib_trained_is_saved_and_served_as_ours(spark: Spark, tmp_path: Path) -> None:
    interactions = checkerboard()
    parameters = AlsParameters(factors=4, iterations=8, trainer="mllib")
    fit_als(stored(interactions, spark), parameters).save(tmp_path)
    model, owned = Als.load(tmp_path), interactions.histories
    found = model.recommend(owned, 1, exclude=owned)
    assert [model.items[at] for at in found.items[:, 0].tolist()] == [f"i{n}" for n in range(10)]


def test_ratings_by_mllib_are_foretold_as_well_as_by_us(spark: Spark) -> None:
    draw = np.random.default_rng(5)
    pairs = [(c, i) for c in range(60) for i in range(40) if draw.random() < 0.5]
    ratings = np.array([5.0 if c % 2 == i % 2 else 1.0 for c, i in pairs])
    customers, items = [f"c{c}" for c, _ in pairs], [f"i{i}" for _, i in pairs]
    rated = Rated.of(customers, items, ratings)
    parameters = RatingsParameters(factors=3, iterations=10, regularization=0.02, trainer="mllib")
    model = fit_ratings(rated, parameters, engine=spark)
    found = model.predict(rated, customers, items)
    assert rmse(found, ratings)["rmse"] < 0.3
    assert (model.fold_in(rated)[:, 0] == 0).all()


def test_kmeans_finds_groups_that_stand_apart(spark: Spark) -> None:
    draw = np.random.default_rng(1)
    middles = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [10.0, 10.0]])
    points = np.concatenate([middle + draw.normal(0, 0.5, (50, 2)) for middle in middles])
    table = spark.table(pa.table({"x": points[:, 0], "y": points[:, 1], "id": range(200)}))
    found = spark.kmeans(table, ["x", "y"], k=4, seed=3)
    order = np.lexsort((found.values[:, 0], found.values[:, 1]))
    np.testing.assert_allclose(found.values[order], middles, atol=0.3)
    squares = ((points[:, None] - found.values) ** 2).sum(axis=2).min(axis=1)
    assert found.inertia == pytest.approx(squares.sum(), rel=1e-6)
