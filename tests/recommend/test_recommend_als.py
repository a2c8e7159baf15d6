from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from bespeak.errors import ArtifactCorrupt, ConfigInvalid, EngineUnavailable
from bespeak.recommend import needs
from bespeak.recommend.base import top_k
from bespeak.recommend.histories import UNIT, Histories, Interactions
from bespeak.recommend.mathematics import dots, ridge
from bespeak.recommend.models import parameters_of
from bespeak.recommend.models.als import Als, AlsParameters, fit_als
from bespeak.recommend.models.als_ratings import RatingsParameters
from contracts.recommender import RecommenderContract, checkerboard, world

Real = np.ndarray[Any, np.dtype[np.float64]]


class TestAls(RecommenderContract):
    name = "als"
    personal = True
    parameters: ClassVar = {"factors": 4}


class TestAlsOfHu(RecommenderContract):
    name = "als"
    personal = True
    parameters: ClassVar = {"factors": 16, "frequency": 0.0, "regularization": 0.1, "alpha": 3.0}


class TestAlsThatWalks(RecommenderContract):
    name = "als"
    personal = True
    parameters: ClassVar = {"walks": 2, "iterations": 1}


def some_world(seed: int = 3, customers: int = 40, items: int = 25) -> Interactions:
    draw = np.random.default_rng(seed)
    pairs = [(c, i) for c in range(customers) for i in range(items) if draw.random() < 0.3]
    weights = draw.integers(1, 6, len(pairs)).tolist()
    return world([(f"c{c}", f"i{i}") for c, i in pairs], weights)


def confidences(interactions: Interactions, alpha: float) -> tuple[Real, Real]:
    """(customers, items): what each cell weighs, and what it should be."""
    histories = interactions.histories
    weights = np.ones((len(interactions.customers), len(interactions.items)))
    weights[histories.rows, histories.indices] += alpha * histories.weights / UNIT
    return weights, (weights > 1).astype(np.float64)


def penalties(counts: Any, parameters: AlsParameters) -> Real:
    held: Real = parameters.regularization * np.maximum(counts, 1.0) ** parameters.frequency
    return held


def vectors(model: Als) -> Real:
    found: Real = model.factors * model.units
    return found


def objective(interactions: Interactions, model: Als) -> float:
    """What Hu, Koren & Volinsky minimise, cell by cell."""
    weights, wanted = confidences(interactions, model.parameters.alpha)
    people, items = model.fold_in(interactions.histories), vectors(model)
    had = wanted.sum(axis=1), wanted.sum(axis=0)
    held = sum(
        float((penalties(counts, model.parameters) * (rows**2).sum(axis=1)).sum())
        for counts, rows in zip(had, (people, items), strict=True)
    )
    return float((weights * (wanted - people @ items.T) ** 2).sum()) + held


