from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bespeak.errors import BadRequest, EngineUnavailable, NotReady
from bespeak.recommend.models.als_ratings import (
    Rated,
    RatingsModel,
    RatingsParameters,
    fit_ratings,
    rmse,
)

Real = np.ndarray[Any, np.dtype[np.float64]]


def tastes(seed: int = 5, customers: int = 60, items: int = 40) -> tuple[list[str], list[str], Any]:
    """Two kinds of people: what one kind gives a 5, the other gives a 1; half of it is known."""
    draw = np.random.default_rng(seed)
    pairs = [(c, i) for c in range(customers) for i in range(items) if draw.random() < 0.5]
    ratings = [5.0 if c % 2 == i % 2 else 1.0 for c, i in pairs]
    return [f"c{c}" for c, _ in pairs], [f"i{i}" for _, i in pairs], np.array(ratings)


def objective(rated: Rated, model: RatingsModel) -> float:
    people = model.fold_in(rated)
    rows, own = rated.rows, model.parameters
    taste = (people[rows, 1:] * model.factors[rated.indices]).sum(axis=1)
    off = rated.values - model.mean - model.biases[rated.indices] - people[rows, 0] - taste
    counts = np.diff(rated.indptr), np.bincount(rated.indices, minlength=len(rated.items))
    held = sum(
        float(((n * own.regularization + own.bias_regularization) * b**2).sum())
        + float((n * own.regularization * (x**2).sum(axis=1)).sum())
        for n, b, x in (
            (counts[0], people[:, 0], people[:, 1:]),
            (counts[1], model.biases, model.factors),
        )
    )
    return float((off**2).sum()) + held


def test_what_people_of_the_same_taste_gave_is_foretold() -> None:
    customers, items, ratings = tastes()
    rated = Rated.of(customers, items, ratings)
    model = fit_ratings(rated, RatingsParameters(factors=4, regularization=0.02))
    found = model.predict(rated, ["c0", "c0", "c1", "c1"], ["i2", "i3", "i2", "i3"])
    assert np.abs(found.values - [5, 1, 1, 5]).max() < 0.5


def test_every_round_lessens_what_is_minimised() -> None:
    rated = Rated.of(*tastes())
    draw = np.random.default_rng(1)
    noisy = Rated(rated.customers, rated.items, rated.indptr, rated.indices,
                  rated.values + draw.normal(0, 1, len(rated.values)))  # fmt: skip
    left = [
        objective(noisy, fit_ratings(noisy, RatingsParameters(factors=5, iterations=rounds)))
        for rounds in (1, 2, 4, 8, 16)
    ]
    assert left == sorted(left, reverse=True)


def test_a_customer_is_the_solution_of_the_normal_equations() -> None:
    rated = Rated.of(["a", "a", "a", "b", "b"], list("xyzxy"), [5, 3, 1, 2, 4])
    settings = RatingsParameters(factors=2, regularization=0.3, bias_regularization=2.0)
    model = fit_ratings(rated, settings)
    own = np.hstack([np.ones((3, 1)), model.factors])
    square = own.T @ own + np.diag([2.0, 0, 0]) + 3 * 0.3 * np.eye(3)
    target = own.T @ (rated.values[:3] - model.mean - model.biases)
    np.testing.assert_allclose(model.fold_in(rated)[0], np.linalg.solve(square, target), rtol=1e-9)


def test_at_a_fixed_point_the_items_solve_their_own_equations() -> None:
    rated = Rated.of(*tastes(customers=20, items=12))
    settings = RatingsParameters(
        factors=2, iterations=400, regularization=0.1, bias_regularization=5.0
    )
    model = fit_ratings(rated, settings)
    people = model.fold_in(rated)
    for item in range(3):
        entries = rated.indices == item
        own = np.hstack([np.ones((entries.sum(), 1)), people[rated.rows[entries], 1:]])
        square = own.T @ own + np.diag([5.0, 0, 0]) + entries.sum() * 0.1 * np.eye(3)
        left = rated.values[entries] - model.mean - people[rated.rows[entries], 0]
        found = np.linalg.solve(square, own.T @ left)
        np.testing.assert_allclose(found[0], model.biases[item], atol=1e-4)
        np.testing.assert_allclose(found[1:], model.factors[item], atol=1e-3)


