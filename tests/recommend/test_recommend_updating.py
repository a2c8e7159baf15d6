"""A model brought up to date is that of a fit from nothing, entry by entry."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bespeak.recommend.evaluating.files import Rows, interactions_of
from bespeak.recommend.histories import Interactions
from bespeak.recommend.mathematics import updating
from bespeak.recommend.mathematics.measure import ItemKnnParameters
from bespeak.recommend.mathematics.updating import changed, updated
from bespeak.recommend.models import MODELS, parameters_of
from bespeak.recommend.models.item_knn import fit_item_knn

Shop = dict[str, dict[str, tuple[float, int]]]
"""customer -> item -> (weight, time)"""


def known(shop: Shop) -> Interactions:
    rows = [(c, i, w, t) for c, items in shop.items() for i, (w, t) in items.items()]
    customers, items, weights, times = zip(*rows, strict=True)
    return interactions_of(
        Rows(list(customers), list(items), np.array(times, np.int64), np.array(weights))
    )


def shop_of(seed: int, customers: int = 60, items: int = 40) -> Shop:
    draw = np.random.default_rng(seed)
    return {
        f"c{customer:03}": {
            f"i{item:03}": (float(draw.integers(1, 6)) / 2, int(draw.integers(1, 50)))
            for item in draw.choice(items, draw.integers(1, min(9, items)), replace=False)
        }
        for customer in range(customers)
    }


def moved_on(shop: Shop, seed: int, changes: int) -> Shop:
    """The shop with some who bought, forgot, came or left, of items old and new."""
    draw, now = np.random.default_rng(seed), {c: dict(items) for c, items in shop.items()}
    for step in range(changes):
        customer = str(draw.choice(sorted(now)))
        kind = draw.integers(0, 5)
        if kind == 0:
            now[f"c{900 + step}a"] = {f"i{draw.integers(0, 40):03}": (1.0, 51)}
        elif kind == 1 and len(now) > 2:
            del now[customer]
        elif kind == 2 and len(now[customer]) > 1:
            del now[customer][sorted(now[customer])[0]]
        elif kind == 3:
            now[customer][f"i{draw.integers(0, 40):03}x"] = (1.5, 51)
        else:
            now[customer][f"i{draw.integers(0, 40):03}"] = (float(draw.integers(1, 4)), 51)
    return now


def same(one: Any, two: Any) -> bool:
    return one.scale == two.scale and one.cut == two.cut and all(
        np.array_equal(getattr(one, name), getattr(two, name))
        and getattr(one, name).dtype == getattr(two, name).dtype
        for name in ("indptr", "neighbours", "similarity", "common")
    )  # fmt: skip


@settings(max_examples=120, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    changes=st.integers(0, 4),
    name=st.sampled_from(["item_knn", "rp3beta"]),
    neighbours=st.sampled_from([1, 3, 10, 100]),
    least_common=st.sampled_from([1, 2]),
    longest=st.sampled_from([3, 500]),
    items=st.sampled_from([6, 12, 40]),
)
def test_the_model_is_that_of_a_fit_from_nothing(
    seed: int, changes: int, name: str, neighbours: int, least_common: int, longest: int, items: int
) -> None:
    given_settings = {
        "neighbours": neighbours, "least_common": least_common, "longest_history": longest
    }  # fmt: skip
    shop = shop_of(seed, customers=min(60, items), items=items)
    before, now = known(shop), known(moved_on(shop, seed + 1, changes))
    kind, parameters = MODELS[name], parameters_of(name, given_settings)
    assert kind.updated is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(updating, "WORTH", 1.0)
        made = kind.updated(kind.fit(before, parameters), before, now)
    if made is not None:  # else the units changed
        model, _ = made
        assert same(model, kind.fit(now, parameters))
        assert model.items.same(now.items)


@pytest.mark.parametrize("weighting", ["linear", "log", "binary"])
def test_most_small_changes_are_brought_up_to_date(weighting: Any) -> None:
    parameters = ItemKnnParameters(weighting=weighting, neighbours=5)
    taken = 0
    for seed in range(10):
        shop = shop_of(seed, customers=300, items=200)
        before, now = known(shop), known(moved_on(shop, seed, 2))
        made = updated(fit_item_knn(before, parameters), parameters, before, now)
        if made is not None:
            taken += 1
            assert np.array_equal(made.lists.neighbours, fit_item_knn(now, parameters).neighbours)
    assert taken >= 8


def test_who_changed_is_found_and_nobody_else() -> None:
    shop = shop_of(1)
    now = {customer: dict(items) for customer, items in shop.items()}
    del now["c003"]
    now["c004"]["i001"] = (9.0, 60)
    now["c999"] = {"i002": (1.0, 3)}
    found = changed(known(shop), known(now))
    assert found.customers == 3
    touched = {*shop["c003"], *now["c004"], "i002"}
    assert {known(now).items[at] for at in np.flatnonzero(found.items)} == touched
    assert changed(known(shop), known(shop)).customers == 0


def test_where_all_changed_there_is_nothing_to_mend() -> None:
    shop, parameters = shop_of(2), ItemKnnParameters()
    before = known(shop)
    model = fit_item_knn(before, parameters)
    heavier = {c: {i: (w * 1.5, t) for i, (w, t) in items.items()} for c, items in shop.items()}
    assert updated(model, parameters, before, known(heavier)) is None
    million = {c: {i: (w * 1e6, t) for i, (w, t) in items.items()} for c, items in shop.items()}
    assert updated(model, parameters, before, known(million)) is None  # other units
    wide = ItemKnnParameters(weighting="bm25")
    assert updated(fit_item_knn(before, wide), wide, before, before) is None
    assert updated(replace(model, scale=model.scale * 2), parameters, before, before) is None


def test_a_model_that_is_no_count_of_pairs_has_no_such_way() -> None:
    assert [name for name in MODELS if MODELS[name].updated] == ["item_knn", "rp3beta"]
