"""How many groups there are, if any: elbow, silhouette, bootstrap stability, gap statistic."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from bespeak.segments.scaling import Floats

Labels = NDArray[np.int64]

POINTS = 2_000
"""Customers that the search looks at; silhouettes take the square of their number."""
PER_GROUP = 10
"""Customers that a group must be able to have."""
STABLE = 0.75
"""The least Jaccard overlap with a bootstrap's groups that every group must keep (Hennig 2007)."""
NEAR_BEST = 0.75
"""A silhouette of at least this part of the best leaves the choice to the elbow."""
REFERENCES = 20
"""Uniform clouds that the gap statistic compares with (Tibshirani, Walther & Hastie 2001)."""
BOX = (0.025, 0.975)
"""Quantiles of the points between which those clouds lie."""
MARGIN = 2.0
"""Standard errors by which the gap of k groups must beat that of one."""


@dataclass(frozen=True)
class Trial:
    """What one k gave."""

    k: int
    inertia: float
    """Sum of squared distances to the nearest centre."""
    silhouette: float | None = None
    stability: float | None = None
    """Jaccard overlap of a group with its best match in a bootstrap: the least stable group's."""
    agreement: float | None = None
    """Adjusted Rand index between these groups and a bootstrap's, the mean."""
    gap: float | None = None
    """How much tighter than in clouds without groups (a difference of logarithms of inertia); of
    one group and of the k that the other curves point to."""
    gap_error: float | None = None
    """Standard error of what this gap has over that of one group."""


@dataclass(frozen=True)
class Search:
    """All curves, the k they led to (1: no clear groups), the elbow, and why: a code."""

    k: int
    why: str
    elbow: int | None
    trials: tuple[Trial, ...]


def search(
    points: Floats, *, k_min: int, k_max: int, bootstrap: int, seed: int, cut: bool = False
) -> Search:
    """The number of groups in `points` (rows on one scale, in a reproducible random order).

    Of the k whose every group comes back in bootstraps, and whose silhouette is near the best of
    these, the one nearest the elbow. It stands if it is tighter than clouds without groups.
    cut     : let it stand even so: no groups, but a cut through one cloud that can be repeated
    returns : Search, whose `why` is `chosen`, or `cut`; else k is 1 and it is `too_few`,
              `unstable` or `one_cloud`
    """
    # one thread: sums in another order would give other last digits
    with threadpool_limits(limits=1):
        return _search(points[:POINTS], k_min, k_max, bootstrap, seed, cut)


def fitted(points: Floats, k: int, seed: int, starts: int = 10) -> tuple[Floats, Labels, float]:
    """Centres, labels and inertia of the best of so many starts."""
    from sklearn.cluster import KMeans  # takes a second, so only where something is fitted

    # scikit-learn's stubs don't type the fitted attributes
    model: Any = KMeans(k, n_init=starts, random_state=seed).fit(points)
    return model.cluster_centers_, model.labels_.astype(np.int64), float(model.inertia_)


def nearest(points: Floats, centres: Floats) -> Labels:
    """The nearest centre of each row; of equally near ones the first."""
    squares = ((points[:, None, :] - centres[None, :, :]) ** 2).sum(axis=2)
    return np.asarray(squares.argmin(axis=1), dtype=np.int64)


