"""The loops of item-kNN, compiled: sparse rows added up into one dense row at a time.

They hold no lock and share nothing that is written, so parts run side by side in plain threads;
numba's own threading layers are not used. All sums are of whole numbers, so their order is free.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bespeak.compiled import compiled

MOST = (1 << 31) - 1


def likeness(total: Any, left: Any, right: Any, shrinkage: Any) -> Any:
    """A pair's similarity before it is rounded: compiled here, and to an engine's SQL.

    total : the pair's sum of products, a float
    """
    return total / (left * right + shrinkage)


_likeness = compiled(likeness)


@compiled
def put(scores: Any, items: Any, size: int, k: int, score: int, item: int) -> int:
    """Add to a heap of the k best whose root is the worst: least score, then greatest item."""
    if size == k and (score < scores[0] or (score == scores[0] and item > items[0])):
        return size
    if size < k:
        at = size
        while at > 0:
            above = (at - 1) >> 1
            if scores[above] < score or (scores[above] == score and items[above] > item):
                break
            scores[at], items[at] = scores[above], items[above]
            at = above
        scores[at], items[at] = score, item
        return size + 1
    sink(scores, items, k, score, item)
    return size


@compiled
def sink(scores: Any, items: Any, size: int, score: int, item: int) -> None:
    """Put an entry at the root of a heap and let it sink to its place."""
    at = 0
    while 2 * at + 1 < size:
        below = 2 * at + 1
        right = below + 1
        if right < size and (
            scores[right] < scores[below]
            or (scores[right] == scores[below] and items[right] > items[below])
        ):
            below = right
        if score < scores[below] or (score == scores[below] and item > items[below]):
            break
        scores[at], items[at] = scores[below], items[below]
        at = below
    scores[at], items[at] = score, item


@compiled
def unload(scores: Any, items: Any, size: int, to_scores: Any, to_items: Any) -> None:
    """Empty a heap into a list, best first."""
    for last in range(size - 1, -1, -1):
        to_scores[last], to_items[last] = scores[0], items[0]
        sink(scores, items, last, scores[last], items[last])


@compiled
def add_up(
    item: int,
    by_row: tuple[Any, Any, Any],
    by_item: tuple[Any, Any, Any],
    work: tuple[Any, Any, Any],
) -> int:
    """Sums of products, and counts, of the histories that hold `item` and each other item.

    by_row, by_item : see `neighbours`
    work            : (sums, common, touched); the first two all zeros, as `rank` leaves them
    returns         : how many items were touched, `item` among them
    """
    starts, members, values = by_row
    item_starts, item_rows, item_values = by_item
    sums, common, touched = work
    reached = 0
    for entry in range(item_starts[item], item_starts[item + 1]):
        row, value = item_rows[entry], np.int64(item_values[entry])
        for at in range(starts[row], starts[row + 1]):
            other = members[at]
            if common[other] == 0:
                touched[reached] = other
                reached += 1
            sums[other] += value * values[at]
            common[other] += 1
    return reached


@compiled
def rank(
    item: int,
    reached: int,
    norms: tuple[Any, Any, float, int],
    work: tuple[Any, Any, Any],
    heap: tuple[Any, Any],
    line: tuple[Any, Any, Any],
) -> int:
    """The best of what `add_up` touched, as a line of (items, similarities, common); how many."""
    left, right, shrink, least = norms
    sums, common, touched = work
    heap_scores, heap_items = heap
    to_items, to_similar, to_common = line
    size, n = 0, len(to_items)
    for at in range(reached):
        other = touched[at]
        if other != item and common[other] >= least:
            like = int(
                np.floor(_likeness(float(sums[other]), left[item], right[other], shrink) + 0.5)
            )
            if like > 0 and (size < n or like >= heap_scores[0]):
                size = put(heap_scores, heap_items, size, n, min(like, MOST), other)
    unload(heap_scores, heap_items, size, to_similar, to_items)
    for at in range(size):
        to_common[at] = common[to_items[at]]
    for at in range(reached):
        sums[touched[at]] = 0
        common[touched[at]] = 0
    return size


@compiled
def neighbours(
    by_row: tuple[Any, Any, Any],
    by_item: tuple[Any, Any, Any],
    norms: tuple[Any, Any, float, int],
    span: tuple[int, int],
    found: tuple[Any, Any, Any],
) -> Any:
    """The n items most like each item of `span`, from the histories that hold both.

    by_row, by_item : (indptr, indices, int32 values) of the same numbers, by history and by item
    norms           : (left, right, shrinkage, least), see `likeness`; fewer common histories than
                      `least` are no evidence
    found           : to fill: (items, similarities, histories in common), rows of n, -1 padded
    returns         : how many each row got
    """
    item_starts, least = by_item[0], norms[3]
    to_items, to_similar, to_common = found
    count, n = len(item_starts) - 1, to_items.shape[1]
    work = np.zeros(count, np.int64), np.zeros(count, np.int32), np.empty(count, np.int32)
    heap = np.empty(n + 1, np.int64), np.empty(n + 1, np.int32)
    sizes = np.zeros(span[1] - span[0], np.int64)
    for item in range(span[0], span[1]):
        at = item - span[0]
        if item_starts[item + 1] - item_starts[item] >= least:
            reached = add_up(item, by_row, by_item, work)
            line = to_items[at], to_similar[at], to_common[at]
            sizes[at] = rank(item, reached, norms, work, heap, line)
    return sizes


@compiled
def best(
    histories: tuple[Any, Any, Any],
    lists: tuple[Any, Any, Any],
    own: int,
    exclude: tuple[Any, Any],
    allow: Any,
    span: tuple[int, int],
    found: tuple[Any, Any],
) -> None:
    """The k items of each history of `span` with the greatest sum of share x similarity.

    histories : (indptr, indices, shares)
    lists     : (indptr, items, similarities): each item's neighbours
    own       : an item's similarity to itself
    exclude   : (indptr, indices): per history, items that may not appear
    found     : to fill: (items, scores), all rows, k wide
    """
    starts, members, shares = histories
    list_starts, list_items, list_similar = lists
    out_starts, out_items = exclude
    to_items, to_scores = found
    count, k = len(allow), to_items.shape[1]
    sums, seen = np.zeros(count, np.int64), np.zeros(count, np.bool_)
    touched = np.empty(count, np.int32)
    heap_scores, heap_items = np.empty(k + 1, np.int64), np.empty(k + 1, np.int32)
    for row in range(span[0], span[1]):
        reached = 0
        for entry in range(starts[row], starts[row + 1]):
            item, share = members[entry], shares[entry]
            if not seen[item]:
                seen[item] = True
                touched[reached] = item
                reached += 1
            sums[item] += share * own
            for at in range(list_starts[item], list_starts[item + 1]):
                other = list_items[at]
                if not seen[other]:
                    seen[other] = True
                    touched[reached] = other
                    reached += 1
                sums[other] += share * list_similar[at]
        for at in range(out_starts[row], out_starts[row + 1]):
            sums[out_items[at]] = 0
        size = 0
        for at in range(reached):
            item = touched[at]
            if sums[item] > 0 and allow[item]:
                size = put(heap_scores, heap_items, size, k, sums[item], item)
            sums[item] = 0
            seen[item] = False
        unload(heap_scores, heap_items, size, to_scores[row], to_items[row])


@compiled
def totals(
    histories: tuple[Any, Any, Any],
    lists: tuple[Any, Any, Any],
    own: int,
    wanted: Any,
    span: tuple[int, int],
    found: Any,
) -> None:
    """The sums that `best` ranks by, of some items only.

    wanted : a line of items per history, -1: none
    found  : zeros, shaped as `wanted`; to fill
    """
    starts, members, shares = histories
    list_starts, list_items, list_similar = lists
    sums = np.zeros(len(list_starts) - 1, np.int64)
    for row in range(span[0], span[1]):
        for entry in range(starts[row], starts[row + 1]):
            item, share = members[entry], shares[entry]
            sums[item] += share * own
            for at in range(list_starts[item], list_starts[item + 1]):
                sums[list_items[at]] += share * list_similar[at]
        for place in range(wanted.shape[1]):
            if wanted[row, place] >= 0:
                found[row, place] = sums[wanted[row, place]]
        for entry in range(starts[row], starts[row + 1]):
            item = members[entry]
            sums[item] = 0
            for at in range(list_starts[item], list_starts[item + 1]):
                sums[list_items[at]] = 0


@compiled
def strongest(
    histories: tuple[Any, Any, Any],
    lists: tuple[Any, Any, Any],
    own: int,
    wanted: Any,
    span: tuple[int, int],
    found: tuple[Any, Any],
) -> None:
    """For each wanted item of each history of `span`: what added most to its score.

    wanted : a line of items per history, -1: none
    own    : an item's similarity to itself
    found  : to fill: where in the lists the greatest addition stands, and the item of the history
             that it is of; where the item itself added more, or nothing did: -1 and the item itself
    """
    starts, members, shares = histories
    list_starts, list_items, list_similar = lists
    entries, givers = found
    width = wanted.shape[1]
    slot = np.full(len(list_starts) - 1, -1, np.int32)
    most, held = np.zeros(width, np.int64), np.zeros(width, np.int64)
    for row in range(span[0], span[1]):
        for place in range(width):
            if wanted[row, place] >= 0:
                slot[wanted[row, place]] = place
            most[place] = held[place] = 0
        for index in range(starts[row], starts[row + 1]):
            item, share = members[index], shares[index]
            if slot[item] >= 0:
                held[slot[item]] = share * own
            for at in range(list_starts[item], list_starts[item + 1]):
                place = slot[list_items[at]]
                if place >= 0 and share * list_similar[at] > most[place]:
                    most[place] = share * list_similar[at]
                    entries[row, place], givers[row, place] = at, item
        for place in range(width):
            item = wanted[row, place]
            if item >= 0:
                slot[item] = -1
            if most[place] == 0 or held[place] > most[place]:
                entries[row, place], givers[row, place] = -1, item
