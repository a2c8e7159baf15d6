"""The loops of tifu_knn, compiled: customers with the like tastes, and what they keep buying.

As in kernels.py, parts run side by side in plain threads, and all sums are of whole numbers.

past   : (indptr, items, shares, worths): histories, one a row, the newest first; what each entry
         is of its row's taste, and what it is worth to others
marked : (starts, entries, rows): per item, the entries that hold it in the newest rows, and the row
         of every entry of `past`
fresh  : int32, per item, of FRESH: how much it counts beside what others have
memory : (past, marked, fresh, focus)
asked  : (indptr, items, shares, owns): the present histories, and what each of their items scores
         by itself
work   : (sums, touched) by row of `past`, (scores, reached, places, slots) by item; sums, scores,
         places and slots are zero, and so again at the end of every list
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bespeak.compiled import compiled
from bespeak.recommend.mathematics.kernels import put, unload
from bespeak.recommend.mathematics.order_kernels import greatest

SAME = 1 << 30
"""The likeness of two tastes that are one: shares are of a length of 2^15."""
SAY = 1 << 20
"""What such a history says counts this much."""
FRESH = 1 << 10
"""An item that is as fresh as the mean counts this much."""
FINER = 12
"""Bits of a score beyond those of a worth."""


@compiled
def alike(asked: Any, row: int, memory: Any, work: Any, heap: Any) -> int:
    """The past histories whose taste is most like one row's, in `heap`; newer ones among equals.

    heap    : to fill: (likenesses, rows of `past`), as long as what is wanted, and one more
    returns : how many there are
    """
    starts, members, shares, _ = asked
    past, (item_starts, item_entries, row_of), _, _ = memory
    sums, touched = work[:2]
    likenesses, rows = heap
    most, count = len(rows) - 1, 0
    for index in range(starts[row], starts[row + 1]):
        item, share = members[index], np.int64(shares[index])
        for at in range(item_starts[item], item_starts[item + 1]):
            entry = item_entries[at]
            other = row_of[entry]
            if sums[other] == 0:
                touched[count] = other
                count += 1
            sums[other] += share * past[2][entry]
    size = 0
    for at in range(count):
        other = touched[at]
        if size < most or sums[other] >= likenesses[0]:
            size = put(likenesses, rows, size, most, sums[other], other)
        sums[other] = 0
    return size


@compiled
def said(likeness: int, focus: float) -> int:
    """How much a history of that likeness says."""
    return max(int(np.floor(SAY * (likeness / SAME) ** focus + 0.5)), 1)


@compiled
def scored(asked: Any, row: int, memory: Any, work: Any, heap: Any, size: int) -> int:
    """Fill `scores` with the mean of the chosen histories' worths, as fresh as the item is, and
    what is the row's own; how many items have one, in `reached`."""
    starts, members, _, owns = asked
    (past_starts, past_items, _, worths), _, fresh, focus = memory
    scores, reached = work[2:4]
    count, total = 0, 0
    for chosen in range(size):
        says, other = said(heap[0][chosen], focus), heap[1][chosen]
        total += says
        for entry in range(past_starts[other], past_starts[other + 1]):
            item = past_items[entry]
            if scores[item] == 0:
                reached[count] = item
                count += 1
            scores[item] += says * worths[entry]
    for at in range(count):
        item = reached[at]
        mean = (scores[item] << FINER) // total
        scores[item] = max(mean * fresh[item] // FRESH, 1)
    for index in range(starts[row], starts[row + 1]):
        item = members[index]
        if scores[item] == 0 and owns[index] > 0:
            reached[count] = item
            count += 1
        scores[item] += owns[index]
    return count


@compiled
def best(
    asked: Any,
    memory: Any,
    limits: Any,
    span: tuple[int, int],
    neighbours: int,
    work: Any,
    found: tuple[Any, Any],
) -> None:
    """The k items with the best scores of every row of `span`.

    limits : (indptr, indices, allow): per row, items that may not appear; per item, whether it may
    found  : to fill: (items, scores), all rows, k wide
    """
    out_starts, out_items, allow = limits
    to_items, to_scores = found
    k = to_items.shape[1]
    scores, reached = work[2:4]
    heap = np.empty(neighbours + 1, np.int64), np.empty(neighbours + 1, np.int32)
    heap_scores, heap_items = np.empty(k + 1, np.int64), np.empty(k + 1, np.int32)
    for row in range(span[0], span[1]):
        size = alike(asked, row, memory, work, heap)
        count = scored(asked, row, memory, work, heap, size)
        for at in range(out_starts[row], out_starts[row + 1]):
            scores[out_items[at]] = 0
        size = 0
        for at in range(count):
            item = reached[at]
            score = scores[item]
            if score > 0 and allow[item] and (size < k or score >= heap_scores[0]):
                size = put(heap_scores, heap_items, size, k, score, item)
            scores[item] = 0
        unload(heap_scores, heap_items, size, to_scores[row], to_items[row])


@compiled
def totals(
    asked: Any,
    memory: Any,
    wanted: Any,
    span: tuple[int, int],
    neighbours: int,
    work: Any,
    found: Any,
) -> None:
    """The scores that `best` ranks by, of some items only.

    wanted : a line of items per row, -1: none
    found  : zeros, shaped as `wanted`; to fill
    """
    scores, reached = work[2:4]
    heap = np.empty(neighbours + 1, np.int64), np.empty(neighbours + 1, np.int32)
    for row in range(span[0], span[1]):
        size = alike(asked, row, memory, work, heap)
        count = scored(asked, row, memory, work, heap, size)
        for slot in range(wanted.shape[1]):
            if wanted[row, slot] >= 0:
                found[row, slot] = scores[wanted[row, slot]]
        for at in range(count):
            scores[reached[at]] = 0


@compiled
def give(
    asked: Any,
    row: int,
    memory: Any,
    indexed: Any,
    work: Any,
    other: int,
    says: float,
    found: tuple[Any, Any],
) -> None:
    """What one like history says of the wanted items, told apart by what makes it alike.

    other : the like history, a row of `past`
    says  : how much it says, for each unit of likeness
    found : to add to, (wanted, items of the row): sums, and how many histories hold both
    """
    starts, _, shares, _ = asked
    past_starts, past_items, past_shares, worths = memory[0]
    places, slots = work[4:]
    added, common = found
    for entry in range(past_starts[other], past_starts[other + 1]):
        slot = slots[past_items[entry]] - 1
        if slot < 0:
            continue
        for at in range(past_starts[other], past_starts[other + 1]):
            place = places[past_items[at]] - 1
            if place >= 0 and indexed[at]:
                like = np.int64(shares[starts[row] + place]) * past_shares[at]
                added[slot, place] += says * worths[entry] * like
                common[slot, place] += 1


@compiled
def carried(
    asked: Any,
    memory: Any,
    indexed: Any,
    wanted: Any,
    span: tuple[int, int],
    neighbours: int,
    work: Any,
    found: tuple[Any, Any],
) -> None:
    """For each wanted item of each row of `span`: the item of the history that carried its score.

    indexed : per entry of `past`, whether `marked` names it, so that it made its row alike
    wanted  : a line of items per row, -1: none
    found   : to fill: (items of the history, alike past histories that hold both). An item that
              scores most by itself is carried by itself; where nothing carried it: -1 and 0
    """
    starts, members, _, owns = asked
    focus = memory[3]
    to_givers, to_common = found
    scores, reached, places, slots = work[2:]
    heap = np.empty(neighbours + 1, np.int64), np.empty(neighbours + 1, np.int32)
    width = wanted.shape[1]
    for row in range(span[0], span[1]):
        size, length = alike(asked, row, memory, work, heap), starts[row + 1] - starts[row]
        count = scored(asked, row, memory, work, heap, size)
        added, common = np.zeros((width, length)), np.zeros((width, length), np.int32)
        for place in range(length):
            places[members[starts[row] + place]] = place + 1
        for slot in range(width):
            item = wanted[row, slot]
            place = places[item] - 1 if item >= 0 else -1
            if place >= 0 and 2 * owns[starts[row] + place] >= scores[item]:
                to_givers[row, slot] = item
            elif item >= 0:
                slots[item] = slot + 1
        for chosen in range(size):
            says = said(heap[0][chosen], focus) / heap[0][chosen]
            give(asked, row, memory, indexed, work, heap[1][chosen], says, (added, common))
        for place in range(length):
            places[members[starts[row] + place]] = 0
        for at in range(count):
            scores[reached[at]] = 0
        for slot in range(width):
            if wanted[row, slot] >= 0 and slots[wanted[row, slot]] > 0:
                slots[wanted[row, slot]] = 0
                giver = greatest(added[slot])
                if giver >= 0:
                    to_givers[row, slot] = members[starts[row] + giver]
                    to_common[row, slot] = common[slot, giver]
