"""Many small ridge regressions over one table of vectors, compiled: the inside of every ALS.

Each row is solved exactly, by itself and in one order, so that neither the other rows nor the
number of threads can change a bit of it. Rows run side by side in plain threads.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

from bespeak.compiled import compiled, sealed
from bespeak.recommend.base import even_parts, on_all_cores
from bespeak.recommend.histories import Whole

CHUNK = 512
"""Entries of a long row that are added up at once."""


@functools.cache
def blas() -> ThreadpoolController:
    """What holds the libraries of linear algebra to one thread: rows are what runs in parallel."""
    import scipy.linalg.cython_blas  # noqa: F401  what np.dot is inside compiled code

    return ThreadpoolController()


def ridges(
    rows: tuple[Any, Any, Any, Any],
    table: Any,
    spectrum: Any,
    penalties: Any,
    *,
    columns: Any | None = None,
    exact: bool = True,
) -> Any:
    """Per row the x that makes x'(diag(spectrum) + penalty) x + Σ a (v·x)² - 2 Σ t v·x least.

    rows      : (indptr, members, a, t): per entry the line of `table` that is its v, a > 0, and t
    table     : (lines, factors), whole or real; v is a line of it times `columns` (ones by default)
    spectrum  : one a factor, at least 0; penalties: one a row, above 0
    exact     : in double precision, else in single
    returns   : (rows, factors); zeros for a row without entries
    """
    starts, members, weights, targets = rows
    kind = np.float64 if exact else np.float32
    factors = table.shape[1]
    found = np.zeros((len(starts) - 1, factors), kind)
    given = (
        sealed(starts, members, weights.astype(kind, copy=False), targets.astype(kind, copy=False)),
        sealed(table)[0],
        sealed(np.ones(factors) if columns is None else columns, spectrum, penalties),
    )
    lengths = np.diff(starts)
    near = np.minimum(lengths, factors)
    with blas().limit(limits=1):
        on_all_cores(
            lambda part: solve(*given, (part.start, part.stop), found),
            even_parts(near * (near * np.maximum(lengths, factors) // 64 + factors)),
        )
    return found


def gram(table: Any) -> Any:
    """table' table in double precision, the same whatever the number of threads."""
    parts = [slice(at, at + 4096) for at in range(0, len(table), 4096)]

    def one(part: slice) -> Any:
        block = np.asarray(table[part], np.float64)
        return block.T @ block

    with blas().limit(limits=1):
        return np.sum(on_all_cores(one, parts), axis=0)


def principal(table: Any) -> tuple[Any, Any]:
    """The table turned so that its Gram matrix is diagonal, and that diagonal, ascending."""
    with blas().limit(limits=1):
        values, axes = np.linalg.eigh(gram(table))
    turned = np.empty_like(table)
    lines, axes = sealed(table, axes.astype(table.dtype))
    work: Whole = np.full(len(table), table.shape[1], np.int64)
    on_all_cores(lambda part: turn(lines, axes, (part.start, part.stop), turned), even_parts(work))
    return turned, np.maximum(values, 0.0)


@compiled
def turn(table: Any, axes: Any, span: tuple[int, int], out: Any) -> None:
    """Each line times `axes`; line by line, so that equal lines stay equal to the last bit."""
    factors = table.shape[1]
    for line in range(span[0], span[1]):
        to, given = out[line], table[line]
        to[:] = 0
        for k in range(0, factors - 3, 4):  # four at once: each sum is read and written less often
            a, b, c4, d = given[k], given[k + 1], given[k + 2], given[k + 3]
            one, two, three, four = axes[k], axes[k + 1], axes[k + 2], axes[k + 3]
            for c in range(factors):
                to[c] += a * one[c] + b * two[c] + c4 * three[c] + d * four[c]
        for k in range(factors - factors % 4, factors):
            share, axis = given[k], axes[k]
            for c in range(factors):
                to[c] += share * axis[c]


