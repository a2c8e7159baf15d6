"""One list in one pass: the same list, scores and facts as by the loops for many histories."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bespeak.recommend.answering.filters import ALL, Filters
from bespeak.recommend.answering.lists import listed
from bespeak.recommend.histories import Flags, Histories, Index, Interactions
from bespeak.recommend.mathematics.measure import ItemKnnParameters
from bespeak.recommend.models.item_knn import ItemKnn, fit_item_knn
from bespeak.recommend.models.popular import PopularParameters, fit_popular
from bespeak.recommend.texts import Ids

ITEMS = 60


def made(seed: int, *, own: float = 1.0) -> tuple[Interactions, ItemKnn]:
    """Two hundred histories of up to fifteen of sixty items, and the model of them."""
    chance = np.random.default_rng(seed)
    lists = [chance.choice(ITEMS, chance.integers(1, 16), replace=False) for _ in range(200)]
    histories = Histories.of_lists([sorted(one.tolist()) for one in lists])
    weights = chance.integers(1, 5_000_000, len(histories.indices))
    uneven = Histories(
        histories.indptr, histories.indices, weights, histories.times, histories.first_time,
        histories.last_time, histories.bought,
    )  # fmt: skip
    ids = Ids.of([f"i{item:02d}" for item in range(ITEMS)])
    known = Interactions(Ids.of([f"c{at:03d}" for at in range(200)]), ids, uneven, None)
    return known, fit_item_knn(known, ItemKnnParameters(least_common=1, own=own, neighbours=20))


def check(model: ItemKnn, history: Histories, k: int, out: Index, allow: Flags) -> None:
    """That one pass and the loops for many agree."""
    ranked = model.recommend(history, k, exclude=Histories.of_lists([out]), allow=allow)
    expected, alone = ranked.row(0), model.single(history, k, exclude=out, allow=allow)
    assert alone is not None
    assert alone.items.tolist() == expected.tolist()
    assert alone.scores.tolist() == ranked.scores[0][: len(expected)].tolist()
    assert list(alone.facts) == model.why(history, expected)


@settings(max_examples=60, deadline=None)
@given(
    row=st.integers(0, 199),
    k=st.integers(1, ITEMS + 5),
    out=st.lists(st.integers(0, ITEMS - 1), unique=True, max_size=ITEMS),
    barred=st.lists(st.integers(0, ITEMS - 1), max_size=ITEMS),
    own=st.sampled_from([0.0, 0.3, 1.0, 50.0]),
)
def test_one_pass_gives_the_list_the_scores_and_the_facts_of_the_loops(
    row: int, k: int, out: list[int], barred: list[int], own: float
) -> None:
    known, model = made(3, own=own)
    allow = np.ones(ITEMS, np.bool_)
    allow[barred] = False
    history = known.histories.take(np.array([row]))
    check(model, history, k, np.array(sorted(out), np.int32), allow)


def test_lists_made_one_after_the_other_leave_nothing_behind() -> None:
    known, model = made(4)
    allow = np.ones(ITEMS, np.bool_)
    for row in range(200):
        history = known.histories.take(np.array([row]))
        check(model, history, 10, history.indices, allow)


def test_threads_do_not_write_on_each_others_sums() -> None:
    known, model = made(5)
    allow = np.ones(ITEMS, np.bool_)

    def one(row: int) -> None:
        history = known.histories.take(np.array([row]))
        check(model, history, 10, history.indices, allow)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, range(200)))


def test_items_that_speak_against_one_another_may_add_up_to_nothing_on_the_way() -> None:
    known, model = made(8, own=0.0)
    chance = np.random.default_rng(8)
    signed = chance.integers(-2, 3, len(model.similarity)).astype(np.int32)
    against = replace(model, similarity=signed)
    flat = replace(known.histories, weights=np.full_like(known.histories.weights, 1_000_000))
    allow = np.ones(ITEMS, np.bool_)
    scored = against.scores(flat)
    assert (scored < 0).any() and (scored == 0).any()
    for row in range(200):
        check(against, flat.take(np.array([row])), ITEMS, np.zeros(0, np.int32), allow)


def test_a_history_that_is_cut_goes_by_the_loops() -> None:
    known, _ = made(6)
    model = fit_item_knn(known, ItemKnnParameters(longest_history=2))
    long = known.histories.take(np.array([int(np.argmax(known.histories.lengths))]))
    allow = np.ones(ITEMS, np.bool_)
    assert model.single(long, 5, exclude=long.indices, allow=allow) is None
    lists = listed(
        model, fit_popular(known, PopularParameters()), long, 5, exclude=long, allow=allow
    )
    assert lists.facts is None


@pytest.mark.parametrize("k", [1, 10])
def test_a_full_list_comes_with_its_facts_and_a_short_one_is_filled_up(k: int) -> None:
    known, model = made(7)
    popular = fit_popular(known, PopularParameters())
    history = known.histories.take(np.array([0]))
    few = np.zeros(ITEMS, np.bool_)
    few[:8] = True
    full = listed(model, popular, history, k, exclude=None, allow=np.ones(ITEMS, np.bool_))
    assert full.facts is not None and len(full.facts) == k == int(full.ranked.own[0])
    short = listed(model, popular, history, 10, exclude=history, allow=few)
    assert short.facts is None
    assert set(short.ranked.row(0).tolist()) == set(range(8)) - set(history.indices.tolist())


def test_filters_that_name_nothing_are_the_same_whatever_holds_the_nothing() -> None:
    asked = Filters(exclude=[], hidden=[])
    assert asked.standing == ALL and hash(asked.standing) == hash(ALL)
    assert hash(Filters(exclude=["i01"], category="Tea").standing) == hash(Filters(category="Tea"))