def test_an_unknown_customer_is_given_the_items_mean_and_is_counted() -> None:
    rated = Rated.of(["a", "b", "a", "b"], ["good", "good", "bad", "bad"], [5, 5, 1, 1])
    model = fit_ratings(rated, RatingsParameters(factors=2, bias_regularization=0.0))
    found = model.predict(rated, ["a", "new", None], ["good", "good", "never seen"])
    assert found.known_customer.tolist() == [True, False, False]
    assert found.known_item.tolist() == [True, True, False]
    assert found.values[1] > 4 and found.values[2] == model.mean == 3.0
    said = rmse(found, [5.0, 5.0, 3.0])
    assert (said["pairs"], said["unknown_customers"], said["unknown_items"]) == (3, 2, 1)


def test_a_new_visitor_needs_no_training() -> None:
    rated = Rated.of(*tastes())
    model = fit_ratings(rated, RatingsParameters(factors=4, regularization=0.02))
    visitor = Rated.of(["visitor"] * 4, ["i1", "i3", "i2", "nowhere"], [5.0, 5.0, 1.0, 2.0])
    found = model.predict(visitor, ["visitor", "visitor"], ["i5", "i4"])
    assert found.values[0] > 4 and found.values[1] < 2


def test_no_prediction_leaves_the_scale_of_the_ratings() -> None:
    rated = Rated.of(*tastes())
    model = fit_ratings(rated, RatingsParameters(factors=8, regularization=1e-4))
    customers = [name for name in rated.customers for _ in rated.items]
    found = model.predict(rated, customers, list(rated.items) * len(rated.customers))
    assert found.values.min() >= 1.0 and found.values.max() <= 5.0


def test_several_ratings_of_one_item_count_by_their_mean() -> None:
    rated = Rated.of(["a", "a", "b"], ["x", "x", "x"], [1.0, 4.0, 3.0])
    assert rated.values.tolist() == [2.5, 3.0]


def test_the_order_of_rows_never_decides(tmp_path: Path) -> None:
    customers, items, ratings = tastes()
    order = np.random.default_rng(2).permutation(len(ratings))
    turned = [customers[at] for at in order], [items[at] for at in order], ratings[order]
    for name, given in (("one", (customers, items, ratings)), ("two", turned)):
        (tmp_path / name).mkdir()
        fit_ratings(Rated.of(*given), RatingsParameters(factors=4)).save(tmp_path / name)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_a_saved_model_predicts_as_the_fitted_one(tmp_path: Path) -> None:
    customers, items, ratings = tastes()
    rated = Rated.of(customers, items, ratings)
    model = fit_ratings(rated, RatingsParameters(factors=4))
    model.save(tmp_path)
    loaded = RatingsModel.load(tmp_path)
    one, two = (each.predict(rated, customers, items).values for each in (model, loaded))
    assert np.array_equal(one, two)


def test_what_is_no_rating_is_refused() -> None:
    with pytest.raises(BadRequest, match="rating 2"):
        Rated.of(["a", "b"], ["x", "y"], [1.0, np.nan])
    with pytest.raises(BadRequest, match="not one a row"):
        Rated.of(["a"], ["x", "y"], [1.0])
    with pytest.raises(NotReady, match="no ratings"):
        Rated.of([], [], [])
    with pytest.raises(BadRequest, match="as many of each"):
        rmse(fit_ratings(Rated.of(["a"], ["x"], [1.0]), RatingsParameters()).predict(
            Rated.of(["a"], ["x"], [1.0]), ["a"], ["x"]), [])  # fmt: skip


def test_mllib_without_spark_is_refused() -> None:
    rated = Rated.of(["a"], ["x"], [1.0])
    with pytest.raises(EngineUnavailable, match="mllib"):
        fit_ratings(rated, RatingsParameters(trainer="mllib"))