@compiled
def solve(
    rows: tuple[Any, Any, Any, Any],
    table: Any,
    scales: tuple[Any, Any, Any],
    span: tuple[int, int],
    out: Any,
) -> None:
    """The regressions of `ridges` for the rows of `span`.

    In units in which spectrum + penalty is one, a row is I + Z'Z, Z its vectors times the roots of
    their weights. With fewer entries than factors, (I + Z'Z)⁻¹Z' = Z'(I + ZZ')⁻¹ is less work.
    """
    starts, _, _, _ = rows
    columns, spectrum, penalties = scales
    factors = table.shape[1]
    held = np.empty(max(factors, CHUNK) * factors, out.dtype)
    aims = np.empty(max(factors, CHUNK), out.dtype)
    squares = np.empty(2 * factors * factors, out.dtype)
    answer, root = np.empty(factors, out.dtype), np.empty(factors, out.dtype)
    for row in range(span[0], span[1]):
        begin, count = starts[row], starts[row + 1] - starts[row]
        if count == 0:
            continue
        for k in range(factors):
            root[k] = columns[k] / np.sqrt(spectrum[k] + penalties[row])
        answer[:] = 0
        if count <= factors:
            lines = held[: count * factors].reshape(count, factors)
            weigh(rows, begin, table, root, lines, aims)
            square = squares[: count * count].reshape(count, count)
            np.dot(lines, lines.T, square)
            settle(square, aims[:count])
            add_up(lines, aims, answer)
        else:
            square = squares[: factors * factors].reshape(factors, factors)
            more = squares[factors * factors :].reshape(factors, factors)
            square[:] = 0
            for first in range(0, count, CHUNK):
                lines = held[: min(CHUNK, count - first) * factors].reshape(-1, factors)
                weigh(rows, begin + first, table, root, lines, aims)
                np.dot(lines.T, lines, more)
                square += more
                add_up(lines, aims, answer)
            settle(square, answer)
        for k in range(factors):
            out[row, k] = answer[k] * root[k] / columns[k]


@compiled
def weigh(
    rows: tuple[Any, Any, Any, Any], begin: int, table: Any, root: Any, lines: Any, aims: Any
) -> None:
    """Some entries' vectors in a row's own units, and what each is to come to."""
    _, members, weights, targets = rows
    for j in range(len(lines)):
        line, heavy = table[members[begin + j]], np.sqrt(weights[begin + j])
        aims[j] = targets[begin + j] / heavy
        for k in range(len(root)):
            lines[j, k] = line[k] * root[k] * heavy


@compiled
def add_up(lines: Any, shares: Any, total: Any) -> None:
    """total += lines' shares; line by line, which a processor does several columns at a time."""
    for j in range(len(lines)):
        share, line = shares[j], lines[j]
        for k in range(len(total)):
            total[k] += share * line[k]


@compiled
def settle(square: Any, right: Any) -> None:
    """Solve (I + square) x = right in place, by Cholesky on the upper triangle."""
    count = len(right)
    for j in range(count):
        square[j, j] += 1
    for j in range(0, count, 4):
        done = min(j + 4, count)
        for q in range(j, done):  # four lines are finished, then taken from the rest at once
            above = square[q]
            scale = 1 / np.sqrt(above[q])
            for c in range(q, count):
                above[c] *= scale
            right[q] *= scale
            for r in range(q + 1, done):
                share, line = above[r], square[r]
                for c in range(r, count):
                    line[c] -= share * above[c]
                right[r] -= share * right[q]
        if done - j < 4:
            break
        one, two, three, four = square[j], square[j + 1], square[j + 2], square[j + 3]
        for r in range(done, count):
            a, b, c4, d = one[r], two[r], three[r], four[r]
            line = square[r]
            for c in range(r, count):
                line[c] -= a * one[c] + b * two[c] + c4 * three[c] + d * four[c]
            right[r] -= a * right[j] + b * right[j + 1] + c4 * right[j + 2] + d * right[j + 3]
    for j in range(count - 1, -1, -1):
        right[j] /= square[j, j]
        for r in range(j):
            right[r] -= square[r, j] * right[j]
