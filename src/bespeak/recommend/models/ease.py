"""EASE: every item foretold from all others at once, by the inverse of one large matrix.

The best of its kind while the catalogue fits: memory grows with the square of the items, time with
the cube. Beyond, `sparse_ease`.

source : Steck (2019); its denoising forms Steck (2020) and Moon, Kim & Lee (2023)
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import msgspec
import numpy as np

from bespeak.compiled import compiled
from bespeak.errors import ConfigInvalid
from bespeak.recommend.base import blocks, even_parts, on_all_cores
from bespeak.recommend.histories import Interactions
from bespeak.recommend.mathematics import inverse, kernels
from bespeak.recommend.mathematics.item_lists import ItemLists
from bespeak.recommend.mathematics.near import work_of
from bespeak.recommend.mathematics.regression import (
    GRAIN,
    Design,
    Kept,
    RegressionParameters,
    relaxed,
)

LINES = 512
"""Rows of the matrix that are filled or read at once."""


class EaseParameters(RegressionParameters, frozen=True):
    """See `RegressionParameters`. The defaults were chosen on parts carved from training data
    (benchmarks/recommend.md)."""

    memory_gb: Annotated[float, msgspec.Meta(gt=0)] = 16.0
    """Most memory that fitting may take, in 10^9 bytes; what needs more is refused beforehand."""


class Ease(ItemLists):
    """What each item says most of others, for them or against."""

    name: ClassVar[str] = "ease"
    settings: ClassVar = EaseParameters


def fit_ease(interactions: Interactions, parameters: EaseParameters) -> Ease:
    """Invert the items' Gram matrix; keep the most that each item says of others, of either sign.

    raises : ConfigInvalid where the catalogue needs more than `memory_gb`
    """
    check_memory(len(interactions.items), parameters.memory_gb)
    design = Design.of(interactions, parameters)
    matrix = _gram(design)
    np.einsum("ii->i", matrix)[:] += design.held
    inverse.sweep(matrix)
    found = _kept(design, matrix, parameters).lists(parameters, design.entries)
    return Ease(interactions.items, parameters, *found)


def memory_of(items: int) -> int:
    """Bytes that fitting takes at its peak, beside the interactions themselves."""
    return 4 * items * items + max(inverse.workspace(items), 3 * 8 * LINES * items)


def check_memory(items: int, memory_gb: float) -> None:
    """Refuse a catalogue whose matrix does not fit.

    raises : ConfigInvalid
    """
    needed = memory_of(items) / 1e9
    if needed > memory_gb:
        raise ConfigInvalid(
            f"recommend.parameters.ease: {items} items need {needed:.1f} GB of memory",
            expected=f"at most memory_gb = {memory_gb:g}",
            next_step="Use sparse_ease instead, which needs far less, or raise memory_gb.",
        )


def _gram(design: Design) -> Any:
    """X'X: float32, its blocks on and below the diagonal, each cell summed in double precision."""
    from scipy import sparse

    entries, count = design.entries, design.entries.count
    given = (design.values, entries.used.indices, entries.used.indptr)
    table = sparse.csr_array(given, shape=(len(entries.used), count))
    turned = table.T.tocsr()
    matrix = np.zeros((count, count), np.float32)
    for part in blocks(count, LINES):
        matrix[part] = (turned[part] @ table).toarray()
    return matrix


def _kept(design: Design, matrix: Any, parameters: EaseParameters) -> Kept:
    """The most that each item says of others, among those that enough histories share with it."""
    entries = design.entries
    factors = relaxed(-np.diag(matrix).astype(np.float64), design.held, parameters.diagonal)
    by_row, by_item = entries.both_ways(np.ones(len(design.values), np.int8))
    ways = by_row[:2], by_item[:2]
    work = work_of(by_row, by_item)
    width = min(parameters.neighbours, entries.count)
    parts = []
    for part in blocks(entries.count, LINES):
        lines = inverse.rows(matrix, part) * factors

        def greatest(span: slice, lines: Any = lines, start: int = part.start) -> tuple[Any, ...]:
            shape = (span.stop - span.start, width)
            found = np.empty(shape, np.int32), np.zeros(shape), np.empty(shape, np.int32)
            sizes = furthest(*ways, lines[span], parameters.least_common, start + span.start, found)
            there = np.arange(width) < sizes[:, None]
            return sizes, *(column[there] for column in found)

        parts += on_all_cores(greatest, even_parts(work[part]))
    sizes, targets, coefficients, common = (
        np.concatenate([part[column] for part in parts]) for column in range(4)
    )
    givers = np.repeat(np.arange(entries.count, dtype=np.int32), sizes)
    return Kept(givers, targets, coefficients, common)


@compiled
def furthest(
    by_row: tuple[Any, Any],
    by_item: tuple[Any, Any],
    lines: Any,
    least: int,
    first: int,
    found: tuple[Any, Any, Any],
) -> Any:
    """Of each line's numbers the n furthest from 0, among items that share `least` histories.

    by_row, by_item : (indptr, indices), by history and by item
    lines   : float64, the lines of items `first`, `first` + 1, …
    found   : to fill: (items, numbers, histories in common), rows of n
    returns : how many each row got
    """
    starts, members = by_row
    item_starts, item_rows = by_item
    to_items, to_numbers, to_common = found
    count, n = len(item_starts) - 1, to_items.shape[1]
    common, touched = np.zeros(count, np.int32), np.empty(count, np.int32)
    heap_scores, heap_items = np.empty(n + 1, np.int64), np.empty(n + 1, np.int32)
    best = np.empty(n, np.int64)
    sizes = np.zeros(len(lines), np.int64)
    for line in range(len(lines)):
        item, reached, size = first + line, 0, 0
        for entry in range(item_starts[item], item_starts[item + 1]):
            row = item_rows[entry]
            for at in range(starts[row], starts[row + 1]):
                other = members[at]
                if common[other] == 0:
                    touched[reached] = other
                    reached += 1
                common[other] += 1
        for at in range(reached):
            other = touched[at]
            if other != item and common[other] >= least:
                far = int(np.rint(abs(lines[line, other]) / GRAIN))
                if far > 0 and (size < n or far >= heap_scores[0]):
                    size = kernels.put(heap_scores, heap_items, size, n, far, other)
        kernels.unload(heap_scores, heap_items, size, best, to_items[line])
        for at in range(size):
            to_numbers[line, at] = lines[line, to_items[line, at]]
            to_common[line, at] = common[to_items[line, at]]
        for at in range(reached):
            common[touched[at]] = 0
        sizes[line] = size
    return sizes
