"""The zone's clocks by integer arithmetic."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from bespeak.engines import Engine
from bespeak.features.behaviour import local
from bespeak.features.clock import micros, offsets

ZONES = ["UTC", "Europe/London", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"]


@pytest.mark.parametrize("zone", ZONES)
def test_clocks_agree_with_the_zone_database_hour_by_hour(engine: Engine, zone: str) -> None:
    start = datetime(2023, 1, 1, 0, 20, tzinfo=UTC)
    moments = [start + timedelta(hours=hour) for hour in range(2 * 365 * 24)]
    instants = [micros(moment) for moment in moments]
    changes = offsets(zone, instants[0], instants[-1])
    table = engine.table(pa.table({"at": instants}))
    told = engine.run(table.select("at", local=local(table["at"], changes)).order_by("at"))
    found = told["local"].to_pylist()
    place = ZoneInfo(zone)
    expected = [micros(moment.astimezone(place).replace(tzinfo=UTC)) for moment in moments]
    assert found == expected


def test_a_change_is_found_to_the_second() -> None:
    first, last = micros(datetime(2024, 1, 1)), micros(datetime(2024, 12, 31, 5, 0, 0, 7))
    spring, autumn = datetime(2024, 3, 31, 1), datetime(2024, 10, 27, 1)
    found = offsets("Europe/London", first, last)
    assert [start for start, _ in found] == [first, micros(spring), micros(autumn)]
    assert [offset // 3_600_000_000 for _, offset in found] == [0, 1, 0]


def test_a_time_without_an_offset_is_utc() -> None:
    assert micros(datetime(1970, 1, 1, 0, 0, 1)) == 1_000_000


def test_an_instant_before_1970_is_negative() -> None:
    assert micros(datetime(1969, 12, 31)) == -86_400_000_000
