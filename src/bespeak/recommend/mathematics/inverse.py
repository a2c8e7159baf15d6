"""The inverse of a matrix that fills most of the memory, in that matrix's own place.

LAPACK's inverse of 40,000 rows in single precision may end in its 32-bit sizes, and needs a copy at
the hands of most callers. A symmetric sweep, block by block, is products of matrices alone: as many
of them as a Cholesky factor, its inverse and their product take.

source : Beaton (1964), the sweep; Higham (2002), 14.4, for its soundness on such matrices
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bespeak.recommend.base import blocks

BLOCK = 2048
"""Rows and columns that are swept at once."""


def workspace(count: int, block: int = BLOCK) -> int:
    """Bytes that `sweep` needs beside a matrix of `count` rows: two panels and a product."""
    return 3 * 4 * count * min(block, count) + 4 * 8 * min(block, count) ** 2


def sweep(matrix: Any, *, block: int = BLOCK) -> None:
    """Replace a symmetric positive definite matrix by minus its inverse.

    matrix : float32, (n, n); read and written in the blocks of `block` on and below the diagonal
             alone, which are written whole: see `rows`
    """
    count = len(matrix)
    for part in blocks(count, block):
        inverse = np.linalg.inv(matrix[part, part].astype(np.float64))
        inverse = ((inverse + inverse.T) / 2).astype(np.float32)
        panel = rows(matrix, part).T.copy()
        panel[part] = 0.0
        turned = panel @ inverse
        for lines in blocks(count, block):
            if lines != part:
                matrix[lines, : lines.stop] -= turned[lines] @ panel[: lines.stop].T
        matrix[part, : part.start] = turned[: part.start].T
        matrix[part.stop :, part] = turned[part.stop :]
        matrix[part, part] = -inverse


def rows(matrix: Any, part: slice) -> Any:
    """Some whole rows of a symmetric matrix of which `sweep` keeps the lower blocks; a copy.

    part : within one block of `sweep`, from any line to any other
    """
    return np.hstack([matrix[part, : part.stop], matrix[part.stop :, part].T])
