"""Lists of items per item, and what every model that is such lists can do with them.

A history's score for an item is the mean of what the history's items say of it, weighted by their
weights. Whether the lists come from counting (`near`) or from a regression, scoring, serving,
reasons and files are the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

import msgspec
import numpy as np

from bespeak.recommend.base import (
    RHYTHM,
    WITH,
    Parameters,
    Ranked,
    Why,
    Whys,
    check_asked,
    check_block,
)
from bespeak.recommend.histories import Flags, Histories, Index, Whole, read_json, write_json
from bespeak.recommend.mathematics import list_sums
from bespeak.recommend.mathematics.single import Neighbours, Ready, Single
from bespeak.recommend.texts import Ids, load_arrays, save_arrays

SHARES = 1 << 24
"""A history's weights are scaled to sum to this, so that lists of any length compare."""

_ARRAYS: Mapping[str, type[np.generic]] = {
    "indptr": np.int64,
    "neighbours": np.int32,
    "similarity": np.int32,
    "common": np.int32,
}


class ItemListsParameters(Parameters, frozen=True):
    """What any lists of items per item have to be told."""

    neighbours: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 100
    """How many neighbours each item keeps."""
    least_common: Annotated[int, msgspec.Meta(ge=1)] = 2
    """Fewer histories with both are no evidence; at 1, a list can give away one history."""
    own: Annotated[float, msgspec.Meta(ge=0, le=100)] = 1.0
    """An item's similarity to itself, where what is owned may be recommended again."""
    longest_history: Annotated[int, msgspec.Meta(ge=2)] = 500
    """Only this many of a history's heaviest items count: the work grows with its square."""


@dataclass(frozen=True, eq=False)
class ItemLists(Ready):
    """Each item's neighbours, compressed: greatest similarity first, ties by item id.

    similarity : int32; `scale` of them are a similarity of 1. Below 0 where an item speaks against
    cut        : histories that were longer than `longest_history`, so that only a part counted
    common     : int32, histories that hold both
    A history's score for an item is the mean similarity of the history's items to it, weighted by
    their weights. A subclass gives its `name` and the class of its `settings`.
    """

    name: ClassVar[str]
    settings: ClassVar[type[ItemListsParameters]]

    items: Ids
    parameters: ItemListsParameters
    scale: float
    cut: int
    indptr: Whole
    neighbours: Index
    similarity: Index
    common: Index

    @property
    def unit(self) -> float:
        return self.scale * SHARES

    def scores(self, histories: Histories) -> Whole:
        check_block(len(histories), len(self.items))
        return list_sums.sums(self._lists, self._own, *self._used(histories))

    def scores_at(self, histories: Histories, items: Index) -> Whole:
        """See `base.Pointed`."""
        return list_sums.sums_at(self._lists, self._own, *self._used(histories), items)

    def recommend(
        self,
        histories: Histories,
        k: int,
        *,
        exclude: Histories | None = None,
        allow: Flags | None = None,
    ) -> Ranked:
        check_asked(k, histories, exclude, allow)
        return list_sums.best(
            self._lists, self._own, *self._used(histories), k, exclude=exclude, allow=allow
        )

    def single(self, history: Histories, k: int, *, exclude: Index, allow: Flags) -> Single | None:
        """See `single.Ready`."""
        if len(history.indices) > self.parameters.longest_history:
            return None
        return self._near.single(history, min(k, len(self.items)), exclude=exclude, allow=allow)

    def foremost(self, history: Histories, k: int, *, exclude: Index, allow: Flags) -> Index:
        """At most k items of the best for one history, as `single` has them, without the rest."""
        used = history.heaviest(self.parameters.longest_history)
        return self._near.foremost(used, min(k, len(self.items)), exclude=exclude, allow=allow)

    def similar(self, items: Index, k: int) -> Ranked:
        """For each of `items`, the k items most like it, itself left out."""
        width = min(k, self.parameters.neighbours, len(self.items))
        return list_sums.heads(self._lists, items, width, SHARES)

    def why(self, history: Histories, items: Index) -> list[Why]:
        entries, givers = self._strongest(history, items[None, :])
        return [
            Why("with", other=giver, customers=int(self.common[entry]))
            if entry >= 0
            else Why("rhythm", other=giver)
            for entry, giver in zip(entries[0].tolist(), givers[0].tolist(), strict=True)
        ]

    def whys(self, histories: Histories, items: Index) -> Whys:
        entries, givers = self._strongest(histories, items)
        kinds = np.where(items < 0, -1, np.where(entries >= 0, WITH, RHYTHM)).astype(np.int8)
        return Whys(kinds, np.where(entries >= 0, givers, -1).astype(np.int32))

    def _strongest(self, histories: Histories, items: Index) -> tuple[Whole, Index]:
        """What added most to each score; as the kernel says."""
        return list_sums.strongest(self._lists, self._own, *self._used(histories), items)

    def _used(self, histories: Histories) -> tuple[Histories, Whole]:
        """What counts of histories, and how much."""
        used = histories.heaviest(self.parameters.longest_history)
        return used, _shares(used)

    def said(self) -> dict[str, Any]:
        longest = self.parameters.longest_history
        return {"histories_cut": self.cut, "longest_history": longest, "pairs": len(self.common)}

    def save(self, folder: Path) -> None:
        self.items.save(folder, "items")
        save_arrays(folder, self, _ARRAYS)
        about = {
            "scale": self.scale,
            "cut": self.cut,
            "parameters": msgspec.to_builtins(self.parameters),
        }
        write_json(folder / "model.json", about)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What `save` wrote, mapped.

        raises : ArtifactCorrupt
        """
        about = read_json(folder / "model.json")
        arrays = load_arrays(folder, _ARRAYS)
        parameters = msgspec.convert(about["parameters"], cls.settings)
        return cls(Ids.load(folder, "items"), parameters, about["scale"], about["cut"], **arrays)

    @property
    def _lists(self) -> list_sums.Lists:
        return self.indptr, self.neighbours, self.similarity

    @property
    def _own(self) -> int:
        return round(self.parameters.own * self.scale)

    @cached_property
    def _near(self) -> Neighbours:
        lists = (self.indptr, self.neighbours, self.similarity, self.common)
        return Neighbours.of(lists, self._own, float(SHARES))


def _shares(histories: Histories) -> Whole:
    """Each row's weights scaled to sum to about SHARES, none less than one."""
    if len(histories) == 1:  # as below, at a tenth of the cost
        share = SHARES / max(float(histories.weights.sum()), 1.0)
        alone: Whole = np.maximum(1, np.rint(histories.weights * share)).astype(np.int64)
        return alone
    rows = histories.rows
    totals = np.bincount(rows, histories.weights, minlength=len(histories))
    shares = np.rint(histories.weights * (SHARES / np.maximum(totals, 1))[rows])
    return np.maximum(1, shares).astype(np.int64)
