"""How a table is split over time, so that a file holds about a million rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType

import ibis.expr.types as ir

from bespeak.columns import TEXT
from bespeak.engines import Engine

ROWS = 1_000_000
"""Rows that a file should hold, more or less."""
PERIODS: Mapping[str, float] = MappingProxyType(
    {"year": 365.25, "month": 30.4375, "week": 7.0, "day": 1.0}
)
"""Period -> its usual length in days."""
DAY = 86_400_000_000
UNDATED = "undated"


def choose_period(rows: int, first: datetime | None, last: datetime | None) -> str | None:
    """The period whose files come nearest to a million rows; None to keep the table whole.

    Nearest is by ratio: half a million is as far from a million as two are.
    """
    if first is None or last is None or rows < 2 * ROWS:
        return None
    days = (last - first).total_seconds() / 86_400 + 1
    best = min(PERIODS, key=lambda name: abs(math.log(rows / max(1, days / PERIODS[name]) / ROWS)))
    return best if days > PERIODS[best] else None


def period_of(engine: Engine, time: ir.Value, period: str) -> ir.Value:
    """The period's name as text: 2017, 201703, or 20170327 for the day or the week's Monday."""
    return NAMES[period](engine, time).cast(TEXT).fill_null(UNDATED)


def _year(engine: Engine, time: ir.Value) -> ir.Value:
    return time.year()


def _month(engine: Engine, time: ir.Value) -> ir.Value:
    return time.year() * 100 + time.month()


def _day(engine: Engine, time: ir.Value) -> ir.Value:
    return time.year() * 10_000 + time.month() * 100 + time.day()


def _week(engine: Engine, time: ir.Value) -> ir.Value:
    """Weeks begin on Monday; 1970 began on a Thursday."""
    day = engine.micros(time) // DAY
    return _day(engine, engine.moment((day - (day + 3) % 7) * DAY))


NAMES: Mapping[str, Callable[[Engine, ir.Value], ir.Value]] = MappingProxyType(
    {"year": _year, "month": _month, "week": _week, "day": _day}
)
