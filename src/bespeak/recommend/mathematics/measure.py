"""What co-counts of items mean: weights, norms and units of item-kNN, wherever the counting is.

Everything that is summed is a whole number, so its order is free; everything else is elementwise
arithmetic that IEEE 754 fixes to the last bit. So histories added up in memory and by an engine
give the same lists, entry by entry.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from bespeak.recommend.histories import UNIT, Index, Whole
from bespeak.recommend.mathematics.item_lists import ItemListsParameters

Real = NDArray[np.float64]
Weighting = Literal["linear", "log", "binary", "tfidf", "bm25"]
LIMB = 20
"""Squares are summed in limbs of this many bits."""


class ItemKnnParameters(ItemListsParameters, frozen=True):
    """similarity(i, j) = Σ_h w_hi w_hj |h|^-length / (n_i^history_item n_j^item + shrinkage).

    The sum is over histories h, |h| is how many items h has, w a weight as `weighting` makes it,
    and n_i = Σ_h w_hi². Plain cosine is length = 0 with both item exponents 0.5. The defaults were
    chosen on parts carved from training data (benchmarks/recommend.md lists every try).
    """

    weighting: Weighting = "linear"
    """What an interaction's weight becomes; on weights that are all one, linear = log = binary."""
    length: Annotated[float, msgspec.Meta(ge=0, le=4)] = 0.75
    """How much less a pair counts that stands in a long history."""
    history_item: Annotated[float, msgspec.Meta(ge=0, le=2)] = 0.6
    """How much less an item in the history counts that everybody has."""
    item: Annotated[float, msgspec.Meta(ge=0, le=2)] = 0.3
    """How much less an item is recommended that everybody has."""
    shrinkage: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    """Added to the denominator: evidence from few histories counts less."""


@dataclass(frozen=True, eq=False)
class Population:
    """What a weighting may have to know of all histories.

    rows    : histories
    entries : items of them all
    having  : int64 per item, histories that hold it
    """

    rows: int
    entries: int
    having: Whole

    @property
    def mean_length(self) -> float:
        return max(self.entries / max(self.rows, 1), 1.0)


@dataclass(frozen=True, eq=False)
class Measure:
    """How values are made of weights, and similarities of sums of products of values.

    factors     : by a history's length (from 0): times a weight in millionths, its value
    left, right : per item; similarity(i, j) = sum / (left[i] right[j] + shrinkage), rounded
    scale       : so many units of that similarity are one
    """

    factors: Real
    left: Real
    right: Real
    shrinkage: float
    scale: float

    @classmethod
    def of(cls, sizes: Real, parameters: ItemKnnParameters) -> Measure:
        """sizes : per item, the sum of its squared weights, as `sizes_of` gives it"""
        safe = np.where(sizes > 0, sizes, 1.0)
        left, right = safe**parameters.history_item, safe**parameters.item
        grain = _grain(float(sizes.max(initial=1e-300)))
        scale = _scale(np.sqrt(sizes), left, right, parameters.own)
        unit = grain * grain / scale  # a power of two: scaling by it is exact
        lengths = np.maximum(np.arange(parameters.longest_history + 1), 1).astype(np.float64)
        factors = lengths ** (-parameters.length / 2) * (grain / UNIT)
        return cls(factors, left * unit, right, parameters.shrinkage * unit, scale)

    def values(self, weights: Whole, lengths: Whole) -> Index:
        """Whole numbers, at least one, whose products are summed."""
        rounded = np.floor(weights * self.factors[lengths] + 0.5)
        return np.maximum(1, rounded).astype(np.int32)


def weighed(
    weights: Whole, lengths: Whole, items: Index, of: Population, weighting: Weighting
) -> Whole:
    """What each entry's weight becomes: int64, millionths, at least one.

    lengths : of each entry's history
    """
    if weighting == "linear":
        return weights
    if weighting == "binary":
        return np.full(len(weights), UNIT, np.int64)
    given: Real = weights / UNIT
    having = of.having[items]
    if weighting == "log":
        made = np.log1p(given)
    elif weighting == "tfidf":
        made = given * (1 + np.log(of.rows / having))
    else:  # Okapi with its usual k1 = 1.2 and b = 0.75
        rare = np.log1p((of.rows - having + 0.5) / (having + 0.5))
        made = rare * given * 2.2 / (given + 1.2 * (0.25 + 0.75 * lengths / of.mean_length))
    return np.maximum(1, np.floor(made * UNIT + 0.5)).astype(np.int64)


def squares(items: Index, weights: Whole, count: int) -> list[int]:
    """Per item, the sum of its squared weights, exact however large."""
    high, low = weights >> LIMB, weights & ((1 << LIMB) - 1)
    sums = []
    for product in (high * high, high * low, low * low):
        total = np.zeros(count, np.int64)
        np.add.at(total, items, product)
        sums.append(total.tolist())
    return [(a << 2 * LIMB) + (b << LIMB + 1) + c for a, b, c in zip(*sums, strict=True)]


def sizes_of(exact: Iterable[int]) -> Real:
    """Sums of squared millionths as numbers, each rounded once."""
    return np.array([float(total) for total in exact]) / (UNIT * UNIT)


def _grain(most: float) -> float:
    """Units of value: a power of two, so fine that no sum of products passes 2^62.

    most : the greatest sum of an item's squared weights; a value is no more than its weight, so by
           Cauchy and Schwarz no pair's sum is more. None passes 2^31 then
    """
    return 2.0 ** min(26, math.floor(30.5 - math.log2(most) / 2))


def _scale(root: Real, left: Real, right: Real, own: float) -> float:
    """Units of similarity: a power of two that keeps every similarity within 31 bits.

    By Cauchy and Schwarz no pair's sum is more than the product of the two items' `root`.
    """
    bound = float((root / left).max(initial=0.0) * (root / right).max(initial=0.0))
    room = [2.0**30.9 / max(bound, 1e-300), 2.0**37 / max(own, 1e-300), 2.0**60]
    return float(2.0 ** math.floor(math.log2(min(room))))