def _search(seen: Floats, k_min: int, k_max: int, bootstrap: int, seed: int, cut: bool) -> Search:
    most = min(k_max, len(seen) // PER_GROUP, len(np.unique(seen, axis=0)) - 1)
    if most < k_min:
        return Search(1, "too_few", None, ())
    one = Trial(1, float(((seen - seen.mean(axis=0)) ** 2).sum()))
    trials = [one, *(_trial(seen, k, bootstrap, seed) for k in range(k_min, most + 1))]
    elbow = _elbow(trials)
    stable = [trial for trial in trials if (trial.stability or 0.0) >= STABLE]
    if not stable:
        return Search(1, "unstable", elbow, tuple(trials))
    best = max(trial.silhouette or 0.0 for trial in stable)
    near = [trial.k for trial in stable if (trial.silhouette or 0.0) >= NEAR_BEST * best]
    k = min(near, key=lambda k: (abs(k - elbow), k))
    trials, is_clear = _with_gaps(trials, k, seen, seed)
    why = "chosen" if is_clear else "cut" if cut else "one_cloud"
    return Search(1 if why == "one_cloud" else k, why, elbow, tuple(trials))


def _trial(points: Floats, k: int, bootstrap: int, seed: int) -> Trial:
    from sklearn.metrics import adjusted_rand_score, silhouette_score

    _, labels, inertia = fitted(points, k, seed)
    overlaps, agreements = [], []
    for again in range(bootstrap):
        draw = np.random.default_rng([seed, k, again])
        drawn = points[draw.integers(0, len(points), len(points))]
        centres, _, _ = fitted(drawn, k, seed + again, starts=3)
        other = nearest(points, centres)
        overlaps.append(_overlap(labels, other, k))
        agreements.append(adjusted_rand_score(labels, other))
    return Trial(
        k,
        inertia,
        silhouette=float(silhouette_score(points, labels)),
        stability=float(np.mean(overlaps, axis=0).min()),
        agreement=float(np.mean(agreements)),
    )


def _overlap(labels: Labels, other: Labels, k: int) -> Floats:
    """Per group of `labels`, the Jaccard overlap with the group of `other` most like it."""
    both = np.zeros((k, k))
    np.add.at(both, (labels, other), 1)
    either = both.sum(axis=1)[:, None] + both.sum(axis=0)[None, :] - both
    return np.asarray((both / np.maximum(either, 1)).max(axis=1), dtype=np.float64)


def _elbow(trials: list[Trial]) -> int:
    """The k farthest below the line from the first to the last logarithm of the inertia.

    Logarithms, because the drop that counts is the one relative to what was left.
    """
    ks = np.array([trial.k for trial in trials], dtype=float)
    logs = np.log([trial.inertia for trial in trials])
    x = (ks - ks[0]) / (ks[-1] - ks[0])
    y = (logs - logs[-1]) / (logs[0] - logs[-1])
    return int(ks[np.argmax(1 - x - y)])


def _with_gaps(trials: list[Trial], k: int, points: Floats, seed: int) -> tuple[list[Trial], bool]:
    """The trials with the gaps of 1 and k, and whether k's beats the other's.

    Both are taken in the same clouds, uniform in the box of the points' principal axes, so that
    the error is that of their difference.
    """
    middle = points.mean(axis=0)
    turned = (points - middle) @ np.linalg.svd(points - middle, full_matrices=False)[2].T
    # a box as wide as single stragglers reach would be emptier than the points' own cloud
    low, high = np.quantile(turned, BOX, axis=0)
    logs = np.empty((REFERENCES, 2))
    for again in range(REFERENCES):
        cloud = np.random.default_rng([seed, again]).uniform(low, high, turned.shape)
        spread = float(((cloud - cloud.mean(axis=0)) ** 2).sum())
        logs[again] = np.log([spread, fitted(cloud, k, seed + again, starts=3)[2]])
    error = float((logs[:, 0] - logs[:, 1]).std(ddof=1) * np.sqrt(1 + 1 / REFERENCES))
    of_one, of_k = (
        float(logs[:, i].mean() - np.log(trial.inertia))
        for i, trial in enumerate((trials[0], next(t for t in trials if t.k == k)))
    )
    gaps = {1: (of_one, None), k: (of_k, error)}
    told = [
        replace(trial, gap=gaps[trial.k][0], gap_error=gaps[trial.k][1])
        if trial.k in gaps
        else trial
        for trial in trials
    ]
    return told, of_k - of_one > MARGIN * error
