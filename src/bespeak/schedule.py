"""When a run starts by itself: what bespeak.toml says of it, and whether it is time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

Why = Literal["asked", "every", "at", "after_events", "retry"]
"""What started a run; `asked` is a person."""

SHORTEST = timedelta(minutes=1)
PAUSE = timedelta(minutes=1)
"""Between a failure and the next try; it doubles with each."""
LONGEST_PAUSE = timedelta(hours=1)
_DURATION = re.compile(r"([0-9]+) ?(s|m|h|d)")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")


class Train(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When `bespeak serve` starts a run by itself: never, unless one of the first three says so."""

    every: str | None = None
    """So long after the last run began: 90m, 24h, 7d."""
    at: str | None = None
    """A time of day, 03:00, by the workspace's clocks."""
    after_events: int | None = None
    """So many events after the last run."""
    limit: str = "12h"
    """How long a run that the server started may take."""
    retries: int = 3
    """How often a run that failed is tried again."""


@dataclass(frozen=True)
class Known:
    """What the plan goes by.

    last   : when the last run or attempt began, whoever started it; None where there was none
    events : how many came since
    """

    last: datetime | None
    events: int


def duration(text: str) -> timedelta | None:
    """`90m`, `24h` or `7d` as a time span; None if it is none."""
    found = _DURATION.fullmatch(text.strip())
    return timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else None


def limit_of(train: Train) -> timedelta:
    """How long a run may take.

    raises : ValueError if the config was not checked
    """
    found = duration(train.limit)
    if found is None:
        raise ValueError(f"train.limit: {train.limit!r}")
    return found


def problems(train: Train) -> list[str]:
    """What is wrong with it that types can't say."""
    found = []
    every = SHORTEST if train.every is None else duration(train.every)
    if every is None or every < SHORTEST:
        found.append(
            f"train.every: found `{train.every}`, expected 1m or more, like 90m, 24h or 7d"
        )
    if not duration(train.limit):
        found.append(f"train.limit: found `{train.limit}`, expected a time span like 90m or 12h")
    if train.at is not None and _CLOCK.fullmatch(train.at) is None:
        found.append(f"train.at: found `{train.at}`, expected a time of day like 03:00")
    if train.after_events is not None and train.after_events < 1:
        found.append(f"train.after_events: found {train.after_events}, expected 1 or more")
    if train.retries < 0:
        found.append(f"train.retries: found {train.retries}, expected 0 or more")
    return found


def due(train: Train, known: Known, *, now: datetime, zone: str) -> Why | None:
    """Why a run should start now, or None.

    A time of day that passed while no server ran is made up for at once.

    now  : with its offset
    zone : whose clocks `at` goes by
    """
    every = duration(train.every) if train.every is not None else None
    if every is not None and (known.last is None or now - known.last >= every):
        return "every"
    if train.at is not None and (
        known.last is None or known.last < _latest(train.at, now, ZoneInfo(zone))
    ):
        return "at"
    if train.after_events is not None and known.events >= train.after_events:
        return "after_events"
    return None


def pause(attempt: int) -> timedelta:
    """How long to wait after the attempt of that number has failed; they count from 1."""
    doubled: timedelta = PAUSE * 2 ** min(attempt - 1, 10)
    return min(doubled, LONGEST_PAUSE)


def _latest(clock: str, now: datetime, zone: ZoneInfo) -> datetime:
    """The last instant, not after `now`, at which the zone's clocks showed `clock`."""
    there = now.astimezone(zone)
    shown = time.fromisoformat(clock)
    found = datetime.combine(there.date(), shown, zone)
    if found.astimezone(UTC) > now:
        found = datetime.combine(there.date() - timedelta(days=1), shown, zone)
    return found.astimezone(UTC)
