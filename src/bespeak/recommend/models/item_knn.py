"""Items that the same people have: cosine over histories, weighted by how long each one is.

source : Deshpande & Karypis (2004) for item-based top-N; the weighting by history length and the
         two item exponents follow the normalised item graph of Shen et al. (2021) and Paudel et al.
         (2017), here as parameters
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from bespeak.recommend.histories import Interactions
from bespeak.recommend.mathematics import gram, near
from bespeak.recommend.mathematics.item_lists import ItemLists
from bespeak.recommend.mathematics.measure import ItemKnnParameters
from bespeak.recommend.mathematics.updating import Updated, updated
from bespeak.recommend.texts import Ids

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from bespeak.engines import Engine


class ItemKnn(ItemLists):
    """Each item's neighbours, by how often the same people have both."""

    name: ClassVar[str] = "item_knn"
    settings: ClassVar = ItemKnnParameters

    parameters: ItemKnnParameters


def fit_item_knn(interactions: Interactions, parameters: ItemKnnParameters) -> ItemKnn:
    """Add up every pair of items that stands in one history; keep each item's best neighbours."""
    found = near.nearest(interactions, parameters)
    return ItemKnn(interactions.items, parameters, *found.lists)


def updated_item_knn(
    model: ItemKnn, before: Interactions, now: Interactions
) -> tuple[ItemKnn, Updated] | None:
    """The model of `now`, from that of `before`; None where a fit from nothing is the way."""
    made = updated(model, model.parameters, before, now)
    if made is None:
        return None
    return ItemKnn(now.items, model.parameters, *made.lists.lists), made


def fit_item_knn_where(
    engine: Engine, interactions: ir.Table, items: Ids, parameters: ItemKnnParameters
) -> ItemKnn:
    """The same model from interactions that stay in the engine, by their Gram matrix.

    interactions : as `gram.nearest` takes them
    """
    found = gram.nearest(engine, interactions, items, parameters)
    return ItemKnn(items, parameters, *found.lists)
