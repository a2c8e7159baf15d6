"""What every model can do that keeps past histories and lists what the most alike of them hold.

Which are alike and what each says differs from model to model, and so do the compiled loops; how
lists, scores of some items and reasons are asked of them is the same.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np

from bespeak.compiled import sealed
from bespeak.recommend.base import (
    RHYTHM,
    WITH,
    Ranked,
    Why,
    Whys,
    check_asked,
    check_block,
    even_parts,
    on_all_cores,
)
from bespeak.recommend.histories import Flags, Histories, Index, Whole, row_sums
from bespeak.recommend.texts import Ids

Asked = tuple[Any, ...]
"""Histories as the loops of the model read them: (indptr, items, ...)."""
Span = tuple[int, int]


class Remembered(ABC):
    """Past histories, an index from each item to those that hold it, and loops over both."""

    items: Ids

    @abstractmethod
    def _asked(self, histories: Histories) -> Asked:
        """Histories as the loops read them."""

    @abstractmethod
    def _looked_at(self) -> Whole:
        """Per item, how many past histories the loops look at for it."""

    @abstractmethod
    def _best(self, asked: Asked, limits: Any, span: Span, found: tuple[Any, Any]) -> None:
        """Fill `found` (items, scores) for the rows of `span`.

        limits : (indptr, indices, allow): per row, items that may not appear; per item, whether it
                 may
        """

    @abstractmethod
    def _totals(self, asked: Asked, wanted: Any, span: Span, found: Any) -> None:
        """Fill `found`, zeros, with the scores of a line of items a row (-1: none)."""

    @abstractmethod
    def _givers(self, asked: Asked, wanted: Any, span: Span, found: tuple[Any, Any]) -> None:
        """Fill `found` for a line of items a row (-1: none): the item of the history that carried
        each score (-1: none did), and alike past histories that hold both."""

    def scores_at(self, histories: Histories, items: Index) -> Whole:
        """See `base.Pointed`."""
        asked, found = self._asked(histories), np.zeros(items.shape, np.int64)
        wanted = sealed(np.ascontiguousarray(items, np.int32))[0]
        self._spread(asked, lambda span: self._totals(asked, wanted, span, found))
        return found

    def scores(self, histories: Histories) -> Whole:
        check_block(len(histories), len(self.items))
        every = np.arange(len(self.items), dtype=np.int32)
        return self.scores_at(histories, np.tile(every, (len(histories), 1)))

    def recommend(
        self,
        histories: Histories,
        k: int,
        *,
        exclude: Histories | None = None,
        allow: Flags | None = None,
    ) -> Ranked:
        check_asked(k, histories, exclude, allow)
        asked, count = self._asked(histories), len(self.items)
        items = np.full((len(histories), min(k, count)), -1, np.int32)
        scores = np.zeros(items.shape, np.int64)
        out = exclude if exclude is not None else Histories.empty(len(histories))
        mask = np.ones(count, np.bool_) if allow is None else allow
        limits = sealed(out.indptr, out.indices, mask)
        self._spread(asked, lambda span: self._best(asked, limits, span, (items, scores)))
        return Ranked(items, scores, (items >= 0).sum(axis=1))

    def why(self, history: Histories, items: Index) -> list[Why]:
        """The rhythm, where an item scores most by itself; else what it shares with the alike."""
        givers, common = self._carried(history, items[None, :])
        return [
            Why("rhythm", other=item)
            if giver in {item, -1}
            else Why("with", other=giver, customers=count)
            for item, giver, count in zip(
                items.tolist(), givers[0].tolist(), common[0].tolist(), strict=True
            )
        ]

    def whys(self, histories: Histories, items: Index) -> Whys:
        givers, _ = self._carried(histories, items)
        again = (givers < 0) | (givers == items)
        kinds = np.where(items < 0, -1, np.where(again, RHYTHM, WITH)).astype(np.int8)
        return Whys(kinds, np.where(again, -1, givers).astype(np.int32))

    def _carried(self, histories: Histories, items: Index) -> tuple[Index, Index]:
        """What `_givers` finds for a line of items a row."""
        asked = self._asked(histories)
        found = np.full(items.shape, -1, np.int32), np.zeros(items.shape, np.int32)
        wanted = sealed(np.ascontiguousarray(items, np.int32))[0]
        self._spread(asked, lambda span: self._givers(asked, wanted, span, found))
        return found

    def _spread(self, asked: Asked, loop: Callable[[Span], None]) -> None:
        """A loop over all rows, in parts that take about as long, side by side."""
        work = row_sums(self._looked_at()[asked[1]], asked[0])
        on_all_cores(lambda part: loop((part.start, part.stop)), even_parts(work))
