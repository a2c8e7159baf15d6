"""Dot products of histories' vectors with items' vectors, exact, and the best of each row.

Both sides are whole numbers of at most 21 bits, and there are at most 1024 of them, so every sum of
products is a whole number below 2^53: double precision holds it exactly, in whatever order it was
added up. So a history has the same scores alone and among many, and equal items tie.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bespeak.compiled import compiled, sealed
from bespeak.recommend.base import Ranked, blocks, on_all_cores
from bespeak.recommend.histories import Flags, Histories, Index, Whole
from bespeak.recommend.mathematics import kernels
from bespeak.recommend.mathematics.ridge import blas

BITS = 21
MOST_FACTORS = 1 << (53 - 2 * BITS - 1)
SCORE = 1 << 32
"""Whole units of a score of one."""
ROWS, ITEMS = 256, 4096
"""A tile of scores: what one thread multiplies, then looks through while it is in its cache."""


@dataclass(frozen=True, eq=False)
class Fixed:
    """Rows of whole numbers; row r is `numbers[r] * 2.0**exponents[r]`.

    numbers : float64 that are whole, at most 2^BITS
    """

    numbers: Any
    exponents: Index


def fixed_columns(table: Any) -> tuple[Index, Any]:
    """A table in whole numbers, each column in a unit of its own: (int32, the units).

    The units are powers of two; a column of zeros has 1.
    """
    units = np.ldexp(1.0, _exponents(np.abs(table).max(axis=0, initial=0.0)))
    return np.rint(table / units).astype(np.int32), units


def fixed_rows(vectors: Any) -> Fixed:
    """Vectors in whole numbers, each row in a unit of its own."""
    exponents = _exponents(np.abs(vectors).max(axis=1, initial=0.0))
    return Fixed(np.rint(np.ldexp(vectors, -exponents[:, None])), exponents)


def dots(queries: Fixed, items: Any) -> Whole:
    """int64, (rows, items): the products in units of 1/SCORE."""
    found = np.empty((len(queries.numbers), len(items)), np.int64)
    factors = _to_units(queries)
    for part in blocks(len(items), ITEMS):
        products = queries.numbers @ np.asarray(items[part], np.float64).T
        found[:, part] = np.rint(products * factors[:, None])
    return found


def dots_at(queries: Fixed, items: Any, wanted: Index) -> Whole:
    """int64, shaped as `wanted`: the same products, of a line of items a row (-1: 0)."""
    found = np.zeros(wanted.shape, np.int64)
    numbers, table = sealed(queries.numbers, items)
    units, lines = sealed(_to_units(queries), np.ascontiguousarray(wanted))
    on_all_cores(
        lambda part: multiply(numbers, table, units, lines, (part.start, part.stop), found),
        list(blocks(len(wanted), ROWS)),
    )
    return found


def best_dots(
    queries: Fixed, items: Any, k: int, *, exclude: Histories | None, allow: Flags | None
) -> Ranked:
    """The k greatest products of each row above 0, ties by the item's position."""
    rows, count = len(queries.numbers), len(items)
    found = np.full((rows, min(k, count)), -1, np.int32)
    scores = np.zeros(found.shape, np.int64)
    out = exclude if exclude is not None else Histories.empty(rows)
    given = (
        sealed(out.indptr, out.indices),
        sealed(np.ones(count, np.bool_) if allow is None else allow)[0],
        sealed(_to_units(queries))[0],
    )

    def look(part: slice) -> None:
        size = part.stop - part.start
        heap = np.zeros((size, found.shape[1] + 1), np.int64)
        kept = np.zeros(heap.shape, np.int32)
        sizes = np.zeros(size, np.int64)
        for span in blocks(count, ITEMS):
            products = queries.numbers[part] @ np.asarray(items[span], np.float64).T
            keep(products, (part.start, span.start), *given, found.shape[1], (heap, kept, sizes))
        unload(heap, kept, sizes, scores[part], found[part])

    with blas().limit(limits=1):
        on_all_cores(look, list(blocks(rows, ROWS)))
    return Ranked(found, scores, (found >= 0).sum(axis=1))


def _exponents(greatest: Any) -> Index:
    """Per number the power of two whose multiples, up to 2^BITS of them, reach it."""
    _, exponents = np.frexp(greatest)
    return np.where(greatest > 0, exponents - BITS, 0).astype(np.int32)


def _to_units(queries: Fixed) -> Any:
    return np.ldexp(float(SCORE), queries.exponents)


@compiled
def keep(
    products: Any,
    corner: tuple[int, int],
    exclude: tuple[Any, Any],
    allow: Any,
    units: Any,
    k: int,
    heaps: tuple[Any, Any, Any],
) -> None:
    """Put a tile of products into the heaps of its rows.

    products : overwritten where an item is excluded
    corner   : the row and the item of the tile's first number
    units    : per row of all, what a product is multiplied by
    """
    starts, excluded = exclude
    heap, kept, sizes = heaps
    first = corner[1]
    for line in range(len(products)):
        row, values = corner[0] + line, products[line]
        for at in range(starts[row], starts[row + 1]):
            place = excluded[at] - first
            if 0 <= place < len(values):
                values[place] = -1.0
        unit, size = units[row], sizes[line]
        # a product below this rounds to no more than the worst that is kept
        least = max(0.0, (heap[line, 0] - 1.0) / unit) if size == k else 0.0
        for place in range(len(values)):
            if values[place] > least and allow[first + place]:
                score = int(np.rint(values[place] * unit))
                if score > 0 and (size < k or score > heap[line, 0]):
                    size = kernels.put(heap[line], kept[line], size, k, score, first + place)
                    if size == k:
                        least = max(0.0, (heap[line, 0] - 1.0) / unit)
        sizes[line] = size


@compiled
def multiply(
    queries: Any, items: Any, units: Any, wanted: Any, span: tuple[int, int], found: Any
) -> None:
    """Fill the rows of `span` with the products of `wanted`."""
    for row in range(span[0], span[1]):
        for place in range(wanted.shape[1]):
            if wanted[row, place] >= 0:
                line, total = items[wanted[row, place]], 0.0
                for factor in range(len(line)):
                    total += queries[row, factor] * line[factor]
                found[row, place] = np.int64(np.rint(total * units[row]))


@compiled
def unload(heap: Any, kept: Any, sizes: Any, scores: Any, items: Any) -> None:
    """The heaps of a block of rows as lists, best first."""
    for line in range(len(heap)):
        kernels.unload(heap[line], kept[line], sizes[line], scores[line], items[line])