@pytest.mark.parametrize("frequency", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("factors", [3, 40])
def test_a_customer_is_the_solution_of_the_normal_equations(frequency: float, factors: int) -> None:
    interactions = some_world()
    parameters = AlsParameters(factors=factors, frequency=frequency, alpha=5.0, iterations=3)
    model = fit_als(interactions, parameters)
    weights, wanted = confidences(interactions, 5.0)
    items, counts = vectors(model), wanted.sum(axis=1)
    for row, found in enumerate(model.fold_in(interactions.histories)):
        square = (items.T * weights[row]) @ items
        square += penalties(counts, parameters)[row] * np.eye(factors)
        exact = np.linalg.solve(square, items.T @ (weights[row] * wanted[row]))
        np.testing.assert_allclose(items @ found, items @ exact, atol=2e-5)


@pytest.mark.parametrize("frequency", [0.0, 1.0])
def test_at_a_fixed_point_the_items_solve_their_own_equations(frequency: float) -> None:
    interactions = some_world()
    parameters = AlsParameters(
        factors=3, frequency=frequency, alpha=5.0, iterations=300, regularization=0.5
    )
    model = fit_als(interactions, parameters)
    weights, wanted = confidences(interactions, 5.0)
    people, items = model.fold_in(interactions.histories), vectors(model)
    held = penalties(wanted.sum(axis=0), parameters)
    for item in range(len(items)):
        square = (people.T * weights[:, item]) @ people + held[item] * np.eye(3)
        exact = np.linalg.solve(square, people.T @ (weights[:, item] * wanted[:, item]))
        np.testing.assert_allclose(exact, items[item], rtol=2e-3, atol=1e-3)


def test_every_round_lessens_what_is_minimised() -> None:
    interactions = some_world()
    left = [
        objective(interactions, fit_als(interactions, AlsParameters(factors=5, iterations=rounds)))
        for rounds in (1, 2, 4, 8, 16)
    ]
    assert left == sorted(left, reverse=True)


def test_the_gram_matrix_of_the_items_is_the_spectrum() -> None:
    model = fit_als(some_world(), AlsParameters(factors=6))
    items = vectors(model)
    np.testing.assert_allclose(items.T @ items, np.diag(model.spectrum), atol=1e-4)


def test_one_group_of_customers_is_one_factor() -> None:
    everybody_has_all = world([(f"c{c}", f"i{i}") for c in range(6) for i in range(4)])
    model = fit_als(everybody_has_all, AlsParameters(factors=3, regularization=1e-3))
    assert (model.spectrum > 1e-6).sum() == 1
    scores = model.scores(everybody_has_all.histories) / model.unit
    np.testing.assert_allclose(scores, 1.0, atol=0.02)


def test_a_heavier_item_pulls_harder() -> None:
    pairs = [(f"a{n}", i) for n in range(5) for i in ("tea", "milk")]
    pairs += [(f"b{n}", i) for n in range(5) for i in ("beer", "chips")]
    interactions = world(pairs)
    model = fit_als(interactions, AlsParameters(factors=1, iterations=30))
    tea, beer = (interactions.items.find(name) for name in ("tea", "beer"))
    light, heavy = Histories.of_lists([[tea, beer]]), Histories.of_lists([[tea] * 9 + [beer]])
    milk = interactions.items.find("milk")
    assert model.scores(heavy)[0, milk] != model.scores(light)[0, milk]


def test_items_of_the_same_people_are_alike() -> None:
    model = fit_als(checkerboard(), AlsParameters(factors=2))
    items = np.arange(10, dtype=np.int32)
    found = model.similar(items, 4)
    assert found.items.shape == (10, 4)
    for item in items.tolist():
        assert {other % 2 for other in found.row(item).tolist()} == {item % 2}
        assert item not in found.row(item)
    assert found.scores.max() / model.unit == pytest.approx(1.0, abs=0.05)
    assert model.similar(np.zeros(0, np.int32), 4).items.shape == (0, 4)


def test_the_reason_is_the_item_that_added_most() -> None:
    pairs = [(f"a{n}", i) for n in range(6) for i in ("tea", "milk", "cup")]
    pairs += [(f"b{n}", i) for n in range(6) for i in ("beer", "chips")]
    interactions = world(pairs)
    model = fit_als(interactions, AlsParameters(factors=2))
    tea, milk, beer, chips = (
        interactions.items.find(name) for name in ("tea", "milk", "beer", "chips")
    )
    asked = np.array([milk, chips], np.int32)
    first, second = model.why(Histories.of_lists([[tea, beer]]), asked)
    assert (first.kind, first.other, first.customers) == ("with", tea, None)
    assert (second.kind, second.other) == ("with", beer)
    (own,) = model.why(Histories.of_lists([[tea, beer]]), np.array([tea], np.int32))
    assert (own.kind, own.other) == ("rhythm", tea)


def test_what_the_members_add_is_the_score() -> None:
    interactions = some_world()
    model = fit_als(interactions, AlsParameters(factors=4))
    for row in range(5):
        history = interactions.histories.take(np.array([row]))
        added = model.additions(history, np.arange(len(model.items), dtype=np.int32))
        np.testing.assert_allclose(
            added.sum(axis=0), model.scores(history)[0] / model.unit, atol=1e-5
        )


def test_many_tiles_of_scores_give_the_lists_of_one() -> None:
    draw = np.random.default_rng(4)
    pairs = [(f"c{c}", f"i{i:05}") for c in range(600) for i in draw.integers(0, 9000, 12)]
    interactions = world(pairs)
    model = fit_als(interactions, AlsParameters(factors=3, iterations=2))
    assert len(model.items) > dots.ITEMS and len(interactions.customers) > 2 * dots.ROWS
    some = interactions.histories
    found = model.recommend(some, 7, exclude=some)
    wanted = top_k(model.scores(some), 7, exclude=some)
    assert np.array_equal(found.items, wanted.items)
    assert np.array_equal(found.scores, wanted.scores)


def test_the_number_of_threads_changes_no_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = np.random.default_rng(4)
    pairs = [(f"c{c}", f"i{i}") for c in range(3000) for i in draw.integers(0, 400, 20)]
    interactions = world(pairs)
    for name, number in (("one", 1), ("many", 3)):
        monkeypatch.setattr("bespeak.recommend.base.cores", lambda number=number: number)
        (tmp_path / name).mkdir()
        fit_als(interactions, AlsParameters(factors=20, iterations=3)).save(tmp_path / name)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "many" / path.name).read_bytes()


