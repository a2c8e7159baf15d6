"""What customers come back to, and what the customers most like them come back to.

source : Hu et al. (2020), TIFU-kNN: a customer is a vector of items that fades with time, and what
         they take next is foretold by it and by the mean of the nearest ones. Its decay within and
         between groups of baskets is here that of the histories' weights, by days
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar

import msgspec
import numpy as np

from bespeak.compiled import sealed
from bespeak.recommend.base import Parameters
from bespeak.recommend.histories import (
    NO_TIME,
    UNIT,
    Histories,
    Index,
    Interactions,
    Whole,
    compressed,
    read_json,
    write_json,
)
from bespeak.recommend.interactions import DAY
from bespeak.recommend.mathematics import basket_kernels, order
from bespeak.recommend.mathematics.basket_kernels import FINER, FRESH
from bespeak.recommend.mathematics.remembered import Asked, Remembered, Span
from bespeak.recommend.texts import Ids, load_arrays, save_arrays

LENGTH = 1 << 15
"""Of a taste, as a vector of whole numbers."""
WORTH = 1 << 10
"""What an entry of weight 1 is worth."""
MOST_WORTH = 1 << 18
"""What an entry is worth at most, so that no sum of them overflows."""
PRIOR = 5.0
"""Customers like all others, whom each item has beside its own."""

_ARRAYS: Mapping[str, type[np.generic]] = {
    "indptr": np.int64,
    "members": np.int32,
    "shares": np.int32,
    "worths": np.int32,
    "starts": np.int64,
    "entries": np.int32,
    "row_of": np.int32,
    "having": np.int32,
    "times": np.int64,
    "fresh": np.int32,
}


class TifuKnnParameters(Parameters, frozen=True):
    """score(h, j) = own w_hj m_j^again (1 + d_hj / g_hj)^-late
                  + f_j^fresh Σ_s likeness(h, s)^focus w_sj^taken / Σ_s likeness(h, s)^focus

    over the past histories s that are most alike. w are the histories' weights, which fade with
    time; m_j is how many times an item's customers have it on average; d_hj is the time between the
    last j of h and the last of all that h has, g_hj the usual time from one j of h to the next; f_j
    is how many of an item's customers have it for the first time lately, beside other items.
    likeness(h, s) is the cosine of w_hi^taste n_i^-history_item, n_i being how many histories hold
    i. The defaults were chosen on a part carved from training data (benchmarks/recommend.md).
    """

    own: Annotated[float, msgspec.Meta(ge=0, le=1000)] = 4.0
    """How much the customer's own past counts beside that of others."""
    again: Annotated[float, msgspec.Meta(ge=0, le=4)] = 0.5
    """How much more an item counts that people come back to."""
    late: Annotated[float, msgspec.Meta(ge=0, le=4)] = 0.3
    """How much less an item counts that its customer left out for longer than was usual; nothing
    where no times are known."""
    neighbours: Annotated[int, msgspec.Meta(ge=1, le=2000)] = 200
    """How many past histories speak for a list."""
    newest: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 1000
    """Only this many of the newest past histories that hold an item are looked at."""
    focus: Annotated[float, msgspec.Meta(ge=0, le=10)] = 1.5
    """How much more the most alike of them say."""
    fresh: Annotated[float, msgspec.Meta(ge=0, le=4)] = 0.35
    """How much more an item of others counts that people lately begin to have; nothing where no
    times are known."""
    fresh_days: Annotated[float, msgspec.Meta(gt=0, le=10_000)] = 10.0
    """A beginning that is so old counts half of one today."""
    taste: Annotated[float, msgspec.Meta(ge=0, le=2)] = 0.5
    """How much a weight counts in a likeness; at 0, only whether an item was had."""
    taken: Annotated[float, msgspec.Meta(ge=0, le=2)] = 0.25
    """How much a weight counts in what a like history says."""
    history_item: Annotated[float, msgspec.Meta(ge=0, le=2)] = 0.1
    """How much less an item says of a taste that everybody has."""
    longest_history: Annotated[int, msgspec.Meta(ge=2, le=10_000)] = 3000
    """Only this many of a history's heaviest items count."""


