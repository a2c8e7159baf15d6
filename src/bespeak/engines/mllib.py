"""Models that Spark's MLlib trains where the rows are; what comes back are a few plain arrays.

What it makes of a step is the same up to rounding only: it sums floats in the order in which
partitions arrive.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np

from bespeak.engines.base import Centres, Factors

STARTS = 5
"""k-means from so many beginnings; the one with the least inertia stays."""
ROUNDS, STILL = 100, 1e-6
"""Its steps at most, and the move of a centre that ends it before."""

BLOCKS = 10
"""Parts of customers and of items, where nobody knows how many tasks run at once."""


def als(
    frame: Any,
    scratch: Path,
    *,
    factors: int,
    regularization: float,
    alpha: float,
    iterations: int,
    seed: int,
    implicit: bool,
) -> Factors:
    """Items' factors by alternating least squares.

    frame   : customer int, item int, weight double > 0; a row a pair
    scratch : where it puts down what it has, now and then; every worker must see it
    MLlib multiplies the regularisation by how many entries a row has (Zhou et al. 2008). Implicit:
    what a customer had is a 1 of confidence 1 + alpha · weight, all else a 0 of confidence 1.
    Else: `weight` is a rating, and nothing is said of what has none.
    """
    from pyspark.ml.recommendation import ALS

    blocks = _prepared(frame.sparkSession, scratch)
    trainer = ALS(
        rank=factors, regParam=regularization, alpha=alpha, maxIter=iterations, seed=seed,
        implicitPrefs=implicit, userCol="customer", itemCol="item", ratingCol="weight",
        numUserBlocks=blocks, numItemBlocks=blocks,
    )  # fmt: skip
    found = trainer.fit(frame).itemFactors.toArrow()
    items = found["id"].to_numpy()
    order = np.argsort(items)
    values = found["features"].combine_chunks().flatten().to_numpy().astype(np.float64)
    return Factors(items[order], values.reshape(len(items), factors)[order])


def kmeans(frame: Any, columns: Sequence[str], *, k: int, seed: int) -> Centres:
    """k centres over the rows' `columns` (double, none null), the best of STARTS beginnings."""
    from pyspark.ml.clustering import KMeans
    from pyspark.ml.feature import VectorAssembler

    points = VectorAssembler(inputCols=list(columns), outputCol="features").transform(frame)
    kept = points.select("features").persist()
    try:
        tried = [
            KMeans(k=k, seed=seed + start, maxIter=ROUNDS, tol=STILL).fit(kept)
            for start in range(STARTS)
        ]
    finally:
        kept.unpersist()
    best = reduce(lambda one, two: two if _cost(two) < _cost(one) else one, tried)
    return Centres(np.array(best.clusterCenters(), np.float64), _cost(best))


def _prepared(session: Any, scratch: Path) -> int:
    """A place for long training to write its state down, and as many blocks as tasks run at once.

    Without that place the history of every number grows until Java's stack overflows. Behind Spark
    Connect neither can be seen or set: there the server's own configuration decides.
    """
    from pyspark.errors import PySparkException

    try:
        context = session.sparkContext
    except PySparkException:
        return BLOCKS
    if context.getCheckpointDir() is None:
        context.setCheckpointDir(str(scratch))
    return int(context.defaultParallelism)


def _cost(model: Any) -> float:
    """The sum of squared distances of the rows to their centres."""
    return float(model.summary.trainingCost)
