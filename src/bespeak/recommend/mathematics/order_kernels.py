"""The loops of models of order, compiled: past histories like the present one, and what they hold.

As in kernels.py, parts run side by side in plain threads, and all sums are of whole numbers.

past   : (indptr, items, first places, last places, factors): histories as `order` weighs them, one
         a row, the newest first; the columns stand by entry, but `factors` by row
marked : (starts, entries, rows): per item, the entries that hold it in the newest rows, and the row
         of every entry of `past`
weight : (after, before, own), see `order.nearness` and `order.own_weight`
memory : (past, marked, weight)
asked  : (indptr, items, shares): the present histories, each with its latest item first
work   : (sums, anchors, touched) by row of `past`, (scores, reached, places) by item; sums, scores
         and places are zero, and so again at the end of every list
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bespeak.compiled import compiled
from bespeak.recommend.mathematics.kernels import put, unload


@compiled
def near(past: Any, shared: int, entry: int, weight: Any) -> int:
    """How much `entry` counts by its distance from the entry `shared` of the same row."""
    _, _, firsts, lasts, _ = past
    after, before, _ = weight
    far = len(after) - 1
    if lasts[entry] == lasts[shared]:
        return int(after[0])
    if firsts[entry] > lasts[shared]:
        return int(after[min(firsts[entry] - lasts[shared], far)])
    if lasts[entry] > lasts[shared]:
        return int(after[min(lasts[entry] - lasts[shared], far)])
    if lasts[entry] > firsts[shared]:
        return int(after[min(lasts[entry] - firsts[shared], far)])
    return int(before[min(firsts[shared] - lasts[entry], far)])


@compiled
def alike(asked: Any, row: int, memory: Any, work: Any, heap: Any) -> int:
    """The past histories most like one row of `asked`, in `heap`; newer ones first among equals.

    Likeness is the sum of the shares of the items in common, times the past history's factor.
    heap    : to fill: (likenesses, rows of `past`), as long as what is wanted, and one more
    returns : how many there are; `anchors` has the entry of each that holds the latest shared item
    """
    starts, members, shares = asked
    factors = memory[0][4]
    item_starts, item_entries, row_of = memory[1]
    sums, anchors, touched = work[:3]
    likenesses, rows = heap
    most, count = len(rows) - 1, 0
    for index in range(starts[row], starts[row + 1]):
        item = members[index]
        for at in range(item_starts[item], item_starts[item + 1]):
            entry = item_entries[at]
            other = row_of[entry]
            if sums[other] == 0:
                touched[count] = other
                anchors[other] = entry
                count += 1
            sums[other] += shares[index]
    size = 0
    for at in range(count):
        other = touched[at]
        like = max((sums[other] * factors[other]) >> 16, 1)
        if size < most or like >= likenesses[0]:
            size = put(likenesses, rows, size, most, like, other)
        sums[other] = 0
    return size


@compiled
def best(
    asked: Any,
    memory: Any,
    rarity: Any,
    limits: Any,
    span: tuple[int, int],
    neighbours: int,
    work: Any,
    found: tuple[Any, Any],
) -> None:
    """The k items that stand nearest to what is shared with the most alike past histories.

    rarity : per item, what its sum is multiplied with
    limits : (indptr, indices, allow): per row, items that may not appear; per item, whether it may
    found  : to fill: (items, scores), all rows, k wide
    """
    out_starts, out_items, allow = limits
    to_items, to_scores = found
    k = to_items.shape[1]
    scores, reached, places = work[3:]
    heap = np.empty(neighbours + 1, np.int64), np.empty(neighbours + 1, np.int32)
    heap_scores, heap_items = np.empty(k + 1, np.int64), np.empty(k + 1, np.int32)
    for row in range(span[0], span[1]):
        size = alike(asked, row, memory, work, heap)
        _place(asked, row, places, 1)
        count = _summed(memory, work, heap, size)
        _place(asked, row, places, 0)
        for at in range(out_starts[row], out_starts[row + 1]):
            scores[out_items[at]] = 0
        size = 0
        for at in range(count):
            item = reached[at]
            score = scores[item] * rarity[item]
            if score > 0 and allow[item] and (size < k or score >= heap_scores[0]):
                size = put(heap_scores, heap_items, size, k, score, item)
            scores[item] = 0
        unload(heap_scores, heap_items, size, to_scores[row], to_items[row])


@compiled
def totals(
    asked: Any,
    memory: Any,
    rarity: Any,
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
    scores, reached, places = work[3:]
    heap = np.empty(neighbours + 1, np.int64), np.empty(neighbours + 1, np.int32)
    for row in range(span[0], span[1]):
        size = alike(asked, row, memory, work, heap)
        _place(asked, row, places, 1)
        count = _summed(memory, work, heap, size)
        _place(asked, row, places, 0)
        for slot in range(wanted.shape[1]):
            if wanted[row, slot] >= 0:
                found[row, slot] = scores[wanted[row, slot]] * rarity[wanted[row, slot]]
        for at in range(count):
            scores[reached[at]] = 0


@compiled
def _place(asked: Any, row: int, places: Any, sign: int) -> None:
    """Give every item of a row its place in it, from 1; or 0 to all with a `sign` of 0."""
    starts, members, _ = asked
    for index in range(starts[row], starts[row + 1]):
        places[members[index]] = (index - starts[row] + 1) * sign


@compiled
def _summed(memory: Any, work: Any, heap: Any, size: int) -> int:
    """Add up likeness x nearness over all that the chosen histories hold; how many items."""
    past, _, weight = memory
    starts, members = past[:2]
    _, anchors, _, scores, reached, places = work
    own, count = weight[2], 0
    for chosen in range(size):
        like, other = heap[0][chosen], heap[1][chosen]
        for entry in range(starts[other], starts[other + 1]):
            item = members[entry]
            worth = own if places[item] > 0 else near(past, anchors[other], entry, weight)
            if worth > 0:
                if scores[item] == 0:
                    reached[count] = item
                    count += 1
                scores[item] += like * worth
    return count


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
    found   : to fill: (items of the history, alike past histories that hold both); where nothing
              carried it: -1 and 0
    """
    starts, members, shares = asked
    past, _, weight = memory
    past_starts, past_items, _, _, factors = past
    to_givers, to_common = found
    _, anchors, _, slots, _, places = work
    heap = np.empty(neighbours + 1, np.int64), np.empty(neighbours + 1, np.int32)
    width = wanted.shape[1]
    for row in range(span[0], span[1]):
        size, length = alike(asked, row, memory, work, heap), starts[row + 1] - starts[row]
        added, common = np.zeros((width, length), np.int64), np.zeros((width, length), np.int32)
        _place(asked, row, places, 1)
        for slot in range(width):
            if wanted[row, slot] >= 0:
                slots[wanted[row, slot]] = slot + 1
        for chosen in range(size):
            other = heap[1][chosen]
            for entry in range(past_starts[other], past_starts[other + 1]):
                item = past_items[entry]
                if slots[item] == 0:
                    continue
                worth = weight[2] if places[item] > 0 else near(past, anchors[other], entry, weight)
                for at in range(past_starts[other], past_starts[other + 1]):
                    place = places[past_items[at]] - 1
                    if place >= 0 and indexed[at] and worth > 0:
                        share = (shares[starts[row] + place] * factors[other]) >> 16
                        added[slots[item] - 1, place] += max(share, 1) * worth
                        common[slots[item] - 1, place] += 1
        _place(asked, row, places, 0)
        for slot in range(width):
            if wanted[row, slot] >= 0:
                slots[wanted[row, slot]] = 0
                giver = greatest(added[slot])
                if giver >= 0:
                    to_givers[row, slot] = members[starts[row] + giver]
                    to_common[row, slot] = common[slot, giver]


