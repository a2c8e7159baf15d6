"""Any model behind lists of items, for one list at a time: they name candidates, it scores them.

A model that looks at every item for a list takes longer the larger the catalogue is. The items that
go with those of a history, by the people who have both, are a few hundred, found in one pass; only
those are scored. So a list costs the same in any catalogue, its scores and reasons are the model's
own, and what it loses is an item now and then that went with none of the history's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bespeak.errors import ArtifactCorrupt
from bespeak.recommend.base import Model, Ranked
from bespeak.recommend.evaluating import metrics
from bespeak.recommend.evaluating.splits import Held
from bespeak.recommend.histories import Flags, Histories, Index, Interactions
from bespeak.recommend.mathematics.candidates import scores_at
from bespeak.recommend.mathematics.measure import ItemKnnParameters
from bespeak.recommend.mathematics.single import NOTHING, Ready, Single
from bespeak.recommend.models.blend import sampled
from bespeak.recommend.models.item_knn import ItemKnn, fit_item_knn

LIMIT_MS = 1.0
"""A model whose single lists take longer than this is served by item lists."""
KEPT = 0.97
"""Of its NDCG they must keep so much; else the model answers itself, as slow as it is."""
LISTED, ITSELF = "lists", "itself"
"""The forms: item lists before the model, or the model alone."""
CANDIDATES = 400
"""So many of what goes with a history's items are scored."""
LONGEST = CANDIDATES // 4
"""Longer lists are the model's own: of fewer candidates for each place, too much is lost."""
TIMES, SECONDS = 50, 2.0
"""A list's time is the median of so many, or of as many as there are in so long."""


@dataclass(frozen=True, eq=False)
class Served(Ready):
    """A model behind lists of items.

    near : names the candidates
    """

    model: Model
    near: ItemKnn

    def single(self, history: Histories, k: int, *, exclude: Index, allow: Flags) -> Single | None:
        """See `single.Ready`; None where too few candidates are named."""
        wanted = min(k, len(self.model.items))
        if wanted > LONGEST:
            return None
        found = self.near.foremost(history, CANDIDATES, exclude=exclude, allow=allow)
        scores = scores_at(self.model, history, found[None, :])[0]
        best = np.lexsort((found, -scores))[:wanted]
        best = best[scores[best] > 0]
        if len(best) < wanted:
            return None
        items = found[best]
        return Single(items, scores[best], self.model.why(history, items))

    def recommend(self, histories: Histories, k: int, *, exclude: Histories | None) -> Ranked:
        """The lists of `single`, one by one; the model's own where that gives none."""
        count = len(self.model.items)
        allow, items = np.ones(count, np.bool_), np.full((len(histories), min(k, count)), -1)
        scores = np.zeros(items.shape, np.int64)
        for row in range(len(histories)):
            one = histories.take(np.array([row]))
            out = None if exclude is None else exclude.take(np.array([row]))
            barred = NOTHING if out is None else out.indices
            alone = self.single(one, k, exclude=barred, allow=allow)
            if alone is None:
                own = self.model.recommend(one, k, exclude=out)
                items[row], scores[row] = own.items[0], own.scores[0]
            else:
                items[row], scores[row] = alone.items, alone.scores
        return Ranked(items.astype(np.int32), scores, (items >= 0).sum(axis=1))

    def save(self, folder: Path) -> None:
        """What names the candidates; the model is not among it."""
        self.near.save(folder)

    @classmethod
    def load(cls, folder: Path, model: Model) -> Served:
        """What `save` wrote, mapped, before the model that it was made for.

        raises : ArtifactCorrupt
        """
        near = ItemKnn.load(folder)
        if not near.items.same(model.items):
            raise ArtifactCorrupt(
                f"{folder}: was made for another model", next_step="Run `bespeak run` again."
            )
        return cls(model, near)


