"""What a recommender is: a frozen value that scores histories.

A new one is a file in `models` with a parameters class, `fit_NAME` and a model that does what
`Model` says, a row in the table there, and a three-line test (tests/contracts/recommender.py).
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, TypeVar, runtime_checkable

import msgspec
import numpy as np
from numpy.typing import NDArray

from bespeak.errors import BadRequest, ConfigInvalid
from bespeak.recommend.histories import Flags, Histories, Index, Whole
from bespeak.recommend.texts import Ids

CELLS = 1 << 26
"""A block of scores has at most this many cells; the rest is the caller's next block."""

Result = TypeVar("Result")


class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A model's settings: typed, with defaults, checked before anything is fitted."""

    @property
    def needs(self) -> frozenset[str]:
        """What an engine must be able to do (`Engine.can`) for a model with these settings."""
        return frozenset()


Settings = TypeVar("Settings", bound=Parameters)


def checked(kind: type[Settings], name: str, given: Mapping[str, Any]) -> Settings:
    """`given` as the parameters of a model called `name`; what is not given has its default.

    raises : ConfigInvalid, naming the key, what was found and what was expected
    """
    known = kind.__struct_fields__
    for key in given:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            raise ConfigInvalid(
                f"recommend.parameters.{name}: key `{key}` is not known",
                expected=", ".join(known),
                next_step=f"Did you mean `{near[0]}`?" if near else None,
            )
    try:
        return msgspec.convert(dict(given), kind)
    except msgspec.ValidationError as error:
        raise ConfigInvalid(f"recommend.parameters.{name}: {error}") from error


@dataclass(frozen=True, eq=False)
class Ranked:
    """A list a row, best first.

    items  : int32, rows by at most k; -1 after the end of a list that is shorter
    scores : int64, the model's own units; 0 where an item did not come from the model itself
    own    : int64, how many leading items of each row the model itself put there; what follows
             was filled in from the popular items
    """

    items: Index
    scores: Whole
    own: Whole

    def row(self, at: int) -> Index:
        """The list of one row, without the padding."""
        items: Index = self.items[at]
        return items[items >= 0]


class Why(NamedTuple):
    """The fact by which the model itself put an item on a list.

    kind      : `with`, `rhythm` or `popular`
    other     : for `with`, the position of the item in the history that added most; else -1
    customers : how many have both (`with`), or chose it (`popular`); None where not counted
    days      : for `popular`, the window counted over; None: all time
    group     : for `popular`, the label of the group counted in; None: everybody
    """

    kind: Literal["with", "rhythm", "popular"]
    other: int = -1
    customers: int | None = None
    days: float | None = None
    group: str | None = None

    @property
    def number(self) -> int:
        """WITH and so on."""
        if self.kind == "popular":
            return EVER if self.days is None else LATELY
        if self.kind == "rhythm":
            return RHYTHM
        return GOES if self.customers is None else WITH


WITH, GOES, RHYTHM, LATELY, EVER = range(5)
"""Kinds of facts: `with`, counted or not; `rhythm`; `popular` in a window of days or at all."""


@dataclass(frozen=True, eq=False)
class Whys:
    """The facts behind the items of many lists.

    kinds  : int8, shaped as the lists; WITH and so on, -1 where there is no item
    others : int32, for WITH and GOES the position of the item in the history that added most;
             else -1
    """

    kinds: NDArray[np.int8]
    others: Index


class Model(Protocol):
    """A fitted recommender over histories; it knows items and no customer."""

    name: ClassVar[str]

    @property
    def items(self) -> Ids:
        """The items it can recommend; positions in histories and lists are positions here."""

    @property
    def parameters(self) -> Parameters:
        """What it was fitted with."""

    @property
    def unit(self) -> float:
        """One unit of `scores` as a number; divides a score for people to read."""

    def scores(self, histories: Histories) -> Whole:
        """int64, (rows, items), for a block of histories; 0 or less: no evidence.

        raises : BadRequest beyond CELLS; ask in blocks
        """

    def recommend(
        self,
        histories: Histories,
        k: int,
        *,
        exclude: Histories | None = None,
        allow: Flags | None = None,
    ) -> Ranked:
        """The k best items a row by (score, then item id), never an array of rows by items.

        exclude : per row, items that may not appear; give the histories themselves for owned items
        allow   : per item, whether it may appear at all
        """

    def why(self, history: Histories, items: Index) -> list[Why]:
        """For one history: the fact behind each of `items`, by the model's own arithmetic."""

    def save(self, folder: Path) -> None:
        """Arrays and JSON; equal models give equal bytes."""


@runtime_checkable
class Similar(Protocol):
    """A model that knows which items go together."""

    def similar(self, items: Index, k: int) -> Ranked:
        """For each of `items`, the k items most like it, itself left out."""