@compiled
def greatest(values: Any) -> int:
    """Where the greatest value above 0 stands first; -1 without one."""
    most, at = 0, -1
    for index in range(len(values)):
        if values[index] > most:
            most, at = values[index], index
    return at


@compiled
def following(
    memory: Any,
    rarity: Any,
    least: int,
    scale: float,
    span: tuple[int, int],
    found: tuple[Any, Any, Any],
) -> Any:
    """The n items nearest to each item of `span` over all past histories that hold it.

    rarity  : per item, a float that its sum is multiplied with
    least   : fewer histories that hold both are no evidence
    scale   : units of nearness
    found   : to fill: (items, nearnesses, histories that hold both), rows of n
    returns : how many each row got
    """
    past, (item_starts, item_entries, row_of), weight = memory
    starts, members, _, _, factors = past
    to_items, to_values, to_common = found
    count, n = len(rarity), to_items.shape[1]
    sums, common = np.zeros(count, np.int64), np.zeros(count, np.int32)
    reached = np.empty(count, np.int32)
    heap_scores, heap_items = np.empty(n + 1, np.int64), np.empty(n + 1, np.int32)
    sizes = np.zeros(span[1] - span[0], np.int64)
    for item in range(span[0], span[1]):
        size = touched = 0
        for at in range(item_starts[item], item_starts[item + 1]):
            shared = item_entries[at]
            row = row_of[shared]
            for entry in range(starts[row], starts[row + 1]):
                other = members[entry]
                worth = weight[2] if entry == shared else near(past, shared, entry, weight)
                if worth == 0:
                    continue
                if common[other] == 0:
                    reached[touched] = other
                    touched += 1
                sums[other] += factors[row] * worth
                common[other] += 1
        for at in range(touched):
            other = reached[at]
            value = int(np.floor(sums[other] * rarity[other] * scale + 0.5))
            if value > 0 and common[other] >= least and (size < n or value >= heap_scores[0]):
                size = put(heap_scores, heap_items, size, n, value, other)
        line = item - span[0]
        unload(heap_scores, heap_items, size, to_values[line], to_items[line])
        for at in range(size):
            to_common[line, at] = common[to_items[line, at]]
        for at in range(touched):
            sums[reached[at]] = 0
            common[reached[at]] = 0
        sizes[line] = size
    return sizes


