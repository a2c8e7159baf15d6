"""Several models' scores in one sum: each brought to one scale, then weighed.

A model's scores have units of their own. What makes them comparable is their spread: how far they
lie apart over the items that a history does not hold. It is measured once, on histories that the
model was fitted on, and kept as a number; so a history has the same scores alone and among many.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import msgspec
import numpy as np

from bespeak.compiled import compiled, sealed
from bespeak.errors import ArtifactCorrupt, ConfigInvalid
from bespeak.recommend import kernels
from bespeak.recommend.base import (
    CELLS,
    Model,
    Parameters,
    Ranked,
    Said,
    Why,
    Whys,
    blocks,
    check_asked,
    check_block,
    even_parts,
    on_all_cores,
    whys,
)
from bespeak.recommend.histories import (
    Flags,
    Histories,
    Index,
    Interactions,
    Whole,
    read_json,
    write_json,
)
from bespeak.recommend.texts import Ids

SPREAD = 1 << 32
"""Whole units of score that one spread is."""
BLOCK = CELLS >> 4
"""Cells of scores that are held at once when many histories are asked with: 32 MB a part."""

Fit = Callable[[str, Interactions, Mapping[str, Any]], Model]
Load = Callable[[str, Path], Model]


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One model of a blend."""

    model: str
    """Its name; no blend itself."""
    weight: Annotated[float, msgspec.Meta(gt=0)] = 1.0
    """What one spread of its scores counts, beside the other weights."""
    parameters: dict[str, Any] = {}
    """Its own settings; what is not given has its default."""


class BlendParameters(Parameters, frozen=True):
    """score(h, i) = Σ_p share_p · score_p(h, i) / spread_p, where the shares sum to 1.

    A score of 0 or less is no evidence, and adds nothing.
    """

    parts: tuple[Part, ...] = (Part(model="item_knn"), Part(model="als"))
    """What is summed, each model with its weight and settings."""
    sample: Annotated[int, msgspec.Meta(ge=1)] = 256
    """Histories by which spreads are measured."""
    seed: Annotated[int, msgspec.Meta(ge=0)] = 7
    """Of the draw of those."""

    def __post_init__(self) -> None:
        if not self.parts:
            raise ValueError("`parts` is empty; name a model at least")
        if any(part.model == "blend" for part in self.parts):
            raise ValueError("a part can't be a blend; name its parts instead")

    @property
    def shares(self) -> list[float]:
        """The weights, scaled to sum to 1."""
        total = sum(part.weight for part in self.parts)
        return [part.weight / total for part in self.parts]

    @property
    def title(self) -> str:
        """What to call it: `blend of item_knn and als`."""
        *others, last = [part.model for part in self.parts]
        return f"blend of {', '.join(others)} and {last}" if others else f"blend of {last}"


