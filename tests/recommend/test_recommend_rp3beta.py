from __future__ import annotations

import numpy as np

from bespeak.recommend.models import fit
from bespeak.recommend.models.rp3beta import Rp3BetaParameters, fit_rp3beta
from contracts.recommender import RecommenderContract, world


class TestRp3Beta(RecommenderContract):
    name = "rp3beta"
    personal = True


def test_at_alpha_one_and_beta_nothing_a_list_holds_the_chances_of_two_steps() -> None:
    pairs = [("a", "x"), ("a", "y"), ("b", "x"), ("b", "z"), ("c", "y"), ("c", "x"), ("c", "z")]
    interactions = world(pairs)
    model = fit_rp3beta(interactions, Rp3BetaParameters(alpha=1.0, beta=0.0, least_common=1))
    had = np.zeros((3, 3))
    had[interactions.histories.rows, interactions.histories.indices] = 1
    walk = (had / had.sum(axis=0)).T @ (had / had.sum(axis=1, keepdims=True))
    found = np.zeros((3, 3))
    for item in range(3):
        entries = slice(model.indptr[item], model.indptr[item + 1])
        found[item, model.neighbours[entries]] = model.similarity[entries] / model.scale
    np.fill_diagonal(walk, 0)
    np.testing.assert_allclose(found, walk, atol=1e-6)


def test_how_often_somebody_had_an_item_is_no_step_more() -> None:
    pairs = [(c, i) for c in "ab" for i in ("x", "y", "z")]
    once, often = fit("rp3beta", world(pairs)), fit("rp3beta", world(pairs, [5, 1, 1, 9, 1, 2]))
    assert np.array_equal(once.scores(world(pairs).histories), often.scores(world(pairs).histories))


def test_the_greater_beta_the_less_a_popular_item_is_recommended() -> None:
    pairs = [(c, i) for c in "ab" for i in ("x", "rare", "everybody's")]
    pairs += [(c, "everybody's") for c in "cdefgh"]
    interactions = world(pairs)
    x = np.array([interactions.items.find("x")], np.int32)
    for beta, first in ((0.0, "everybody's"), (0.5, "rare")):
        model = fit_rp3beta(interactions, Rp3BetaParameters(beta=beta))
        assert interactions.items[int(model.similar(x, 1).items[0, 0])] == first
