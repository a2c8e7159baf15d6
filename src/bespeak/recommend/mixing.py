"""Which blend of fitted models is best on a part held back, found without fitting again.

Every part's best candidates are scored by every part once; each choice of weights is then a sum
over a few hundred candidates a row. What wins is measured by the blend itself afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bespeak.recommend import metrics
from bespeak.recommend.base import Model
from bespeak.recommend.blend import SAMPLE, SPREAD, factor_of, sampled, spread
from bespeak.recommend.candidates import scores_at, together, worth
from bespeak.recommend.carving import Trial
from bespeak.recommend.evaluate import ranked_in_blocks
from bespeak.recommend.histories import Flags

WEIGHTS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
"""What a further part may be of the whole."""
GAIN = 0.002
"""A part must make the measure better by this share of it, or it is not worth its cost."""
DEPTH = 5
"""Of each part's list, so many times k are candidates."""


@dataclass(frozen=True, eq=False)
class Stack:
    """Candidates of every row of a trial, and what each part says of each.

    values : float64, (parts, rows, candidates), in spreads; candidates ascend by item
    wanted : whether the candidate is a test item
    """

    values: Any
    wanted: Flags
    relevant: Any
    k: int

    @classmethod
    def of(cls, models: Sequence[Model], trial: Trial, k: int, seed: int) -> Stack:
        """Every part asked for candidates, and for the scores of all of them."""
        sample = sampled(trial.train.histories, SAMPLE, seed)
        factors = [factor_of(spread(model, sample)) for model in models]
        lists = [
            ranked_in_blocks(model, trial.asked, DEPTH * k, exclude=trial.exclude).items
            for model in models
        ]
        items = together(lists)
        values = [
            worth(scores_at(model, trial.asked, items), factor)
            for model, factor in zip(models, factors, strict=True)
        ]
        keys = trial.held.rows * len(models[0].items) + trial.held.items
        wanted = np.arange(len(items))[:, None] * len(models[0].items) + items
        return cls(
            np.stack(values) / SPREAD,
            np.isin(wanted, keys[trial.held.items >= 0]) & (items >= 0),
            np.diff(trial.held.indptr), k,
        )  # fmt: skip

    def ndcg(self, weights: Sequence[float]) -> float:
        """Mean over rows, with those weights."""
        total = np.tensordot(np.asarray(weights), self.values, axes=1)
        order = np.argsort(-total, axis=1, kind="stable")[:, : self.k]
        hit = np.take_along_axis(self.wanted & (total > 0), order, axis=1)
        return float(metrics.ndcg(hit, self.relevant, self.k).mean())

    def best_weights(self) -> list[float]:
        """Parts joined one by one, the first being there: each with the weight that helps most."""
        count = len(self.values)
        now = [1.0] + [0.0] * (count - 1)
        reached = self.ndcg(now)
        for _ in range(count - 1):
            more = [
                [(1 - weight) * old + weight * (at == part) for at, old in enumerate(now)]
                for part in range(count)
                if now[part] == 0
                for weight in WEIGHTS
            ]
            found = [self.ndcg(weights) for weights in more]
            if max(found, default=0.0) < reached * (1 + GAIN):
                break
            now, reached = more[int(np.argmax(found))], max(found)
        return now
