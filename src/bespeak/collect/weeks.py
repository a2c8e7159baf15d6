"""The day on which week 1 began, where one file counts weeks and another dates them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from bespeak.collect.evidence import Column
from bespeak.collect.roles import ENOUGH
from bespeak.collect.vocabulary import alike, names_of

WEEK = timedelta(days=7)
LEAST, MARGIN = 0.9, 0.02
"""Shares of the rows: what the day must explain, and by how much more than any other day."""


def first_week(tables: Sequence[Sequence[Column]]) -> tuple[date, str] | None:
    """The first day of week 1, and what tells it; None if nothing does.

    tables : the columns of each file; one that has both weeks and times may tell
    """
    for columns in tables:
        weeks = [column for column in columns if is_week(column)]
        times = [column for column in columns if column.is_time]
        for week in weeks:
            for time in times:
                day, share = _best_day(week, time)
                if day is not None:
                    told = f"`{week.name}` and `{time.name}` together say"
                    doubt = "" if share == 1 else f" in {share:.0%} of the rows (see timezone)"
                    return day, told + doubt
    return None


def is_week(column: Column) -> bool:
    """Whether it counts weeks: few whole numbers, and called so."""
    called = alike(column.words, names_of("week")) >= ENOUGH
    return called and column.is_whole and all(0 <= number <= 5300 for number in column.figures)


def _best_day(week: Column, time: Column) -> tuple[date | None, float]:
    """The one day that (nearly) all rows allow for the beginning of week 1, and their share."""
    begun = Counter[date]()
    for number, moment in zip(week.numbers, time.cells, strict=True):
        day = _day(moment, time)
        if number is not None and day is not None:
            begun[day - (int(number) - 1) * WEEK] += 1
    shares = Counter[date]()
    for day, rows in begun.items():
        for back in range(7):
            shares[day - timedelta(days=back)] += rows
    (best, most), (_, next_best) = (*shares.most_common(2), (None, 0), (None, 0))[:2]
    rows = max(begun.total(), 1)
    if most < LEAST * rows or most - next_best < MARGIN * rows:
        return None, 0.0
    return best, most / rows


def _day(cell: Any, column: Column) -> date | None:
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date) or cell is None:
        return cell
    formats = column.times.formats if column.times is not None else ()
    for pattern in formats:
        try:
            return datetime.strptime(str(cell), pattern).date()
        except ValueError:
            continue
    try:
        return datetime.fromisoformat(str(cell)).date()
    except ValueError:
        return None
