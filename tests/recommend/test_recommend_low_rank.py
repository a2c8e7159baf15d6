from __future__ import annotations

import numpy as np
from scipy import sparse

from bespeak.recommend.mathematics.low_rank import leading, walked


def drawn(rows: int, columns: int, rank: int, seed: int = 3) -> sparse.csr_array:
    """A matrix with a few strong directions, falling by half, in a little noise."""
    draw = np.random.default_rng(seed)
    left = np.linalg.qr(draw.standard_normal((rows, rank)))[0]
    right = np.linalg.qr(draw.standard_normal((columns, rank)))[0]
    whole = left * 0.5 ** np.arange(rank) @ right.T
    whole += 1e-4 * draw.standard_normal((rows, columns))
    return sparse.csr_array(whole.astype(np.float32))


def test_values_and_vectors_are_those_of_the_whole_decomposition() -> None:
    matrix = drawn(300, 200, 8)
    values, vectors = leading(matrix, 6, seed=1)
    _, true, axes = np.linalg.svd(matrix.toarray(), full_matrices=False)
    np.testing.assert_allclose(values, true[:6], rtol=1e-3)
    np.testing.assert_allclose(np.abs((vectors.T * axes[:6]).sum(axis=1)), 1, atol=1e-3)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(6), atol=1e-4)


def test_a_matrix_of_fewer_directions_gives_no_more() -> None:
    matrix = sparse.csr_array(np.outer(np.arange(1, 9), np.ones(5)).astype(np.float32))
    values, vectors = leading(matrix, 4, seed=1)
    assert vectors.shape == (5, 1)
    np.testing.assert_allclose(values, [np.sqrt(204 * 5)], rtol=1e-5)


def test_nothing_at_all_has_no_direction() -> None:
    values, vectors = leading(sparse.csr_array((6, 4), dtype=np.float32), 2, seed=1)
    assert values.shape == (0,)
    assert vectors.shape == (4, 0)


def test_the_same_seed_gives_the_same() -> None:
    matrix = drawn(120, 80, 5)
    assert np.array_equal(leading(matrix, 4, seed=2)[1], leading(matrix, 4, seed=2)[1])


def test_vectors_that_walk_come_near_the_leading_direction() -> None:
    draw = np.random.default_rng(5)
    matrix = sparse.random_array((60, 30), density=0.2, rng=draw, dtype=np.float32).tocsr()
    first = np.linalg.svd(matrix.toarray())[2][0]
    vectors = draw.standard_normal((30, 4)).astype(np.float32)

    def near(rounds: int) -> float:
        found = walked(matrix, vectors, rounds)
        return float(np.abs(first @ found / np.linalg.norm(found, axis=0)).min())

    assert near(0) < near(2) < near(20)
    assert near(20) > 0.999
