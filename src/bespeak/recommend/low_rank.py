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

Real = NDArray[np.float32]

SPARE = 16
"""Directions beyond those that are asked for, which make these more exact."""
ROUNDS = 2
"""Times that the sketch is sharpened; each costs two products with the matrix."""
LEAST = 1e-6
"""Directions with less of the greatest square are rounding, in single precision."""
ROWS = 4096


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
        sketch = _orthonormal(_product(across, _orthonormal(_product(matrix, sketch))))
    rest = _product(across, _orthonormal(_product(matrix, sketch)))
    squares, axes = _axes(rest)
    kept = slice(None, -rank - 1 if rank < len(squares) else None, -1)
    values = np.sqrt(squares[kept]).astype(np.float32)
    return values, rest @ (axes[:, kept] / values).astype(np.float32)


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
    return table @ (axes / np.sqrt(squares)).astype(np.float32)


def _axes(table: Any) -> tuple[Any, Any]:
    """The eigenvalues of the Gram matrix, rising, and their vectors; none that is rounding."""
    squares, axes = np.linalg.eigh((table.T @ table).astype(np.float64))
    real = squares > max(LEAST * squares.max(initial=0.0), np.finfo(np.float32).tiny)
    return squares[real], axes[:, real]


def _product(matrix: Any, table: Any) -> Any:
    parts = list(blocks(matrix.shape[0], ROWS))
    return np.concatenate(on_all_cores(lambda part: matrix[part] @ table, parts))
