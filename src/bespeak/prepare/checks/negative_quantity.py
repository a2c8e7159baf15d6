"""Nobody buys less than nothing: that is a return or a movement of stock, and should say so."""

from __future__ import annotations

from bespeak.config import Prepare
from bespeak.prepare.checks.base import Check


def negative_quantity(table: str, prepare: Prepare) -> list[Check]:
    """The quantity of a purchase is not below zero."""
    if table != "events":
        return []
    return [
        Check(
            "negative_quantity",
            "quantity",
            "0 or more for a purchase; map `type` to return or adjust where it is less",
            lambda rows: (rows["type"] == "purchase") & (rows["quantity"] < 0),
        )
    ]
