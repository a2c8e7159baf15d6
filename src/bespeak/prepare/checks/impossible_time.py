"""A time outside the years in which the shop was open is a default of some machine, or a slip."""

from __future__ import annotations

from datetime import datetime

import ibis
import ibis.expr.types as ir

from bespeak.columns import RECORD, TIME
from bespeak.config import Prepare, moment
from bespeak.prepare.checks.base import Check

FIRST, LAST = datetime(1970, 1, 1), datetime(2100, 1, 1)


def impossible_time(table: str, prepare: Prepare) -> list[Check]:
    """One check per time column: 1970-01-01 <= time < 2100-01-01, UTC.

    What happened (the table's own time) lies between `prepare.earliest` and `prepare.latest`.
    """
    columns = [name for name, kind in RECORD[table].columns.items() if kind == TIME]
    return [
        _check(column, *(_bounds(prepare) if column == RECORD[table].time else (FIRST, LAST)))
        for column in columns
    ]


def _bounds(prepare: Prepare) -> tuple[datetime, datetime]:
    first, last = prepare.earliest, prepare.latest
    return moment(first) if first else FIRST, moment(last) if last else LAST


def _check(column: str, first: datetime, last: datetime) -> Check:
    def breaks(rows: ir.Table) -> ir.BooleanValue:
        time = rows[column]
        return (time < ibis.literal(first, TIME)) | (time >= ibis.literal(last, TIME))

    if (first, last) == (FIRST, LAST):
        return Check("impossible_time", column, "a time from 1970 to 2099", breaks)
    said = f"a time from {first.isoformat()} to before {last.isoformat()} (prepare)"
    return Check("impossible_time", column, said, breaks)
