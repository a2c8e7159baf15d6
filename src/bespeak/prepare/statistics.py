"""Statistics of one column that don't depend on the order in which rows are added up."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import ibis.expr.types as ir

from bespeak.columns import NUMBER
from bespeak.engines import Engine

BITS = 60
"""Numbers are added up as whole multiples of 2**-60 of a bound: exactly, whatever the order."""
EXACT = "decimal(38, 0)"


@dataclass(frozen=True)
class Moments:
    """Count, mean, population standard deviation and range of the finite values."""

    rows: int
    mean: float
    deviation: float
    least: float
    most: float


def finite(rows: ir.Table, column: str) -> ir.Table:
    """`value` (float64) of the rows where `column` is a finite number, beside all columns."""
    value = rows[column].cast(NUMBER)
    with_value = rows.mutate(value=value)
    return with_value.filter(
        with_value["value"].notnull() & ~with_value["value"].isnan() & ~with_value["value"].isinf()
    )


def moments(engine: Engine, values: ir.Table) -> Moments | None:
    """Of column `value`; None where there is none.

    values : from `finite`
    """
    value = values["value"]
    found = _one(engine, values.agg(n=values.count(), least=value.min(), most=value.max()))
    rows = int(found["n"])
    if not rows:
        return None
    unit = unit_of(max(abs(found["least"]), abs(found["most"])))
    total = _one(engine, values.agg(total=whole(value, unit).sum()))["total"]
    mean = mean_of(total, rows, unit)
    spread = max(found["most"] - mean, mean - found["least"])
    square = unit_of(spread * spread)
    apart = value - mean
    total = _one(engine, values.agg(total=whole(apart * apart, square).sum()))["total"]
    deviation = math.sqrt(mean_of(total, rows, square))
    return Moments(rows, mean, deviation, float(found["least"]), float(found["most"]))


def quantiles(engine: Engine, values: ir.Table, shares: Sequence[float]) -> list[float] | None:
    """Exact quantiles of `value`, linear between neighbours; None where there is no value."""
    asked = {f"q{at}": values["value"].quantile(share) for at, share in enumerate(shares)}
    found = _one(engine, values.agg(**asked))
    if any(found[name] is None for name in asked):
        return None
    return [float(found[name]) for name in asked]


def unit_of(bound: float) -> float:
    """The power of two by which values up to `bound` become whole numbers below 2**60."""
    exponent = math.frexp(bound)[1] if bound else 0
    return math.ldexp(1.0, max(-900, min(900, BITS - exponent)))


def whole(value: ir.Value, unit: float) -> ir.Value:
    """`value` as a whole number of 1/unit: multiplying by a power of two loses nothing."""
    return (value * unit).round().cast(EXACT)


def mean_of(total: object, rows: int, unit: float) -> float:
    """The mean that a sum of whole numbers stands for."""
    return float(int(total) / rows / unit)  # type: ignore[call-overload]


def _one(engine: Engine, expression: ir.Table) -> dict[str, float]:
    row: dict[str, float] = engine.run(expression).to_pylist()[0]
    return row
