"""Items that the same people have: cosine over histories, weighted by how long each one is.

source : Deshpande & Karypis (2004) for item-based top-N; the weighting by history length and the
         two item exponents follow the normalised item graph of Shen et al. (2021) and Paudel et al.
         (2017), here as parameters
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from bespeak.recommend import kernels
from bespeak.recommend.base import (
    Parameters,
    Ranked,
    Why,
    check_asked,
    check_block,
    cores,
    on_all_cores,
)
from bespeak.recommend.histories import (
    UNIT,
    Flags,
    Histories,
    Index,
    Interactions,
    Whole,
    compressed,
    read_json,
    write_json,
)
from bespeak.recommend.texts import Ids, load_array

SHARES = 1 << 24
"""A history's weights are scaled to sum to this, so that lists of any length compare."""

_ARRAYS: Mapping[str, type[np.generic]] = {
    "indptr": np.int64,
    "neighbours": np.int32,
    "similarity": np.int32,
    "common": np.int32,
}

Real = NDArray[np.float64]
Weighting = Literal["linear", "log", "binary", "tfidf", "bm25"]


class ItemKnnParameters(Parameters, frozen=True):
    """similarity(i, j) = Σ_h w_hi w_hj |h|^-length / (n_i^history_item n_j^item + shrinkage).

    The sum is over histories h, |h| is how many items h has, w a weight as `weighting` makes it,
    and n_i = Σ_h w_hi². Plain cosine is length = 0 with both item exponents 0.5. The defaults were
    chosen on parts carved from training data (benchmarks/recommend.md lists every try).
    """

    neighbours: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 100
    """How many neighbours each item keeps."""
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
    least_common: Annotated[int, msgspec.Meta(ge=1)] = 2
    """Fewer histories with both are no evidence; at 1, a list can give away one history."""
    own: Annotated[float, msgspec.Meta(ge=0, le=100)] = 1.0
    """An item's similarity to itself, where what is owned may be recommended again."""
    longest_history: Annotated[int, msgspec.Meta(ge=2)] = 500
    """Only this many of a history's heaviest items count: the work grows with its square."""


