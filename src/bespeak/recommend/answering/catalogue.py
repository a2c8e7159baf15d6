"""What lists say of an item, and whether it may stand on one."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bespeak.recommend.histories import Flags, Groups, Index, Whole
from bespeak.recommend.texts import Ids, Texts, load_array, misfit

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from bespeak.engines import Engine

PRICE = 10_000
"""Prices are kept in this many parts of the currency's unit, exactly."""
NO_PRICE = np.iinfo(np.int64).min


@dataclass(frozen=True, eq=False)
class Catalogue:
    """A row per item of the models, in their order.

    titles     : empty where there is none
    categories : labels, and each item's, -1 where it has none
    prices     : int64, ten-thousandths, or NO_PRICE
    allowed    : a product, and not known to be unavailable
    products   : a product, whether it is available or not
    sold       : a product that the shop has not given up, in stock or not
    """

    titles: Texts
    categories: Groups
    prices: Whole
    allowed: Flags
    products: Flags
    sold: Flags

    @property
    def category_of(self) -> Index:
        """Each item's category as a number, -1 where it has none."""
        return self.categories.of_row

    def facts(self, item: int) -> dict[str, Any]:
        """title, category and price of one item, null what nobody said; whether it is in stock."""
        label, price = int(self.categories.of_row[item]), int(self.prices[item])
        return {
            "title": self.titles[item] or None,
            "category": self.labels[label] if label >= 0 else None,
            "price": None if price == NO_PRICE else price / PRICE,
            "available": bool(self.allowed[item]),
        }

    @cached_property
    def labels(self) -> list[str]:
        """What the categories are called."""
        return list(self.categories.names)

    @classmethod
    def bare(cls, items: int) -> Catalogue:
        """Of items of which nothing is known but their ids."""
        return cls(
            Texts.of([""] * items),
            Groups(Ids.of([]), np.full(items, -1, np.int32)),
            np.full(items, NO_PRICE),
            *(np.ones(items, np.bool_) for _ in range(3)),
        )

    def save(self, folder: Path) -> None:
        """Arrays; equal catalogues give equal bytes."""
        self.titles.save(folder, "titles")
        self.categories.names.save(folder, "categories")
        np.save(folder / "category.npy", self.categories.of_row)
        np.save(folder / "prices.npy", self.prices)
        np.save(folder / "allowed.npy", self.allowed)
        np.save(folder / "products.npy", self.products)
        np.save(folder / "sold.npy", self.sold)

    @classmethod
    def load(cls, folder: Path) -> Catalogue:
        """What `save` wrote, mapped.

        raises : ArtifactCorrupt
        """
        names = Ids.load(folder, "categories")
        found = cls(
            Texts.load(folder, "titles"),
            Groups(names, load_array(folder, "category", np.int32)),
            load_array(folder, "prices", np.int64),
            load_array(folder, "allowed", np.bool_),
            load_array(folder, "products", np.bool_),
            load_array(folder, "sold", np.bool_),
        )
        flags = (found.allowed, found.products, found.sold)
        arrays = (found.category_of, found.prices, *flags)
        lengths = {len(array) for array in arrays}
        if lengths != {len(found.titles)}:
            raise misfit(folder)
        return found


def load_catalogue(
    engine: Engine, items: ir.Table, ids: Ids, *, given_up: Collection[str] = ()
) -> Catalogue:
    """What the table of items says of `ids`; an id it does not name is allowed, and bare.

    items    : item_id, title, category, price, available, is_product; one row per item
    given_up : item ids that the shop sells no more; not available in `items`
    """
    count = len(ids)
    titles, categories = [""] * count, [None] * count
    prices = np.full(count, NO_PRICE)
    allowed, products = np.ones(count, np.bool_), np.ones(count, np.bool_)
    asked = items.select(
        "item_id", "title", "category",
        price=(items["price"] * PRICE).round().cast("int64"),
        product=items["is_product"].fill_null(True),
        available=items["available"].fill_null(True),
    )  # fmt: skip
    for batch in engine.batches(asked):
        columns = {name: batch.column(name).to_pylist() for name in asked.columns}
        places = ids.find_all(columns["item_id"]).tolist()
        for row, place in enumerate(places):
            if place < 0:
                continue
            titles[place] = columns["title"][row] or ""
            categories[place] = columns["category"][row]
            products[place] = columns["product"][row]
            allowed[place] = products[place] and columns["available"][row]
            if columns["price"][row] is not None:
                prices[place] = columns["price"][row]
    sold = products.copy()
    gone = ids.find_all(sorted(given_up))
    sold[gone[gone >= 0]] = False
    return Catalogue(Texts.of(titles), Groups.of(categories), prices, allowed, products, sold)
