"""Where a customer is met. A channel counts once an hour, so that a long basket or a busy click
stream weighs no more than a short one."""

from __future__ import annotations

from functools import reduce
from operator import add

from bespeak.features.declare import Feature, Is, Term, distinct
from bespeak.features.kinds import ACTION
from bespeak.features.scope import CHANNEL_SHARE, Scope


def declare(scope: Scope) -> tuple[Feature, ...]:
    hours: dict[str, Term] = {
        name: distinct("hour", ACTION, Is("channel", (name,))) for name in scope.channels
    }
    shares = (
        Feature(
            f"{CHANNEL_SHARE}{name}", part / reduce(add, hours.values()), "share", "share",
            f"Share of the customer's active hours spent in channel {name}",
            f"活跃小时中来自“{name}”渠道的占比",
        )
        for name, part in hours.items()
    )  # fmt: skip
    return (
        Feature(
            "channels", distinct("channel", ACTION), "count", "channels",
            "Different channels used", "使用过的渠道数",
        ),
        *shares,
    )  # fmt: skip