@dataclass(frozen=True, eq=False)
class TifuKnn(Remembered):
    """It keeps what was had together and how much, never by whom.

    indptr, members : past histories, the newest first
    shares, worths  : int32, per entry: its part of the taste, what it is worth to others
    starts, entries : per item, the entries that hold it, of the newest rows only
    row_of          : int32, the row of each entry
    having, times   : per item, past histories that hold it, and how many times they had it
    fresh           : int32, per item, f^fresh in units of basket_kernels.FRESH
    gap             : microseconds from one time of an item to the next, on average
    """

    name: ClassVar[str] = "tifu_knn"

    items: Ids
    parameters: TifuKnnParameters
    indptr: Whole
    members: Index
    shares: Index
    worths: Index
    starts: Whole
    entries: Index
    row_of: Index
    having: Index
    times: Whole
    fresh: Index
    gap: int

    @property
    def unit(self) -> float:
        return float(WORTH << FINER)

    def said(self) -> dict[str, Any]:
        return {
            "histories": len(self.indptr) - 1,
            "entries": len(self.members),
            "entries_looked_at": len(self.entries),
        }

    def save(self, folder: Path) -> None:
        self.items.save(folder, "items")
        save_arrays(folder, self, _ARRAYS)
        about = {"gap": self.gap, "parameters": msgspec.to_builtins(self.parameters)}
        write_json(folder / "model.json", about)

    @classmethod
    def load(cls, folder: Path) -> TifuKnn:
        """What `save` wrote, mapped.

        raises : ArtifactCorrupt
        """
        about = read_json(folder / "model.json")
        parameters = msgspec.convert(about["parameters"], TifuKnnParameters)
        arrays = load_arrays(folder, _ARRAYS)
        return cls(Ids.load(folder, "items"), parameters, gap=about["gap"], **arrays)

    def _asked(self, histories: Histories) -> Asked:
        """Histories as the kernels read them."""
        used = histories.heaviest(self.parameters.longest_history)
        again = _again(self.having, self.times, self.parameters.again)[used.indices]
        owns = self.parameters.own * used.weights / UNIT * again * self._due(used)
        owns = np.minimum(owns, float(1 << 30))
        return sealed(
            used.indptr, used.indices, _tastes(used, self.having, self.parameters),
            np.floor(owns * self.unit + 0.5).astype(np.int64),
        )  # fmt: skip

    def _due(self, histories: Histories) -> Any:
        """Less than 1 for what was left out for longer than usual."""
        known = histories.last_time != NO_TIME
        last = np.full(len(histories), NO_TIME)
        np.maximum.at(last, histories.rows, histories.last_time)
        span = np.where(known, histories.last_time - histories.first_time, 0)
        since = np.where(known, last[histories.rows] - histories.last_time, 0)
        usual = np.maximum((span + self.gap) / np.maximum(histories.times, 1), 1.0)
        return (1 + since / usual) ** -self.parameters.late

    def _looked_at(self) -> Whole:
        return np.diff(self.starts)

    def _best(self, asked: Asked, limits: Any, span: Span, found: tuple[Any, Any]) -> None:
        neighbours = self.parameters.neighbours
        basket_kernels.best(asked, self._memory, limits, span, neighbours, self._work(), found)

    def _totals(self, asked: Asked, wanted: Any, span: Span, found: Any) -> None:
        neighbours = self.parameters.neighbours
        basket_kernels.totals(asked, self._memory, wanted, span, neighbours, self._work(), found)

    def _givers(self, asked: Asked, wanted: Any, span: Span, found: tuple[Any, Any]) -> None:
        basket_kernels.carried(
            asked, self._memory, self._indexed, wanted, span, self.parameters.neighbours,
            self._work(), found,
        )  # fmt: skip

    def _work(self) -> tuple[Any, ...]:
        """What a part's loop writes on; memory is taken only where it does."""
        rows, count = len(self.indptr) - 1, len(self.items)
        return (
            np.zeros(rows, np.int64), np.empty(rows, np.int32), np.zeros(count, np.int64),
            np.empty(count, np.int32), np.zeros(count, np.int32), np.zeros(count, np.int32),
        )  # fmt: skip

    @cached_property
    def _memory(self) -> tuple[Any, ...]:
        return (
            sealed(self.indptr, self.members, self.shares, self.worths),
            sealed(self.starts, self.entries, self.row_of),
            sealed(self.fresh)[0],
            self.parameters.focus,
        )

    @cached_property
    def _indexed(self) -> Any:
        named = np.zeros(len(self.members), np.bool_)
        named[self.entries] = True
        return sealed(named)[0]


