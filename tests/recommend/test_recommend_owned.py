from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bespeak.recommend import evaluate
from bespeak.recommend.answering.owned import RETURNING, owned
from bespeak.recommend.evaluating.splits import hold
from bespeak.recommend.histories import NO_TIME, Histories, Interactions
from bespeak.recommend.interactions import DAY
from contracts.recommender import world

AS_OF = 400 * DAY


def mixed(lists: list[list[int]], bought: list[bool], days_ago: list[float]) -> Histories:
    """Histories whose entries, in their order, were bought or not, so many days ago."""
    last = np.array([AS_OF - round(days * DAY) for days in days_ago])
    return replace(Histories.of_lists(lists), bought=np.array(bought), last_time=last)


def rows(histories: Histories) -> list[list[int]]:
    return [histories.indices[histories.row(row)].tolist() for row in range(len(histories))]


def test_what_was_bought_stays_off_and_what_was_looked_at_may_come_back() -> None:
    histories = mixed([[1, 2], [3]], [True, False, False], [90, 90, 90])
    assert rows(owned(histories, buys=True, as_of=AS_OF)) == [[1], []]


def test_what_was_looked_at_within_a_day_of_the_count_or_since_stays_off() -> None:
    histories = mixed([[1, 2, 3, 4]], [False] * 4, [1.01, 1, 0.5, -20])
    assert rows(owned(histories, buys=True, as_of=AS_OF)) == [[2, 3, 4]]


def test_of_much_that_was_looked_at_only_what_counts_most_may_come_back() -> None:
    lists = [[0, *([3] * 2), 5, *([7] * 4), *([8] * 3)], [1, 2]]
    histories = mixed(lists, [False] * 5 + [True, False], [30, 20, 10, 9, 8, 7, 6])
    assert RETURNING == 3
    assert rows(owned(histories, buys=True, as_of=AS_OF)) == [[0, 5], [1]]


def test_equals_come_back_the_latest_first() -> None:
    histories = mixed([[1, 2, 3, 4]], [False] * 4, [3, 9, 2, 9])
    assert rows(owned(histories, buys=True, as_of=AS_OF)) == [[4]]


def test_without_a_known_purchase_all_that_was_seen_stays_off() -> None:
    histories = mixed([[1, 2]], [False, False], [90, 90])
    assert owned(histories, buys=False, as_of=AS_OF) is histories


def test_who_only_bought_has_all_of_it() -> None:
    histories = mixed([[1, 2]], [True, True], [90, 0])
    assert owned(histories, buys=True, as_of=AS_OF) is histories


def test_without_times_nothing_is_lately() -> None:
    histories = replace(Histories.of_lists([[1, 2]]), bought=np.array([True, False]))
    assert set(histories.last_time.tolist()) == {NO_TIME}
    assert rows(owned(histories, buys=True, as_of=None)) == [[1]]


@pytest.mark.parametrize("count", [0, 3])
def test_empty_histories_stay_empty(count: int) -> None:
    assert rows(owned(Histories.empty(count), buys=True, as_of=AS_OF)) == [[]] * count


def looking(bought: bool) -> Interactions:
    """Ann had x and y; with `bought`, of these only y was bought. Everybody else had all."""
    known = world([("ann", "x"), ("ann", "y"), *((n, i) for n in "bc" for i in "xyz")])
    flags = np.full(len(known.histories.indices), bought)
    flags[known.items.find("x")] = False
    return replace(known, histories=replace(known.histories, bought=flags))


def test_an_evaluation_counts_what_a_shop_would_offer() -> None:
    for bought, found in ((True, 2), (False, 1)):
        train = looking(bought)
        held = hold(train, ["ann"] * 3, ["x", "y", "z"])
        (row,) = evaluate(train, held, ["item_knn"], k=2)["models"]
        assert row["recall@2"] == 1.0
        assert row["map@2"] == 1.0
        (row,) = evaluate(train, held, ["item_knn"], k=1)["models"]
        assert row["recall@1"] == pytest.approx(1 / found)
