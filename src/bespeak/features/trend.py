"""The last days against the same number of days before them.

Null for who was not there yet when the earlier days began: there is nothing to compare with.
"""

from __future__ import annotations

from bespeak.features.declare import DAY, AsOf, Feature, Within, change, total
from bespeak.features.kinds import PURCHASE
from bespeak.features.orders import FIRST_EVENT
from bespeak.features.scope import Scope


def declare(scope: Scope) -> tuple[Feature, ...]:
    return tuple(_trend(days) for days in scope.windows_days)


def _trend(days: int) -> Feature:
    recent = total("value", PURCHASE, Within(days))
    before = total("value", PURCHASE, Within(2 * days, until=days))
    return Feature(
        f"spend_trend_{days}d",
        change(recent, before).given(AsOf() - FIRST_EVENT, 2 * days * DAY), "ratio", "-1 to 1",
        f"Spend of the last {days} days against the {days} before: -1 stopped, 0 steady, 1 new",
        f"最近 {days} 天与之前 {days} 天的消费变化：-1 停止，0 持平，1 新增",
    )  # fmt: skip
