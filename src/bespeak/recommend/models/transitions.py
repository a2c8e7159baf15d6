"""What comes next after an item: each item's list of what stood near it, later rather than before.

source : the sequential rules of Ludewig & Jannach (2018), with the weights of session_knn
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import msgspec
import numpy as np

from bespeak.compiled import sealed
from bespeak.recommend.base import (
    GOES,
    RHYTHM,
    WITH,
    Ranked,
    Why,
    Whys,
    check_asked,
    check_block,
)
from bespeak.recommend.histories import (
    Flags,
    Histories,
    Index,
    Interactions,
    Whole,
    read_json,
    row_sums,
    write_json,
)
from bespeak.recommend.mathematics import list_sums, near, order, order_kernels
from bespeak.recommend.mathematics.past import Past
from bespeak.recommend.texts import Ids, load_arrays, save_arrays

_ARRAYS: Mapping[str, type[np.generic]] = {
    "indptr": np.int64,
    "next_items": np.int32,
    "nearness": np.int32,
    "common": np.int32,
    "having": np.int32,
}


class TransitionsParameters(order.OrderParameters, frozen=True):
    """near(i, j) = n_j^-item Σ factor(s) near(i, j; s) over the past histories s that hold both;
    nearness(i, j) = near(i, j) + second Σ_c near(i, c) near(c, j) / Σ_j near(c, j);
    a history's score for j is the mean of its items' nearness to it, weighted by their shares.
    What the settings of order mean is said in order.py; these are the defaults that differ.
    """

    fade: Annotated[float, msgspec.Meta(gt=0, le=1000)] = 2.0
    distance: Annotated[float, msgspec.Meta(ge=0, le=4)] = 0.5
    own: Annotated[float, msgspec.Meta(ge=0, le=100)] = 9.4
    history_item: Annotated[float, msgspec.Meta(ge=0, le=2)] = 0.5
    item: Annotated[float, msgspec.Meta(ge=0, le=2)] = 0.25
    length: Annotated[float, msgspec.Meta(ge=0, le=2)] = 0.4
    neighbours: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 100
    """How many next items each item keeps."""
    second: Annotated[float, msgspec.Meta(ge=0, le=10)] = 1.5
    """How much a second step counts: what comes next after what comes next."""
    least_common: Annotated[int, msgspec.Meta(ge=1)] = 1
    """Fewer past histories with both are no evidence; at 1, a list can give away one of them."""


@dataclass(frozen=True, eq=False)
class Transitions:
    """Each item's next items, compressed: nearest first, ties by item id.

    nearness : int32; `scale` of them are one history in which j stands right after i
    common   : int32, past histories that hold both
    having   : int32, past histories that hold each item
    An item's own list names it too, for what is had again.
    """

    name: ClassVar[str] = "transitions"

    items: Ids
    parameters: TransitionsParameters
    scale: float
    indptr: Whole
    next_items: Index
    nearness: Index
    common: Index
    having: Index

    @property
    def unit(self) -> float:
        return self.scale * order.SHARES

    def scores(self, histories: Histories) -> Whole:
        check_block(len(histories), len(self.items))
        return list_sums.sums(self._lists, 0, *self._used(histories))

    def scores_at(self, histories: Histories, items: Index) -> Whole:
        """See `base.Pointed`."""
        return list_sums.sums_at(self._lists, 0, *self._used(histories), items)

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
            self._lists, 0, *self._used(histories), k, exclude=exclude, allow=allow
        )

    def similar(self, items: Index, k: int) -> Ranked:
        """For each of `items`, what comes next after it, itself left out."""
        alone = Histories.of_lists([[item] for item in items.tolist()])
        return self.recommend(alone, k, exclude=alone)

    def why(self, history: Histories, items: Index) -> list[Why]:
        entries, givers = self._strongest(history, items[None, :])
        return [
            Why("with", other=giver, customers=int(self.common[entry]) or None)
            if giver != item
            else Why("rhythm", other=item)
            for item, entry, giver in zip(
                items.tolist(), entries[0].tolist(), givers[0].tolist(), strict=True
            )
        ]

    def whys(self, histories: Histories, items: Index) -> Whys:
        entries, givers = self._strongest(histories, items)
        again = givers == items
        counted = self.common[entries] > 0
        kinds = np.where(again, RHYTHM, np.where(counted, WITH, GOES))
        kinds = np.where(items < 0, -1, kinds).astype(np.int8)
        return Whys(kinds, np.where(again, -1, givers).astype(np.int32))

    def said(self) -> dict[str, Any]:
        return {"pairs": len(self.common)}

    def save(self, folder: Path) -> None:
        self.items.save(folder, "items")
        save_arrays(folder, self, _ARRAYS)
        about = {"scale": self.scale, "parameters": msgspec.to_builtins(self.parameters)}
        write_json(folder / "model.json", about)

    @classmethod
    def load(cls, folder: Path) -> Transitions:
        """What `save` wrote, mapped.

        raises : ArtifactCorrupt
        """
        about = read_json(folder / "model.json")
        arrays = load_arrays(folder, _ARRAYS)
        parameters = msgspec.convert(about["parameters"], TransitionsParameters)
        return cls(Ids.load(folder, "items"), parameters, about["scale"], **arrays)

    @property
    def _lists(self) -> list_sums.Lists:
        return self.indptr, self.next_items, self.nearness

    def _used(self, histories: Histories) -> tuple[Histories, Whole]:
        """What counts of histories, and how much."""
        used = histories.latest(self.parameters.longest_history)
        return used, order.shares(used, self.having, self.parameters)

    def _strongest(self, histories: Histories, items: Index) -> tuple[Whole, Index]:
        return list_sums.strongest(self._lists, 0, *self._used(histories), items)


def fit_transitions(interactions: Interactions, parameters: TransitionsParameters) -> Transitions:
    """Every item's list, a part of the items at a time, side by side."""
    count = len(interactions.items)
    past = Past.of(interactions.histories, count, parameters, len(interactions.histories))
    own = order.own_weight(interactions.histories, parameters)
    memory = past.memory(parameters, own)
    rarity = sealed(np.maximum(past.having, 1.0) ** -parameters.item)[0]
    scale = _scale(past, rarity, max(own, order.NEAR))

    def following(span: tuple[int, int], found: tuple[Any, ...]) -> Any:
        return order_kernels.following(memory, rarity, parameters.least_common, scale, span, found)

    work = row_sums(np.diff(past.indptr)[past.row_of[past.entries]], past.starts)
    lists = near.filled(following, work, parameters.neighbours, np.int64)
    if parameters.second > 0:
        lists, scale = _onward(lists, scale, parameters)
    one = scale * order.FACTOR * order.NEAR
    return Transitions(
        interactions.items, parameters, one, lists[0], lists[1],
        lists[2].astype(np.int32), lists[3], past.having,
    )  # fmt: skip


def _onward(
    lists: near.Filled, scale: float, parameters: TransitionsParameters
) -> tuple[near.Filled, float]:
    """The lists with a second step, and their units."""
    given = sealed(*lists)

    def further(span: tuple[int, int], found: tuple[Any, ...]) -> Any:
        return order_kernels.onward(given, parameters.second, span, found)

    work = row_sums(np.diff(lists[0])[lists[1]], lists[0])
    indptr, items, fine, common = near.filled(further, work, parameters.neighbours, np.int64)
    coarse = max(int(fine.max(initial=1)).bit_length() - 31, 0)
    nearness = np.maximum(fine >> coarse, 1)
    return (indptr, items, nearness, common), scale * 2.0 ** (20 - coarse)


def _scale(past: Past, rarity: Any, nearest: int) -> float:
    """Units of nearness: a power of two that keeps each within 31 bits.

    nearest : the most that one past history adds, before its factor
    """
    counted = np.bincount(past.members, past.factors[past.row_of], minlength=len(rarity))
    most = float((counted * rarity).max(initial=1.0)) * nearest
    return 2.0 ** math.floor(30.9 - math.log2(most))
