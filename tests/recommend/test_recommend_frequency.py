from __future__ import annotations

import numpy as np

from bespeak.recommend.evaluating.files import Rows, interactions_of
from bespeak.recommend.histories import NO_TIME
from bespeak.recommend.models.frequency import FrequencyParameters, fit_frequency
from bespeak.recommend.models.popular import DAY
from contracts.recommender import RecommenderContract, world


class TestFrequency(RecommenderContract):
    name = "frequency"


def test_what_is_bought_most_often_comes_first() -> None:
    interactions = world([("a", "tea"), ("a", "milk"), ("a", "milk"), ("b", "tea"), ("c", "tea")])
    model = fit_frequency(interactions, FrequencyParameters())
    ranked = model.recommend(interactions.histories.take(np.array([0])), 2)
    assert [model.items[item] for item in ranked.row(0)] == ["milk", "tea"]
    assert ranked.own.tolist() == [2]


def test_the_latest_counts_most() -> None:
    rows = Rows(["a"] * 3, ["old", "old", "new"], np.array([0, 1, 300]) * DAY, np.ones(3), True)
    interactions = interactions_of(rows, half_life_days=30)
    model = fit_frequency(interactions, FrequencyParameters())
    assert model.items[int(model.recommend(interactions.histories, 1).items[0, 0])] == "new"


def test_the_rest_of_the_list_is_popular_and_marked() -> None:
    interactions = world([("a", "mine"), ("b", "hit"), ("c", "hit"), ("c", "other")])
    model = fit_frequency(interactions, FrequencyParameters())
    history = interactions.histories.take(np.array([0]))
    ranked = model.recommend(history, 3)
    assert [model.items[item] for item in ranked.row(0)] == ["mine", "hit", "other"]
    assert ranked.own.tolist() == [1]
    assert ranked.scores[0, 1:].tolist() == [0, 0]
    assert [why.kind for why in model.why(history, ranked.row(0))] == [
        "rhythm", "popular", "popular",
    ]  # fmt: skip


def test_equal_frequency_falls_to_the_more_popular() -> None:
    interactions = world([("a", "alone"), ("a", "shared"), ("b", "shared")])
    model = fit_frequency(interactions, FrequencyParameters())
    assert interactions.histories.last_time[0] == NO_TIME
    assert model.items[int(model.recommend(interactions.histories, 1).items[0, 0])] == "shared"
