"""Whether one model is better than another: their differences customer by customer.

Models on one test are asked for the same customers, so what counts is each customer's difference;
it varies far less than the customers do. With many pairs some look better by chance, which Holm's
correction takes into account.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, product
from typing import Any

import numpy as np

from bespeak.recommend.evaluating.metrics import Real

FEW = 30
"""With fewer customers the mean is not near enough to a normal one: signs are flipped instead."""
FLIPS = 10_000
"""Flips drawn where trying all of them would be more."""


def compared(
    models: Mapping[str, Mapping[str, Real]], measures: Sequence[str], *, seed: int
) -> list[dict[str, Any]]:
    """Every pair of models on every measure, the better one first.

    models  : name -> measure -> a value per customer, the same customers in the same order
    returns : {"measure", "better", "worse", "difference", "ci": [low, high], "p", "p_holm",
              "test"}; Holm's correction is over the pairs of one measure. ci is of 95 %, and None
              for a single customer. source : Holm (1979)
    """
    found = []
    for measure in measures:
        rows = [_pair(measure, one, other, models, seed) for one, other in combinations(models, 2)]
        corrected = holm([row["p"] for row in rows])
        found += [row | {"p_holm": p} for row, p in zip(rows, corrected, strict=True)]
    return found


def holm(values: Sequence[float]) -> list[float]:
    """p-values as they stand among each other: the k-th least times how many are no less."""
    count, worst = len(values), 0.0
    found = [0.0] * count
    for place, at in enumerate(sorted(range(count), key=lambda at: values[at])):
        worst = max(worst, min(1.0, values[at] * (count - place)))
        found[at] = worst
    return found


def p_value(differences: Real, *, seed: int) -> tuple[float, str]:
    """Two-sided, of no difference on average; and by which test.

    A paired t test, or with few customers flips of the differences' signs: all of them, or drawn.
    """
    if not differences.any():
        return 1.0, "equal"
    count = len(differences)
    if count >= FEW and differences.std() > 0:
        from scipy import stats

        return float(stats.ttest_1samp(differences, 0.0).pvalue), "paired t"
    if 2**count <= FLIPS:
        signs = np.array(list(product((1.0, -1.0), repeat=count)))
        drawn = 0
    else:
        signs = np.random.default_rng(seed).choice((1.0, -1.0), (FLIPS, count))
        drawn = 1  # what was seen is one of the draws, so that p is never 0
    size = abs(differences.sum())
    as_far = np.abs(signs @ differences) >= size * (1 - 1e-12)
    return float((as_far.sum() + drawn) / (len(signs) + drawn)), "sign flips"


def _pair(
    measure: str, one: str, other: str, models: Mapping[str, Mapping[str, Real]], seed: int
) -> dict[str, Any]:
    differences = models[one][measure] - models[other][measure]
    if differences.mean() < 0:
        one, other, differences = other, one, -differences
    p, test = p_value(differences, seed=seed)
    return {
        "measure": measure, "better": one, "worse": other,
        "difference": float(differences.mean()), "ci": interval_of_mean(differences), "p": p,
        "test": test,
    }  # fmt: skip


def interval_of_mean(values: Real) -> list[float] | None:
    """A 95 % interval of the mean, by Student's t; None of fewer than two values."""
    count = len(values)
    if count < 2:
        return None
    from scipy import stats

    half = float(stats.t.ppf(0.975, count - 1) * values.std(ddof=1) / np.sqrt(count))
    mean = float(values.mean())
    return [mean - half, mean + half]
