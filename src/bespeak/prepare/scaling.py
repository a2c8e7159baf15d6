"""Numbers on one scale: fitted once, kept, applied in the engine, and undone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import ibis.expr.types as ir

from bespeak.columns import NUMBER
from bespeak.engines import Engine
from bespeak.errors import BadRequest, ColumnMissing
from bespeak.prepare.statistics import finite, moments, quantiles


@dataclass(frozen=True)
class Scale:
    """One column's scale: scaled = (value - center) / spread.

    flat : the method found no spread (all values are equal; for `robust`, the middle half is);
           spread is then 1, so what is scaled is the distance from the center, in the column's unit
    """

    center: float
    spread: float
    flat: bool = False


@dataclass(frozen=True)
class Scaling:
    """A method and what it measured; `asdict` of it is what a manifest keeps."""

    method: str
    scales: Mapping[str, Scale]

    @property
    def flat(self) -> list[str]:
        """Columns without spread, which can hardly tell rows apart."""
        return [name for name, scale in self.scales.items() if scale.flat]


def fit_scaling(engine: Engine, table: ir.Table, columns: Sequence[str], method: str) -> Scaling:
    """Measure `columns`; nulls and infinities take no part.

    method : minmax (0 at the least value, 1 at the greatest), z (mean, population standard
             deviation), robust (median, interquartile range)
    raises : BadRequest for another method or a column without a value; ColumnMissing
    """
    if method not in METHODS:
        raise BadRequest(
            "there is no such scaling", found=method, expected=f"one of {', '.join(METHODS)}"
        )
    return Scaling(method, {name: _scale(engine, table, name, METHODS[method]) for name in columns})


def scale(table: ir.Table, scaling: Scaling) -> ir.Table:
    """`table` with the scaled columns in place of their values; null stays null."""
    return table.mutate(
        **{
            name: (table[name].cast(NUMBER) - one.center) / one.spread
            for name, one in scaling.scales.items()
        }
    )


def unscale(table: ir.Table, scaling: Scaling) -> ir.Table:
    """The inverse of `scale`, up to rounding in the last binary digits."""
    return table.mutate(
        **{
            name: table[name].cast(NUMBER) * one.spread + one.center
            for name, one in scaling.scales.items()
        }
    )


Measured = tuple[float, float] | None


def _scale(
    engine: Engine, table: ir.Table, name: str, measure: Callable[[Engine, ir.Table], Measured]
) -> Scale:
    if name not in table.columns:
        raise ColumnMissing(f"there is no column `{name}` to scale")
    found = measure(engine, finite(table.select(name), name))
    if found is None:
        raise BadRequest(
            f"column `{name}` has no value to scale by", next_step="Leave it out, or fill it first."
        )
    center, spread = found
    return Scale(center, spread) if spread > 0 else Scale(center, 1.0, flat=True)


def _range(engine: Engine, values: ir.Table) -> Measured:
    found = moments(engine, values)
    return None if found is None else (found.least, found.most - found.least)


def _mean(engine: Engine, values: ir.Table) -> Measured:
    found = moments(engine, values)
    return None if found is None else (found.mean, found.deviation)


def _median(engine: Engine, values: ir.Table) -> Measured:
    found = quantiles(engine, values, (0.25, 0.5, 0.75))
    return None if found is None else (found[1], found[2] - found[0])


METHODS: Mapping[str, Callable[[Engine, ir.Table], Measured]] = MappingProxyType(
    {"minmax": _range, "z": _mean, "robust": _median}
)
