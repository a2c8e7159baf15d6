"""Which blend of fitted models is best on a part held back, found without fitting again.

Every part's best candidates are scored by every part once; each choice of weights is then a sum
over a few hundred candidates a row. What wins is measured by the blend itself afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from bespeak.recommend.base import Model
from bespeak.recommend.evaluating import metrics
from bespeak.recommend.evaluating.evaluate import ranked_in_blocks
from bespeak.recommend.histories import Flags, Index
from bespeak.recommend.mathematics.candidates import scores_at, together, worth
from bespeak.recommend.models.blend import SAMPLE, SPREAD, factor_of, sampled, spread
from bespeak.recommend.searching.carving import Trial

WEIGHTS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
"""What a further part may be of the whole."""
GAIN = 0.002
"""A part must make the measure better by this share of it, or it is not worth its cost."""
LESS = 1e-13
"""Of equal sums the lesser item comes first: each place is this far behind, less than a unit."""
DEPTH = 5
"""Of each part's list, so many times k are candidates."""


@dataclass(frozen=True, eq=False)
class Stack:
    """Candidates of every row of a trial, and what each part says of each.

    values : float64, (parts, rows, candidates), in spreads
    items  : the candidates, ascending; -1: none
    wanted : whether the candidate is a test item
    """

    values: Any
    items: Index
    wanted: Flags
    relevant: Any
    k: int

    @classmethod
    def of(cls, models: Sequence[Model], trial: Trial, k: int, seed: int) -> Stack:
        """Every part asked for candidates, and for the scores of all of them."""
        lists = [
            ranked_in_blocks(model, trial.asked, DEPTH * k, exclude=trial.exclude).items
            for model in models
        ]
        items = together(lists)
        values = np.stack([_said(model, trial, items, seed) for model in models])
        keys = trial.held.rows * len(models[0].items) + trial.held.items
        wanted = np.arange(len(items))[:, None] * len(models[0].items) + items
        return cls(
            values, items,
            np.isin(wanted, keys[trial.held.items >= 0]) & (items >= 0),
            np.diff(trial.held.indptr), k,
        )  # fmt: skip

    def with_part(self, at: int, model: Model, trial: Trial, seed: int) -> Stack:
        """Another part in the place of one, asked for the same candidates: what it alone would
        offer is not among them, which makes little difference where the two are alike."""
        values = self.values.copy()
        values[at] = _said(model, trial, self.items, seed)
        return replace(self, values=values)

    def ndcg(self, weights: Sequence[float]) -> float:
        """Mean over rows, with those weights."""
        total = np.tensordot(np.asarray(weights), self.values, axes=1)
        width = min(self.k, total.shape[1])
        behind = LESS * np.arange(total.shape[1]) - total
        near = np.argpartition(behind, width - 1, axis=1)[:, :width]
        ranks = np.argsort(np.take_along_axis(behind, near, axis=1), axis=1)
        order = np.take_along_axis(near, ranks, axis=1)
        hit = np.take_along_axis(self.wanted & (total > 0), order, axis=1)
        return float(metrics.ndcg(hit, self.relevant, self.k).mean())

    def best_weights(self) -> list[float]:
        """The best part; then the best two, and one more at a time, while that helps enough; then
        each one's weight a little more or less. The sum is 1; 0: the part is none."""
        count = len(self.values)
        alone = [[float(at == part) for at in range(count)] for part in range(count)]
        now, reached = self._best(alone)
        pairs = [self._joined(one, part) for one, part in product(alone, range(count))]
        step, found = self._best([weights for some in pairs for weights in some])
        while found >= reached * (1 + GAIN):
            now, reached = step, found
            more = [self._joined(now, part) for part in range(count)]
            step, found = self._best([weights for some in more for weights in some])
        for part, factor in product(range(count), (0.7, 1.4)):
            changed = [old * (factor if at == part else 1) for at, old in enumerate(now)]
            weights = [weight / sum(changed) for weight in changed]
            now, reached = max((now, reached), (weights, self.ndcg(weights)), key=lambda x: x[1])
        return now

    def _joined(self, now: Sequence[float], part: int) -> list[list[float]]:
        """A part that is none yet, with each of the weights that it may have."""
        if now[part]:
            return []
        return [
            [(1 - weight) * old + weight * (at == part) for at, old in enumerate(now)]
            for weight in WEIGHTS
        ]

    def _best(self, choices: Sequence[list[float]]) -> tuple[list[float], float]:
        """The first of the best, and what it reaches; without a choice, nothing is."""
        reached = [self.ndcg(weights) for weights in choices]
        at = int(np.argmax(reached)) if reached else -1
        return (choices[at], reached[at]) if reached else ([], -1.0)


def _said(model: Model, trial: Trial, items: Index, seed: int) -> Any:
    """What a part says of each candidate, in spreads."""
    factor = factor_of(spread(model, sampled(trial.train.histories, SAMPLE, seed)))
    return worth(scores_at(model, trial.asked, items), factor) / SPREAD
