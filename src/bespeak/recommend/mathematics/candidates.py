"""The best of a sum of models without scoring every item: each model's best are the candidates.

An item on none of their lists has from each model at most what the last of its list has. So where
the k-th best candidate's sum is more than the sum of those, no other item can come before it, and
the list is exact; the few rows where it is not are scored in full.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from bespeak.compiled import compiled, sealed
from bespeak.recommend.base import (
    CELLS,
    Model,
    Pointed,
    Ranked,
    blocks,
    even_parts,
    on_all_cores,
)
from bespeak.recommend.histories import Flags, Histories, Index, Whole
from bespeak.recommend.mathematics import kernels

BLOCK = CELLS >> 4
"""Cells of scores that are held at once when many histories are asked with: 32 MB a model."""
DEEP, LOOKED_UP = 1000, 2048
"""A list that is to tell scores has so many items at most; so many lists are looked up at once."""
DEPTH = 4
MORE = 60
"""Each model's list is DEPTH times k and MORE deep: enough that nearly all rows are certain."""


def worth(scores: Whole, factor: float) -> Whole:
    """What scores add to a sum: at least one unit of what is any evidence, nothing of the rest."""
    if factor <= 0.0:
        return np.zeros(scores.shape, np.int64)
    scaled = np.maximum(np.rint(scores * factor), 1.0).astype(np.int64)
    return np.where(scores > 0, scaled, 0)


def rows_at_once(items: int) -> int:
    """So many histories have BLOCK scores at most."""
    return max(1, BLOCK // max(items, 1))


def in_blocks(histories: Histories, items: int) -> Iterator[tuple[slice, Histories]]:
    """Rows that have at most BLOCK scores of `items` items each, and their histories."""
    for part in blocks(len(histories), rows_at_once(items)):
        yield part, histories.take(np.arange(part.start, part.stop))


def scores_at(model: Model, histories: Histories, items: Index) -> Whole:
    """The scores of a line of `items` (-1: 0) per history.

    Where a model can't say them, its own list does: what is not on a list that ended has none.
    Rows whose list did not end are scored in full.
    """
    if isinstance(model, Pointed):
        return model.scores_at(histories, items)
    found, count = np.zeros(items.shape, np.int64), len(model.items)
    for part in blocks(len(histories), LOOKED_UP):
        rows = np.arange(part.start, part.stop)
        lists = model.recommend(histories.take(rows), min(DEEP, count))
        found[part] = _looked_up(lists, items[part], count)
        left = rows[(lists.own == DEEP) & (count > DEEP)]
        for full in blocks(len(left), rows_at_once(count)):
            at = left[full]
            every = model.scores(histories.take(at))
            found[at] = np.take_along_axis(every, np.maximum(items[at], 0), axis=1)
    return np.where(items >= 0, found, 0)


def _looked_up(lists: Ranked, items: Index, count: int) -> Whole:
    """Scores by item, of what a model itself put on its lists; 0 for the rest."""
    row, place = np.nonzero(np.arange(lists.items.shape[1]) < lists.own[:, None])
    keys = row * count + lists.items[row, place]
    order = np.argsort(keys)
    keys, scores = keys[order], lists.scores[row, place][order]
    wanted = np.arange(len(items))[:, None] * count + items
    if not len(keys):
        return np.zeros(items.shape, np.int64)
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[at] == wanted, scores[at], 0)


def together(lists: Sequence[Index]) -> Index:
    """Lists joined row by row, ascending; -1 for what stands there already."""
    items = np.sort(np.concatenate(lists, axis=1), axis=1)
    items[:, 1:][items[:, 1:] == items[:, :-1]] = -1
    return items


def best_of_candidates(
    parts: Sequence[tuple[Model, float]],
    histories: Histories,
    ranked: Ranked,
    *,
    exclude: Histories | None,
    allow: Flags | None,
) -> Whole:
    """Fill the rows of `ranked` whose lists are certain; which rows are not.

    parts : models, each with what a unit of its scores is worth
    """
    rows, k = ranked.items.shape
    depth = min(DEPTH * k + MORE, len(parts[0][0].items))
    lists, most = [], np.zeros(rows, np.int64)
    for model, factor in parts:
        found = model.recommend(histories, depth, exclude=exclude, allow=allow)
        own = np.arange(found.items.shape[1]) < found.own[:, None]
        lists.append(np.where(own, found.items, -1).astype(np.int32))
        if own.shape[1] == depth < len(model.items):  # what ended before has no more to say
            most += np.where(own[:, -1], worth(found.scores[:, -1], factor), 0)
    items = together(lists)
    total = np.zeros(items.shape, np.int64)
    for model, factor in parts:
        total += worth(scores_at(model, histories, items), factor)
    _fill(best_of_lines, (total, sealed(items)[0]), ranked)
    return np.flatnonzero((ranked.scores[:, -1] <= most) & (most > 0)) if k else np.arange(0)


def best_of_all(
    scores: Whole,
    rows: Whole,
    ranked: Ranked,
    *,
    exclude: Histories | None,
    allow: Flags | None,
) -> None:
    """Fill some rows of `ranked` from their full scores, which are overwritten."""
    if allow is not None:
        scores[:, ~allow] = 0
    if exclude is not None:
        out = exclude.take(rows)
        scores[out.rows, out.indices] = 0
    shape = len(rows), ranked.items.shape[1]
    some = Ranked(np.full(shape, -1, np.int32), np.zeros(shape, np.int64), rows)
    items = np.arange(scores.shape[1], dtype=np.int32)
    _fill(best_of_lines, (scores, np.broadcast_to(items, scores.shape)), some)
    ranked.items[rows], ranked.scores[rows] = some.items, some.scores


def _fill(look: Any, given: tuple[Whole, Index], ranked: Ranked) -> None:
    work = np.full(len(given[0]), given[0].shape[1], np.int64)
    on_all_cores(
        lambda part: look(*given, (part.start, part.stop), (ranked.items, ranked.scores)),
        even_parts(work),
    )


@compiled
def best_of_lines(scores: Any, items: Any, span: tuple[int, int], found: tuple[Any, Any]) -> None:
    """The k best of each line of `span` by (score, then the lesser item); 0 or less, or -1: none.

    found : to fill: (items, scores), k wide
    """
    to_items, to_scores = found
    k = to_items.shape[1]
    heap_scores, heap_items = np.empty(k + 1, np.int64), np.empty(k + 1, np.int32)
    for row in range(span[0], span[1]):
        size = 0
        for at in range(scores.shape[1]):
            score, item = scores[row, at], items[row, at]
            if score > 0 and item >= 0 and (size < k or score >= heap_scores[0]):
                size = kernels.put(heap_scores, heap_items, size, k, score, item)
        kernels.unload(heap_scores, heap_items, size, to_scores[row], to_items[row])
