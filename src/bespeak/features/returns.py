"""What comes back."""

from __future__ import annotations

from bespeak.features.declare import Feature, count
from bespeak.features.kinds import RETURN
from bespeak.features.orders import RETURNED, SPEND
from bespeak.features.scope import Scope


def declare(_: Scope) -> tuple[Feature, ...]:
    return (
        Feature("returns", count(RETURN), "count", "lines", "Lines returned", "退货行数"),
        Feature(
            "return_rate", RETURNED / SPEND, "share", "share",
            "Value returned over value bought; above 1 where more came back than was bought",
            "退货金额与购买金额之比；退货多于购买时大于 1",
        ),
    )  # fmt: skip
