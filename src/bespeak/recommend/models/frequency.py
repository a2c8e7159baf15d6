"""What this customer keeps coming back to: personal frequency, the latest counting most.

source : the personal top-frequency baseline of next-basket studies, as in Hu et al. (2020)
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import msgspec
import numpy as np

from bespeak.recommend.base import (
    RHYTHM,
    Parameters,
    Ranked,
    Why,
    Whys,
    check_asked,
    check_block,
    fill,
)
from bespeak.recommend.histories import (
    UNIT,
    Flags,
    Histories,
    Index,
    Interactions,
    Whole,
    read_json,
    write_json,
)
from bespeak.recommend.models.popular import Popular, PopularParameters, fit_popular
from bespeak.recommend.texts import Ids

TIE = 1024
"""A millionth of weight is this many units of score; popularity decides within one."""


class FrequencyParameters(Parameters, frozen=True):
    """How long a history may be, and what fills up the list of somebody who has little."""

    window_days: Annotated[float, msgspec.Meta(ge=0)] = 28.0
    """The window of the popular items that fill a list up."""


@dataclass(frozen=True, eq=False)
class Frequency:
    """Nothing is learned of a customer: the history's own weights, which fade with time, rank.

    Equal weights go by popularity, then by item id. Where a list ends before k, popular items
    follow; they are beyond `Ranked.own`.
    """

    name: ClassVar[str] = "frequency"

    parameters: FrequencyParameters
    popular: Popular

    @property
    def items(self) -> Ids:
        return self.popular.items

    @property
    def unit(self) -> float:
        return float(UNIT * TIE)

    def scores(self, histories: Histories) -> Whole:
        check_block(len(histories), len(self.items))
        found = np.zeros((len(histories), len(self.items)), np.int64)
        found[histories.rows, histories.indices] = self._worth(histories)
        return found

    def scores_at(self, histories: Histories, items: Index) -> Whole:
        """See `base.Pointed`."""
        at = histories.find(items)
        worth = np.append(self._worth(histories), 0)  # -1, where it is not held, is the last
        found: Whole = worth[at]
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
        own = self._own(_usable(histories, exclude, allow), min(k, len(self.items)))
        if not len(histories) or own.own.min() == own.items.shape[1]:
            return own
        return fill(own, self.popular.recommend(histories, k, exclude=exclude, allow=allow))

    def why(self, history: Histories, items: Index) -> list[Why]:
        owned = np.isin(items, history.indices)
        others = self.popular.why(history, items)
        return [
            Why("rhythm", other=int(item)) if own else other
            for item, own, other in zip(items.tolist(), owned.tolist(), others, strict=True)
        ]

    def whys(self, histories: Histories, items: Index) -> Whys:
        facts = self.popular.whys(histories, items)
        kinds = np.where(histories.find(items) >= 0, RHYTHM, facts.kinds).astype(np.int8)
        return Whys(kinds, facts.others)

    def save(self, folder: Path) -> None:
        write_json(folder / "frequency.json", msgspec.to_builtins(self.parameters))
        self.popular.save(folder)

    @classmethod
    def load(cls, folder: Path) -> Frequency:
        """What `save` wrote, mapped.

        raises : ArtifactCorrupt
        """
        about = read_json(folder / "frequency.json")
        return cls(msgspec.convert(about, FrequencyParameters), Popular.load(folder))

    def _own(self, histories: Histories, width: int) -> Ranked:
        """The heaviest items of each history."""
        worth, rows = self._worth(histories), histories.rows
        order = np.lexsort((histories.indices, -worth, rows))
        place = np.arange(len(order)) - histories.indptr[rows]
        kept = place < width
        at = rows[kept], place[kept]
        items = np.full((len(histories), width), -1, np.int32)
        scores = np.zeros(items.shape, np.int64)
        items[at], scores[at] = histories.indices[order][kept], worth[order][kept]
        return Ranked(items, scores, np.minimum(histories.lengths, width))

    def _worth(self, histories: Histories) -> Whole:
        most = max(int(self.popular.ever.max(initial=0)), 1)
        share = self.popular.ever[histories.indices].astype(np.int64) * (TIE - 1) // most
        return histories.weights * TIE + share


def fit_frequency(interactions: Interactions, parameters: FrequencyParameters) -> Frequency:
    """Only the popular items are counted; a history ranks itself."""
    window = PopularParameters(window_days=parameters.window_days)
    return Frequency(parameters, fit_popular(interactions, window))


def _usable(histories: Histories, exclude: Histories | None, allow: Flags | None) -> Histories:
    """The entries that may be recommended."""
    kept = np.ones(len(histories.indices), np.bool_)
    if allow is not None:
        kept &= allow[histories.indices]
    if exclude is not None:
        count = np.int64(max(histories.indices.max(initial=0), exclude.indices.max(initial=0))) + 1
        pairs = histories.rows * count + histories.indices
        kept &= ~np.isin(pairs, exclude.rows * count + exclude.indices)
    return histories.where(kept)
