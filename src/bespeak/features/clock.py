"""Wall-clock time of a zone by integer arithmetic: the same numbers on every engine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from bespeak.features.declare import DAY

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros(time: datetime) -> int:
    """Whole microseconds since 1970; a time without an offset is UTC."""
    aware = time if time.tzinfo else time.replace(tzinfo=UTC)
    return (aware - EPOCH) // timedelta(microseconds=1)


def offsets(zone: str, first: int, last: int) -> tuple[tuple[int, int], ...]:
    """The zone's offset from UTC between two instants: (from, offset), oldest first, microseconds.

    Offsets are looked up once a day, and each change is then narrowed down to its second.
    """
    place = ZoneInfo(zone)
    found = [(first, offset(place, first))]
    at = first
    while at < last:
        after = min(at + DAY, last)
        if offset(place, after) != found[-1][1]:
            after = _change(place, at, after)
            found.append((after, offset(place, after)))
        at = after
    return tuple(found)


def offset(place: ZoneInfo, at: int) -> int:
    """How far the zone's clocks are ahead of UTC at an instant; both in microseconds."""
    moment = (EPOCH + timedelta(microseconds=at)).astimezone(place)
    return (moment.utcoffset() or timedelta()) // timedelta(microseconds=1)


def _change(place: ZoneInfo, before: int, after: int) -> int:
    """The first whole second in (before, after] at which the offset is the one of `after`."""
    target = offset(place, after)
    low, high = before // 1_000_000, -(-after // 1_000_000)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if offset(place, middle * 1_000_000) == target else (middle, high)
    return high * 1_000_000