@dataclass(frozen=True, eq=False)
class Blend:
    """Fitted models over the same items, and the spread of each one's scores.

    spreads : in the part's own units; 0 where it never scored anything, so that it adds nothing
    """

    name: ClassVar[str] = "blend"

    parameters: BlendParameters
    parts: tuple[Model, ...]
    spreads: tuple[float, ...]

    @property
    def items(self) -> Ids:
        return self.parts[0].items

    @property
    def unit(self) -> float:
        return float(SPREAD)

    def scores(self, histories: Histories) -> Whole:
        check_block(len(histories), len(self.items))
        total = np.zeros((len(histories), len(self.items)), np.int64)
        for model, factor in zip(self.parts, self._factors, strict=True):
            _add_on_all_cores(total, model.scores(histories), factor)
        return total

    def recommend(
        self,
        histories: Histories,
        k: int,
        *,
        exclude: Histories | None = None,
        allow: Flags | None = None,
    ) -> Ranked:
        check_asked(k, histories, exclude, allow)
        rows, count = len(histories), len(self.items)
        items = np.full((rows, min(k, count)), -1, np.int32)
        best = np.zeros(items.shape, np.int64)
        mask = sealed(np.ones(count, np.bool_) if allow is None else allow)[0]
        for part, block in self._blocks(histories):
            out = Histories.empty(len(block)) if exclude is None else exclude.take(_rows(part))
            found = self.scores(block), sealed(out.indptr, out.indices), mask
            _best_on_all_cores(found, (items[part], best[part]))
        return Ranked(items, best, (items >= 0).sum(axis=1))

    def why(self, history: Histories, items: Index) -> list[Why]:
        """What the part says that added most to the item's score."""
        most = self._most(history, items[None, :])[0]
        found: list[Why | None] = [None] * len(items)
        for at, model in enumerate(self.parts):
            own = np.flatnonzero(most == at)
            if len(own):
                facts = model.why(history, items[own])
                for place, fact in zip(own.tolist(), facts, strict=True):
                    found[place] = fact
        return [fact for fact in found if fact is not None]

    def whys(self, histories: Histories, items: Index) -> Whys:
        kinds, others = np.full(items.shape, -1, np.int8), np.full(items.shape, -1, np.int32)
        for part, block in self._blocks(histories):
            most = self._most(block, items[part])
            for at, model in enumerate(self.parts):
                own = (most == at) & (items[part] >= 0)
                if own.any():
                    facts = whys(model, block, np.where(own, items[part], -1).astype(np.int32))
                    kinds[part][own], others[part][own] = facts.kinds[own], facts.others[own]
        return Whys(kinds, others)

    def said(self) -> dict[str, Any]:
        shares = self.parameters.shares
        return {
            "parts": [
                {"model": model.name, "share": share, "spread": spread}
                | (dict(model.said()) if isinstance(model, Said) else {})
                for model, share, spread in zip(self.parts, shares, self.spreads, strict=True)
            ]
        }

    def save(self, folder: Path) -> None:
        about = {"parameters": msgspec.to_builtins(self.parameters), "spreads": self.spreads}
        write_json(folder / "blend.json", about)
        for at, model in enumerate(self.parts):
            own = folder / _folder(at, model.name)
            own.mkdir()
            model.save(own)

    @classmethod
    def load(cls, folder: Path, load: Load) -> Blend:
        """What `save` wrote, mapped.

        load   : how a part is read back
        raises : ArtifactCorrupt; NotFound for a part that is no model
        """
        about = read_json(folder / "blend.json")
        parameters = msgspec.convert(about["parameters"], BlendParameters)
        names = [part.model for part in parameters.parts]
        parts = tuple(load(name, folder / _folder(at, name)) for at, name in enumerate(names))
        if any(not part.items.same(parts[0].items) for part in parts):
            raise ArtifactCorrupt(
                f"{folder}: its parts know different items",
                next_step="Delete that folder and run `bespeak run` again.",
            )
        return cls(parameters, parts, tuple(about["spreads"]))

    @property
    def _factors(self) -> list[float]:
        """What a unit of each part's score is worth in ours."""
        return [
            share * SPREAD / spread if spread > 0 else 0.0
            for share, spread in zip(self.parameters.shares, self.spreads, strict=True)
        ]

    def _blocks(self, histories: Histories) -> Iterator[tuple[slice, Histories]]:
        return in_blocks(histories, len(self.items))

    def _most(self, histories: Histories, items: Index) -> Index:
        """Per item of each line, the place of the part that added most to its score."""
        at = np.arange(len(items))[:, None], np.maximum(items, 0)
        added = np.stack(
            [
                np.maximum(model.scores(histories)[at], 0) * factor
                for model, factor in zip(self.parts, self._factors, strict=True)
            ]
        )
        found: Index = added.argmax(axis=0).astype(np.int32)
        return found


def fit_blend(interactions: Interactions, parameters: BlendParameters, fit: Fit) -> Blend:
    """Every part fitted on the same interactions, and its spread measured there.

    fit    : how a part is fitted
    raises : NotFound, ConfigInvalid as `fit` does
    """
    models = tuple(fit(part.model, interactions, part.parameters) for part in parameters.parts)
    return blended(interactions.histories, parameters, models)