@dataclass(frozen=True, eq=False)
class ItemKnn:
    """Each item's neighbours, compressed: best first, ties by item id.

    similarity : int32; `scale` of them are a similarity of 1
    common     : int32, histories that hold both
    A history's score for an item is the mean similarity of the history's items to it, weighted by
    their weights.
    """

    name: ClassVar[str] = "item_knn"

    items: Ids
    parameters: ItemKnnParameters
    scale: float
    indptr: Whole
    neighbours: Index
    similarity: Index
    common: Index

    @property
    def unit(self) -> float:
        return self.scale * SHARES

    def scores(self, histories: Histories) -> Whole:
        check_block(len(histories), len(self.items))
        used = histories.heaviest(self.parameters.longest_history)
        count = len(self.items)
        weights = sparse.csr_array(
            (_shares(used), used.indices, used.indptr), shape=(len(used), count)
        )
        lists = sparse.csr_array(
            (self.similarity.astype(np.int64), self.neighbours, self.indptr), shape=(count, count)
        )
        found: Whole = (weights @ lists + weights * self._own).toarray()
        return found

    def recommend(
        self,
        histories: Histories,
        k: int,
        *,
        exclude: Histories | None = None,
        allow: Flags | None = None,
    ) -> Ranked:
        check_asked(k, histories, exclude, allow)
        used = histories.heaviest(self.parameters.longest_history)
        count, rows = len(self.items), len(histories)
        items = np.full((rows, min(k, count)), -1, np.int32)
        scores = np.zeros(items.shape, np.int64)
        out = exclude if exclude is not None else Histories.empty(rows)
        mask = np.ones(count, np.bool_) if allow is None else allow
        given = (
            _sealed(used.indptr, used.indices, _shares(used)),
            _sealed(self.indptr, self.neighbours, self.similarity),
            self._own,
            _sealed(out.indptr, out.indices),
            _sealed(mask)[0],
        )
        on_all_cores(
            lambda part: kernels.best(*given, (part.start, part.stop), (items, scores)),
            _even(used.lengths),
        )
        return Ranked(items, scores, (items >= 0).sum(axis=1))

    def similar(self, items: Index, k: int) -> Ranked:
        """For each of `items`, the k items most like it, itself left out."""
        lengths = np.diff(self.indptr)[items]
        width = min(k, self.parameters.neighbours, len(self.items))
        found = np.full((len(items), width), -1, np.int32)
        scores = np.zeros(found.shape, np.int64)
        for row, item in enumerate(items.tolist()):
            entries = slice(self.indptr[item], self.indptr[item] + min(width, lengths[row]))
            near = self.neighbours[entries]
            found[row, : len(near)] = near
            scores[row, : len(near)] = self.similarity[entries].astype(np.int64) * SHARES
        return Ranked(found, scores, np.minimum(lengths, width))

    def why(self, history: Histories, items: Index) -> list[Why]:
        used = history.heaviest(self.parameters.longest_history)
        shares = _shares(used)
        slot = np.full(len(self.items), -1, np.int32)
        slot[items] = np.arange(len(items))
        entries, givers = kernels.strongest(
            _sealed(used.indices, shares),
            _sealed(self.indptr, self.neighbours, self.similarity),
            _sealed(slot)[0],
            len(items),
        )
        owned = dict(zip(used.indices.tolist(), shares.tolist(), strict=True))
        return [
            self._fact(item, entry, giver, used, owned, shares)
            for item, entry, giver in zip(
                items.tolist(), entries.tolist(), givers.tolist(), strict=True
            )
        ]

    def save(self, folder: Path) -> None:
        self.items.save(folder, "items")
        for name in _ARRAYS:
            np.save(folder / f"{name}.npy", getattr(self, name))
        about = {"scale": self.scale, "parameters": msgspec.to_builtins(self.parameters)}
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
        return cls(Ids.load(folder, "items"), parameters, about["scale"], **arrays)

    @property
    def _own(self) -> int:
        return round(self.parameters.own * self.scale)

    def _fact(
        self,
        item: int,
        entry: int,
        giver: int,
        used: Histories,
        owned: Mapping[int, int],
        shares: Whole,
    ) -> Why:
        """Having had it before, or the neighbour: whichever added more to the score."""
        lent = int(shares[giver]) * int(self.similarity[entry]) if entry >= 0 else 0
        if owned.get(item, 0) * self._own > lent or entry < 0:
            return Why("rhythm", other=item)
        return Why("with", other=int(used.indices[giver]), customers=int(self.common[entry]))


def fit_item_knn(interactions: Interactions, parameters: ItemKnnParameters) -> ItemKnn:
    """Add up every pair of items that stands in one history; keep each item's best neighbours."""
    used = interactions.histories.heaviest(parameters.longest_history)
    count = len(interactions.items)
    weights = _weighted(used, parameters.weighting, count)
    size = np.bincount(used.indices, weights * weights, minlength=count)
    lengths = np.maximum(used.lengths, 1)[used.rows].astype(np.float64)
    values = weights * lengths ** (-parameters.length / 2)
    left, right = (
        np.where(size > 0, size, 1.0) ** power
        for power in (parameters.history_item, parameters.item)
    )
    fixed, grain = _fixed(values, used.indices, count)
    scale = _scale(values, used.indices, left, right, parameters)
    unit = grain * grain / scale
    order = np.lexsort((used.rows, used.indices))
    by_row = _sealed(used.indptr, used.indices, fixed)
    by_item = _sealed(
        compressed(used.indices.astype(np.int64), count),
        used.rows[order].astype(np.int32),
        fixed[order],
    )
    found = _all_neighbours(
        by_row, by_item, _sealed(left * unit, right), parameters, parameters.shrinkage * unit
    )
    return ItemKnn(interactions.items, parameters, scale, *found)


