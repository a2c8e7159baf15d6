"""What one order holds."""

from __future__ import annotations

from bespeak.features.declare import Feature, count, total
from bespeak.features.kinds import PURCHASE
from bespeak.features.orders import ORDERS, SPEND
from bespeak.features.scope import Scope


def declare(_: Scope) -> tuple[Feature, ...]:
    return (
        Feature(
            "basket_value", SPEND / ORDERS, "money", "money per order",
            "Mean value of an order", "平均每单金额",
        ),
        Feature(
            "basket_lines", count(PURCHASE) / ORDERS, "ratio", "lines per order",
            "Mean lines of an order", "平均每单商品行数",
        ),
        Feature(
            "basket_quantity", total("quantity", PURCHASE) / ORDERS, "quantity", "units per order",
            "Mean units of an order", "平均每单件数",
        ),
    )  # fmt: skip
