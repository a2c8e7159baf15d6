"""When a run is due: by time passed, by the clock of the workspace's zone, by events."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bespeak.config import parse
from bespeak.errors import ConfigInvalid
from bespeak.schedule import Known, Train, due, pause

NOON = datetime(2026, 3, 28, 12, tzinfo=UTC)


def why(train: Train, *, ago: timedelta | None = None, events: int = 0, zone: str = "UTC",
        now: datetime = NOON) -> str | None:  # fmt: skip
    last = None if ago is None else now - ago
    return due(train, Known(last, events), now=now, zone=zone)


def test_nothing_is_due_unless_bespeak_toml_says_so() -> None:
    assert why(Train(), ago=None, events=10**9) is None
    assert why(Train(), ago=timedelta(days=900), events=10**9) is None


def test_a_run_is_due_so_long_after_the_last_began() -> None:
    train = Train(every="24h")
    assert why(train, ago=timedelta(hours=23, minutes=59)) is None
    assert why(train, ago=timedelta(hours=24)) == "every"
    assert why(train, ago=None) == "every"


def test_a_run_is_due_once_a_day_at_a_time_of_the_workspaces_clocks() -> None:
    train = Train(at="03:00")
    assert why(train, ago=timedelta(hours=9)) is None
    assert why(train, ago=timedelta(hours=9, minutes=1)) == "at"
    # noon of UTC is 20:00 in Shanghai: its 03:00 was 17 hours ago
    assert why(train, ago=timedelta(hours=16), zone="Asia/Shanghai") is None
    assert why(train, ago=timedelta(hours=18), zone="Asia/Shanghai") == "at"


def test_a_time_that_has_not_come_today_is_yesterdays() -> None:
    train = Train(at="23:30")
    assert why(train, ago=timedelta(hours=12)) is None
    assert why(train, ago=timedelta(hours=13)) == "at"


def test_a_time_that_the_clocks_skip_comes_once() -> None:
    train, zone = Train(at="02:30"), "Europe/Berlin"  # no clock there showed it on 29 March 2026
    after = datetime(2026, 3, 29, 2, 0, tzinfo=UTC)
    assert why(train, ago=timedelta(hours=3), now=after, zone=zone) == "at"
    assert why(train, ago=timedelta(minutes=20), now=after, zone=zone) is None


def test_a_run_is_due_after_so_many_events() -> None:
    train = Train(after_events=100)
    assert why(train, ago=timedelta(days=9), events=99) is None
    assert why(train, ago=timedelta(minutes=1), events=100) == "after_events"


def test_the_pause_after_a_failure_doubles_up_to_an_hour() -> None:
    minutes = [pause(attempt).total_seconds() / 60 for attempt in (1, 2, 3, 6, 7, 500)]
    assert minutes == [1, 2, 4, 32, 60, 60]


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ({"every": "soon"}, "train.every: found `soon`, expected 1m or more, like 90m, 24h or 7d"),
        ({"every": "5s"}, "train.every: found `5s`"),
        ({"at": "3:00"}, "train.at: found `3:00`, expected a time of day like 03:00"),
        ({"at": "24:00"}, "train.at"),
        ({"after_events": 0}, "train.after_events: found 0, expected 1 or more"),
        ({"limit": "0s"}, "train.limit: found `0s`"),
        ({"retries": -1}, "train.retries: found -1"),
        ({"evry": "24h"}, "Did you mean `every`"),
    ],
)
def test_a_schedule_that_can_not_be_is_refused(said: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigInvalid) as error:
        parse({"workspace": {"name": "x"}, "train": said})
    assert complaint in str(error.value)