@runtime_checkable
class Pointed(Protocol):
    """A model that scores a few items without scoring all."""

    def scores_at(self, histories: Histories, items: Index) -> Whole:
        """As `scores` has them, for a line of `items` (-1: none, which gets 0) per history."""


@runtime_checkable
class Explaining(Protocol):
    """A model that finds the facts behind many lists at once."""

    def whys(self, histories: Histories, items: Index) -> Whys:
        """As `why` says it, for a line of `items` (-1: none) per history."""


@runtime_checkable
class Said(Protocol):
    """A model that says what fitting it left out."""

    def said(self) -> Mapping[str, Any]:
        """For its manifest: JSON, the same for the same model."""


def check_block(rows: int, items: int) -> None:
    """Refuse to score more than a block."""
    if rows * max(items, 1) > CELLS:
        raise BadRequest(
            "too many scores at once", found=f"{rows} histories x {items} items",
            expected=f"at most {CELLS} cells", next_step="Score the histories in blocks.",
        )  # fmt: skip


def check_asked(k: int, histories: Histories, exclude: Histories | None, allow: Any) -> None:
    """Refuse a k below 1 and exclusions that are not one a row."""
    if k < 1:
        raise BadRequest("k is too small", found=str(k), expected="1 or more")
    if exclude is not None and len(exclude) != len(histories):
        raise BadRequest(
            "exclude has other rows than histories", found=str(len(exclude)),
            expected=str(len(histories)),
        )  # fmt: skip
    if allow is not None and allow.dtype != np.bool_:
        raise BadRequest("allow is no mask", found=str(allow.dtype), expected="bool, one per item")


def top_k(
    scores: Whole, k: int, *, exclude: Histories | None = None, allow: Flags | None = None
) -> Ranked:
    """The k best of each row of a block of scores: what a model needs that has nothing faster."""
    rows, count = scores.shape
    usable = scores.copy()
    if allow is not None:
        usable[:, ~allow] = 0
    if exclude is not None:
        usable[exclude.rows, exclude.indices] = 0
    width = min(k, count)
    items = np.full((rows, width), -1, np.int32)
    best = np.zeros((rows, width), np.int64)
    for row in range(rows):
        candidates = np.flatnonzero(usable[row] > 0)
        chosen = candidates[np.lexsort((candidates, -usable[row, candidates]))[:width]]
        items[row, : len(chosen)] = chosen
        best[row, : len(chosen)] = usable[row, chosen]
    return Ranked(items, best, (items >= 0).sum(axis=1))


def whys(model: Model, histories: Histories, items: Index) -> Whys:
    """The facts behind many lists, one by one where the model knows no faster way."""
    if isinstance(model, Explaining):
        return model.whys(histories, items)
    kinds, others = np.full(items.shape, -1, np.int8), np.full(items.shape, -1, np.int32)
    for row in range(len(items)):
        at = np.flatnonzero(items[row] >= 0)
        facts = model.why(histories.take(np.array([row])), items[row, at]) if len(at) else []
        for place, fact in zip(at.tolist(), facts, strict=True):
            kinds[row, place] = fact.number
            others[row, place] = fact.other if fact.kind == "with" else -1
    return Whys(kinds, others)


def fill(ranked: Ranked, popular: Ranked) -> Ranked:
    """Lists that ended before k, filled up with popular items that they lack."""
    width = popular.items.shape[1]
    items = np.full((len(ranked.items), width), -1, np.int32)
    items[:, : ranked.items.shape[1]] = ranked.items
    scores = np.zeros(items.shape, np.int64)
    scores[:, : ranked.scores.shape[1]] = ranked.scores
    for row in np.flatnonzero(ranked.own < width).tolist():
        own = ranked.row(row)
        more = popular.row(row)
        more = more[~np.isin(more, own)][: width - len(own)]
        items[row, len(own) : len(own) + len(more)] = more
    return Ranked(items, scores, ranked.own)


def blocks(count: int, size: int) -> Iterator[slice]:
    """Slices of at most `size` that cover `count`."""
    return (slice(start, min(start + size, count)) for start in range(0, count, size))


def even_parts(work: Whole) -> list[slice]:
    """Consecutive parts of about the same work, a few a core; one where there is little."""
    total = int(work.sum()) + len(work)
    pieces = min(8 * cores(), max(1, total // 20_000))
    if pieces == 1:
        return [slice(0, len(work))] if len(work) else []
    marks = np.linspace(0, total, pieces + 1)[1:-1]
    cuts = np.searchsorted(np.cumsum(work + 1), marks).tolist()
    return [slice(a, b) for a, b in pairwise(sorted({0, *cuts, len(work)}))]


def on_all_cores(work: Callable[[slice], Result], parts: list[slice]) -> list[Result]:
    """`work` on every part, side by side for code that lets go of the interpreter; in order."""
    if len(parts) < 2:
        return [work(part) for part in parts]
    with ThreadPoolExecutor(cores()) as pool:
        return list(pool.map(work, parts))


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
