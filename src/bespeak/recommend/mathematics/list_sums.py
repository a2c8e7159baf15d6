"""Lists of items per item added up over histories: the sums, the best of them, and whose they are.

lists   : (indptr, items, similarities): each item's list, compressed, best first
shares  : int64, how much each entry of some histories counts
own     : an item's similarity to itself, where its list does not name it
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bespeak.compiled import sealed
from bespeak.recommend.base import Ranked, even_parts, on_all_cores
from bespeak.recommend.histories import Flags, Histories, Index, Whole
from bespeak.recommend.mathematics import kernels

Lists = tuple[Whole, Index, Index]


def sums(lists: Lists, own: int, histories: Histories, shares: Whole) -> Whole:
    """Every item's score for every history: Σ share x similarity."""
    from scipy import sparse

    indptr, items, similarities = lists
    count = len(indptr) - 1
    shape = (len(histories), count)
    weights = sparse.csr_array((shares, histories.indices, histories.indptr), shape=shape)
    table = sparse.csr_array((similarities.astype(np.int64), items, indptr), shape=(count, count))
    found: Whole = (weights @ table + weights * own).toarray()
    return found


def sums_at(lists: Lists, own: int, histories: Histories, shares: Whole, items: Index) -> Whole:
    """`sums` of a line of `items` per history (-1: none, which is 0)."""
    found = np.zeros(items.shape, np.int64)
    given = *_given(lists, own, histories, shares), _line(items)
    on_all_cores(
        lambda part: kernels.totals(*given, (part.start, part.stop), found),
        even_parts(histories.lengths),
    )
    return found


def best(
    lists: Lists,
    own: int,
    histories: Histories,
    shares: Whole,
    k: int,
    *,
    exclude: Histories | None,
    allow: Flags | None,
) -> Ranked:
    """The k best of `sums` a history, as `Model.recommend` says."""
    count, rows = len(lists[0]) - 1, len(histories)
    items = np.full((rows, min(k, count)), -1, np.int32)
    scores = np.zeros(items.shape, np.int64)
    out = exclude if exclude is not None else Histories.empty(rows)
    mask = np.ones(count, np.bool_) if allow is None else allow
    given = (
        *_given(lists, own, histories, shares),
        sealed(out.indptr, out.indices),
        sealed(mask)[0],
    )
    on_all_cores(
        lambda part: kernels.best(*given, (part.start, part.stop), (items, scores)),
        even_parts(histories.lengths),
    )
    return Ranked(items, scores, (items >= 0).sum(axis=1))


def strongest(
    lists: Lists, own: int, histories: Histories, shares: Whole, items: Index
) -> tuple[Whole, Index]:
    """What added most to the score of each of `items`, a line a history; see `kernels`."""
    found = np.full(items.shape, -1, np.int64), np.full(items.shape, -1, np.int32)
    given = *_given(lists, own, histories, shares), _line(items)
    on_all_cores(
        lambda part: kernels.strongest(*given, (part.start, part.stop), found),
        even_parts(histories.lengths),
    )
    return found


def heads(lists: Lists, items: Index, k: int, share: int) -> Ranked:
    """The first k of the lists of `items`, as far as they speak for something.

    share : what a similarity is multiplied with to be a score
    """
    indptr, others, similarities = lists
    found = np.full((len(items), k), -1, np.int32)
    scores = np.zeros(found.shape, np.int64)
    for row, item in enumerate(items.tolist()):
        entries = slice(indptr[item], min(indptr[item] + k, indptr[item + 1]))
        like = similarities[entries]
        size = int((like > 0).sum())
        found[row, :size] = others[entries][:size]
        scores[row, :size] = like[:size].astype(np.int64) * share
    return Ranked(found, scores, (found >= 0).sum(axis=1))


def _given(lists: Lists, own: int, histories: Histories, shares: Whole) -> tuple[Any, Any, int]:
    """What every kernel of lists takes first."""
    return sealed(histories.indptr, histories.indices, shares), sealed(*lists), own


def _line(items: Index) -> Any:
    return sealed(np.ascontiguousarray(items, np.int32))[0]
