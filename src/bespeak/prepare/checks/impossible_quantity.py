"""A quantity beyond what the business can move is a slip, or a number of another column."""

from __future__ import annotations

from bespeak.config import Prepare
from bespeak.prepare.checks.base import Check


def impossible_quantity(table: str, prepare: Prepare) -> list[Check]:
    """|quantity| is at most `prepare.max_quantity`, and a number at all (not NaN)."""
    if table != "events":
        return []
    most = prepare.max_quantity
    return [
        Check(
            "impossible_quantity",
            "quantity",
            f"at most {most:g} (prepare.max_quantity)",
            # NaN is above every number on both engines, so it breaks this too
            lambda rows: rows["quantity"].abs() > most,
        )
    ]
