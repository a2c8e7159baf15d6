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
from bespeak.recommend.mathematics import order, order_kernels
from bespeak.recommend.mathematics.past import Past
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
class SessionKnn:
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

    def scores(self, histories: Histories) -> Whole:
        check_block(len(histories), len(self.items))
        ranked = self.recommend(histories, len(self.items))
        found = np.zeros((len(histories), len(self.items)), np.int64)
        rows, places = np.nonzero(ranked.items >= 0)
        found[rows, ranked.items[rows, places]] = ranked.scores[rows, places]
        return found

    def scores_at(self, histories: Histories, items: Index) -> Whole:
        """See `base.Pointed`."""
        asked, found = self._asked(histories), np.zeros(items.shape, np.int64)
        wanted = sealed(np.ascontiguousarray(items, np.int32))[0]
        on_all_cores(
            lambda part: order_kernels.totals(
                asked, self._memory, self._rarity, wanted,
                (part.start, part.stop), self.parameters.neighbours, self._work(), found,
            ),
            self._parts(asked),
        )  # fmt: skip
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
        asked, count = self._asked(histories), len(self.items)
        items = np.full((len(histories), min(k, count)), -1, np.int32)
        scores = np.zeros(items.shape, np.int64)
        out = exclude if exclude is not None else Histories.empty(len(histories))
        mask = np.ones(count, np.bool_) if allow is None else allow
        limits = sealed(out.indptr, out.indices, mask)
        on_all_cores(
            lambda part: order_kernels.best(
                asked, self._memory, self._rarity, limits,
                (part.start, part.stop), self.parameters.neighbours, self._work(),
                (items, scores),
            ),
            self._parts(asked),
        )  # fmt: skip
        return Ranked(items, scores, (items >= 0).sum(axis=1))

    def similar(self, items: Index, k: int) -> Ranked:
        """For each of `items`, what a history of it alone is offered, itself left out."""
        alone = Histories.of_lists([[item] for item in items.tolist()])
        return self.recommend(alone, k, exclude=alone)

    def why(self, history: Histories, items: Index) -> list[Why]:
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

    def _asked(self, histories: Histories) -> tuple[Any, ...]:
        """Histories as the kernels read them: the latest of each first."""
        used = histories.latest(self.parameters.longest_history)
        shares = order.shares(used, self.past.having, self.parameters)
        latest = np.lexsort((used.indices, ~used.last_time, used.rows))
        return sealed(used.indptr, used.indices[latest], shares[latest])

    def _parts(self, asked: tuple[Any, ...]) -> list[slice]:
        return even_parts(row_sums(np.diff(self.past.starts)[asked[1]], asked[0]))

    def _work(self) -> tuple[Any, ...]:
        """What a part's loop writes on; memory is taken only where it does."""
        rows, count = len(self.past.factors), len(self.items)
        return (
            np.zeros(rows, np.int64), np.empty(rows, np.int32), np.empty(rows, np.int32),
            np.zeros(count, np.int64), np.empty(count, np.int32), np.zeros(count, np.int32),
        )  # fmt: skip

    def _carried(self, histories: Histories, items: Index) -> tuple[Index, Index]:
        """The item of the history that carried each score; as the kernel says."""
        asked = self._asked(histories)
        found = np.full(items.shape, -1, np.int32), np.zeros(items.shape, np.int32)
        wanted = sealed(np.ascontiguousarray(items, np.int32))[0]
        on_all_cores(
            lambda part: order_kernels.carried(
                asked, self._memory, self._indexed, wanted,
                (part.start, part.stop), self.parameters.neighbours, self._work(), found,
            ),
            self._parts(asked),
        )  # fmt: skip
        return found

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
