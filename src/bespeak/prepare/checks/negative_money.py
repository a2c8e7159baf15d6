"""A sale below zero is a correction of the ledger, and should say so."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from bespeak.columns import MONEY
from bespeak.config import Prepare
from bespeak.prepare.checks.base import Check


def negative_money(table: str, prepare: Prepare) -> list[Check]:
    """Neither the price nor the value of a purchase is below zero; zero is a gift."""
    if table != "events":
        return []
    return [_check(column) for column in ("price", "value")]


def _check(column: str) -> Check:
    def breaks(rows: ir.Table) -> ir.BooleanValue:
        return (rows["type"] == "purchase") & (rows[column] < ibis.literal(0, MONEY))

    return Check(
        f"negative_{column}",
        column,
        "0 or more for a purchase; map `type` to return or adjust where it is less",
        breaks,
    )
