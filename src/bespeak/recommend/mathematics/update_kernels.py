"""The loops that bring lists of counted pairs up to date: some anew, the others mended.

An item is `marked` where a history that holds it changed. The sums of a pair of which neither is
marked are what they were, so a list changes only in its marked neighbours, unless it is of a
marked item itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bespeak.compiled import compiled
from bespeak.recommend.mathematics.kernels import MOST, add_up, likeness, put, rank, unload

_likeness = compiled(likeness)


@compiled
def differ(
    old: tuple[Any, Any, Any, Any],
    new: tuple[Any, Any, Any, Any],
    rows: tuple[Any, Any],
    places: Any,
    found: Any,
) -> None:
    """Whether each old row and the new row of the same customer differ.

    old, new : (indptr, items, weights, last times)
    rows     : (old, new) rows of the customers that are in both
    places   : of each old item among the new, -1: gone
    found    : flags to fill
    """
    old_starts, old_items, old_weights, old_times = old
    new_starts, new_items, new_weights, new_times = new
    for pair in range(len(rows[0])):
        one, two = old_starts[rows[0][pair]], new_starts[rows[1][pair]]
        size = old_starts[rows[0][pair] + 1] - one
        same = size == new_starts[rows[1][pair] + 1] - two
        at = 0
        while same and at < size:
            same = (
                places[old_items[one + at]] == new_items[two + at]
                and old_weights[one + at] == new_weights[two + at]
                and old_times[one + at] == new_times[two + at]
            )
            at += 1
        found[pair] = not same


@compiled
def counted_anew(
    ways: tuple[Any, Any],
    norms: tuple[Any, Any, float, int],
    asked: Any,
    bounds: tuple[Any, Any],
    span: tuple[int, int],
    found: tuple[Any, Any, Any],
) -> tuple[Any, Any, Any, Any, Any]:
    """The lists of the marked items of `span`, and what they are to items that are not marked.

    ways    : (by_row, by_item), see `kernels.neighbours`
    asked   : the marked items
    bounds  : (marked, least): flags, and the least similarity that can matter to each item's list
    found   : to fill with the lists, as `kernels.neighbours` has it
    returns : (how many each list got; then, of each pair that matters: the other item, the marked
              one, the similarity in the other's list, histories in common)
    """
    by_row, by_item = ways
    left, right, shrink, least_common = norms
    marked, least = bounds
    to_items, to_similar, to_common = found
    count, n = len(left), to_items.shape[1]
    work = np.zeros(count, np.int64), np.zeros(count, np.int32), np.empty(count, np.int32)
    sums, common, touched = work
    heap = np.empty(n + 1, np.int64), np.empty(n + 1, np.int32)
    sizes = np.zeros(span[1] - span[0], np.int64)
    others, givers = np.empty(1024, np.int32), np.empty(1024, np.int32)
    similar, both = np.empty(1024, np.int32), np.empty(1024, np.int32)
    told = 0
    for place in range(span[0], span[1]):
        item, at = asked[place], place - span[0]
        reached = add_up(item, by_row, by_item, work)
        for index in range(reached):
            other = touched[index]
            if not marked[other] and common[other] >= least_common:
                like = int(
                    np.floor(_likeness(float(sums[other]), left[other], right[item], shrink) + 0.5)
                )
                if like > 0 and like >= least[other]:
                    if told == len(others):
                        others, givers = longer(others), longer(givers)
                        similar, both = longer(similar), longer(both)
                    others[told], givers[told] = other, item
                    similar[told], both[told] = min(like, MOST), common[other]
                    told += 1
        line = to_items[at], to_similar[at], to_common[at]
        sizes[at] = rank(item, reached, norms, work, heap, line)
    return sizes, others[:told], givers[:told], similar[:told], both[:told]


@compiled
def longer(array: Any) -> Any:
    """The same with as much room again."""
    found = np.empty(2 * len(array), array.dtype)
    found[: len(array)] = array
    return found


@compiled
def mended(
    ways: tuple[Any, Any],
    norms: tuple[Any, Any, float, int],
    old: tuple[Any, Any, Any, Any, Any, Any],
    anew: tuple[Any, Any, Any, Any, Any],
    told: tuple[Any, Any, Any, Any],
    span: tuple[int, int],
    found: tuple[Any, Any, Any],
) -> Any:
    """Every list of `span` as it is now; see `kernels.neighbours` for ways, norms and `found`.

    old     : (indptr, items, similarities, common, each new item's old place, and the reverse);
              -1: it was not there, or is gone
    anew    : (each item's place among the marked, -1: not marked; sizes, items, similarities,
              common of their lists)
    told    : (indptr, items, similarities, common) of what marked items are to each other item
    returns : how many each list got
    """
    by_row, by_item = ways
    place, sizes_anew, items_anew, similar_anew, common_anew = anew
    to_items, to_similar, to_common = found
    count, n = len(place), to_items.shape[1]
    work = np.zeros(count, np.int64), np.zeros(count, np.int32), np.empty(count, np.int32)
    heap = np.empty(n + 1, np.int64), np.empty(n + 1, np.int32)
    both, sizes = np.zeros(count, np.int32), np.zeros(span[1] - span[0], np.int64)
    for item in range(span[0], span[1]):
        at = item - span[0]
        line = to_items[at], to_similar[at], to_common[at]
        if place[item] >= 0:
            size = sizes_anew[place[item]]
            line[0][:size] = items_anew[place[item], :size]
            line[1][:size] = similar_anew[place[item], :size]
            line[2][:size] = common_anew[place[item], :size]
            sizes[at] = size
            continue
        size, sure = _merged(item, old, place, told, heap, both)
        if not sure:
            reached = add_up(item, by_row, by_item, work)
            sizes[at] = rank(item, reached, norms, work, heap, line)
            continue
        unload(heap[0], heap[1], size, line[1], line[0])
        for index in range(size):
            line[2][index] = both[line[0][index]]
        sizes[at] = size
    return sizes


@compiled
def _merged(
    item: int,
    old: tuple[Any, Any, Any, Any, Any, Any],
    place: Any,
    told: tuple[Any, Any, Any, Any],
    heap: tuple[Any, Any],
    both: Any,
) -> tuple[int, bool]:
    """What an unmarked item's list keeps, and what marked items now are to it, in the heap.

    both    : to fill: histories in common, by item
    returns : (how many are in the heap, whether they are sure to be the best)
    """
    starts, items, similar, common, before, places = old
    scores, members = heap
    n, size, first, last = len(scores) - 1, 0, 0, 0
    if before[item] >= 0:
        first, last = starts[before[item]], starts[before[item] + 1]
    for entry in range(first, last):
        other = places[items[entry]]
        if other >= 0 and place[other] < 0:
            size = put(scores, members, size, n, similar[entry], other)
            both[other] = common[entry]
    for entry in range(told[0][item], told[0][item + 1]):
        size = put(scores, members, size, n, told[2][entry], told[1][entry])
        both[told[1][entry]] = told[3][entry]
    if last - first < n:  # it was never cut
        return size, True
    if size < n:
        return size, False
    # what the list ended with; what came after that is not known, and must not come before
    worst, end = similar[last - 1], places[items[last - 1]]
    return size, bool(scores[0] > worst or (scores[0] == worst and members[0] <= end))
