"""The order in which things were had: how near two of them stand, how much each still counts.

Sessions and baskets are histories like any others; what models of order need is worked out here, in
whole numbers, and nothing here knows whether a row is a customer or a session. Without times all
stands at one place, and a row is an unordered set.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from bespeak.recommend.base import Parameters
from bespeak.recommend.histories import Histories, Index, Whole

SHARES = 1 << 24
"""A history's items count this much together, so that lists of any length compare."""
NEAR = 1 << 10
"""What stands right beside the item that two histories share counts this much."""
FACTOR = 1 << 16
"""A past history that loses nothing by its length or age counts this much."""
MOST_OWN = 10.0
"""What is had already never counts more than this many things right beside the shared item."""
FARTHEST = 64
"""Beyond this many places, all is equally far."""


class OrderParameters(Parameters, frozen=True):
    """How order counts; the defaults were chosen on sessions carved from training data.

    benchmarks/recommend.md lists every try.
    """

    fade: Annotated[float, msgspec.Meta(gt=0, le=1000)] = 1.5
    """An item of the history that stands this many places before its end counts 1/e."""
    distance: Annotated[float, msgspec.Meta(ge=0, le=4)] = 0.35
    """What stands d places from the shared item counts d^-distance."""
    backward: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.7
    """How much what stood before the shared item counts, beside what came after it."""
    own: Annotated[float, msgspec.Meta(ge=0, le=100)] = 12.5
    """What the history has already counts this, times the share of past occasions that were not
    the first with their item: nothing where nobody has a thing twice."""
    history_item: Annotated[float, msgspec.Meta(ge=0, le=2)] = 0.4
    """How much less an item in the history counts that everybody has."""
    item: Annotated[float, msgspec.Meta(ge=0, le=2)] = 0.2
    """How much less an item is recommended that everybody has."""
    length: Annotated[float, msgspec.Meta(ge=0, le=2)] = 0.2
    """How much less a long past history counts."""
    recency: Annotated[float, msgspec.Meta(ge=0, le=20)] = 1.2
    """The oldest past history counts exp(-recency) of what the newest does."""
    longest_history: Annotated[int, msgspec.Meta(ge=2, le=1000)] = 100
    """Only this many of a history's latest items count."""


def nearness(parameters: OrderParameters) -> tuple[Whole, Whole]:
    """How much an item counts by its places after the shared one, and before it; [0]: beside it."""
    places = np.maximum(np.arange(FARTHEST + 1), 1)
    after = NEAR * places**-parameters.distance
    return _whole(after, least=0), _whole(after * parameters.backward, least=0)


def own_weight(histories: Histories, parameters: OrderParameters) -> int:
    """How much an item counts that the history has already, of NEAR; see `OrderParameters.own`."""
    occasions = int(histories.times.sum())
    again = 1 - len(histories.indices) / max(occasions, 1) if occasions else 0.0
    return math.floor(NEAR * min(parameters.own * again, MOST_OWN) + 0.5)


def shares(histories: Histories, having: Index | Whole, parameters: OrderParameters) -> Whole:
    """How much each entry counts: less the longer ago, less if everybody has it; about SHARES a
    row.

    having : per item, past histories that hold it
    """
    if not len(histories.indices):
        return np.zeros(0, np.int64)
    rows, (_, last) = histories.rows, histories.places()
    ends = np.zeros(len(histories), np.int64)
    np.maximum.at(ends, rows, last)
    rare = np.maximum(having[histories.indices], 1.0) ** -parameters.history_item
    worth = np.exp((last - ends[rows]) / parameters.fade) * rare
    totals = np.bincount(rows, worth, minlength=len(histories))
    return _whole(worth * (SHARES / np.maximum(totals, 1e-300))[rows], least=1)


def newest_first(histories: Histories) -> tuple[Whole, NDArray[np.float64]]:
    """The rows that hold anything, those with the latest entry first; and how old each is.

    returns : rows, then per row the share of rows that are newer: equally old rows, and all where
              no time is known, are of one age; they stand in the order of their rows
    """
    rows = np.flatnonzero(histories.lengths)
    ends = np.maximum.reduceat(histories.last_time, histories.indptr[rows]) if len(rows) else rows
    age = ~ends  # turns the order round, and NO_TIME is the oldest
    order = np.argsort(age, kind="stable")
    newer = np.searchsorted(age[order], age[order], side="left")
    return rows[order], newer / max(len(rows), 1)


def factors(
    lengths: Whole, ages: NDArray[np.float64], parameters: OrderParameters
) -> NDArray[np.int32]:
    """How much each past history counts, of FACTOR.

    ages : from 0, the newest, to 1
    """
    worth = np.maximum(lengths, 1.0) ** -parameters.length * np.exp(-parameters.recency * ages)
    return _whole(FACTOR * worth, least=1).astype(np.int32)


def rarity(having: Index | Whole, parameters: OrderParameters, most: int) -> Whole:
    """What each item's sum is multiplied with, from 1 to `most`: less where everybody has it."""
    return _whole(most * np.maximum(having, 1.0) ** -parameters.item, least=1)


def _whole(values: Any, least: int) -> Whole:
    found: Whole = np.maximum(np.floor(values + 0.5), least).astype(np.int64)
    return found
