"""What a search is tried on: a part of what is known, held back, asked for as the real thing is.

A search must foretell what its winner will be asked to. So what is held back is taken as the test
was: the latest time, each customer's latest, a share of everybody's, or the latest sessions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pyarrow as pa

from bespeak.errors import NotReady
from bespeak.recommend.files import Rows, interactions_of
from bespeak.recommend.histories import NO_TIME, Flags, Histories, Interactions, Whole, compressed
from bespeak.recommend.interactions import ranked_ids
from bespeak.recommend.splits import Held, carve, hold, new_to
from bespeak.recommend.texts import Ids

SHARE = 0.1
"""Of all that is known, so much is held back."""
SURE = 0.95
"""So many of the test's rows must lie after what is known, for it to be one of time."""

Way = Literal["time", "last", "share"]


@dataclass(frozen=True, eq=False)
class Trial:
    """A question that has been answered already.

    train   : what candidates are fitted on
    asked   : a history a row
    held    : row r of it is what the owner of row r turned out to have; every row has something
    exclude : per row, what its list may not hold; None: anything may stand there
    how     : in words, how this was held back
    """

    train: Interactions
    asked: Histories
    held: Held
    exclude: Histories | None
    how: str

    def __len__(self) -> int:
        return len(self.held)

    def sample(self, most: int, seed: int) -> Trial:
        """At most so many rows of it, drawn by `seed`."""
        if len(self) <= most:
            return self
        rows = np.sort(np.random.default_rng(seed).choice(len(self), most, replace=False))
        return replace(
            self, asked=self.asked.take(rows),
            held=self.held.where(np.isin(self.held.rows, rows)),
            exclude=None if self.exclude is None else self.exclude.take(rows),
        )  # fmt: skip


def trial_of(train: Interactions, held: Held, *, repeat: bool, how: str) -> Trial:
    """What customers of `train` turned out to have, asked for by what they had before.

    repeat : whether lists may hold what a customer has
    raises : NotReady where nobody turned out to have anything
    """
    held = held if repeat else new_to(held, train)
    if not len(held):
        raise NotReady("nothing can be held back to choose by", found=how)
    asked = train.histories.take(held.customers)
    return Trial(train, asked, held, None if repeat else asked, how)


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
    """A random tenth of each customer's items, one at least of who has two.

    repeat : an item that was had several times is then both known and held back
    raises : NotReady where nobody has two
    """
    train, held = carve(interactions, SHARE, seed=seed)
    if repeat:
        whole, again = interactions.histories, held.customers[held.rows]
        had = np.zeros(len(whole.indices), np.bool_)
        count = np.int64(len(interactions.items))
        had[np.isin(whole.rows * count + whole.indices, again * count + held.items)] = True
        train = replace(train, histories=whole.where(~had | (whole.times > 1)))
    return trial_of(train, held, repeat=repeat, how=f"{SHARE:.0%} of each customer's items")


def by_session(interactions: Interactions, *, repeat: bool) -> Trial:
    """The last tenth of sessions, each asked for by every beginning of it, for what came next.

    interactions : a row a session. Sessions are in the order of their last times, items in the
                   order of theirs; where no times are known, in the order of ids
    raises       : NotReady where no such session has two items
    """
    whole = interactions.histories
    last = np.full(len(whole), NO_TIME)
    np.maximum.at(last, whole.rows, whole.last_time)
    late = np.argsort(last, kind="stable")[len(whole) - max(1, round(len(whole) * SHARE)) :]
    kept = np.setdiff1d(np.arange(len(whole)), late)
    train = replace(
        interactions, customers=_some(interactions.customers, kept), histories=whole.take(kept)
    )
    asked, held = beginnings(whole.take(np.sort(late)))
    if not len(held) or not len(kept):
        raise NotReady(
            "nothing can be held back to choose by", found="no late session of two items"
        )
    how = f"the last {SHARE:.0%} of sessions, each of their beginnings"
    return Trial(train, asked, held, None if repeat else asked, how)


def beginnings(sessions: Histories) -> tuple[Histories, Held]:
    """Every beginning of every session, and the one item that came next."""
    lengths = np.maximum(sessions.lengths - 1, 0)
    rows = np.repeat(np.arange(len(sessions)), lengths)
    sizes = np.arange(len(rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths) + 1
    each = sessions.take(rows)
    order = np.lexsort((each.indices, each.last_time, each.rows))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order)) - each.indptr[each.rows]
    wanted = sizes[each.rows]
    held = Held(
        np.full(len(rows), -1, np.int32),
        np.arange(len(rows) + 1),
        each.indices[place == wanted],
    )
    return each.where(place < wanted), held


def _some(names: Ids, rows: Whole) -> Ids:
    return Ids.of(names[row] for row in rows.tolist())


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