def fit_tifu_knn(interactions: Interactions, parameters: TifuKnnParameters) -> TifuKnn:
    """Histories in the order of their age, weighed, and an index from each item to the newest."""
    items = interactions.items
    used = interactions.histories.heaviest(parameters.longest_history)
    past = used.take(order.newest_first(used)[0])
    having = np.bincount(past.indices, minlength=len(items)).astype(np.int32)
    times = np.bincount(past.indices, past.times, len(items)).astype(np.int64)
    held = past.indices.astype(np.int64)
    by_item = np.argsort(held, kind="stable")  # within an item: the newest rows first
    places = np.arange(len(by_item)) - compressed(held, len(items))[held[by_item]]
    kept = by_item[places < parameters.newest]
    worths = WORTH * (past.weights / UNIT) ** parameters.taken
    return TifuKnn(
        items, parameters, past.indptr, past.indices, _tastes(past, having, parameters),
        np.clip(np.floor(worths + 0.5), 1, MOST_WORTH).astype(np.int32),
        compressed(held[kept], len(items)), kept.astype(np.int32),
        past.rows.astype(np.int32), having, times,
        _fresh(past, having, interactions.as_of, parameters), _gap(past),
    )  # fmt: skip


def _tastes(histories: Histories, having: Index, parameters: TifuKnnParameters) -> Index:
    """Each entry's part of its row's taste, a vector of LENGTH; at least 1."""
    rare = np.maximum(having[histories.indices], 1.0) ** -parameters.history_item
    parts = (histories.weights / UNIT) ** parameters.taste * rare
    lengths = np.sqrt(np.bincount(histories.rows, parts * parts, len(histories)))
    whole = np.floor(LENGTH * parts / lengths[histories.rows] + 0.5)
    return np.maximum(whole, 1).astype(np.int32)


def _fresh(
    histories: Histories, having: Index, as_of: int | None, parameters: TifuKnnParameters
) -> Index:
    """Per item, the share of its customers who have it for the first time lately, to a power."""
    known = (histories.first_time != NO_TIME) & (as_of is not None)
    days = ((as_of or 0) - histories.first_time[known]) / DAY
    lately = 2.0 ** (-days / parameters.fresh_days)
    begun: Any = np.bincount(histories.indices[known], lately, len(having))
    usual = begun.sum() / max(int(having.sum()), 1)
    if usual == 0:
        return np.full(len(having), FRESH, np.int32)
    ratio = (begun / usual + PRIOR) / (having + PRIOR)
    found: Index = np.clip(np.rint(FRESH * ratio**parameters.fresh), 1, 1 << 20).astype(np.int32)
    return found


def _gap(histories: Histories) -> int:
    """Microseconds from one time of an item to the next, on average over those that have two; a
    day where none has."""
    again = (histories.last_time != NO_TIME) & (histories.times > 1)
    spans = histories.last_time[again] - histories.first_time[again]
    return int(spans.sum() // max(int((histories.times[again] - 1).sum()), 1)) or DAY


def _again(having: Index, times: Whole, power: float) -> Any:
    """Per item, how many times its customers have it on average, to a power."""
    usual = times.sum() / max(int(having.sum()), 1)
    return ((times + PRIOR * usual) / (having + PRIOR)) ** power
