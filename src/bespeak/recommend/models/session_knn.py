"""Past sessions, or customers' histories, that are most like the present one: what they held next.

source : Ludewig & Jannach (2018) for session neighbours with decay (V-SKNN), Garg et al. (2019) for
         the recency of sessions and the distance from the shared item (STAN), Kersbergen et al.
         (2022) for the index of the newest sessions of each item (VMIS-kNN)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

import msgspec
import numpy as np

from bespeak.compiled import sealed
from bespeak.errors import NotFound
from bespeak.recommend.base import Ranked
from bespeak.recommend.histories import (
    Histories,
    Index,
    Interactions,
    Whole,
    read_json,
    write_json,
)
from bespeak.recommend.mathematics import order, order_kernels
from bespeak.recommend.mathematics.past import Past
from bespeak.recommend.mathematics.remembered import Asked, Remembered, Span
from bespeak.recommend.texts import Ids

RARITY = 1 << 13
"""An item that nobody has more than once is worth this much."""


class SessionKnnParameters(order.OrderParameters, frozen=True):
    """likeness(h, s) = factor(s) Σ share_h(i) over the items i that both have;
    score(j) = n_j^-item Σ likeness(h, s) nearness(j, the latest shared item of s), over the most
    alike s.
    """

    neighbours: Annotated[int, msgspec.Meta(ge=1, le=2000)] = 500
    """How many past histories speak for a list."""
    newest: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 1000
    """Only this many of the newest past histories that hold an item are looked at."""


@dataclass(frozen=True, eq=False)
class SessionKnn(Remembered):
    """It keeps what was had together and in which order, never by whom.

    own : how much an item counts that the history has already, of NEAR
    """

    name: ClassVar[str] = "session_knn"
    settings: ClassVar[type[SessionKnnParameters]] = SessionKnnParameters

    items: Ids
    parameters: SessionKnnParameters
    own: int
    past: Past

    @property
    def unit(self) -> float:
        return float(order.SHARES * order.NEAR * RARITY)

    def similar(self, items: Index, k: int) -> Ranked:
        """For each of `items`, what a history of it alone is offered, itself left out."""
        alone = Histories.of_lists([[item] for item in items.tolist()])
        return self.recommend(alone, k, exclude=alone)

    def said(self) -> dict[str, Any]:
        return {
            "histories": len(self.past.factors),
            "entries": len(self.past.members),
            "entries_looked_at": len(self.past.entries),
        }

    def save(self, folder: Path) -> None:
        self.items.save(folder, "items")
        self.past.save(folder)
        about = {"own": self.own, "parameters": msgspec.to_builtins(self.parameters)}
        write_json(folder / "model.json", about)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What `save` wrote, mapped.

        raises : ArtifactCorrupt
        """
        about = read_json(folder / "model.json")
        parameters = msgspec.convert(about["parameters"], cls.settings)
        return cls(Ids.load(folder, "items"), parameters, about["own"], Past.load(folder))

    @classmethod
    def of(cls, interactions: Interactions, parameters: SessionKnnParameters) -> Self:
        """Nothing is learned: the past is put in order and indexed."""
        histories, items = interactions.histories, interactions.items
        past = Past.of(histories, len(items), parameters, parameters.newest)
        return cls(items, parameters, order.own_weight(histories, parameters), past)

    def without(self, history: Histories) -> Self:
        """The same model without one past history, of which nothing is left in it.

        Of equal ones the newest goes: they are the same to it. `own`, one number of everybody's,
        stays until the next fit.

        history : one row, as the model was fitted on it
        raises  : NotFound where no past history is the same
        """
        used = history.latest(self.parameters.longest_history)
        row = self.past.find(used.indices, *used.places())
        if row < 0:
            raise NotFound(
                f"{self.name}: it knows no such history", found=f"{len(used.indices)} items",
                next_step="Give it as the model was fitted on it.",
            )  # fmt: skip
        return replace(self, past=self.past.without(row, self.parameters.newest))

    def _asked(self, histories: Histories) -> Asked:
        """Histories as the kernels read them: the latest of each first."""
        used = histories.latest(self.parameters.longest_history)
        shares = order.shares(used, self.past.having, self.parameters)
        latest = np.lexsort((used.indices, ~used.last_time, used.rows))
        return sealed(used.indptr, used.indices[latest], shares[latest])

    def _looked_at(self) -> Whole:
        return np.diff(self.past.starts)

    def _best(self, asked: Asked, limits: Any, span: Span, found: tuple[Any, Any]) -> None:
        order_kernels.best(
            asked, self._memory, self._rarity, limits, span, self.parameters.neighbours,
            self._work(), found,
        )  # fmt: skip

    def _totals(self, asked: Asked, wanted: Any, span: Span, found: Any) -> None:
        order_kernels.totals(
            asked, self._memory, self._rarity, wanted, span, self.parameters.neighbours,
            self._work(), found,
        )  # fmt: skip

    def _givers(self, asked: Asked, wanted: Any, span: Span, found: tuple[Any, Any]) -> None:
        order_kernels.carried(
            asked, self._memory, self._indexed, wanted, span, self.parameters.neighbours,
            self._work(), found,
        )  # fmt: skip

    def _work(self) -> tuple[Any, ...]:
        """What a part's loop writes on; memory is taken only where it does."""
        rows, count = len(self.past.factors), len(self.items)
        return (
            np.zeros(rows, np.int64), np.empty(rows, np.int32), np.empty(rows, np.int32),
            np.zeros(count, np.int64), np.empty(count, np.int32), np.zeros(count, np.int32),
        )  # fmt: skip

    @cached_property
    def _memory(self) -> tuple[Any, ...]:
        return self.past.memory(self.parameters, self.own)

    @cached_property
    def _indexed(self) -> Any:
        return self.past.indexed()

    @cached_property
    def _rarity(self) -> Any:
        return sealed(order.rarity(self.past.having, self.parameters, RARITY))[0]


def fit_session_knn(interactions: Interactions, parameters: SessionKnnParameters) -> SessionKnn:
    """What most alike past sessions held next."""
    return SessionKnn.of(interactions, parameters)
