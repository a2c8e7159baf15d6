"""Customer tables whose segments are known by eye."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bespeak.engines import Engine

COLUMNS = {
    "customer_id": pa.string(), "recency_days": pa.int64(), "orders": pa.int64(),
    "net_spend": pa.float64(),
}  # fmt: skip
CORNERS = np.array(
    [[-5, -5, 0, 0], [5, -5, 0, 0], [0, 6, 0, 0], [0, 0, 8, 0], [0, 0, 0, -8]], dtype=float
)


def buyers(engine: Engine, rows: Sequence[tuple[str, int | None, int, float | None]]) -> Any:
    """(customer_id, recency_days, orders, net_spend) as a table."""
    columns = list(zip(*rows, strict=True)) or [()] * len(COLUMNS)
    arrays = [
        pa.array(values, kind) for values, kind in zip(columns, COLUMNS.values(), strict=True)
    ]
    return engine.table(pa.table(dict(zip(COLUMNS, arrays, strict=True))))


def blobs(k: int, seed: int, size: int = 150) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """`k` round clouds far apart, in random order: points (n, 4) and which cloud each is of."""
    random = np.random.default_rng(seed)
    truth = random.permutation(np.repeat(np.arange(k), size))
    return CORNERS[truth] + random.normal(size=(len(truth), 4)), truth


def measured(engine: Engine, points: NDArray[np.float64]) -> Any:
    """Points as customers `c0`, `c1` … with features f0, f1 …; NaN is missing."""
    features = {
        f"f{i}": pa.array([None if np.isnan(x) else float(x) for x in column])
        for i, column in enumerate(points.T)
    }
    ids = [f"c{i}" for i in range(len(points))]
    return engine.table(pa.table({"customer_id": ids, **features}))
