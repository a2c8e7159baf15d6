"""Fences around a column's usual values, and what happens to what lies outside."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import ibis
import ibis.expr.types as ir

from bespeak.columns import NUMBER, WHOLE
from bespeak.engines import Engine
from bespeak.prepare.statistics import finite, moments, quantiles

SIGMAS_PER_MAD = 1.4826
"""A normal distribution's standard deviation in median absolute deviations."""


@dataclass(frozen=True)
class Fences:
    """Where usual values end; both ends are usual. None where the method can't say."""

    method: str
    threshold: float
    rows: int
    low: float | None = None
    high: float | None = None
    center: float | None = None
    spread: float | None = None
    note: str | None = None

    @property
    def stand(self) -> bool:
        return self.low is not None


Measured = tuple[float, float, float] | None
"""Lower anchor, upper anchor, spread; None where there is no value."""


def fences(
    engine: Engine, rows: ir.Table, column: str, method: str, threshold: float | None = None
) -> Fences:
    """Fences of `column` from the rows given; nulls and infinities take no part.

    iqr : quartiles -/+ threshold (3) interquartile ranges
    z   : mean -/+ threshold (4) population standard deviations
    mad : median -/+ threshold (6) scaled median absolute deviations
    A spread of zero gives no fences: every value but one would be an outlier.
    """
    measure, default = METHODS[method]
    reach = default if threshold is None else threshold
    values = finite(rows.select(column), column)
    counted = int(engine.run(values.agg(n=values.count()))["n"][0].as_py())
    measured = measure(engine, values)
    if measured is None:
        return Fences(method, reach, counted, note="no values, so no fences")
    below, above, spread = measured
    center = (below + above) / 2
    if not spread > 0:
        note = "the usual values are all equal, so no fences"
        return Fences(method, reach, counted, center=center, spread=spread, note=note)
    return Fences(
        method, reach, counted, below - reach * spread, above + reach * spread, center, spread
    )


def outside(value: ir.Value, fence: Fences) -> ir.BooleanValue:
    """Whether a value lies beyond a fence; never where it is null."""
    if not fence.stand:
        return ibis.literal(False)
    number = value.cast(NUMBER)
    return ((number < fence.low) | (number > fence.high)).fill_null(False)


def clipped(value: ir.Value, fence: Fences, kind: str) -> ir.Value:
    """The value, moved to the nearer fence where it lies beyond one; whole numbers stay inside."""
    if fence.low is None or fence.high is None:
        return value
    low, high = fence.low, fence.high
    if kind == WHOLE:
        low, high = math.ceil(low), math.floor(high)
    number = value.cast(NUMBER)
    return ibis.cases(
        (number < fence.low, ibis.literal(low).cast(kind)),
        (number > fence.high, ibis.literal(high).cast(kind)),
        else_=value,
    )


def _quartiles(engine: Engine, values: ir.Table) -> Measured:
    found = quantiles(engine, values, (0.25, 0.75))
    return None if found is None else (found[0], found[1], found[1] - found[0])


def _mean(engine: Engine, values: ir.Table) -> Measured:
    found = moments(engine, values)
    return None if found is None else (found.mean, found.mean, found.deviation)


def _median(engine: Engine, values: ir.Table) -> Measured:
    middle = quantiles(engine, values, (0.5,))
    if middle is None:
        return None
    apart = quantiles(engine, values.mutate(value=(values["value"] - middle[0]).abs()), (0.5,))
    return None if apart is None else (middle[0], middle[0], SIGMAS_PER_MAD * apart[0])


METHODS: Mapping[str, tuple[Callable[[Engine, ir.Table], Measured], float]] = MappingProxyType(
    {"iqr": (_quartiles, 3.0), "z": (_mean, 4.0), "mad": (_median, 6.0)}
)
"""Method -> how it measures, and its default threshold in its own units."""
