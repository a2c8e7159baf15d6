"""How regularly a customer orders. All of it needs two orders at different times, or is null."""

from __future__ import annotations

from bespeak.features.declare import DAY, AsOf, Feature
from bespeak.features.orders import FIRST_ORDER, LAST_ORDER, ORDERS
from bespeak.features.scope import Scope

BETWEEN = (LAST_ORDER - FIRST_ORDER) / (ORDERS - 1)
"""Mean microseconds from an order to the next: first, last and count are enough for a mean."""


def declare(_: Scope) -> tuple[Feature, ...]:
    return (
        Feature(
            "days_between_orders", BETWEEN / DAY, "days", "days",
            "Mean days from an order to the next", "相邻两次下单的平均间隔天数",
        ),
        Feature(
            "lateness", ((AsOf() - LAST_ORDER) / BETWEEN).given(BETWEEN, DAY), "ratio",
            "usual gaps",
            "Time since the last order, in usual gaps between orders: 1 is due, 3 is very late; "
            "null where the usual gap is under a day",
            "距上次下单的时间相当于几个通常间隔：1 表示到期，3 表示明显迟到；间隔不足一天时为空",
        ),
    )  # fmt: skip
