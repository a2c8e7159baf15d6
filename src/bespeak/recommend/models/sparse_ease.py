"""EASE for catalogues of any size: every item foretold from those that are nearest to it.

An item's coefficients are the exact ridge regression on a few chosen items, so neither an inverse
nor any array of items by items is needed: time grows with the items, memory with the pairs that
people have in common.

source : Steck (2019), Markov random fields for collaborative filtering: a sparse inverse from the
         regressions within neighbourhoods; here each item has a neighbourhood of its own
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import msgspec
import numpy as np

from bespeak.compiled import compiled, sealed
from bespeak.errors import ConfigInvalid
from bespeak.recommend.base import even_parts, on_all_cores
from bespeak.recommend.histories import Interactions
from bespeak.recommend.mathematics.item_lists import ItemLists
from bespeak.recommend.mathematics.measure import ItemKnnParameters
from bespeak.recommend.mathematics.near import Near, nearest, work_of
from bespeak.recommend.mathematics.regression import Design, Kept, RegressionParameters, relaxed

CELL = 12
"""Bytes that a pair of items takes at the peak: its number and one index, and room to join them."""


class SparseEaseParameters(RegressionParameters, frozen=True):
    """See `RegressionParameters`. The defaults were chosen on parts carved from training data
    (benchmarks/recommend.md)."""

    regressors: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 100
    """How many items each item is foretold from; the work grows with the third power."""
    rarity: Annotated[float, msgspec.Meta(ge=0, le=2)] = 0.5
    """How much less an item is chosen to foretell others that everybody has."""
    memory_gb: Annotated[float, msgspec.Meta(gt=0)] = 8.0
    """Most memory that pairs may take, in 10^9 bytes; what needs more is refused beforehand."""


class SparseEase(ItemLists):
    """Each item's coefficients for the items that it is near to, of whichever sign."""

    name: ClassVar[str] = "sparse_ease"
    settings: ClassVar = SparseEaseParameters


def fit_sparse_ease(interactions: Interactions, parameters: SparseEaseParameters) -> SparseEase:
    """Choose each item's nearest by co-counts, then regress it on them.

    raises : ConfigInvalid where the pairs of items need more than `memory_gb`
    """
    near = nearest(interactions, _measure(parameters))
    design = Design.of(interactions, parameters)
    pairs = _pairs(design, parameters)
    found = _regressed(near, pairs, design, parameters.diagonal).lists(parameters, design.entries)
    return SparseEase(interactions.items, parameters, *found)


def _measure(parameters: SparseEaseParameters) -> ItemKnnParameters:
    """By what an item's nearest are chosen: their common histories, per how many have the other."""
    return ItemKnnParameters(
        neighbours=parameters.regressors, weighting=parameters.weighting, length=parameters.length,
        history_item=0.0, item=parameters.rarity, least_common=parameters.least_common,
        longest_history=parameters.longest_history,
    )  # fmt: skip


def _pairs(design: Design, parameters: SparseEaseParameters) -> tuple[Any, Any, Any]:
    """G = X'X above its diagonal, by its rows, ascending: (indptr, items, float32 numbers)."""
    by_row, by_item = design.entries.both_ways(design.values)
    work = work_of(by_row, by_item)
    nothing = np.zeros(0, np.int32), np.zeros(0, np.float32)

    def counted(part: slice) -> Any:
        sizes = np.zeros(part.stop - part.start, np.int64)
        gram_rows(by_row, by_item, part.start, sizes, nothing)
        return sizes

    def filled(part: slice) -> tuple[Any, Any]:
        sizes = np.diff(indptr[part.start : part.stop + 1])
        items = np.empty(sizes.sum(), np.int32)
        numbers = np.empty(len(items), np.float32)
        gram_rows(by_row, by_item, part.start, sizes, (items, numbers))
        return items, numbers

    spans = even_parts(work)
    indptr = np.zeros(design.entries.count + 1, np.int64)
    np.cumsum(np.concatenate(on_all_cores(counted, spans)), out=indptr[1:])
    needed = int(indptr[-1]) * CELL / 1e9
    if needed > parameters.memory_gb:
        raise ConfigInvalid(
            f"recommend.parameters.sparse_ease: {indptr[-1]} pairs of items need {needed:.1f} GB",
            expected=f"at most memory_gb = {parameters.memory_gb:g}",
            next_step="Lower longest_history, raise memory_gb, or use item_knn.",
        )
    parts = on_all_cores(filled, spans)
    items, numbers = (np.concatenate([part[column] for part in parts]) for column in range(2))
    return indptr, items, numbers


def _regressed(near: Near, pairs: tuple[Any, ...], design: Design, diagonal: float) -> Kept:
    """Every item's ridge regression on its nearest, side by side; what they are stays."""
    targets = np.repeat(np.arange(len(near.indptr) - 1, dtype=np.int32), np.diff(near.indptr))
    order = np.lexsort((near.neighbours, targets))
    givers, common = near.neighbours[order], near.common[order]
    coefficients, left = np.zeros(len(givers)), np.ones(len(near.indptr) - 1)
    given = sealed(near.indptr, givers), sealed(*pairs), sealed(design.squares, design.held)
    lengths = np.diff(near.indptr)
    on_all_cores(
        lambda part: regress(*given, (part.start, part.stop), (coefficients, left)),
        even_parts(lengths * lengths),
    )
    factors = relaxed(1 / left, design.held, diagonal) / left
    return Kept(givers, targets, coefficients * factors[targets], common)


