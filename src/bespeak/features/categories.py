"""What a customer spends on."""

from __future__ import annotations

from bespeak.features.declare import Feature, Is, distinct, total
from bespeak.features.kinds import PURCHASE
from bespeak.features.orders import SPEND
from bespeak.features.scope import CATEGORY_SHARE, Scope


def declare(scope: Scope) -> tuple[Feature, ...]:
    shares = (
        Feature(
            f"{CATEGORY_SHARE}{name}",
            total("value", PURCHASE, Is("category", (name,))) / SPEND, "share", "share",
            f"Share of spend in category {name}", f"在“{name}”品类的消费占比",
        )
        for name in scope.categories
    )  # fmt: skip
    variety = Feature(
        "items_bought", distinct("item", PURCHASE), "count", "items",
        "Different items bought", "买过的不同商品数",
    )  # fmt: skip
    if not scope.categories:
        return (variety,)
    spread = Feature(
        "categories_bought", distinct("category", PURCHASE), "count", "categories",
        "Different categories bought", "买过的不同品类数",
    )  # fmt: skip
    return (variety, spread, *shares)
