"""The catalogue as it is now: what a shop changed since the last count, under the same model."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from bespeak.recommend.answering.catalogue import PRICE, Catalogue, load_catalogue
from bespeak.recommend.histories import Flags, Groups
from bespeak.recommend.texts import Ids, Texts

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from bespeak.engines import Engine

Changes = Mapping[str, Mapping[str, Any]]
"""item_id -> what was said of it: title, category, brand, price (decimal text), available, sold."""
UNCHANGED: Changes = MappingProxyType({})


@dataclass(frozen=True, eq=False)
class Newcomers:
    """Items that nobody has chosen yet, so that no model knows them."""

    items: Ids
    catalogue: Catalogue

    def save(self, folder: Path) -> None:
        """Arrays; equal newcomers give equal bytes."""
        self.items.save(folder, "items")
        self.catalogue.save(folder)

    @classmethod
    def load(cls, folder: Path) -> Newcomers:
        """What `save` wrote, mapped.

        raises : ArtifactCorrupt
        """
        return cls(Ids.load(folder, "items"), Catalogue.load(folder))

    def facts(self, allow: Flags, k: int) -> list[dict[str, Any]]:
        """item_id and what the catalogue says of the first k under the flags."""
        places = np.flatnonzero(allow)[:k].tolist()
        return [{"item_id": self.items[at], **self.catalogue.facts(at)} for at in places]


def load_newcomers(
    engine: Engine, items: ir.Table, known: Ids, *, given_up: Collection[str] = ()
) -> Newcomers:
    """Those of a table of items that are not among the known.

    items, given_up : as load_catalogue takes them
    """
    told = engine.batches(items.select("item_id"))
    named = {item for batch in told for item in batch.column("item_id").to_pylist()}
    ids = Ids.sorted_from(named - set(known))
    return Newcomers(ids, load_catalogue(engine, items, ids, given_up=given_up))


def changed(catalogue: Catalogue, items: Ids, changes: Changes) -> Catalogue:
    """The catalogue with what the changes say of its items."""
    places = items.find_all(list(changes)).tolist()
    said = {at: one for at, one in zip(places, changes.values(), strict=True) if at >= 0}
    if not said:
        return catalogue
    prices, allowed = catalogue.prices.copy(), catalogue.allowed.copy()
    sold = catalogue.sold.copy()
    for at, one in said.items():
        prices[at] = _price(one["price"]) if "price" in one else prices[at]
        allowed[at] = _allowed(one, bool(allowed[at]), bool(catalogue.products[at]))
        sold[at] = catalogue.products[at] and one.get("sold", sold[at])
    titles = {at: one["title"] for at, one in said.items() if "title" in one}
    labels = {at: one["category"] for at, one in said.items() if "category" in one}
    return replace(
        catalogue, titles=_titled(catalogue.titles, titles),
        categories=_labelled(catalogue.categories, labels) if labels else catalogue.categories,
        prices=prices, allowed=allowed, sold=sold,
    )  # fmt: skip


def newcomers(changes: Changes, known: Callable[[str], bool]) -> Newcomers:
    """The items of the changes that are not known."""
    ids = Ids.sorted_from(item for item in changes if not known(item))
    return Newcomers(ids, changed(Catalogue.bare(len(ids)), ids, changes))


def _price(text: str) -> int:
    return int((Decimal(text) * PRICE).to_integral_value())


def _allowed(said: Mapping[str, Any], was: bool, product: bool) -> bool:
    """As was last said of its stock, if it is sold at all; as it was where nothing was said."""
    if said.get("sold") is False:
        return False
    return product and said["available"] if "available" in said else was


def _titled(titles: Texts, said: Mapping[int, str]) -> Texts:
    others = {at: title for at, title in said.items() if titles[at] != title}
    return titles.with_others(others) if others else titles


def _labelled(categories: Groups, said: Mapping[int, str]) -> Groups:
    """The categories with these; a label that nobody has any more stays among the names."""
    names = Ids.sorted_from([*categories.names, *said.values()])
    moved = names.find_all(list(categories.names))
    # the last place stands for items without a category, whose number is -1
    of_row = np.append(moved, np.int32(-1))[categories.of_row]
    of_row[list(said)] = names.find_all(list(said.values()))
    return Groups(names, of_row)
