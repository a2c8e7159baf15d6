"""An offer or a placement can't end before it begins."""

from __future__ import annotations

from bespeak.columns import RECORD
from bespeak.config import Prepare
from bespeak.prepare.checks.base import Check


def ends_before_start(table: str, prepare: Prepare) -> list[Check]:
    """`to_time` is at or after `from_time`, where a table has both."""
    if not {"from_time", "to_time"} <= set(RECORD[table].columns):
        return []
    return [
        Check(
            "ends_before_start",
            "to_time",
            "a time at or after from_time",
            lambda rows: rows["to_time"] < rows["from_time"],
        )
    ]