def serve(model: Model, interactions: Interactions) -> Served:
    """A model behind the lists of what goes together in the interactions that it was fitted on."""
    return Served(model, fit_item_knn(interactions, ItemKnnParameters()))


# -- what it costs ---------------------------------------------------------------------------------


def list_ms(model: Model, histories: Histories, k: int, *, by: Ready | None = None) -> float:
    """Milliseconds that one list with its reasons takes: the median over some of `histories`.

    by : what makes it, where that is not the model itself
    """
    if not len(histories):
        return 0.0
    ask = _asking(model, by if by is not None else model, k)
    rows = [histories.take(np.array([row])) for row in range(min(len(histories), TIMES))]
    ask(rows[0])  # compiled by now
    taken: list[float] = []
    for row in islice(cycle(rows), TIMES):
        started = time.perf_counter()
        ask(row)
        taken.append(time.perf_counter() - started)
        if sum(taken) > SECONDS:
            break
    return round(float(np.median(taken)) * 1e3, 3)


def _asking(model: Model, by: object, k: int) -> Callable[[Histories], object]:
    allow = np.ones(len(model.items), np.bool_)

    def ask(history: Histories) -> object:
        if isinstance(by, Ready):
            alone = by.single(history, k, exclude=history.indices, allow=allow)
            if alone is not None:
                return alone
        ranked = model.recommend(history, k, exclude=history, allow=allow)
        return model.why(history, ranked.row(0))

    return ask


class Asked(NamedTuple):
    """Rows that correspond: histories, what each is to foretell, and what it may not be offered."""

    histories: Histories
    held: Held
    exclude: Histories | None


def measured(model: Model, train: Interactions, asked: Asked, k: int) -> dict[str, Any]:
    """How fast a model answers one by one, and, where that is slow, what item lists would lose.

    train   : what it was fitted on
    returns : list_ms; "by_lists": None where that is within LIMIT_MS, else {"served_ms",
              "ndcg@k", "whole": the model's own, "kept": their ratio (None where that is 0),
              "customers"}
    """
    histories, held, exclude = asked
    own = list_ms(model, histories, k)
    found: dict[str, Any] = {"list_ms": own, "by_lists": None}
    if own <= LIMIT_MS:
        return found
    made, name = serve(model, train), f"ndcg@{k}"
    ndcg, whole = (
        float(metrics.accuracy(ranked, held, len(model.items), k)[name].mean())
        for ranked in (
            made.recommend(histories, k, exclude=exclude),
            model.recommend(histories, k, exclude=exclude),
        )
    )
    return found | {
        "by_lists": {
            "served_ms": list_ms(model, histories, k, by=made), name: ndcg, "whole": whole,
            "kept": ndcg / whole if whole else None, "customers": len(histories),
        }
    }  # fmt: skip


@dataclass(frozen=True, eq=False)
class Form:
    """Which of the two answers.

    name  : LISTED or ITSELF
    lists : where they are what answers
    said  : list_ms of the model itself; served_ms of the lists (None where none were made), and
            what they kept of its NDCG
    """

    name: str
    lists: Served | None
    said: Mapping[str, Any]


def choose_form(
    model: Model, interactions: Interactions, k: int, *, kept: float | None, seed: int
) -> Form:
    """Item lists where they are faster and keep enough, else the model itself.

    interactions : what it was fitted on; lists of some, drawn by `seed`, are timed
    kept         : of its NDCG, as `measured`; None where it was not, and so nothing is risked
    """
    histories = sampled(interactions.histories, TIMES, seed)
    own = list_ms(model, histories, k)
    if own <= LIMIT_MS or kept is None or kept < KEPT:
        return Form(ITSELF, None, {"list_ms": own, "served_ms": None, "kept": kept})
    made = serve(model, interactions)
    taken = list_ms(model, histories, k, by=made)
    name = LISTED if taken < own else ITSELF
    said = {"list_ms": own, "served_ms": taken, "kept": kept}
    return Form(name, made if name == LISTED else None, said)
