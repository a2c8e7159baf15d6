"""What an evaluation says beside its table: of what it was made, by parts, in pairs, and how a
model was searched for."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec


class Measure(msgspec.Struct, frozen=True):
    """A metric and its 95 % interval."""

    value: float | None
    low: float | None = None
    high: float | None = None


class ByLists(msgspec.Struct, frozen=True):
    """A model behind item lists: milliseconds a list, and the share of its NDCG that is kept."""

    served_ms: float
    kept: float | None


class Part(msgspec.Struct, frozen=True, omit_defaults=True):
    """How one model did on a part of the test."""

    by: str
    """`activity`, `popularity`, `time`, `segment` or `place`."""
    name: str
    code: str
    """`new`, `having` (low to high items), `head`, `torso`, `tail` (so many items), `cold`, `days`
    (since, until), `group` (label), `none`."""
    customers: int
    pairs: int
    """Test items."""
    metrics: dict[str, Measure]
    low: int | None = None
    high: int | None = None
    items: int | None = None
    label: str | None = None
    since: date | None = None
    until: date | None = None


class Learned(msgspec.Struct, frozen=True):
    """What models saw. Rows are pairs of a customer and an item."""

    rows: int
    customers: int
    items: int
    first: date | None
    last: date | None


class Asked(msgspec.Struct, frozen=True):
    """What they were asked for. Cold pairs are of items that nobody had."""

    pairs: int
    cold_pairs: int
    customers: int
    first: date | None
    last: date | None


class Parts(msgspec.Struct, frozen=True):
    """Both sides of an evaluation."""

    train: Learned
    test: Asked


class Machine(msgspec.Struct, frozen=True):
    """What the seconds and megabytes were measured on."""

    processor: str | None
    cores: int
    memory_gb: float | None
    system: str
    python: str
    bespeak: str


class Leaks(msgspec.Struct, frozen=True):
    """Test pairs that the training part knows already, and test rows from before its end."""

    pairs: int
    in_train: int
    dropped: bool
    early: int | None = None
    timed: int | None = None


class Compared(msgspec.Struct, frozen=True):
    """Two models, customer by customer: the mean difference, its 95 % interval, and whether chance
    would make it (`p`; `p_holm` among so many pairs)."""

    measure: str
    better: str
    worse: str
    difference: float
    low: float | None
    high: float | None
    p: float
    p_holm: float
    test: str


class Tried(msgspec.Struct, frozen=True, omit_defaults=True):
    """One configuration of a search; `at_s` seconds of trying were gone when it was known."""

    model: str
    parameters: dict[str, Any]
    state: str
    value: float | None
    at_s: float
    fit_s: float | None = None
    score_s: float | None = None
    because: str = ""


class Finalist(msgspec.Struct, frozen=True):
    """One of the best, on rows that the search had not seen."""

    model: str
    value: float


class Search(msgspec.Struct, frozen=True):
    """How `auto` chose, on a part held back of what is known: never on the test."""

    chosen: str
    because: str
    held_back: str | None
    measure: str
    budget_s: float
    search_s: float
    tried: list[Tried]
    final: list[Finalist]
    asked: int | None = None
    of: int | None = None
