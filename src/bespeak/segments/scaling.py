"""Features of different kinds brought to one scale, with the parameters kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import ibis.expr.types as ir
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

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
    dropped: dict[str, str] = {}
    kept: list[tuple[str, tuple[float, float, float, bool, float, float]]] = []
    for family in families:
        fitted = {name: _fit(columns[name]) for name in family}
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


def _fit(values: Floats) -> tuple[float, float, float, bool, float, float] | str:
    """fill, low, high, logged, centre, deviation of one feature; or why it can't serve."""
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
