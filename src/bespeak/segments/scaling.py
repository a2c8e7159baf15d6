"""Features of different kinds brought to one scale, with the parameters kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
from numpy.typing import NDArray

from bespeak.engines import Engine

Floats = NDArray[np.float64]
Fitted = tuple[float, float, float, bool, float, float]
"""fill, low, high, logged, centre, deviation."""

SKEWED = 1.0
"""Above this skewness a measure that counts from 0 is taken as its logarithm."""
TAILS = (0.01, 0.99)
"""Values beyond these quantiles count as the quantile: a single whale makes no segment."""
MOSTLY = 0.5
"""A feature known for fewer customers than this says nothing of the rest."""


@dataclass(frozen=True)
class Scaling:
    """Per feature: fill, clip to [low, high], logarithm of 1 + x where logged, centre, scale.

    Arrays have one entry per name, in the features' own units up to the logarithm.
    """

    names: tuple[str, ...]
    fill: Floats
    """What stands for a missing value: the median of the known ones."""
    low: Floats
    high: Floats
    logged: NDArray[np.bool_]
    centre: Floats
    scale: Floats
    """Standard deviation, times the root of how many features tell of the same thing."""


def fit_scaling(
    families: Sequence[Sequence[str]], columns: dict[str, Floats]
) -> tuple[Scaling, dict[str, str]]:
    """The scaling of a sample, and why features were left out: name -> `unknown` or `constant`.

    families : features that tell of the same thing; each family weighs as much as another
    columns  : name -> values, NaN where missing
    """
    return _put_together(families, {name: _fit(values) for name, values in columns.items()})


def fit_scaling_to_all(
    engine: Engine, people: ir.Table, families: Sequence[Sequence[str]]
) -> tuple[Scaling, dict[str, str]]:
    """The same of all rows, by statistics that the engine computes: no row leaves it.

    The last digits of means follow the order in which the engine adds up.
    """
    names = [name for family in families for name in family]
    values = people.select(**{f"v{at}": _known(people[name]) for at, name in enumerate(names)})
    fills = _asked(engine, values, _of_known(values, len(names)))
    filled = values.select(
        **{
            f"v{at}": values[f"v{at}"].fill_null(fills[f"fill{at}"])
            for at in range(len(names))
            if fills[f"known{at}"] > MOSTLY * fills["rows"]
        }
    )
    edges = _asked(engine, filled, _of_filled(filled))
    bends = _asked(engine, filled, _of_clipped(filled, edges))
    found = fills | edges | bends
    return _put_together(families, {name: _told(found, at) for at, name in enumerate(names)})


def _put_together(
    families: Sequence[Sequence[str]], columns: Mapping[str, Fitted | str]
) -> tuple[Scaling, dict[str, str]]:
    """One scaling of columns that were fitted each by itself."""
    dropped: dict[str, str] = {}
    kept: list[tuple[str, Fitted]] = []
    for family in families:
        fitted = {name: columns[name] for name in family}
        dropped |= {name: found for name, found in fitted.items() if isinstance(found, str)}
        known = {name: found for name, found in fitted.items() if not isinstance(found, str)}
        root = float(np.sqrt(max(len(known), 1)))
        kept += [(name, (*found[:-1], found[-1] * root)) for name, found in known.items()]
    fill, low, high, logged, centre, scale = (
        np.array([parameters[i] for _, parameters in kept]) for i in range(6)
    )
    names = tuple(name for name, _ in kept)
    return Scaling(names, fill, low, high, logged.astype(bool), centre, scale), dropped


def scaled(scaling: Scaling, matrix: Floats) -> Floats:
    """Rows of features (NaN where missing; in the order of scaling.names) on the one scale."""
    filled = np.where(np.isnan(matrix), scaling.fill, matrix)
    clipped = np.clip(filled, scaling.low, scaling.high)
    bent = np.where(scaling.logged, np.log1p(np.maximum(clipped, 0.0)), clipped)
    return np.asarray((bent - scaling.centre) / scaling.scale, dtype=np.float64)


def scaled_column(scaling: Scaling, table: ir.Table, i: int) -> ir.Value:
    """The same of the i-th feature, as an expression of the engine."""
    value = table[scaling.names[i]].cast("float64").fill_null(float(scaling.fill[i]))
    value = value.clip(lower=float(scaling.low[i]), upper=float(scaling.high[i]))
    if scaling.logged[i]:
        value = (value + 1.0).ln()
    return (value - float(scaling.centre[i])) / float(scaling.scale[i])


def _fit(values: Floats) -> Fitted | str:
    """One feature; or why it can't serve."""
    known = values[~np.isnan(values)]
    if len(known) <= MOSTLY * len(values):
        return "unknown"
    fill = float(np.median(known))
    filled = np.where(np.isnan(values), fill, values)
    low, high = (float(found) for found in np.quantile(filled, TAILS))
    clipped = np.clip(filled, low, high)
    logged = low >= 0 and high > 1 and _skewness(filled) > SKEWED
    bent = np.log1p(clipped) if logged else clipped
    deviation = float(bent.std())
    if deviation < 1e-9 * max(1.0, abs(high)):
        return "constant"
    return fill, low, high, logged, float(bent.mean()), deviation


