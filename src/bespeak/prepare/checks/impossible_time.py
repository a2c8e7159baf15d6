"""A time outside 1970 to 2100 is a default of some machine, or a slip."""

from __future__ import annotations

from datetime import datetime

import ibis
import ibis.expr.types as ir

from bespeak.columns import RECORD, TIME
from bespeak.config import Prepare
from bespeak.prepare.checks.base import Check

FIRST, LAST = datetime(1970, 1, 1), datetime(2100, 1, 1)


def impossible_time(table: str, prepare: Prepare) -> list[Check]:
    """One check per time column: 1970-01-01 <= time < 2100-01-01, UTC."""
    columns = [name for name, kind in RECORD[table].columns.items() if kind == TIME]
    return [_check(column) for column in columns]


def _check(column: str) -> Check:
    def breaks(rows: ir.Table) -> ir.BooleanValue:
        time = rows[column]
        return (time < ibis.literal(FIRST, TIME)) | (time >= ibis.literal(LAST, TIME))

    return Check("impossible_time", column, "a time from 1970 to 2099", breaks)
