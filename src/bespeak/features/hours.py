"""When a customer is active, by the clocks of the workspace's time zone.

The unit is an active hour: a clock hour in which the customer did something.
"""

from __future__ import annotations

from bespeak.features.declare import Feature, Is, distinct
from bespeak.features.kinds import ACTION, DAYS, PARTS
from bespeak.features.scope import Scope

HOURS = distinct("hour", ACTION)
PARTS_ZH = ("凌晨", "上午", "下午", "晚上")
PARTS_CLOCK = ("0:00–6:00", "6:00–12:00", "12:00–18:00", "18:00–24:00")
DAYS_ZH = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")
WEEKEND = (5, 6)


def declare(_: Scope) -> tuple[Feature, ...]:
    parts = (
        Feature(
            f"{part}_share", distinct("hour", ACTION, Is("part", (i,))) / HOURS, "share", "share",
            f"Share of active hours in the {part} ({clock})",
            f"活跃小时中{zh}（{clock}）的占比",
        )
        for i, (part, zh, clock) in enumerate(zip(PARTS, PARTS_ZH, PARTS_CLOCK, strict=True))
    )  # fmt: skip
    days = (
        Feature(
            f"{day}_share", distinct("hour", ACTION, Is("weekday", (i,))) / HOURS, "share",
            "share", f"Share of active hours on a {day.capitalize()}", f"活跃小时中{zh}的占比",
        )
        for i, (day, zh) in enumerate(zip(DAYS, DAYS_ZH, strict=True))
    )  # fmt: skip
    weekend = Feature(
        "weekend_share", distinct("hour", ACTION, Is("weekday", WEEKEND)) / HOURS, "share",
        "share", "Share of active hours on a Saturday or Sunday", "活跃小时中周末的占比",
    )  # fmt: skip
    return (*parts, *days, weekend)
