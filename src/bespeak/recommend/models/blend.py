"""Several models' scores in one sum: each brought to one scale, then weighed.

A model's scores have units of their own. What makes them comparable is their spread: how far they
lie apart over the items that a history does not hold. It is measured once, on histories that the
model was fitted on, and kept as a number; so a history has the same scores alone and among many.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import msgspec
import numpy as np

from bespeak.errors import ArtifactCorrupt, ConfigInvalid
from bespeak.recommend.base import (
    Model,
    Parameters,
    Ranked,
    Said,
    Why,
    Whys,
    blocks,
    check_asked,
    check_block,
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
from bespeak.recommend.mathematics.candidates import (
    best_of_all,
    best_of_candidates,
    in_blocks,
    rows_at_once,
    scores_at,
    worth,
)
from bespeak.recommend.texts import Ids

SPREAD = 1 << 32
"""Whole units of score that one spread is."""
SAMPLE = 256
"""Histories by which spreads are measured, where nobody says otherwise."""

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
    sample: Annotated[int, msgspec.Meta(ge=1)] = SAMPLE
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
        *others, last = dict.fromkeys(part.model for part in self.parts)
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
            total += worth(model.scores(histories), factor)
        return total

    def scores_at(self, histories: Histories, items: Index) -> Whole:
        """See `base.Pointed`."""
        total = np.zeros(items.shape, np.int64)
        for model, factor in zip(self.parts, self._factors, strict=True):
            total += worth(scores_at(model, histories, items), factor)
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
        ranked = Ranked(
            np.full((rows, min(k, count)), -1, np.int32),
            np.zeros((rows, min(k, count)), np.int64),
            np.zeros(rows, np.int64),
        )
        added = list(zip(self.parts, self._factors, strict=True))
        left = best_of_candidates(added, histories, ranked, exclude=exclude, allow=allow)
        for part in blocks(len(left), rows_at_once(count)):
            at = left[part]
            found = self.scores(histories.take(at))
            best_of_all(found, at, ranked, exclude=exclude, allow=allow)
        return Ranked(ranked.items, ranked.scores, (ranked.items >= 0).sum(axis=1))

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
        for part, block in in_blocks(histories, len(self.items)):
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
        shares = self.parameters.shares
        return [factor_of(*pair) for pair in zip(self.spreads, shares, strict=True)]

    def _most(self, histories: Histories, items: Index) -> Index:
        """Per item of each line, the place of the part that added most to its score."""
        added = [
            worth(scores_at(model, histories, items), factor)
            for model, factor in zip(self.parts, self._factors, strict=True)
        ]
        found: Index = np.stack(added).argmax(axis=0).astype(np.int32)
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


def factor_of(size: float, share: float = 1.0) -> float:
    """What a unit of score is worth in units of 1/SPREAD, given its spread; 0 where that is 0."""
    return share * SPREAD / size if size > 0 else 0.0


def _folder(at: int, name: str) -> str:
    return f"part{at}.{name}"
