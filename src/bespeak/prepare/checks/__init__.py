"""Rules that a row must hold to be let in; the first that it breaks is its reason."""

from __future__ import annotations

from bespeak.config import Prepare
from bespeak.prepare.checks.base import Check
from bespeak.prepare.checks.ends_before_start import ends_before_start
from bespeak.prepare.checks.impossible_quantity import impossible_quantity
from bespeak.prepare.checks.impossible_time import impossible_time
from bespeak.prepare.checks.negative_money import negative_money
from bespeak.prepare.checks.negative_quantity import negative_quantity

CHECKS = (
    impossible_time,
    ends_before_start,
    impossible_quantity,
    negative_quantity,
    negative_money,
)


def checks_for(table: str, prepare: Prepare) -> list[Check]:
    """The checks that concern `table`, in the order in which they are asked."""
    return [check for declare in CHECKS for check in declare(table, prepare)]


__all__ = ["CHECKS", "Check", "checks_for"]