@compiled
def gram_rows(
    by_row: tuple[Any, Any, Any],
    by_item: tuple[Any, Any, Any],
    first: int,
    sizes: Any,
    found: tuple[Any, Any],
) -> None:
    """Rows of X'X from item `first` on, right of the diagonal.

    by_row, by_item : (indptr, indices, values) of X, by history and by item
    sizes           : a row each; filled where there is no room in `found`
    found           : (items, numbers) to fill; empty: only count
    """
    starts, members, values = by_row
    item_starts, item_rows, item_values = by_item
    to_items, to_numbers = found
    count = len(item_starts) - 1
    sums, seen = np.zeros(count), np.zeros(count, np.bool_)
    touched = np.empty(count, np.int32)
    put = 0
    for line in range(len(sizes)):
        item, reached = first + line, 0
        for entry in range(item_starts[item], item_starts[item + 1]):
            row, value = item_rows[entry], item_values[entry]
            for at in range(starts[row + 1] - 1, starts[row] - 1, -1):
                other = members[at]
                if other <= item:
                    break
                if not seen[other]:
                    seen[other] = True
                    touched[reached] = other
                    reached += 1
                sums[other] += value * values[at]
        if len(to_items):
            touched[:reached].sort()
            for at in range(reached):
                to_items[put + at] = touched[at]
                to_numbers[put + at] = sums[touched[at]]
            put += reached
        else:
            sizes[line] = reached
        for at in range(reached):
            sums[touched[at]], seen[touched[at]] = 0.0, False


@compiled
def regress(
    columns: tuple[Any, Any],
    pairs: tuple[Any, Any, Any],
    diagonals: tuple[Any, Any],
    span: tuple[int, int],
    found: tuple[Any, Any],
) -> None:
    """The ridge regression of each item of `span` on its chosen others.

    columns   : (indptr, givers): the chosen, ascending
    pairs     : (indptr, items, numbers): G right of its diagonal
    diagonals : (G_ii, Λ)
    found     : to fill: (coefficients, what is left of G_jj + Λ_j)
    """
    starts, givers = columns
    squares, held = diagonals
    coefficients, left = found
    most = 0
    for item in range(span[0], span[1]):
        most = max(most, starts[item + 1] - starts[item])
    system, target = np.empty((most, most)), np.empty(most)
    for item in range(span[0], span[1]):
        chosen = givers[starts[item] : starts[item + 1]]
        size = len(chosen)
        for line in range(size):
            one = chosen[line]
            system[line, line] = squares[one] + held[one]
            target[line] = _cell(pairs, min(one, item), max(one, item))
            _gather(pairs, chosen, line, system)
        rest = squares[item] + held[item]
        solved = coefficients[starts[item] : starts[item + 1]]
        for line in range(size):
            solved[line] = target[line]
        _solve(system, size, solved)
        for line in range(size):
            rest -= solved[line] * target[line]
        left[item] = max(rest, held[item])  # no less is left, but for rounding


@compiled
def _gather(pairs: tuple[Any, Any, Any], chosen: Any, line: int, system: Any) -> None:
    """The numbers of one chosen item with those after it, from its row of G."""
    starts, items, numbers = pairs
    low, stop = starts[chosen[line]], starts[chosen[line] + 1]
    for other in range(line + 1, len(chosen)):
        low = _reach(items, low, stop, chosen[other])
        there = low < stop and items[low] == chosen[other]
        system[line, other] = numbers[low] if there else 0.0


@compiled
def _cell(pairs: tuple[Any, Any, Any], one: int, other: int) -> float:
    starts, items, numbers = pairs
    at = _reach(items, starts[one], starts[one + 1], other)
    return float(numbers[at]) if at < starts[one + 1] and items[at] == other else 0.0


@compiled
def _reach(items: Any, low: int, high: int, wanted: int) -> int:
    """The first place from `low` on, below `high`, whose item is not before `wanted`."""
    while low < high:
        middle = (low + high) // 2
        if items[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def _solve(system: Any, size: int, solved: Any) -> None:
    """Overwrite `solved` with the solution, by the factors of the symmetric `system`.

    system : its cells on and above the diagonal are read, and overwritten
    """
    for line in range(size):
        pivot = system[line, line]
        for below in range(line + 1, size):
            factor = system[line, below] / pivot
            for at in range(below, size):
                system[below, at] -= factor * system[line, at]
            solved[below] -= factor * solved[line]
    for line in range(size - 1, -1, -1):
        total = solved[line]
        for at in range(line + 1, size):
            total -= system[line, at] * solved[at]
        solved[line] = total / system[line, line]
