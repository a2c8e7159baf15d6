"""The leading directions of who has what, by random projection: one decomposition for any model.

source : Halko, Martinsson & Tropp (2011), algorithms 4.4 and 5.1. Bases are made orthonormal by the
         eigenvectors of their Gram matrices, which are small: nearly all work is products, which
         run on all cores, and the library's own routine took three times as long
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bespeak.recommend.base import blocks, on_all_cores
from bespeak.recommend.histories import UNIT, Interactions

Real = NDArray[np.float32]

SPARE = 16
"""Directions beyond those that are asked for, which make these more exact."""
ROUNDS = 2
"""Times that the sketch is sharpened; each costs two products with the matrix."""
LEAST = 1e-6
"""Directions with less of the greatest square are rounding, in single precision."""
ROWS = 4096


def having_of(interactions: Interactions) -> Any:
    """float64: how many histories hold each item, at least one."""
    count = len(interactions.items)
    found = np.bincount(interactions.histories.indices, minlength=count)
    return np.maximum(found, 1).astype(np.float64)


def entries(interactions: Interactions, *, customer: float, item: float) -> Any:
    """w_hi |h|^-customer n_i^-item as scipy CSR, float32, (histories, items): w is the weight, |h|
    how many items history h has, n_i how many histories hold i."""
    from scipy import sparse

    histories, having = interactions.histories, having_of(interactions)
    lengths = histories.lengths[histories.rows]
    values = lengths**-customer * having[histories.indices] ** -item
    values *= histories.weights / UNIT
    return sparse.csr_array(
        (values.astype(np.float32), histories.indices, histories.indptr),
        (len(histories), len(having)),
    )


def leading(matrix: Any, rank: int, seed: int) -> tuple[Real, Real]:
    """The greatest singular values of a sparse matrix, and the right vectors to them.

    matrix  : scipy CSR, float32, (rows, columns)
    returns : (values, falling; vectors, (columns, values)); fewer than `rank` where the matrix has
              fewer. The same for the same seed, up to the rounding of the linear algebra at hand
    """
    across = matrix.T.tocsr()
    draw = np.random.default_rng(seed)
    width = min(rank + SPARE, *matrix.shape)
    sketch = draw.standard_normal((matrix.shape[1], width), np.float32)
    for _ in range(ROUNDS):
        by_row = _orthonormal(_product(matrix, sketch))
        del sketch  # no more than one table of either side is held at once
        sketch = _orthonormal(_product(across, by_row))
    by_row = _orthonormal(_product(matrix, sketch))
    del sketch
    rest = _product(across, by_row)
    del by_row
    squares, axes = _axes(rest)
    kept = slice(None, -rank - 1 if rank < len(squares) else None, -1)
    values = np.sqrt(squares[kept]).astype(np.float32)
    return values, _turned(rest, (axes[:, kept] / values).astype(np.float32))


def bytes_a_direction(rows: int, columns: int) -> int:
    """What `leading` takes at its peak, beside the matrix, for each direction and the SPARE."""
    return 4 * (rows + columns)


def walked(matrix: Any, vectors: Real, rounds: int) -> Real:
    """A line per column of a sparse matrix, carried to its rows and back, so many times.

    Up to a factor: after each time the greatest number is 1, so that none overflows.
    """
    across = matrix.T.tocsr()
    for _ in range(rounds):
        vectors = _product(across, _product(matrix, vectors))
        greatest = float(np.abs(vectors).max(initial=0.0))
        vectors /= greatest if greatest > 0 else 1.0
    return vectors


def _orthonormal(table: Any) -> Any:
    """Columns that span the same, each of length one and at right angles to the others."""
    squares, axes = _axes(table)
    return _turned(table, (axes / np.sqrt(squares)).astype(np.float32))


def _turned(table: Any, axes: Any) -> Any:
    """table @ axes, which has no more columns, in the table's own place."""
    width = axes.shape[1]
    place = table.reshape(-1)[: len(table) * width].reshape(len(table), width)
    for part in blocks(len(table), ROWS):  # a line is never written before it was read
        place[part] = table[part] @ axes
    return place


def _axes(table: Any) -> tuple[Any, Any]:
    """The eigenvalues of the Gram matrix, rising, and their vectors; none that is rounding."""
    squares, axes = np.linalg.eigh((table.T @ table).astype(np.float64))
    real = squares > max(LEAST * squares.max(initial=0.0), np.finfo(np.float32).tiny)
    return squares[real], axes[:, real]


def _product(matrix: Any, table: Any) -> Any:
    found = np.empty((matrix.shape[0], table.shape[1]), np.float32)

    def multiply(part: slice) -> None:
        found[part] = matrix[part] @ table

    on_all_cores(multiply, list(blocks(matrix.shape[0], ROWS)))
    return found
