from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from bespeak.errors import NotReady
from bespeak.recommend.evaluating.files import Rows, interactions_of
from bespeak.recommend.evaluating.splits import hold
from bespeak.recommend.histories import NO_TIME, Histories, Interactions
from bespeak.recommend.searching.carving import (
    Trial,
    by_session,
    by_share,
    carved,
    trial_of,
    way_of,
)
from contracts.recommender import world

SECOND = 1_000_000


def rows_of(lines: Sequence[tuple[str, str, int]]) -> Rows:
    """Lines of (customer, item, second)."""
    return Rows(
        [line[0] for line in lines], [line[1] for line in lines],
        np.array([line[2] * SECOND for line in lines]), np.ones(len(lines)), timed=True,
    )  # fmt: skip


def told(trial: Trial) -> list[tuple[list[str], list[str]]]:
    """What each row is asked with, and what is wanted."""
    items, asked = trial.train.items, trial.asked
    names = [*items, "?"]
    return [
        (
            [names[item] for item in asked.indices[asked.row(row)]],
            [names[item] for item in trial.held.items[trial.held.rows == row]],
        )
        for row in range(len(trial))
    ]


def test_the_way_follows_how_the_test_was_taken() -> None:
    train = rows_of([("a", "x", 1), ("a", "y", 9), ("b", "x", 3), ("b", "z", 4)])
    after = rows_of([("a", "z", 10), ("c", "x", 12)])
    each_last = rows_of([("a", "z", 10), ("b", "y", 5)])
    anywhere = rows_of([("a", "z", 2), ("b", "y", 1)])
    strangers = rows_of([("q", "z", 2)])
    assert way_of(train, after) == "time"
    assert way_of(train, each_last) == "last"
    assert way_of(train, anywhere) == way_of(train, strangers) == "share"
    timeless = Rows(["a"], ["x"], np.array([NO_TIME]), np.ones(1))
    assert way_of(train, timeless) == way_of(timeless, after) == "share"


def test_by_time_the_latest_rows_are_held_back() -> None:
    lines = [(f"c{n % 3}", f"i{n % 7}", n) for n in range(20)]
    trial = carved(rows_of(lines), "time", repeat=True)
    assert trial.how == "the latest 10% of all rows by time"
    assert {customer for customer, _, at in lines if at > 17} == {"c0", "c1"}
    assert trial.train.as_of == 17 * SECOND + 1
    assert [wanted for _, wanted in told(trial)] == [["i4"], ["i5"]]


def test_the_last_of_each_is_by_their_own_time() -> None:
    lines = [("a", "z", 9), ("a", "x", 1), ("b", "x", 100), ("b", "y", 101), ("c", "q", 1)]
    trial = carved(rows_of(lines), "last", repeat=False)
    assert told(trial) == [(["x"], ["?"]), (["x"], ["?"])]
    assert len(trial.train.customers) == 3


def test_a_share_leaves_one_item_to_everybody_and_takes_one_of_who_has_two() -> None:
    known = world([("a", "x"), ("a", "y"), ("b", "x"), ("c", "x"), ("c", "y"), ("c", "z")])
    trial = by_share(known, repeat=False, seed=3)
    assert len(trial) == 2
    assert trial.train.histories.lengths.tolist() == [1, 1, 2]
    assert trial.exclude is not None


def test_what_was_had_several_times_is_known_and_foretold_where_lists_may_repeat() -> None:
    often = interactions_of(
        Rows(["a"] * 3, ["x", "x", "y"], np.full(3, NO_TIME), np.ones(3)),
    )
    kept = {seed: by_share(often, repeat=True, seed=seed) for seed in range(6)}
    assert {tuple(told(trial)[0][0]) for trial in kept.values()} == {("x", "y"), ("x",)}
    assert all(trial.exclude is None for trial in kept.values())


@pytest.mark.parametrize("way", ["time", "last", "share"])
def test_one_row_can_hold_nothing_back(way: str) -> None:
    with pytest.raises(NotReady, match="nothing can be held back"):
        carved(rows_of([("a", "x", 1)]), way, repeat=False)  # type: ignore[arg-type]


def test_rows_of_one_instant_can_hold_nothing_back_by_time() -> None:
    with pytest.raises(NotReady, match="rows of one time"):
        carved(rows_of([("a", "x", 1), ("b", "y", 1)]), "time", repeat=False)


def test_only_what_is_owned_already_is_nothing_to_try_on() -> None:
    known = world([("a", "x"), ("a", "y")])
    with pytest.raises(NotReady):
        trial_of(known, hold(known, ["a"], ["x"]), repeat=False, how="told")


def sessions(lists: Sequence[Sequence[int]], items: int = 9) -> Interactions:
    """Each a session, one after another, with an item a second."""
    lines = [
        (f"s{number:03}", f"i{item}", 1000 * number + place)
        for number, members in enumerate(lists)
        for place, item in enumerate(members)
    ]
    return interactions_of(rows_of(lines))


def test_the_newest_sessions_are_asked_and_the_rest_is_learned_from() -> None:
    trial = by_session(sessions([[n % 4, (n + 1) % 4, 8] for n in range(20)]), repeat=False)
    assert (trial.train.histories.lengths > 0).sum() == 18
    assert len(trial) == 4
    assert trial.exclude is not None
    assert trial.how == "the newest 10% of sessions, each of their beginnings"


def test_sessions_of_one_item_can_hold_nothing_back() -> None:
    with pytest.raises(NotReady):
        by_session(sessions([[1], [2], [3]]), repeat=True)
    with pytest.raises(NotReady, match="a single session"):
        by_session(sessions([[1, 2]]), repeat=True)


def test_a_sample_keeps_rows_whole() -> None:
    known = world([(f"c{n}", f"i{m}") for n in range(30) for m in range(20)])
    trial = by_share(known, repeat=False, seed=1)
    some = trial.sample(7, seed=1)
    assert len(some) == 7
    assert len(some.asked) == 7
    assert (np.diff(some.held.indptr) == 2).all()
    assert trial.sample(1000, seed=1) is trial
    assert isinstance(some.asked, Histories)
