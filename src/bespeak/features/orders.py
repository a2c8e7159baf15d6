"""Recency, frequency and monetary value."""

from __future__ import annotations

from bespeak.features.declare import DAY, AsOf, Feature, decayed, distinct, greatest, least, total
from bespeak.features.kinds import ACTION, PURCHASE, RETURN
from bespeak.features.scope import Scope

HALF_LIFE_DAYS = 90

FIRST_ORDER, LAST_ORDER = least("at", PURCHASE), greatest("at", PURCHASE)
FIRST_EVENT = least("at")
ORDERS = distinct("order", PURCHASE)
SPEND, RETURNED = total("value", PURCHASE), total("value", RETURN)


def declare(_: Scope) -> tuple[Feature, ...]:
    return (
        Feature(
            "recency_days", (AsOf() - LAST_ORDER) // DAY, "days", "days",
            "Whole days since the last order", "距最近一次下单的整天数",
        ),
        Feature(
            "tenure_days", (AsOf() - FIRST_EVENT) // DAY, "days", "days",
            "Whole days since the first event", "距首次出现的整天数",
        ),
        Feature(
            "quiet_days", (AsOf() - greatest("at", ACTION)) // DAY, "days", "days",
            "Whole days since the customer last did anything", "距最近一次任何行为的整天数",
        ),
        Feature("orders", ORDERS, "count", "orders", "Orders placed", "下单次数"),
        Feature(
            "spend", SPEND, "money", "money",
            "Value of all purchases, before returns", "全部购买金额（未扣退货）",
        ),
        Feature(
            "net_spend", SPEND - RETURNED, "money", "money",
            "Value of all purchases less returns; below 0 where more came back than was bought",
            "购买金额减去退货金额；退货多于购买时为负",
        ),
        Feature(
            "spend_decayed",
            decayed("value", PURCHASE, half_life_days=HALF_LIFE_DAYS), "money", "money",
            f"Value of purchases, each counting half for every {HALF_LIFE_DAYS} days of age",
            f"按时间衰减的购买金额（每 {HALF_LIFE_DAYS} 天减半）",
        ),
    )  # fmt: skip