def blended(histories: Histories, parameters: BlendParameters, models: tuple[Model, ...]) -> Blend:
    """A blend of models that are fitted already, on `histories`.

    raises : ConfigInvalid where models and parts differ
    """
    if [model.name for model in models] != [part.model for part in parameters.parts]:
        raise ConfigInvalid(
            "blend: its models are not its parts", found=", ".join(m.name for m in models),
            expected=", ".join(part.model for part in parameters.parts),
        )  # fmt: skip
    asked = sampled(histories, parameters.sample, parameters.seed)
    return Blend(parameters, models, tuple(spread(model, asked) for model in models))


def sampled(histories: Histories, count: int, seed: int) -> Histories:
    """At most `count` rows that hold something, drawn by `seed`, in their order."""
    filled = np.flatnonzero(histories.lengths > 0)
    if len(filled) > count:
        filled = np.sort(np.random.default_rng(seed).choice(filled, count, replace=False))
    return histories.take(filled)


def in_blocks(histories: Histories, items: int) -> Iterator[tuple[slice, Histories]]:
    """Rows that have at most BLOCK scores of `items` items each, and their histories."""
    for part in blocks(len(histories), max(1, BLOCK // max(items, 1))):
        yield part, histories.take(_rows(part))


def spread(model: Model, histories: Histories) -> float:
    """Mean over histories of the standard deviation of the scores of what they do not hold.

    A model that scores only what a history holds is measured by that. 0: it scored nothing.
    """
    lone, own = [0.0], [0.0]
    for _, block in in_blocks(histories, len(model.items)):
        found = np.maximum(model.scores(block), 0).astype(np.float64)
        own += found.std(axis=1).tolist()
        found[block.rows, block.indices] = 0.0
        lone += found.std(axis=1).tolist()
    rows = max(len(histories), 1)
    return sum(lone) / rows or sum(own) / rows


def _rows(part: slice) -> Whole:
    return np.arange(part.start, part.stop)


def _folder(at: int, name: str) -> str:
    return f"part{at}.{name}"


def _add_on_all_cores(total: Whole, scores: Whole, factor: float) -> None:
    work = np.full(len(total), total.shape[1], np.int64)
    on_all_cores(lambda part: add(total[part], scores[part], factor), even_parts(work))


def _best_on_all_cores(given: tuple[Whole, Any, Flags], found: tuple[Index, Whole]) -> None:
    work = np.full(len(given[0]), given[0].shape[1], np.int64)
    on_all_cores(lambda part: best(*given, (part.start, part.stop), found), even_parts(work))


@compiled
def add(total: Any, scores: Any, factor: float) -> None:
    """Add to each score what a part's is worth, at least one unit of what is any evidence."""
    for row in range(total.shape[0]):
        for item in range(total.shape[1]):
            score = scores[row, item]
            if score > 0 and factor > 0.0:
                total[row, item] += max(1, np.int64(np.rint(score * factor)))


@compiled
def best(
    scores: Any, exclude: tuple[Any, Any], allow: Any, span: tuple[int, int], found: tuple[Any, Any]
) -> None:
    """The k best of each row of `span`; `scores` are overwritten where an item is excluded.

    found : to fill: (items, scores), all rows, k wide
    """
    starts, out = exclude
    to_items, to_scores = found
    k = to_items.shape[1]
    heap_scores, heap_items = np.empty(k + 1, np.int64), np.empty(k + 1, np.int32)
    for row in range(span[0], span[1]):
        for at in range(starts[row], starts[row + 1]):
            scores[row, out[at]] = 0
        size = 0
        for item in range(scores.shape[1]):
            score = scores[row, item]
            if score > 0 and (size < k or score > heap_scores[0]) and allow[item]:
                size = kernels.put(heap_scores, heap_items, size, k, score, item)
        kernels.unload(heap_scores, heap_items, size, to_scores[row], to_items[row])