@compiled
def onward(lists: Any, share: float, span: tuple[int, int], found: tuple[Any, Any, Any]) -> Any:
    """Each item's list with a second step: what comes next after what comes next.

    lists   : (indptr, items, nearnesses, histories that hold both), see `following`
    share   : how much a second step counts; from each item it goes by the shares of its list
    found   : to fill as `following` does; nearnesses in 2^-20 units, and 0 histories for an item
              that only a second step reaches
    returns : how many each row got
    """
    starts, items, values, common = lists
    to_items, to_values, to_common = found
    count, n = len(starts) - 1, to_items.shape[1]
    sums, known = np.zeros(count, np.float64), np.zeros(count, np.int32)
    reached = np.empty(count, np.int32)
    heap_scores, heap_items = np.empty(n + 1, np.int64), np.empty(n + 1, np.int32)
    sizes = np.zeros(span[1] - span[0], np.int64)
    for item in range(span[0], span[1]):
        size = touched = 0
        for at in range(starts[item], starts[item + 1]):
            middle = items[at]
            if sums[middle] == 0:
                reached[touched] = middle
                touched += 1
            sums[middle] += values[at]
            known[middle] = common[at]
            if middle != item:
                touched = _step(lists, item, middle, share * values[at], sums, reached, touched)
        for at in range(touched):
            other = reached[at]
            value = int(np.floor(sums[other] * (1 << 20) + 0.5))
            if value > 0 and (size < n or value >= heap_scores[0]):
                size = put(heap_scores, heap_items, size, n, value, other)
            sums[other] = 0
        line = item - span[0]
        unload(heap_scores, heap_items, size, to_values[line], to_items[line])
        for at in range(size):
            to_common[line, at] = known[to_items[line, at]]
        for at in range(touched):
            known[reached[at]] = 0
        sizes[line] = size
    return sizes


@compiled
def _step(
    lists: Any, item: int, middle: int, worth: float, sums: Any, reached: Any, touched: int
) -> int:
    """Divide `worth` among what comes after `middle`, by nearness; how many items are reached."""
    starts, items, values, _ = lists
    total = 0
    for at in range(starts[middle], starts[middle + 1]):
        total += values[at] if items[at] != middle else 0
    for at in range(starts[middle], starts[middle + 1]):
        other = items[at]
        if other == middle:
            continue
        added = worth * values[at] / total
        if other != item and added > 0:
            if sums[other] == 0:
                reached[touched] = other
                touched += 1
            sums[other] += added
    return touched
