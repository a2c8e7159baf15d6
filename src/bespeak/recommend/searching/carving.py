"""What a search is tried on: a part of what is known, held back, asked for as the real thing is.

A search must foretell what its winner will be asked to. So what is held back is taken as the test
was: the latest time, each customer's latest, a share of everybody's, or the latest sessions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import pyarrow as pa

from bespeak.errors import NotReady
from bespeak.recommend.answering.owned import owned
from bespeak.recommend.evaluating.files import Rows, interactions_of
from bespeak.recommend.evaluating.next_items import carve_newest
from bespeak.recommend.evaluating.splits import Held, carve, hold, new_to
from bespeak.recommend.histories import NO_TIME, Flags, Histories, Interactions, Whole, compressed
from bespeak.recommend.interactions import ranked_ids
from bespeak.recommend.searching.themes import distances

SHARE = 0.1
"""Of all that is known, so much is held back."""
SCATTERED = 0.5
"""Where no times are known, so many customers lose random items, and the rest a theme."""
SURE = 0.95
"""So many of the test's rows must lie after what is known, for it to be one of time."""

Way = Literal["time", "last", "share"]


@dataclass(frozen=True, eq=False)
class Trial:
    """A question that has been answered already.

    train  : what candidates are fitted on
    held   : what customers, or sessions, turned out to have; every row has something
    repeat : whether lists may hold what is known of their row
    how    : in words, how this was held back
    """

    train: Interactions
    held: Held
    repeat: bool
    how: str

    def __len__(self) -> int:
        return len(self.held)

    @cached_property
    def asked(self) -> Histories:
        """The history that each row's list is made of."""
        return self.held.known(self.train)

    @cached_property
    def exclude(self) -> Histories | None:
        """What no list may hold."""
        buys, as_of = self.train.buys, self.train.as_of
        return None if self.repeat else owned(self.asked, buys=buys, as_of=as_of)

    def sample(self, most: int, seed: int) -> Trial:
        """At most so many rows of it, drawn by `seed`."""
        return self.parted(most, seed)[0]

    def parted(self, most: int, seed: int) -> tuple[Trial, Trial | None]:
        """At most so many rows, drawn by `seed`, and as many of the others; None: all are drawn."""
        if len(self) <= most:
            return self, None
        drawn = np.random.default_rng(seed).permutation(len(self))
        return self._of(drawn[:most]), self._of(drawn[most : 2 * most])

    def _of(self, rows: Whole) -> Trial:
        return replace(self, held=self.held.where(np.isin(self.held.rows, rows)))


def trial_of(train: Interactions, held: Held, *, repeat: bool, how: str) -> Trial:
    """A trial of what may stand on lists.

    raises : NotReady where nobody turned out to have such a thing
    """
    held = held if repeat else new_to(held, train)
    if not len(held):
        raise NotReady("nothing can be held back to choose by", found=how)
    return Trial(train, held, repeat, how)


def way_of(train: Rows, test: Rows) -> Way:
    """How a test part was taken from what is known, as far as times tell.

    Nothing of the test but its customers' times is looked at.
    """
    if not (train.timed and test.timed):
        return "share"
    if (test.times >= train.times.max()).mean() >= SURE:
        return "time"
    latest: dict[str, int] = {}
    for customer, time in zip(train.customers, train.times.tolist(), strict=True):
        latest[customer] = max(time, latest.get(customer, NO_TIME))
    after = [
        time >= latest[customer]
        for customer, time in zip(test.customers, test.times.tolist(), strict=True)
        if customer in latest
    ]
    return "last" if after and sum(after) >= SURE * len(after) else "share"


def carved(rows: Rows, way: Way, *, repeat: bool, seed: int = 7) -> Trial:
    """A tenth of a file's rows held back: the latest, or each customer's, or any.

    raises : NotReady where nothing can be held back
    """
    if way == "share" or not rows.timed:
        return by_share(interactions_of(rows),
                        repeat=repeat, seed=seed)  # fmt: skip
    if way == "time":
        test = rows.times > np.quantile(rows.times, 1 - SHARE, method="lower")
        how = f"the latest {SHARE:.0%} of all rows by time"
    else:
        test, how = _latest_of_each(rows), f"the latest {SHARE:.0%} of each customer's rows"
    if not test.any() or test.all():
        raise NotReady("nothing can be held back to choose by", found="rows of one time")
    train = interactions_of(rows.where(~test))
    wanted = rows.where(test)
    return trial_of(train, hold(train, wanted.customers, wanted.items), repeat=repeat, how=how)


def by_share(interactions: Interactions, *, repeat: bool, seed: int = 7) -> Trial:
    """A tenth of each customer's items, one at least of who has two: random ones of every other
    customer, of the rest such as go together (`themes`). Nobody says how the real test will be;
    what is good at both is a safer choice than what is best at one.

    repeat : an item that was had several times is then both known and held back
    raises : NotReady where nobody has two
    """
    far = distances(interactions, seed)
    how = f"{SHARE:.0%} of each customer's items"
    if far is not None:
        scattered = np.random.default_rng([seed, 2]).random(len(interactions.customers)) < SCATTERED
        far[scattered[interactions.histories.rows]] = 0.0
        how += ", of some at random, of some what goes together"
    train, held = carve(interactions, SHARE, seed=seed, order=far)
    if repeat:
        whole, again = interactions.histories, held.customers[held.rows]
        had = np.zeros(len(whole.indices), np.bool_)
        count = np.int64(len(interactions.items))
        had[np.isin(whole.rows * count + whole.indices, again * count + held.items)] = True
        train = replace(train, histories=whole.where(~had | (whole.times > 1)))
    return trial_of(train, held, repeat=repeat, how=how)


def by_session(interactions: Interactions, *, repeat: bool) -> Trial:
    """The newest tenth of sessions, each asked for by every beginning of it, for what came next.

    interactions : a row a session
    raises       : NotReady where nothing is left to learn from, or no such session has two items
    """
    train, held = carve_newest(interactions, SHARE)
    how = f"the newest {SHARE:.0%} of sessions, each of their beginnings"
    if not len(train.histories.indices):
        raise NotReady("nothing can be held back to choose by", found="a single session")
    return trial_of(train, held, repeat=repeat, how=how)


def _latest_of_each(rows: Rows) -> Flags:
    """The latest tenth of each customer's rows; one at least of who has two."""
    _, of_customer = ranked_ids(pa.chunked_array([pa.array(rows.customers, pa.string())]))
    _, of_item = ranked_ids(pa.chunked_array([pa.array(rows.items, pa.string())]))
    order = np.lexsort((of_item, rows.times, of_customer))
    starts = compressed(of_customer[order], int(of_customer.max()) + 1)
    lengths = np.diff(starts)
    wanted = np.where(lengths < 2, 0, np.maximum(1, (lengths * SHARE).astype(np.int64)))
    from_end = np.repeat(starts[1:], lengths) - np.arange(len(order))
    test = np.zeros(len(rows), np.bool_)
    test[order[from_end <= np.repeat(wanted, lengths)]] = True
    return test