def _skewness(values: Floats) -> float:
    deviation = values.std()
    return float(((values - values.mean()) ** 3).mean() / deviation**3) if deviation > 0 else 0.0


# -- the same, in the engine -----------------------------------------------------------------------


def _asked(engine: Engine, rows: ir.Table, statistics: dict[str, ir.Value]) -> dict[str, Any]:
    """A row of statistics; none are asked for where there are none."""
    if not statistics:
        return {}
    found: dict[str, Any] = engine.run(rows.aggregate(**statistics)).to_pylist()[0]
    return found


def _known(column: ir.Value) -> ir.Value:
    value = column.cast("float64")
    return ibis.cases((value.isnan(), ibis.null("float64")), else_=value)


def _of_known(values: ir.Table, count: int) -> dict[str, ir.Value]:
    found = {"rows": values.count()}
    for at in range(count):
        value = values[f"v{at}"]
        found |= {f"known{at}": value.count(), f"fill{at}": value.quantile(0.5)}
    return found


def _of_filled(filled: ir.Table) -> dict[str, ir.Value]:
    found: dict[str, ir.Value] = {}
    for name in filled.columns:
        value, at = filled[name], name[1:]
        found |= {
            f"low{at}": value.quantile(TAILS[0]),
            f"high{at}": value.quantile(TAILS[1]),
            f"mean{at}": value.mean(),
            f"spread{at}": value.std(how="pop"),
        }
    return found


def _of_clipped(filled: ir.Table, edges: Mapping[str, Any]) -> dict[str, ir.Value]:
    """The third moment, and mean and deviation of the clipped values, plain and as logarithms."""
    found: dict[str, ir.Value] = {}
    for name in filled.columns:
        value, at = filled[name], name[1:]
        low, high = float(edges[f"low{at}"]), float(edges[f"high{at}"])
        apart, plain = value - float(edges[f"mean{at}"]), value.clip(lower=low, upper=high)
        found |= {
            f"cubes{at}": (apart * apart * apart).mean(),
            f"centre{at}": plain.mean(),
            f"scale{at}": plain.std(how="pop"),
        }
        if low >= 0:
            bent = (plain + 1.0).ln()
            found |= {f"log_centre{at}": bent.mean(), f"log_scale{at}": bent.std(how="pop")}
    return found


def _told(found: Mapping[str, Any], at: int) -> Fitted | str:
    """As `_fit`, from the statistics."""
    if f"low{at}" not in found:
        return "unknown"
    low, high, spread = (float(found[f"{name}{at}"]) for name in ("low", "high", "spread"))
    skewness = found[f"cubes{at}"] / spread**3 if spread > 0 else 0.0
    logged = low >= 0 and high > 1 and skewness > SKEWED
    centre, deviation = (
        float(found[f"{'log_' if logged else ''}{name}{at}"]) for name in ("centre", "scale")
    )
    if deviation < 1e-9 * max(1.0, abs(high)):
        return "constant"
    return float(found[f"fill{at}"]), low, high, logged, centre, deviation
