"""From what was measured to what all files, as they lie there now, will need.

Every figure is a proportion of something measured, and says of what. Without a measurement there
is no figure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bespeak.doctor.costs import Step
from bespeak.doctor.sizes import bytes_said, rows_said

ENOUGH = 100_000
"""Below so many rows a run is mostly fixed costs, and says little of a larger one."""


@dataclass(frozen=True)
class Raw:
    """One source's files.

    bytes      : of all of its files, as they are now; None for a database
    rows       : of all of them; None where nothing tells
    rows_known : how `rows` came about
    run_rows   : rows that the last run took from it; 0 if it never did
    waiting    : files that are new or changed since
    events     : whether its rows are events, on which features and models rest
    """

    name: str
    files: int
    bytes: int | None
    rows: int | None
    rows_known: str
    run_rows: int
    waiting: int
    events: bool

    @property
    def expected(self) -> int:
        """Rows to reckon with: where nothing tells, those of the last run."""
        return self.run_rows if self.rows is None else self.rows


@dataclass(frozen=True)
class Estimate:
    """A figure and what it rests on; None where nothing was measured."""

    value: float | None
    basis: str


@dataclass(frozen=True)
class Needs:
    """What a run from nothing over all files needs on one engine.

    seconds : of all steps, one after another
    disk    : bytes of what the run leaves; a version that is replaced stays for one run more
    memory  : bytes of this process at its peak
    measured: rows that all of this was measured on
    waiting : files that are new or changed since the last run
    """

    rows: Estimate
    seconds: Estimate
    disk: Estimate
    memory: Estimate
    measured: int
    waiting: int


def foresee(raws: Sequence[Raw], steps: Sequence[Step], *, engine: str, peak: int | None) -> Needs:
    """What all of `raws` need on `engine`, by proportion to its `steps`.

    peak : bytes that the process of the last run took, if it was seen
    """
    rows, waiting = _rows(raws), sum(raw.waiting for raw in raws)
    if not any(step.engine == engine for step in steps):
        none = Estimate(None, f"not measured: {engine} has made nothing here yet")
        return Needs(rows, none, none, none, 0, waiting)
    usable = [step for step in steps if step.engine in {None, engine}]
    return Needs(
        rows=rows,
        seconds=_scaled(raws, usable, lambda step: step.seconds * 1e6, "µs", 1e-6),
        disk=_scaled(raws, usable, lambda step: float(step.bytes), "bytes", 1.0),
        memory=_memory(peak, _growth(raws), engine),
        measured=sum(raw.run_rows for raw in raws),
        waiting=waiting,
    )


def _rows(raws: Sequence[Raw]) -> Estimate:
    known = [raw for raw in raws if raw.rows is not None]
    ways = sorted({raw.rows_known for raw in known})
    unread = [raw for raw in raws if raw.rows is None]
    if unread:
        size = bytes_said(sum(raw.bytes or 0 for raw in unread))
        files = sum(raw.files for raw in unread)
        ways.append(f"unknown in {files} files of {size}: {', '.join(r.name for r in unread)}")
    value = float(sum(raw.rows or 0 for raw in known)) if known else None
    return Estimate(value, "; ".join(ways) or "there is no source")


def _growth(raws: Sequence[Raw]) -> float:
    """How many times the measured rows those are on which features and models will rest."""
    pool = [raw for raw in raws if raw.events] or raws
    seen = sum(raw.run_rows for raw in pool)
    return sum(raw.expected for raw in pool) / seen if seen else 1.0


def _scaled(
    raws: Sequence[Raw],
    steps: Sequence[Step],
    cost: Callable[[Step], float],
    unit: str,
    factor: float,
) -> Estimate:
    """The steps' costs, each grown as the rows that it works on; `factor` turns `unit` around."""
    by_name, growth = {raw.name: raw for raw in raws}, _growth(raws)
    value = own = 0.0
    for step in steps:
        raw = by_name.get(step.source or "")
        if raw is None:
            value += cost(step) * growth
            continue
        own += cost(step)
        value += cost(step) * (raw.expected / raw.run_rows if raw.run_rows else 1.0)
    measured = sum(raw.run_rows for raw in raws)
    if not measured:
        return Estimate(None, "not measured: no source has run")
    # a source that never ran costs what the others do
    value += own / measured * sum(raw.expected for raw in raws if not raw.run_rows)
    each = sum(map(cost, steps)) / measured
    said = f"{each:,.1f} {unit} a row on {rows_said(measured)} rows"
    few = "" if measured >= ENOUGH else ", mostly fixed costs"
    return Estimate(value * factor, said + few)


def _memory(peak: int | None, growth: float, engine: str) -> Estimate:
    if peak is None:
        return Estimate(None, "not measured: no models were evaluated here yet")
    said = f"{bytes_said(peak)} taken at most until the models were evaluated"
    if growth > 1:
        said += f"; at most {growth:.1f} times that, since the engine spills beyond its limit"
    if engine == "spark":
        said += "; Spark's own memory stands beside it"
    return Estimate(peak * max(1.0, growth), said)
