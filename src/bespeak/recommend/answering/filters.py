"""Which items a list may hold, by what the caller wants of it."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bespeak.errors import BadRequest
from bespeak.recommend.answering.catalogue import NO_PRICE, PRICE, Catalogue
from bespeak.recommend.histories import Flags
from bespeak.recommend.texts import Ids

WITHIN = " > "
"""Between the steps of a category's path."""


class Filters(NamedTuple):
    """All of them together; what is not said does not narrow the list.

    exclude             : item ids; those that nobody knows do no harm
    category            : the path of a category, or its beginning
    price_from, price_to: in the currency's unit, both inclusive; an item without a price is in none
    hidden              : item ids that the customer had dismissed as of the last count
    in_stock            : leave out what is not in stock; what the shop has given up is out anyway
    """

    exclude: Sequence[str] = ()
    category: str | None = None
    price_from: float | None = None
    price_to: float | None = None
    hidden: Sequence[str] = ()
    in_stock: bool = True

    def allowed(self, catalogue: Catalogue, items: Ids, *, elsewhere: bool = False) -> Flags:
        """A flag an item of the catalogue, which has its own say too.

        elsewhere : an item of another catalogue is in the category, so none need be here
        raises    : BadRequest for a category that no item is in, or a price range upside down
        """
        return self.without_excluded(self.narrowed(catalogue, elsewhere=elsewhere), items)

    def without_excluded(self, allow: Flags, items: Ids) -> Flags:
        """The flags, false for what is in `exclude`; as they are where that is empty."""
        if not self.exclude:
            return allow
        left = allow.copy()
        for item in self.exclude:
            place = items.find(item)
            if place >= 0:
                left[place] = False
        return left

    @property
    def standing(self) -> Filters:
        """The part that many requests share: all but what is excluded for one of them."""
        return self._replace(exclude=(), hidden=())

    def narrowed(self, catalogue: Catalogue, *, elsewhere: bool = False) -> Flags:
        """`allowed`, but for what is in `exclude`."""
        if self.standing == ALL:
            return catalogue.allowed
        allow = (catalogue.allowed if self.in_stock else catalogue.sold).copy()
        if self.category is not None:
            allow &= _in_category(catalogue, self.category, elsewhere=elsewhere)
        if self.price_from is not None or self.price_to is not None:
            allow &= self._in_range(catalogue)
        return allow

    def _in_range(self, catalogue: Catalogue) -> Flags:
        least = -np.inf if self.price_from is None else self.price_from
        most = np.inf if self.price_to is None else self.price_to
        if least > most:
            raise BadRequest(
                "price_from is above price_to", found=f"{least:g} to {most:g}",
                expected="the lower one first",
            )  # fmt: skip
        prices = catalogue.prices / PRICE
        found: Flags = (catalogue.prices != NO_PRICE) & (prices >= least) & (prices <= most)
        return found


ALL = Filters()


def has_category(catalogue: Catalogue, category: str) -> bool:
    """Whether an item of the catalogue is in the category, or below it."""
    return any(_within(name, category) for name in catalogue.labels)


def _within(name: str, category: str) -> bool:
    return name == category or name.startswith(category + WITHIN)


def _in_category(catalogue: Catalogue, category: str, *, elsewhere: bool) -> Flags:
    names = catalogue.labels
    chosen = [_within(name, category) for name in names]
    if not any(chosen) and not elsewhere:
        near = difflib.get_close_matches(category, names, n=1)
        raise BadRequest(
            "no item is in that category", found=f"`{category[:80]}`",
            next_step=f"Did you mean `{near[0]}`?" if near else "See the items' `category`.",
        )  # fmt: skip
    # the last flag stands for items without a category, whose number is -1
    found: Flags = np.array([*chosen, False])[catalogue.category_of]
    return found
