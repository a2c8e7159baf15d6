"""Each item's nearest items, counted in memory; `gram` counts the same where the rows are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bespeak.compiled import sealed
from bespeak.recommend.base import even_parts, on_all_cores
from bespeak.recommend.histories import Histories, Index, Interactions, Whole, row_sums
from bespeak.recommend.mathematics import kernels
from bespeak.recommend.mathematics.measure import (
    ItemKnnParameters,
    Measure,
    Population,
    Weighting,
    sizes_of,
    squares,
    weighed,
)

Filled = tuple[Whole, Index, Any, Index]


@dataclass(frozen=True, eq=False)
class Near:
    """Each item's neighbours by co-counts, compressed: best first, ties by item id.

    measure : by which they were ranked
    cut     : histories that were longer than `longest_history`, so that only a part counted
    """

    measure: Measure
    cut: int
    indptr: Whole
    neighbours: Index
    similarity: Index
    common: Index

    @property
    def lists(self) -> tuple[float, int, Whole, Index, Index, Index]:
        """What an `ItemLists` holds, in its order, after its items and parameters."""
        scale, cut = self.measure.scale, self.cut
        return scale, cut, self.indptr, self.neighbours, self.similarity, self.common


@dataclass(frozen=True, eq=False)
class Entries:
    """The part of all histories that counts.

    used    : at most `longest_history` items a row
    lengths : of each entry's history
    weights : int64, millionths, as the weighting makes them
    """

    used: Histories
    lengths: Whole
    weights: Whole
    cut: int
    count: int

    @classmethod
    def of(cls, interactions: Interactions, longest: int, weighting: Weighting) -> Entries:
        whole, count = interactions.histories, len(interactions.items)
        used = whole.heaviest(longest)
        lengths = used.lengths[used.rows]
        having = np.bincount(used.indices, minlength=count)
        population = Population(len(used), len(used.indices), having)
        weights = weighed(used.weights, lengths, used.indices, population, weighting)
        return cls(used, lengths, weights, int((whole.lengths > longest).sum()), count)

    def both_ways(self, values: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """(indptr, indices, values) by history and by item, as compiled loops take them."""
        from scipy import sparse

        used = self.used
        given = values, used.indices, used.indptr
        # placed one by one, where sorting would take longer the more there are
        turned = sparse.csr_array(given, shape=(len(used), self.count)).tocsc()
        starts, rows = turned.indptr.astype(np.int64), turned.indices.astype(np.int32)
        return sealed(used.indptr, used.indices, values), sealed(starts, rows, turned.data)


def nearest(interactions: Interactions, parameters: ItemKnnParameters) -> Near:
    """Add up every pair of items that stands in one history; keep each item's best neighbours."""
    entries = Entries.of(interactions, parameters.longest_history, parameters.weighting)
    sizes = sizes_of(squares(entries.used.indices, entries.weights, entries.count))
    measure = Measure.of(sizes, parameters)
    ways = entries.both_ways(measure.values(entries.weights, entries.lengths))
    return Near(measure, entries.cut, *_lists(*ways, measure, parameters))


def _lists(
    by_row: tuple[Any, ...],
    by_item: tuple[Any, ...],
    measure: Measure,
    parameters: ItemKnnParameters,
) -> Filled:
    """Every item's list by the sums over the histories that hold it."""
    norms = norms_of(measure, parameters)

    def near(span: tuple[int, int], found: tuple[Any, ...]) -> Any:
        return kernels.neighbours(by_row, by_item, norms, span, found)

    return filled(near, work_of(by_row, by_item), parameters.neighbours)


def norms_of(measure: Measure, parameters: ItemKnnParameters) -> tuple[Any, ...]:
    """What `kernels.rank` takes."""
    left, right = sealed(measure.left, measure.right)
    return left, right, measure.shrinkage, parameters.least_common


def filled(
    fill: Callable[[tuple[int, int], tuple[Any, ...]], Any],
    work: Whole,
    neighbours: int,
    kind: type[np.integer[Any]] = np.int32,
) -> Filled:
    """Lists of items per item, made a part of the items at a time, side by side.

    fill    : (first and last item, what to fill: rows of items, similarities, histories in common)
              -> how many each row got
    work    : per item, about how long it takes
    kind    : of the similarities that are returned
    returns : (indptr, items, similarities, histories in common)
    """
    count = len(work)

    def one(part: slice) -> tuple[Any, ...]:
        shape = (part.stop - part.start, min(neighbours, count))
        found = (np.empty(shape, np.int32), np.empty(shape, np.int64), np.empty(shape, np.int32))
        sizes = fill((part.start, part.stop), found)
        kept = np.arange(shape[1]) < sizes[:, None]
        return sizes, found[0][kept], found[1][kept].astype(kind), found[2][kept]

    columns = [list(column) for column in zip(*on_all_cores(one, even_parts(work)), strict=True)]
    sizes, items, similar, common = (_taken(column) for column in columns)
    indptr = np.zeros(count + 1, np.int64)
    np.cumsum(sizes, out=indptr[1:])
    return indptr, items, similar, common


def _taken(parts: list[Any]) -> Any:
    """The parts as one, and no longer held."""
    whole = np.concatenate(parts)
    parts.clear()
    return whole


def work_of(by_row: tuple[Any, ...], by_item: tuple[Any, ...]) -> Whole:
    """Per item, how many pairs it stands in: the lengths of the histories that hold it."""
    return row_sums(np.diff(by_row[0])[by_item[1]], by_item[0])
