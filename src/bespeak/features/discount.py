"""How much of the list price was let off."""

from __future__ import annotations

from bespeak.features.declare import Feature, total
from bespeak.features.kinds import PURCHASE
from bespeak.features.scope import Scope


def declare(_: Scope) -> tuple[Feature, ...]:
    return (
        Feature(
            "discount_share",
            total("discount", PURCHASE) / total("list_value", PURCHASE), "share", "share",
            "Share of the price before discounts that was let off, where discounts are known",
            "折扣占折前金额的比例（仅统计有折扣信息的购买）",
        ),
    )  # fmt: skip
