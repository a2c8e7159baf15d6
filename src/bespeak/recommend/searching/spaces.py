"""What a search may try of each model: settings, when it makes sense at all, what it will cost.

A model without a row is tried with its defaults. Seconds are guesses for a first try on an ordinary
core, a little too many rather than too few; after it, what it took is what counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bespeak.recommend.histories import NO_TIME, Interactions


@dataclass(frozen=True)
class Shape:
    """What decides which models make sense, and what they cost.

    pairs    : Σ over histories of the square of their lengths, none counted longer than 500
    timed    : whether times are known
    repeat   : whether a list may hold what its owner has
    sessions : whether a history is one visit, in its order
    weighed  : whether weights differ
    lone     : whether a list may rest on what one history alone has together
    """

    customers: int
    items: int
    entries: int
    pairs: int
    timed: bool
    repeat: bool
    sessions: bool
    weighed: bool
    lone: bool = False

    @classmethod
    def of(
        cls, known: Interactions, *, repeat: bool, sessions: bool = False, lone: bool = False
    ) -> Shape:
        histories = known.histories
        weights = histories.weights
        return cls(
            customers=len(histories), items=len(known.items), entries=len(histories.indices),
            pairs=int((np.minimum(histories.lengths, 500) ** 2).sum()),
            timed=bool((histories.last_time != NO_TIME).any()), repeat=repeat, sessions=sessions,
            weighed=len(weights) > 0 and bool((weights != weights[0]).any()), lone=lone,
        )  # fmt: skip


Values = Mapping[str, tuple[Any, ...]]


@dataclass(frozen=True)
class Space:
    """One model's settings that are worth a try.

    values  : for data of a shape: setting -> its values, in an order in which neighbours are alike,
              text in any; the settings that matter most come first
    starts  : for data of a shape: whole settings that are tried beside the defaults, where the
              model is promising; its search goes on from the best
    grows   : setting -> the power of its value with which the seconds grow
    seconds : a first try with the defaults
    unfit   : why the model makes no sense here; None where it does
    """

    values: Callable[[Shape], Values] = field(default=lambda shape: {})
    starts: Callable[[Shape], Sequence[Mapping[str, Any]]] = field(default=lambda shape: ())
    grows: Mapping[str, float] = field(default_factory=dict)
    seconds: Callable[[Shape], float] = field(default=lambda shape: 1e-5 * shape.entries)
    unfit: Callable[[Shape], str | None] = field(default=lambda shape: None)


def _popular(shape: Shape) -> Values:
    return {"window_days": (7.0, 14.0, 28.0, 56.0, 0.0)} if shape.timed else {}


def _item_knn(shape: Shape) -> Values:
    found: dict[str, tuple[Any, ...]] = {
        "item": (0.1, 0.2, 0.3, 0.4, 0.5),
        "length": (0.0, 0.25, 0.5, 0.75, 1.0, 1.25),
        "history_item": (0.3, 0.4, 0.5, 0.6, 0.7, 0.8),
        "shrinkage": (0.0, 1.0, 3.0, 10.0, 30.0),
        "neighbours": (50, 100, 200, 400),
    }
    if shape.repeat:
        found["own"] = (0.0, 0.3, 1.0, 3.0, 10.0)
    flat = () if shape.weighed else ("log", "binary")  # the same as linear where all weigh the same
    kinds = ("linear", "log", "binary", "tfidf", "bm25")
    found["weighting"] = tuple(kind for kind in kinds if kind not in flat)
    return {**_lone(shape), **found}


def _lone(shape: Shape) -> Values:
    """Of lists of items: histories in common that are evidence."""
    return {"least_common": (3, 2, 1)} if shape.lone else {}


def _als(shape: Shape) -> Values:
    return {
        "alpha": (1.0, 3.0, 10.0, 30.0, 100.0),
        "regularization": (0.1, 0.3, 1.0, 3.0, 10.0),
        "factors": (32, 64, 128, 256),
        "iterations": (1, 2, 3, 5, 8),
        "walks": (0, 1, 2),
        "frequency": (0.0, 0.5, 1.0),
    }


def _als_starts(shape: Shape) -> Sequence[Mapping[str, Any]]:
    """From walks, where there are twenty customers and items for each factor and more."""
    large = min(shape.customers, shape.items) >= 20 * 128
    return ({"walks": 2, "iterations": 1},) if large else ()


def _linear(shape: Shape) -> Values:
    return {
        **_lone(shape),
        "penalty": (0.1, 0.3, 1.0, 3.0, 10.0),
        "length": (0.0, 0.25, 0.5, 0.75, 1.0),
        "history_item": (0.0, 0.1, 0.2, 0.3),
        "dropout": (0.0, 0.2, 0.4, 0.6),
        "neighbours": (50, 100, 200, 400),
    }


def _rp3beta(shape: Shape) -> Values:
    return {
        **_lone(shape),
        "beta": (0.0, 0.15, 0.3, 0.45, 0.6),
        "alpha": (0.5, 0.75, 1.0, 1.25),
        "neighbours": (50, 100, 200, 400),
    }


def _graph(shape: Shape) -> Values:
    """What leaves the decomposition as it is comes first: it is quickly tried."""
    return {
        **_lone(shape),
        "share": (0.5, 1.0, 1.5, 2.0, 3.0),
        "sharpness": (0.0, 1.0, 1.5, 2.0, 2.5, 3.0),
        "recommended": (0.1, 0.2, 0.3, 0.4),
        "history_item": (0.3, 0.4, 0.5, 0.6),
        "rank": (64, 128, 256, 512, 1024, 1536),
        "neighbours": (100, 200, 400),
    }


def _graph_starts(shape: Shape) -> Sequence[Mapping[str, Any]]:
    lone = {"least_common": 1} if shape.lone else {}
    deep = {"rank": 1024, "sharpness": 3.0, "share": 2.0}
    return [start for start in (lone, {**lone, **deep}) if start]


def _ordered(shape: Shape) -> Values:
    found: dict[str, tuple[Any, ...]] = {
        "item": (0.0, 0.1, 0.2, 0.25, 0.3, 0.4),
        "history_item": (0.0, 0.2, 0.4, 0.5, 0.6, 0.8),
        "length": (0.0, 0.2, 0.4, 0.8),
    }
    if shape.timed:  # else all stands at one place, and is of one age
        found = {"fade": (0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0), **found}
        found["recency"] = (0.0, 0.6, 1.2, 2.0, 4.0)
        found["distance"] = (0.0, 0.2, 0.35, 0.5, 0.8)
        found["backward"] = (0.3, 0.5, 0.7, 0.85, 1.0)
    return found | ({"own": (0.0, 3.0, 6.0, 9.4, 12.5, 25.0, 50.0)} if shape.repeat else {})


def _session_knn(shape: Shape) -> Values:
    more = {"neighbours": (100, 200, 500, 1000), "newest": (500, 1000, 2000, 4000)}
    return {**_ordered(shape), **more}


def _user_knn(shape: Shape) -> Values:
    found: dict[str, tuple[Any, ...]] = {
        "item": (0.0, 0.1, 0.2, 0.3, 0.4),
        "history_item": (0.2, 0.4, 0.5, 0.6, 0.8),
        "length": (0.0, 0.25, 0.5, 0.75, 1.0),
        "neighbours": (50, 100, 200, 500, 1000),
        "newest": (500, 1000, 2000, 4000),
    }
    return found | ({"own": (0.0, 3.0, 6.0, 9.4, 12.5, 25.0, 50.0)} if shape.repeat else {})


def _tifu_knn(shape: Shape) -> Values:
    found: dict[str, tuple[Any, ...]] = {
        "focus": (0.5, 1.0, 1.5, 2.0, 3.0, 5.0),
        "taken": (0.0, 0.15, 0.25, 0.5, 1.0),
        "history_item": (0.0, 0.1, 0.2, 0.3, 0.5),
        "taste": (0.0, 0.25, 0.5, 0.75, 1.0),
        "neighbours": (50, 100, 200, 400, 800),
        "newest": (500, 1000, 2000, 4000),
    }
    if shape.timed:
        found = {"fresh": (0.0, 0.2, 0.35, 0.5), "fresh_days": (5.0, 10.0, 20.0, 40.0), **found}
    if not shape.repeat:
        return found
    rhythm = {"late": (0.0, 0.15, 0.3, 0.5, 0.8)} if shape.timed else {}
    return {"own": (0.5, 1.0, 2.0, 4.0, 8.0), "again": (0.0, 0.25, 0.5, 0.75), **rhythm, **found}


def _only_owned(shape: Shape) -> str | None:
    return None if shape.repeat else "it offers only what its customer has, which is ruled out"


def _timeless(shape: Shape) -> str | None:
    return None if shape.timed else "it tells by order, and no times are known"


SPACES: Mapping[str, Space] = {
    "popular": Space(_popular, seconds=lambda shape: 1e-7 * shape.entries),
    "frequency": Space(seconds=lambda shape: 1e-7 * shape.entries, unfit=_only_owned),
    "item_knn": Space(
        _item_knn,
        grows={"neighbours": 0.2},
        seconds=lambda shape: 2e-8 * shape.pairs + 1e-6 * shape.entries,
    ),
    "rp3beta": Space(
        _rp3beta,
        grows={"neighbours": 0.2},
        seconds=lambda shape: 2e-8 * shape.pairs + 1e-6 * shape.entries,
    ),
    "graph": Space(
        _graph,
        starts=_graph_starts,
        grows={"rank": 1.2, "neighbours": 0.1},
        seconds=lambda shape: 4e-8 * shape.pairs + 2e-5 * shape.entries,
    ),
    "transitions": Space(
        _ordered,
        seconds=lambda shape: 4e-8 * shape.pairs + 2e-6 * shape.entries,
        unfit=_timeless,
    ),
    "session_knn": Space(
        _session_knn,
        grows={"neighbours": 0.3, "newest": 0.7},
        seconds=lambda shape: 1e-5 * shape.entries,
        unfit=_timeless,
    ),
    "user_knn": Space(
        _user_knn,
        grows={"neighbours": 0.3, "newest": 0.7},
        seconds=lambda shape: 1e-5 * shape.entries,
    ),
    "tifu_knn": Space(
        _tifu_knn,
        grows={"neighbours": 0.3, "newest": 0.7},
        seconds=lambda shape: 1e-5 * shape.entries,
        unfit=lambda shape: "a visit comes back to nothing" if shape.sessions else None,
    ),
    "sparse_ease": Space(_linear, seconds=lambda shape: 2e-8 * shape.pairs + 5e-4 * shape.items),
    "ease": Space(_linear, seconds=lambda shape: 3e-11 * float(shape.items) ** 3),
    "als": Space(
        _als,
        starts=_als_starts,
        grows={"factors": 1.7, "iterations": 1.0},
        seconds=lambda shape: 4e-6 * shape.entries + 1e-4 * (shape.customers + shape.items),
    ),
}


def space_of(name: str) -> Space:
    """The model's row, or one without settings."""
    return SPACES.get(name, Space())
