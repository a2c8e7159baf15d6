"""Items that the same people have: cosine over histories, weighted by how long each one is.

source : Deshpande & Karypis (2004) for item-based top-N; the weighting by history length and the
         two item exponents follow the normalised item graph of Shen et al. (2021) and Paudel et al.
         (2017), here as parameters
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
import numpy as np

from bespeak.compiled import sealed
from bespeak.recommend import item_lists, kernels
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
from bespeak.recommend.gram import nearest
from bespeak.recommend.histories import (
    Flags,
    Histories,
    Index,
    Interactions,
    Whole,
    compressed,
    read_json,
    write_json,
)
from bespeak.recommend.measure import (
    ItemKnnParameters,
    Measure,
    Population,
    sizes_of,
    squares,
    weighed,
)
from bespeak.recommend.single import Neighbours, Ready, Single
from bespeak.recommend.texts import Ids, load_array

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from bespeak.engines import Engine

SHARES = 1 << 24
"""A history's weights are scaled to sum to this, so that lists of any length compare."""

_ARRAYS: Mapping[str, type[np.generic]] = {
    "indptr": np.int64,
    "neighbours": np.int32,
    "similarity": np.int32,
    "common": np.int32,
}


@dataclass(frozen=True, eq=False)
class ItemKnn(Ready):
    """Each item's neighbours, compressed: best first, ties by item id.

    similarity : int32; `scale` of them are a similarity of 1
    cut        : histories that were longer than `longest_history`, so that only a part counted
    common     : int32, histories that hold both
    A history's score for an item is the mean similarity of the history's items to it, weighted by
    their weights.
    """

    name: ClassVar[str] = "item_knn"

    items: Ids
    parameters: ItemKnnParameters
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
        return item_lists.sums(self._lists, self._own, *self._used(histories))

    def scores_at(self, histories: Histories, items: Index) -> Whole:
        """See `base.Pointed`."""
        return item_lists.sums_at(self._lists, self._own, *self._used(histories), items)

    def recommend(
        self,
        histories: Histories,
        k: int,
        *,
        exclude: Histories | None = None,
        allow: Flags | None = None,
    ) -> Ranked:
        check_asked(k, histories, exclude, allow)
        return item_lists.best(
            self._lists, self._own, *self._used(histories), k, exclude=exclude, allow=allow
        )

    def single(self, history: Histories, k: int, *, exclude: Index, allow: Flags) -> Single | None:
        """See `single.Ready`."""
        if len(history.indices) > self.parameters.longest_history:
            return None
        return self._near.single(history, min(k, len(self.items)), exclude=exclude, allow=allow)

    def similar(self, items: Index, k: int) -> Ranked:
        """For each of `items`, the k items most like it, itself left out."""
        width = min(k, self.parameters.neighbours, len(self.items))
        return item_lists.heads(self._lists, items, width, SHARES)

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
        return item_lists.strongest(self._lists, self._own, *self._used(histories), items)

    def _used(self, histories: Histories) -> tuple[Histories, Whole]:
        """What counts of histories, and how much."""
        used = histories.heaviest(self.parameters.longest_history)
        return used, _shares(used)

    def said(self) -> dict[str, Any]:
        longest = self.parameters.longest_history
        return {"histories_cut": self.cut, "longest_history": longest, "pairs": len(self.common)}

    def save(self, folder: Path) -> None:
        self.items.save(folder, "items")
        for name in _ARRAYS:
            np.save(folder / f"{name}.npy", getattr(self, name))
        about = {
            "scale": self.scale,
            "cut": self.cut,
            "parameters": msgspec.to_builtins(self.parameters),
        }
        write_json(folder / "model.json", about)

    @classmethod
    def load(cls, folder: Path) -> ItemKnn:
        """What `save` wrote, mapped.

        raises : ArtifactCorrupt
        """
        about = read_json(folder / "model.json")
        arrays: dict[str, Any] = {
            name: load_array(folder, name, kind) for name, kind in _ARRAYS.items()
        }
        parameters = msgspec.convert(about["parameters"], ItemKnnParameters)
        return cls(Ids.load(folder, "items"), parameters, about["scale"], about["cut"], **arrays)

    @property
    def _lists(self) -> item_lists.Lists:
        return self.indptr, self.neighbours, self.similarity

    @property
    def _own(self) -> int:
        return round(self.parameters.own * self.scale)

    @cached_property
    def _near(self) -> Neighbours:
        lists = (self.indptr, self.neighbours, self.similarity, self.common)
        return Neighbours.of(lists, self._own, float(SHARES))


def fit_item_knn(interactions: Interactions, parameters: ItemKnnParameters) -> ItemKnn:
    """Add up every pair of items that stands in one history; keep each item's best neighbours."""
    whole, count = interactions.histories, len(interactions.items)
    used = whole.heaviest(parameters.longest_history)
    lengths = used.lengths[used.rows]
    having = np.bincount(used.indices, minlength=count)
    population = Population(len(used), len(used.indices), having)
    weights = weighed(used.weights, lengths, used.indices, population, parameters.weighting)
    measure = Measure.of(sizes_of(squares(used.indices, weights, count)), parameters)
    values = measure.values(weights, lengths)
    order = np.argsort(used.indices, kind="stable")
    by_row = sealed(used.indptr, used.indices, values)
    by_item = sealed(
        compressed(used.indices.astype(np.int64), count),
        used.rows[order].astype(np.int32),
        values[order],
    )
    found = _all_neighbours(by_row, by_item, measure, parameters)
    cut = int((whole.lengths > parameters.longest_history).sum())
    return ItemKnn(interactions.items, parameters, measure.scale, cut, *found)


def fit_item_knn_where(
    engine: Engine, interactions: ir.Table, items: Ids, parameters: ItemKnnParameters
) -> ItemKnn:
    """The same model from interactions that stay in the engine, by their Gram matrix.

    interactions : as `gram.nearest` takes them
    """
    near = nearest(engine, interactions, items, parameters)
    return ItemKnn(
        items, parameters, near.measure.scale, near.cut,
        near.indptr, near.neighbours, near.similarity, near.common,
    )  # fmt: skip


def _all_neighbours(
    by_row: tuple[Any, ...],
    by_item: tuple[Any, ...],
    measure: Measure,
    parameters: ItemKnnParameters,
) -> tuple[Whole, Index, Index, Index]:
    """Every item's list, a part of the items at a time, side by side."""
    norms = sealed(measure.left, measure.right)
    count = len(measure.left)

    def near(part: slice) -> tuple[Any, ...]:
        shape = (part.stop - part.start, min(parameters.neighbours, count))
        found = (np.empty(shape, np.int32), np.empty(shape, np.int64), np.empty(shape, np.int32))
        sizes = kernels.neighbours(
            by_row, by_item, norms, measure.shrinkage, parameters.least_common,
            (part.start, part.stop), found,
        )  # fmt: skip
        kept = np.arange(shape[1]) < sizes[:, None]
        return sizes, found[0][kept], found[1][kept].astype(np.int32), found[2][kept]

    work = np.diff(by_row[0])[by_item[1]]
    running = np.concatenate([[0], np.cumsum(work)])
    parts = on_all_cores(near, even_parts(np.diff(running[by_item[0]])))
    sizes, items, similar, common = (
        np.concatenate([part[column] for part in parts]) for column in range(4)
    )
    indptr = np.zeros(count + 1, np.int64)
    np.cumsum(sizes, out=indptr[1:])
    return indptr, items, similar, common


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
