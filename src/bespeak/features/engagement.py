"""What a customer does besides buying."""

from __future__ import annotations

from bespeak.features.declare import Feature, Is, count, distinct
from bespeak.features.hours import HOURS
from bespeak.features.kinds import ACTION
from bespeak.features.scope import Scope


def declare(_: Scope) -> tuple[Feature, ...]:
    return (
        Feature(
            "active_hours", HOURS, "count", "hours",
            "Clock hours in which the customer did something", "有行为的小时数",
        ),
        Feature(
            "actions", count(ACTION), "count", "events",
            "Things the customer did", "行为次数",
        ),
        Feature(
            "visits", distinct("session", ACTION), "count", "visits",
            "Visits: what the customer did without a long pause, outside orders at a till",
            "访问次数：没有长时间停顿的一连串行为（不含收银订单）",
            batch_only="where a visit ends is found by sorting all that a person did",
        ),
        Feature(
            "views", count(Is("type", ("view",))), "count", "events", "Items viewed", "浏览次数"
        ),
        Feature(
            "carts", count(Is("type", ("cart",))), "count", "events",
            "Times something was put in a cart", "加入购物车次数",
        ),
        Feature(
            "open_rate", count(Is("type", ("open",))) / count(Is("type", ("send",))), "ratio",
            "opens per message", "Messages opened over messages sent; null where none was sent",
            "消息打开数与发送数之比；没有发送时为空",
        ),
    )  # fmt: skip
