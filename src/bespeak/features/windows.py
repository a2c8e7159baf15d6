"""The last days before as_of, one set of columns per window of the settings."""

from __future__ import annotations

from bespeak.features.declare import Feature, Within, distinct, total
from bespeak.features.kinds import PURCHASE
from bespeak.features.scope import Scope


def declare(scope: Scope) -> tuple[Feature, ...]:
    return tuple(feature for days in scope.windows_days for feature in _window(days))


def _window(days: int) -> tuple[Feature, ...]:
    recent = Within(days)
    return (
        Feature(
            f"orders_{days}d", distinct("order", PURCHASE, recent), "count", "orders",
            f"Orders placed in the last {days} days", f"最近 {days} 天下单次数",
        ),
        Feature(
            f"spend_{days}d", total("value", PURCHASE, recent), "money", "money",
            f"Value of purchases in the last {days} days", f"最近 {days} 天购买金额",
        ),
    )  # fmt: skip
