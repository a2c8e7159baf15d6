"""Each item foretold from the others by ridge regression: what EASE and its sparse form share.

Item j's column of coefficients b makes Σ_h |h|^-length (x_hj - Σ_i x_hi b_i)² + Σ_i Λ_i b_i² least.

source : Steck (2019) for EASE; Steck (2020) for dropout as a penalty; Moon, Kim & Lee (2023) for
         the relaxed diagonal
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import msgspec
import numpy as np

from bespeak.recommend.histories import UNIT, Index, Interactions, Whole, compressed
from bespeak.recommend.mathematics.item_lists import ItemListsParameters
from bespeak.recommend.mathematics.measure import Real, Weighting
from bespeak.recommend.mathematics.near import Entries

GRAIN = 2.0**-20
"""Coefficients are kept in such units: finer than single precision knows them."""


class RegressionParameters(ItemListsParameters, frozen=True):
    """Λ_i = penalty x the mean of the Gram matrix's diagonal + dropout / (1 - dropout) x G_ii."""

    weighting: Weighting = "binary"
    """What an interaction's weight becomes in training."""
    length: Annotated[float, msgspec.Meta(ge=0, le=4)] = 0.25
    """How much less a long history counts."""
    history_item: Annotated[float, msgspec.Meta(ge=0, le=2)] = 0.1
    """How much less an item in the history counts that everybody has."""
    penalty: Annotated[float, msgspec.Meta(ge=1e-3, le=1e6)] = 3.0
    """How much every coefficient is held back, in units of the mean item's own square."""
    dropout: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.0
    """As if this share of each history were left out at random: items that many have are held back
    more."""
    diagonal: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    """How much of an item its own coefficient may explain; 0 is EASE, 1 sets no bound."""


@dataclass(frozen=True, eq=False)
class Design:
    """The matrix X that is regressed on itself, with its rows' weights in it.

    values : float64, of each entry
    held   : Λ, float64 per item
    squares: float64, G_ii per item; G = X'X
    """

    entries: Entries
    values: Real
    squares: Real
    held: Real

    @classmethod
    def of(cls, interactions: Interactions, parameters: RegressionParameters) -> Design:
        entries = Entries.of(interactions, parameters.longest_history, parameters.weighting)
        lengths = entries.lengths.astype(np.float64)
        values = entries.weights / UNIT * lengths ** (-parameters.length / 2)
        squares: Real = np.bincount(
            entries.used.indices, values * values, minlength=entries.count
        ).astype(np.float64)
        mean = float(squares.mean()) if len(squares) else 1.0
        share = parameters.dropout / (1 - parameters.dropout)
        held: Real = parameters.penalty * mean + share * squares
        return cls(entries, values, squares, held)


def relaxed(inverses: Real, held: Real, diagonal: float) -> Real:
    """Per item the μ by which its column of -P becomes its coefficients; P = (G + Λ)^-1.

    inverses : P_jj
    """
    free = 1 - held * inverses > diagonal
    found: Real = np.where(free, (1 - diagonal) / inverses, held)
    return found


@dataclass(frozen=True, eq=False)
class Kept:
    """The coefficients that stay, in any order.

    givers, targets : int32, what one item (of a history) says of another
    coefficients    : float64
    common          : int32, histories that hold both
    """

    givers: Index
    targets: Index
    coefficients: Real
    common: Index

    def lists(
        self, parameters: RegressionParameters, entries: Entries
    ) -> tuple[float, int, Whole, Index, Index, Index]:
        """As an `ItemLists` holds them after its items and parameters: per giver the most."""
        having = np.maximum(np.bincount(entries.used.indices, minlength=entries.count), 1)
        rare = (having.mean() / having) ** parameters.history_item
        said = self.coefficients * rare[self.givers]
        greatest = float(np.abs(said).max(initial=GRAIN))
        room = min(2.0**30.9 / greatest, 2.0**37 / max(parameters.own, 1e-300), 1 / GRAIN)
        scale = float(2.0 ** np.floor(np.log2(room)))
        whole = np.rint(said * scale).astype(np.int32)
        at = np.lexsort((self.targets, -np.abs(whole), self.givers))
        starts = compressed(self.givers.astype(np.int64), entries.count)
        place = np.arange(len(at)) - starts[self.givers[at]]
        at = at[(place < parameters.neighbours) & (whole[at] != 0)]
        at = at[np.lexsort((self.targets[at], -whole[at], self.givers[at]))]
        indptr = compressed(self.givers[at].astype(np.int64), entries.count)
        return scale, entries.cut, indptr, self.targets[at], whole[at], self.common[at]