def test_another_seed_starts_elsewhere() -> None:
    one, two = (fit_als(some_world(), AlsParameters(iterations=1, seed=seed)) for seed in (1, 2))
    assert not np.array_equal(one.factors, two.factors)


def test_long_rows_are_added_up_in_parts() -> None:
    draw = np.random.default_rng(1)
    table, count = draw.standard_normal((50, 4)), 3 * ridge.CHUNK + 7
    members = draw.integers(0, 50, count).astype(np.int32)
    weights, targets = draw.uniform(0.1, 3, count), draw.standard_normal(count)
    rows = (np.array([0, count]), members, weights, targets)
    found = ridge.ridges(rows, table, np.array([0, 1.0, 2.0, 3.0]), np.array([0.5]))
    own = table[members]
    square = (own.T * weights) @ own + np.diag([0.5, 1.5, 2.5, 3.5])
    np.testing.assert_allclose(found[0], np.linalg.solve(square, own.T @ targets), rtol=1e-9)


def test_scores_are_exact_whole_numbers_whatever_the_block() -> None:
    draw = np.random.default_rng(2)
    queries = dots.fixed_rows(draw.standard_normal((300, 1024)))
    items, _ = dots.fixed_columns(draw.standard_normal((70, 1024)))
    together = queries.numbers @ items.T.astype(np.float64)
    exact = np.array([int(a) for a in queries.numbers[0]], object) @ items.T.astype(object)
    assert [int(x) for x in together[0]] == exact.tolist()
    assert np.abs(queries.numbers).max() <= 1 << dots.BITS and np.abs(items).max() <= 1 << dots.BITS


def test_a_model_cut_short_is_corrupt(tmp_path: Path) -> None:
    fit_als(checkerboard(), AlsParameters(factors=2)).save(tmp_path)
    np.save(tmp_path / "factors.npy", np.zeros(7, np.int32))
    with pytest.raises(ArtifactCorrupt, match="do not fit"):
        Als.load(tmp_path)


def test_parameters_out_of_range_are_refused() -> None:
    for name, wrong in (("factors", 0), ("factors", 2000), ("alpha", 0), ("regularization", 0)):
        with pytest.raises(ConfigInvalid, match=name):
            parameters_of("als", {name: wrong})
    with pytest.raises(ConfigInvalid, match="frequency"):
        parameters_of("als", {"trainer": "mllib", "frequency": 0.5})


def test_what_a_config_needs_of_the_engine_is_known_before_anything_runs() -> None:
    assert needs(["popular", "als"], {}) == frozenset()
    assert needs(["popular", "als"], {"als": {"trainer": "mllib"}}) == {"mllib"}


def test_mllib_without_spark_is_refused() -> None:
    with pytest.raises(EngineUnavailable, match="mllib"):
        fit_als(checkerboard(), AlsParameters(trainer="mllib"))


def test_every_setting_is_documented() -> None:
    text = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
    names = {*AlsParameters.__struct_fields__, *RatingsParameters.__struct_fields__}
    assert sorted(name for name in names if f"`{name}`" not in text) == []