def _all_neighbours(
    by_row: tuple[Any, ...],
    by_item: tuple[Any, ...],
    norms: tuple[Any, ...],
    parameters: ItemKnnParameters,
    shrinkage: float,
) -> tuple[Whole, Index, Index, Index]:
    """Every item's list, a part of the items at a time, side by side."""
    count = len(norms[0])

    def near(part: slice) -> tuple[Any, ...]:
        shape = (part.stop - part.start, min(parameters.neighbours, count))
        found = (np.empty(shape, np.int32), np.empty(shape, np.int64), np.empty(shape, np.int32))
        sizes = kernels.neighbours(
            by_row, by_item, norms, shrinkage, parameters.least_common,
            (part.start, part.stop), found,
        )  # fmt: skip
        kept = np.arange(shape[1]) < sizes[:, None]
        return sizes, found[0][kept], found[1][kept].astype(np.int32), found[2][kept]

    work = np.diff(by_row[0])[by_item[1]]
    running = np.concatenate([[0], np.cumsum(work)])
    parts = on_all_cores(near, _even(np.diff(running[by_item[0]])))
    sizes, items, similar, common = (
        np.concatenate([part[column] for part in parts]) for column in range(4)
    )
    indptr = np.zeros(count + 1, np.int64)
    np.cumsum(sizes, out=indptr[1:])
    return indptr, items, similar, common


def _weighted(used: Histories, weighting: Weighting, count: int) -> Real:
    """The weight of every entry, 1 being one fresh event of full weight."""
    weights: Real = used.weights / UNIT
    if weighting == "linear":
        return weights
    if weighting == "log":
        return np.log1p(weights)
    if weighting == "binary":
        return np.ones(len(weights))
    having = np.bincount(used.indices, minlength=count)[used.indices]
    if weighting == "tfidf":
        frequent: Real = weights * (1 + np.log(len(used) / having))
        return frequent
    lengths = used.lengths
    relative = lengths[used.rows] / max(float(lengths.mean()), 1.0)
    rare = np.log1p((len(used) - having + 0.5) / (having + 0.5))
    okapi: Real = rare * weights * 2.2 / (weights + 1.2 * (0.25 + 0.75 * relative))  # k1 1.2, b .75
    return okapi


def _fixed(values: Real, indices: Index, count: int) -> tuple[Index, float]:
    """Values as whole numbers of 1/grain each, so that no sum of their products passes 2^62.

    None passes 2^31 then, since its own square is in such a sum.
    """
    most = float(np.bincount(indices, values * values, minlength=count).max(initial=1e-300))
    grain = 2.0 ** min(26, math.floor(30.5 - math.log2(most) / 2))
    return np.maximum(1, np.rint(values * grain)).astype(np.int32), grain


def _scale(
    values: Real, indices: Index, left: Real, right: Real, parameters: ItemKnnParameters
) -> float:
    """Units of similarity: a power of two that keeps every similarity within 31 bits.

    By Cauchy and Schwarz no pair's sum is more than the roots of the two items' own sums.
    """
    root = np.sqrt(np.bincount(indices, values * values, minlength=len(left)))
    bound = float((root / left).max(initial=0.0) * (root / right).max(initial=0.0))
    room = [2.0**30.9 / max(bound, 1e-300), 2.0**37 / max(parameters.own, 1e-300), 2.0**60]
    return float(2.0 ** math.floor(math.log2(min(room))))


def _shares(histories: Histories) -> Whole:
    """Each row's weights scaled to sum to about SHARES, none less than one."""
    rows = histories.rows
    totals = np.bincount(rows, histories.weights, minlength=len(histories))
    shares = np.rint(histories.weights * (SHARES / np.maximum(totals, 1))[rows])
    return np.maximum(1, shares).astype(np.int64)


def _sealed(*arrays: Any) -> tuple[Any, ...]:
    """Read-only views, mapped or not: compiled code is made once a type, and these are one."""
    views = tuple(np.asarray(array).view() for array in arrays)
    for view in views:
        view.flags.writeable = False
    return views


def _even(work: Whole) -> list[slice]:
    """Consecutive parts of about the same work, a few a core; one where there is little."""
    total = int(work.sum()) + len(work)
    pieces = min(8 * cores(), max(1, total // 20_000))
    marks = np.linspace(0, total, pieces + 1)[1:-1]
    cuts = np.searchsorted(np.cumsum(work + 1), marks).tolist()
    return [slice(a, b) for a, b in pairwise(sorted({0, *cuts, len(work)}))]
