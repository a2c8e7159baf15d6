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
from bespeak.recommend.kernels import put, unload

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
    """What the compiled loop writes on, all zeros between two lists; each thread has its own."""

    def __init__(self, items: int) -> None:
        self.sums = np.zeros(items, np.int64)
        self.touched = np.empty(items, np.int32)
        self.slots = np.zeros(items, np.int16)


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
            (self.work.sums, self.work.touched, self.work.slots),
            (items, scores, customers, givers),
        )  # fmt: skip
        facts = [
            Why("with", other=giver, customers=count) if count >= 0 else Why("rhythm", other=giver)
            for giver, count in zip(givers[:size].tolist(), customers[:size].tolist(), strict=True)
        ]
        return Single(items[:size], scores[:size], facts)

    def foremost(self, history: Histories, k: int, *, exclude: Index, allow: Flags) -> Index:
        """The items of `single`, without their scores and facts."""
        items, scores = np.empty(k, np.int32), np.empty(k, np.int64)
        had = sealed(history.indices, history.weights)
        size = chosen(
            had, self.lists, (self.own, self.whole), sealed(exclude, allow),
            (self.work.sums, self.work.touched, self.work.slots), (items, scores),
            np.empty(len(history.indices), np.int64),
        )  # fmt: skip
        return items[:size]


@brief
def offered(
    had: tuple[Any, Any],
    lists: tuple[Any, Any, Any, Any],
    unit: tuple[int, float],
    limits: tuple[Any, Any],
    work: tuple[Any, Any, Any],
    found: tuple[Any, Any, Any, Any],
) -> int:
    """The k items with the greatest sum of share x similarity, and what added most to each.

    had     : (items, weights) of one history
    lists   : see `Neighbours`
    unit    : (own, whole), see `Neighbours`
    limits  : (items that may not appear, whether each item may at all)
    work    : (sums, touched, slots), sums and slots all zero, and so again at the end
    found   : to fill: (items, scores, histories that hold the item and its giver, givers); where
              the item itself added most: -1 and the item itself
    returns : how many there are
    """
    shares = np.empty(len(had[0]), np.int64)
    size = chosen(had, lists, unit, limits, work, found[:2], shares)
    _explained((had[0], shares), lists, unit[0], work[2], size, found)
    return size


@brief
def chosen(
    had: tuple[Any, Any],
    lists: tuple[Any, Any, Any, Any],
    unit: tuple[int, float],
    limits: tuple[Any, Any],
    work: tuple[Any, Any, Any],
    found: tuple[Any, Any],
    shares: Any,
) -> int:
    """The first part of `offered`: items and scores, and the share of each item of the history."""
    sums, touched, slots = work
    to_items, to_scores = found
    k = len(to_items)
    barred, allow = limits
    reached = _added_up(had, lists, unit, allow, shares, work)
    for at in range(len(barred)):
        sums[barred[at]] = 0
    heap_scores, heap_items = np.empty(k + 1, np.int64), np.empty(k + 1, np.int32)
    size = 0
    for at in range(reached):
        item = touched[at]
        total = sums[item]
        if total > 0 and (size < k or total >= heap_scores[0]):
            size = put(heap_scores, heap_items, size, k, total, item)
        sums[item], slots[item] = 0, 0
    unload(heap_scores, heap_items, size, to_scores, to_items)
    return size


@brief
def _added_up(
    had: tuple[Any, Any],
    lists: tuple[Any, Any, Any, Any],
    unit: tuple[int, float],
    allow: Any,
    shares: Any,
    work: tuple[Any, Any, Any],
) -> int:
    """Fill `shares`, and the sums of what may be listed; how many items were touched.

    A sum that is 0 again, since one item speaks for another and one against it, was touched before.
    """
    members, weights = had
    starts, others, similar, _ = lists
    own, whole = unit
    sums, touched, slots = work
    total = 0
    for index in range(len(weights)):
        total += weights[index]
    scale = whole / max(float(total), 1.0)
    reached = 0
    for index in range(len(members)):
        item = members[index]
        share: Any = max(1, np.int64(np.rint(weights[index] * scale)))
        shares[index] = share
        if share * own > 0 and allow[item]:
            if sums[item] == 0 and slots[item] == 0:
                touched[reached], slots[item] = item, 1
                reached += 1
            sums[item] += share * own
        for at in range(starts[item], starts[item + 1]):
            other = others[at]
            added = share * similar[at]
            if added != 0 and allow[other]:
                if sums[other] == 0 and slots[other] == 0:
                    touched[reached], slots[other] = other, 1
                    reached += 1
                sums[other] += added
    return reached


@brief
def _explained(
    had: tuple[Any, Any],
    lists: tuple[Any, Any, Any, Any],
    own: int,
    slots: Any,
    size: int,
    found: tuple[Any, Any, Any, Any],
) -> None:
    """What added most to each of the first `size` items found; see `offered`.

    had : (items, shares) of the history
    """
    members, shares = had
    items, _, to_customers, to_givers = found
    starts, others, similar, common = lists
    most, held = np.zeros(size, np.int64), np.zeros(size, np.int64)
    for place in range(size):
        slots[items[place]] = place + 1
        to_customers[place], to_givers[place] = -1, items[place]
    for index in range(len(members)):
        item, share = members[index], shares[index]
        if slots[item] > 0:
            held[slots[item] - 1] = share * own
        for at in range(starts[item], starts[item + 1]):
            place = slots[others[at]] - 1
            if place >= 0 and share * similar[at] > most[place]:
                most[place] = share * similar[at]
                to_customers[place], to_givers[place] = common[at], item
    for place in range(size):
        slots[items[place]] = 0
        if held[place] > most[place]:
            to_customers[place], to_givers[place] = -1, items[place]
