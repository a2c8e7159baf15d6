"""What lists are beside accurate, each figure with its 95 % interval.

Novelty, diversity and weighted recall are means over lists. Coverage and Gini belong to all lists
together, and leaving one out says how much they hang on who was asked: the jackknife, whose
variance is too large rather than too small. source : Efron & Stein (1981)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bespeak.recommend.base import Ranked
from bespeak.recommend.evaluating import metrics
from bespeak.recommend.evaluating.metrics import Real
from bespeak.recommend.evaluating.paired import interval_of_mean
from bespeak.recommend.evaluating.splits import Held
from bespeak.recommend.histories import Index, Interactions, Whole

NORMAL = 1.959964
"""Half of a 95 % interval, in standard deviations."""


def beside(
    ranked: Ranked, held: Held, train: Interactions, k: int, categories: Index | None, seed: int
) -> dict[str, Any]:
    """coverage@k, novelty@k, diversity@k, gini@k and ips_recall@k, each with `_ci` beside it.

    returns : [low, high] as `_ci`; None where a figure is None, or fewer than two lists tell
    """
    count = len(train.items)
    means = {
        "novelty": metrics.novelties(ranked, train),
        "diversity": metrics.diversities(ranked, train, categories, seed=seed),
        "ips_recall": metrics.ips_recalls(ranked, held, train),
    }
    whole = {
        "coverage": (metrics.coverage(ranked, count), _coverage_without(ranked, count)),
        "gini": (metrics.gini(ranked, count), _gini_without(ranked, count)),
    }
    found: dict[str, Any] = {}
    for name in ("coverage", "novelty", "diversity", "gini", "ips_recall"):
        if name in means:
            value, span = metrics.mean(means[name]), interval_of_mean(means[name])
        else:
            value, span = whole[name][0], _jackknifed(*whole[name])
        found |= {f"{name}@{k}": value, f"{name}@{k}_ci": span}
    return found


def _jackknifed(value: float, without: Real) -> list[float] | None:
    """Of a share, by what it is without each list."""
    count = len(without)
    if count < 2:
        return None
    spread = float(np.sqrt((count - 1) / count * ((without - without.mean()) ** 2).sum()))
    return [max(0.0, value - NORMAL * spread), min(1.0, value + NORMAL * spread)]


def _shown(ranked: Ranked, items: int) -> Whole:
    return np.bincount(ranked.items[ranked.items >= 0], minlength=items)


def _coverage_without(ranked: Ranked, items: int) -> Real:
    """Coverage of all lists but one, for each."""
    shown = _shown(ranked, items)
    only_here = (ranked.items >= 0) & (shown[ranked.items] == 1)
    share: Real = ((shown > 0).sum() - only_here.sum(axis=1)) / items
    return share


def _gini_without(ranked: Ranked, items: int) -> Real:
    """Gini of all lists but one, for each; that two of its items change places is left out."""
    shown = _shown(ranked, items)
    ordered = np.sort(shown)
    less = np.searchsorted(ordered, shown, side="left")
    total = int(shown.sum())
    # by how much the sum of |a - b| over pairs of items grows where one is shown once less
    grows = (items - less - 1) - less
    pairs = int(((2 * np.arange(1, items + 1) - items - 1) * ordered).sum())
    filled = ranked.items >= 0
    apart = pairs + np.where(filled, grows[ranked.items], 0).sum(axis=1)
    left = total - filled.sum(axis=1)
    share: Real = np.where(left > 0, apart / np.maximum(left, 1) / items, 0.0)
    return share
