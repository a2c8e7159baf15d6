"""Wall clocks to UTC by a table of clock changes, the same on every engine.

Engines that ask a calendar library per row need as long for two columns as for reading and writing
all the rest, and they disagree about the hour that a clock change repeats.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import ibis
import ibis.expr.types as ir

from bespeak.engines import Engine

FIRST, LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_SECOND = 1_000_000


@dataclass(frozen=True)
class Change:
    """From the wall-clock time `since` on (µs since 1970), a zone is `offset` µs ahead of UTC."""

    since: int
    offset: int


def to_utc(engine: Engine, wall: ir.Column, zone: str) -> ir.Value:
    """The UTC time of a wall clock.

    wall : whole microseconds since 1970; a plain column, because it is compared many times

    An hour that a change skips counts by the offset before it; of an hour that comes twice the
    second is meant. Outside 1970 to 2099 the engine is asked.
    """
    known = wall.between(_micros(FIRST) + 86_400 * _SECOND, _micros(LAST) - 86_400 * _SECOND)
    moved = engine.moment(wall - _offset(wall, changes(zone)))
    return ibis.ifelse(known, moved, engine.to_utc(engine.moment(wall), zone))


def _offset(wall: ir.Column, table: Sequence[Change]) -> ir.Value:
    """The offset at each wall-clock time, found by halving."""
    if len(table) == 1:
        return ibis.literal(table[0].offset, "int64")
    middle = len(table) // 2
    return ibis.ifelse(
        wall < table[middle].since,
        _offset(wall, table[:middle]),
        _offset(wall, table[middle:]),
    )


@cache
def changes(zone: str) -> tuple[Change, ...]:
    """A zone's offsets from 1970 to 2100, from the IANA table; the first holds from ever."""
    clock = ZoneInfo(zone)
    found = [Change(-(2**62), _ahead(FIRST, clock))]
    day = FIRST
    while day < LAST:
        following = day + timedelta(days=1)
        if _ahead(following, clock) != _ahead(day, clock):
            moment = _first_second(day, following, clock)
            offset = _ahead(moment, clock)
            found.append(Change(_micros(moment) + offset, offset))
        day = following
    return tuple(found)


def _first_second(before: datetime, after: datetime, clock: ZoneInfo) -> datetime:
    """The first whole second with the offset of `after`."""
    old, low, high = _ahead(before, clock), 0, int((after - before).total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        if _ahead(before + timedelta(seconds=middle), clock) == old:
            low = middle
        else:
            high = middle
    return before + timedelta(seconds=high)


def _ahead(moment: datetime, clock: ZoneInfo) -> int:
    offset = moment.astimezone(clock).utcoffset()
    return 0 if offset is None else round(offset.total_seconds()) * _SECOND


def _micros(moment: datetime) -> int:
    return (moment - FIRST) // timedelta(microseconds=1)
