"""The inverse in place: the same as by double precision, whatever the blocks."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from bespeak.recommend.mathematics.inverse import rows, sweep, workspace


def some(count: int) -> Any:
    draw = np.random.default_rng(5).random((count, 2 * count)) < 0.1
    return (draw @ draw.T.astype(float)) + np.eye(count)


@pytest.mark.parametrize(("count", "block"), [(1, 4), (7, 7), (90, 32), (96, 32), (90, 200)])
def test_minus_the_inverse_stands_where_the_matrix_stood(count: int, block: int) -> None:
    matrix = some(count)
    turned = matrix.astype(np.float32)
    sweep(turned, block=block)
    cuts = [*range(0, count, 16), count]
    found = np.vstack([rows(turned, slice(a, b)) for a, b in pairwise(cuts)])
    np.testing.assert_allclose(-found, np.linalg.inv(matrix), atol=1e-5)


def test_what_stands_above_the_blocks_of_the_diagonal_is_not_read() -> None:
    matrix = some(60).astype(np.float32)
    torn = matrix.copy()
    torn[:20, 20:] = np.nan
    torn[20:40, 40:] = np.nan
    for one in (matrix, torn):
        sweep(one, block=20)
    for start in (0, 20, 40):
        part = slice(start, start + 20)
        assert np.array_equal(rows(matrix, part), rows(torn, part))


def test_beside_the_matrix_a_tenth_of_it_is_needed_at_forty_thousand() -> None:
    assert workspace(41_000) < 0.2 * 4 * 41_000**2
