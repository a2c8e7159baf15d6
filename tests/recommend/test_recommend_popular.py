from __future__ import annotations

import numpy as np

from bespeak.recommend.evaluating.files import Rows, interactions_of
from bespeak.recommend.histories import Histories, Interactions
from bespeak.recommend.models.popular import DAY, HEAD, PopularParameters, fit_popular
from contracts.recommender import RecommenderContract, world


class TestPopular(RecommenderContract):
    name = "popular"


def dated(rows: list[tuple[str, str, int]]) -> Interactions:
    """(customer, item, day) rows."""
    return interactions_of(
        Rows(
            [customer for customer, _, _ in rows],
            [item for _, item, _ in rows],
            np.array([day * DAY for _, _, day in rows]),
            np.ones(len(rows)),
            timed=True,
        )
    )


FASHION = [("a", "old", 1), ("b", "old", 2), ("c", "old", 3), ("a", "new", 90), ("b", "new", 99)]


def names(interactions: Interactions, parameters: PopularParameters, k: int = 5) -> list[str]:
    model = fit_popular(interactions, parameters)
    return [model.items[item] for item in model.recommend(Histories.empty(1), k).row(0)]


def test_the_window_counts_only_who_had_it_lately() -> None:
    assert names(dated(FASHION), PopularParameters(window_days=28)) == ["new", "old"]


def test_no_window_counts_everybody() -> None:
    assert names(dated(FASHION), PopularParameters(window_days=0)) == ["old", "new"]


def test_a_half_life_lets_the_past_fade() -> None:
    fading = PopularParameters(window_days=0, half_life_days=10)
    assert names(dated(FASHION), fading) == ["new", "old"]


def test_without_times_the_window_means_everybody() -> None:
    interactions = world([("a", "x"), ("b", "x"), ("c", "y")])
    assert names(interactions, PopularParameters(window_days=1)) == ["x", "y"]


def test_a_customer_counts_once_however_often_they_came() -> None:
    interactions = world([("a", "x")] * 5 + [("a", "y"), ("b", "y")])
    assert names(interactions, PopularParameters()) == ["y", "x"]


def grouped() -> Interactions:
    pairs = [(f"n{i}", "scarf") for i in range(4)] + [(f"s{i}", "sandal") for i in range(5)]
    labels = {name: "north" if name[0] == "n" else "south" for name, _ in pairs}
    return world(pairs).with_groups("place", labels)


def test_each_place_has_its_own_list() -> None:
    interactions = grouped()
    model = fit_popular(interactions, PopularParameters(by="place", least_customers=2))
    ranked = model.recommend(interactions.histories, 2)
    by_customer = dict(zip(interactions.customers, ranked.items[:, 0].tolist(), strict=True))
    assert model.items[by_customer["n0"]] == "scarf"
    assert model.items[by_customer["s0"]] == "sandal"


def test_the_rest_of_a_place_s_list_is_what_all_others_choose() -> None:
    interactions = grouped()
    model = fit_popular(interactions, PopularParameters(by="place", least_customers=2))
    north = interactions.histories.take(np.array([interactions.customers.find("n0")]))
    ranked = model.recommend(north, 5)
    assert [model.items[item] for item in ranked.row(0)] == ["scarf", "sandal"]
    inside, outside = model.why(north, ranked.row(0))
    assert (inside.group, inside.customers) == ("north", 4)
    assert (outside.group, outside.customers) == (None, 5)


def test_group_lists_agree_with_their_scores() -> None:
    interactions = grouped()
    model = fit_popular(interactions, PopularParameters(by="place", least_customers=2))
    ranked, scores = (
        model.recommend(interactions.histories, 2),
        model.scores(interactions.histories),
    )
    assert np.array_equal(np.take_along_axis(scores, ranked.items.astype(int), 1), ranked.scores)


def test_a_place_with_few_customers_gets_the_list_of_all() -> None:
    interactions = grouped()
    model = fit_popular(interactions, PopularParameters(by="place", least_customers=5))
    north = interactions.histories.take(np.array([interactions.customers.find("n0")]))
    assert model.items[int(model.recommend(north, 1).items[0, 0])] == "sandal"


def test_it_says_how_many_customers_and_days_it_counted() -> None:
    model = fit_popular(dated(FASHION), PopularParameters(window_days=28))
    new, old = model.why(Histories.empty(1), np.array([0, 1], np.int32))
    assert (new.customers, new.days) == (2, 28)
    assert (old.customers, old.days) == (3, None)


def test_a_list_is_as_long_as_there_are_items_for_it_however_far_down_they_stand() -> None:
    catalogue = [f"i{number:04}" for number in range(HEAD + 30)]
    model = fit_popular(world([("a", item) for item in catalogue]), PopularParameters())
    allow = np.zeros(len(catalogue), np.bool_)
    allow[[3, HEAD + 5, HEAD + 9, HEAD + 20]] = True
    for k in (1, 3, 10):
        listed = model.recommend(Histories.empty(1), k, allow=allow).row(0)
        assert listed.tolist() == [3, HEAD + 5, HEAD + 9, HEAD + 20][:k]
    had = Histories.of_lists([[3, HEAD + 5], [HEAD + 9]])
    listed = model.recommend(had, 2, exclude=had, allow=allow)
    assert listed.items.tolist() == [[HEAD + 9, HEAD + 20], [3, HEAD + 5]]
