"""Items reached by walking: from an item to somebody who has it, and on to what else they have.

A walk of three steps from a customer is a step to an item of theirs and two more, so what an item
says of others is the chance that two steps lead there, held back by how many have the other.

source : Cooper, Lee, Radzik & Siantos (2014) for P3alpha; Paudel, Christoffel, Newell & Bernstein
         (2017) for RP3beta
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

import msgspec

from bespeak.recommend.histories import Interactions
from bespeak.recommend.mathematics import gram, near
from bespeak.recommend.mathematics.item_lists import ItemLists, ItemListsParameters
from bespeak.recommend.mathematics.measure import ItemKnnParameters
from bespeak.recommend.mathematics.updating import Updated, updated
from bespeak.recommend.texts import Ids

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from bespeak.engines import Engine


class Rp3BetaParameters(ItemListsParameters, frozen=True):
    """similarity(i, j) = Σ_h (1 / n_i)^alpha (1 / |h|)^alpha / n_j^beta, over h that have both.

    |h| is how many items history h has, n_i how many hold i: at alpha 1 the chances of the two
    steps. At beta 0 this is P3alpha. The defaults were chosen on parts carved from training data
    (benchmarks/recommend.md).
    """

    alpha: Annotated[float, msgspec.Meta(ge=0, le=2)] = 0.75
    """Above 1, likely steps count for more; below, for less."""
    beta: Annotated[float, msgspec.Meta(ge=0, le=2)] = 0.3
    """How much less an item is recommended that everybody has."""

    @property
    def measure(self) -> ItemKnnParameters:
        """The same sum, in item_knn's terms: a history's length is that of its first step."""
        return ItemKnnParameters(
            neighbours=self.neighbours, weighting="binary", length=self.alpha,
            history_item=self.alpha, item=self.beta, least_common=self.least_common,
            own=self.own, longest_history=self.longest_history,
        )  # fmt: skip


class Rp3Beta(ItemLists):
    """Each item's neighbours, by how likely a walk of two steps leads there."""

    name: ClassVar[str] = "rp3beta"
    settings: ClassVar = Rp3BetaParameters

    parameters: Rp3BetaParameters


def fit_rp3beta(interactions: Interactions, parameters: Rp3BetaParameters) -> Rp3Beta:
    """Add up the walks over every pair of items; keep each item's likeliest ends."""
    found = near.nearest(interactions, parameters.measure)
    return Rp3Beta(interactions.items, parameters, *found.lists)


def updated_rp3beta(
    model: Rp3Beta, before: Interactions, now: Interactions
) -> tuple[Rp3Beta, Updated] | None:
    """The model of `now`, from that of `before`; None where a fit from nothing is the way."""
    made = updated(model, model.parameters.measure, before, now)
    if made is None:
        return None
    return Rp3Beta(now.items, model.parameters, *made.lists.lists), made


def fit_rp3beta_where(
    engine: Engine, interactions: ir.Table, items: Ids, parameters: Rp3BetaParameters
) -> Rp3Beta:
    """The same model from interactions that stay in the engine, by their Gram matrix.

    interactions : as `gram.nearest` takes them
    """
    found = gram.nearest(engine, interactions, items, parameters.measure)
    return Rp3Beta(items, parameters, *found.lists)
