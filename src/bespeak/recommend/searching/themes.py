"""Parts of a history that hang together: a trip, a hobby, a new flat.

What people come to have seldom lies scattered among what they have: it comes in themes. An item
taken out at random leaves its nearest behind, and whoever knows the fine grain finds it again;
next month's theme has to be foretold from afar.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bespeak.recommend.base import blocks
from bespeak.recommend.histories import Interactions
from bespeak.recommend.mathematics.low_rank import entries, leading

DIRECTIONS = 64
"""What goes together is told by so many directions of the graph of customers and items."""
LEAST = 4
"""Fewer directions than this tell nothing apart."""
ROWS_A_DIRECTION = 20
"""Fewer customers or items than this for each direction, and it is chance."""


def distances(interactions: Interactions, seed: int) -> Any:
    """Per entry, how far it lies from one of its history's items, drawn by `seed`: 0 is that item
    itself, 2 the farthest. None where the data are too small to tell."""
    histories, count = interactions.histories, len(interactions.items)
    rank = min(DIRECTIONS, min(len(histories), count) // ROWS_A_DIRECTION)
    if rank < LEAST:
        return None
    _, axes = leading(entries(interactions, customer=0.5, item=0.5), rank, seed)
    lengths = np.linalg.norm(axes, axis=1, keepdims=True)
    axes /= np.where(lengths > 0, lengths, 1.0)
    draw = np.random.default_rng([seed, 1]).random(len(histories))
    filled = np.maximum(histories.lengths, 1)
    pivots = histories.indptr[:-1] + (draw * filled).astype(np.int64)
    of_entry = histories.indices[np.minimum(pivots, len(histories.indices) - 1)][histories.rows]
    far = np.empty(len(of_entry), np.float32)
    for part in blocks(len(far), 1 << 16):
        mine, theirs = axes[histories.indices[part]], axes[of_entry[part]]
        np.einsum("ef,ef->e", mine, theirs, out=far[part])
    return np.where(of_entry == histories.indices, 0.0, np.maximum(1.0 - far, 0.0))
