"""One history's list in one pass of compiled code: the scores, the best of them, and their facts.

What `kernels.best` and `kernels.strongest` find for many histories, found for one at a time as a
server needs it: its arrays are there already, and each list of neighbours is read while it is near.
The numbers are the same, unit by unit, since they are sums of the same whole numbers.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bespeak.compiled import brief, sealed
from bespeak.recommend.base import Why
from bespeak.recommend.histories import Flags, Histories, Index, Whole
from bespeak.recommend.mathematics.kernels import put, unload

LINE = 16
"""Numbers of four bytes in a line of a processor's cache."""
NOTHING = sealed(np.zeros(0, np.int32))[0]


@dataclass(frozen=True, eq=False)
class Single:
    """One list, best first, and why each of its items is on it."""

    items: Index
    scores: Whole
    facts: Sequence[Why]


class Ready(ABC):
    """A model that makes one list, with its facts, faster than many."""

    @abstractmethod
    def single(self, history: Histories, k: int, *, exclude: Index, allow: Flags) -> Single | None:
        """As `Model.recommend` and `Model.why`; None where this history needs them instead.

        exclude : items that may not appear
        """


class Work(threading.local):
    """What the compiled loop writes on, sums all zero between two lists; each thread has its
    own."""

    def __init__(self, items: int) -> None:
        self.sums = np.zeros(items, np.int64)
        self.touched = np.empty(items, np.int32)


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Every item's neighbours, as the compiled loop reads them.

    lists : (indptr, items, similarities, histories in common)
    own   : an item's similarity to itself
    whole : what a history's weights are scaled to sum to
    """

    lists: tuple[Any, ...]
    own: int
    whole: float
    work: Work

    @classmethod
    def of(cls, lists: tuple[Any, ...], own: int, whole: float) -> Neighbours:
        return cls(sealed(*lists), own, whole, Work(len(lists[0]) - 1))

    def single(self, history: Histories, k: int, *, exclude: Index, allow: Flags) -> Single:
        """See `Ready`; k is at most the number of items."""
        items, scores = np.empty(k, np.int32), np.empty(k, np.int64)
        customers, givers = np.empty(k, np.int32), np.empty(k, np.int32)
        had = sealed(history.indices, history.weights)
        size = offered(
            had, self.lists, (self.own, self.whole), sealed(exclude, allow),
            (self.work.sums, self.work.touched),
            (items, scores, customers, givers),
        )  # fmt: skip
        facts = [
            Why("with", giver, count) if count >= 0 else Why("rhythm", giver)
            for giver, count in zip(givers[:size].tolist(), customers[:size].tolist(), strict=True)
        ]
        return Single(items[:size], scores[:size], facts)

    def foremost(self, history: Histories, k: int, *, exclude: Index, allow: Flags) -> Index:
        """The items of `single`, without their scores and facts."""
        items, scores = np.empty(k, np.int32), np.empty(k, np.int64)
        had = sealed(history.indices, history.weights)
        size, _, _ = chosen(
            had, self.lists, (self.own, self.whole), sealed(exclude, allow),
            (self.work.sums, self.work.touched), (items, scores),
        )  # fmt: skip
        return items[:size]


@brief
def offered(
    had: tuple[Any, Any],
    lists: tuple[Any, Any, Any, Any],
    unit: tuple[int, float],
    limits: tuple[Any, Any],
    work: tuple[Any, Any],
    found: tuple[Any, Any, Any, Any],
) -> int:
    """The k items with the greatest sum of share x similarity, and what added most to each.

    had     : (items, weights) of one history
    lists   : see `Neighbours`
    unit    : (own, whole), see `Neighbours`
    limits  : (items that may not appear, whether each item may at all)
    work    : (sums, touched), sums all zero, and so again at the end
    found   : to fill: (items, scores, histories that hold the item and its giver, givers); where
              the item itself added most: -1 and the item itself
    returns : how many there are
    """
    size, shares, added = chosen(had, lists, unit, limits, work, found[:2])
    _explained((had[0], shares), lists, unit[0], added, work[0], size, found)
    return size


@brief
def chosen(
    had: tuple[Any, Any],
    lists: tuple[Any, Any, Any, Any],
    unit: tuple[int, float],
    limits: tuple[Any, Any],
    work: tuple[Any, Any],
    found: tuple[Any, Any],
) -> tuple[int, Any, Any]:
    """The first part of `offered`: fills items and scores.

    returns : how many there are, and what `_added_up` does
    """
    sums, touched = work
    to_items, to_scores = found
    k = len(to_items)
    barred, allow = limits
    shares, added = _added_up(had, lists, unit, allow, work)
    for at in range(len(barred)):
        sums[barred[at]] = 0
    heap_scores, heap_items = np.empty(k + 1, np.int64), np.empty(k + 1, np.int32)
    size = 0
    for at in range(added[-1]):
        item = touched[at]
        total = sums[item] >> 1
        if total > 0 and (size < k or total >= heap_scores[0]):
            size = put(heap_scores, heap_items, size, k, total, item)
        sums[item] = 0
    unload(heap_scores, heap_items, size, to_scores, to_items)
    return size, shares, added


@brief
def _added_up(
    had: tuple[Any, Any],
    lists: tuple[Any, Any, Any, Any],
    unit: tuple[int, float],
    allow: Any,
    work: tuple[Any, Any],
) -> tuple[Any, Any]:
    """Fill the sums of what may be listed: twice the sum and one more, so that a sum of 0 differs
    from one that nothing was added to.

    returns : the members' shares; and the entries of their lists that were added, each member's
              ended by -1, with how many items were touched at the very end
    """
    members, weights = had
    starts, others, similar, _ = lists
    own, whole = unit
    sums, touched = work
    total, room = 0, len(members) + 1
    for index in range(len(members)):
        total += weights[index]
        room += starts[members[index] + 1] - starts[members[index]]
    touched[0] = _fetched(members, lists)
    scale = whole / max(float(total), 1.0)
    shares, added = np.empty(len(members), np.int64), np.empty(room, np.int64)
    reached = count = 0
    for index in range(len(members)):
        item = members[index]
        share: Any = max(1, np.int64(np.rint(weights[index] * scale)))
        shares[index] = share
        if share * own > 0 and allow[item]:
            if sums[item] == 0:
                touched[reached], sums[item] = item, 1
                reached += 1
            sums[item] += 2 * share * own
        for at in range(starts[item], starts[item + 1]):
            other = others[at]
            if allow[other] and similar[at] != 0:
                if sums[other] == 0:
                    touched[reached], sums[other] = other, 1
                    reached += 1
                sums[other] += 2 * share * similar[at]
                added[count] = at
                count += 1
        added[count] = -1
        count += 1
    added[-1] = reached
    return shares, added


@brief
def _fetched(members: Any, lists: tuple[Any, Any, Any, Any]) -> int:
    """Read one number of each line of the cache that the members' lists lie in, so that memory
    brings many at once: the loop that adds up waits for each. The sum has no other use."""
    starts, others, similar, _ = lists
    seen = 0
    for index in range(len(members)):
        for at in range(starts[members[index]], starts[members[index] + 1], LINE):
            seen += others[at] + similar[at]
    return seen & 1


@brief
def _explained(
    had: tuple[Any, Any],
    lists: tuple[Any, Any, Any, Any],
    own: int,
    added: Any,
    slots: Any,
    size: int,
    found: tuple[Any, Any, Any, Any],
) -> None:
    """What added most to each of the first `size` items found; see `offered`.

    had   : (items, shares) of the history
    added : as `_added_up` gives it: with a category, a tenth of what the lists hold
    slots : all zero, and so again at the end
    """
    members, shares = had
    items, _, to_customers, to_givers = found
    _, others, similar, common = lists
    most, held = np.zeros(size, np.int64), np.zeros(size, np.int64)
    for place in range(size):
        slots[items[place]] = place + 1
        to_customers[place], to_givers[place] = -1, items[place]
    count = 0
    for index in range(len(members)):
        item, share = members[index], shares[index]
        if slots[item] > 0:
            held[slots[item] - 1] = share * own
        while added[count] >= 0:
            at = added[count]
            place = slots[others[at]] - 1
            if place >= 0 and share * similar[at] > most[place]:
                most[place] = share * similar[at]
                to_customers[place], to_givers[place] = common[at], item
            count += 1
        count += 1
    for place in range(size):
        slots[items[place]] = 0
        if held[place] > most[place]:
            to_customers[place], to_givers[place] = -1, items[place]
