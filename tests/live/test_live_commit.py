"""Many requests, one transaction; each is answered when its events are on disk."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from bespeak.errors import Busy, LogUnavailable
from bespeak.live import Entry, SQLiteLog, Writer, commit
from contracts.event_log import entry


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SQLiteLog]:
    opened = SQLiteLog(tmp_path / "live.db")
    yield opened
    opened.close()


class Held:
    """A log that waits to be let on, and counts its transactions."""

    def __init__(self, log: SQLiteLog) -> None:
        self.log, self.sizes, self.go = log, [], threading.Event()  # type: ignore[var-annotated]

    def append(self, batches: Sequence[Sequence[Entry]], received: int) -> list[int]:
        self.go.wait(10)
        self.sizes.append(len(batches))
        return self.log.append(batches, received)


def test_requests_that_wait_share_a_transaction_and_each_hears_its_own_count(
    log: SQLiteLog,
) -> None:
    held = Held(log)
    writer = Writer(held)  # type: ignore[arg-type]
    asked = [writer.append([entry("first")])]
    asked += [writer.append([entry(f"e{at}"), entry("first")]) for at in range(5)]
    held.go.set()
    assert [done.result(10) for done in asked] == [1, 1, 1, 1, 1, 1]
    assert sum(held.sizes) == 6
    assert len(held.sizes) <= 2
    writer.close()
    assert log.last() > 0


def test_more_than_may_wait_is_refused_at_once(
    log: SQLiteLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit, "WAITING", 3)
    held = Held(log)
    writer = Writer(held)  # type: ignore[arg-type]
    first = writer.append([entry("a"), entry("b")])
    with pytest.raises(Busy, match="2 events"):
        writer.append([entry("c"), entry("d")])
    held.go.set()
    assert first.result(10) == 2
    assert writer.append([entry("c"), entry("d")]).result(10) == 2
    writer.close()


def test_a_log_that_fails_tells_every_request_and_goes_on(log: SQLiteLog) -> None:
    class Broken(Held):
        def append(self, batches: Sequence[Sequence[Entry]], received: int) -> list[int]:
            if not self.go.is_set():
                raise LogUnavailable("the disk is full")
            return log.append(batches, received)

    broken = Broken(log)
    writer = Writer(broken)  # type: ignore[arg-type]
    with pytest.raises(LogUnavailable, match="full"):
        writer.append([entry("a")]).result(10)
    broken.go.set()
    assert writer.append([entry("a")]).result(10) == 1
    writer.close()


def test_closing_writes_what_waits_and_takes_no_more(log: SQLiteLog) -> None:
    writer = Writer(log)
    asked = [writer.append([entry(f"e{at}")]) for at in range(20)]
    writer.close()
    assert sum(done.result(0) for done in asked) == 20
    with pytest.raises(Busy):
        writer.append([entry("late")])


def test_what_is_offered_waits_for_others_and_shares_their_transaction(
    log: SQLiteLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit, "PAUSE_S", 60.0)
    held = Held(log)
    held.go.set()
    writer = Writer(held)  # type: ignore[arg-type]
    assert all(writer.offer(entry(f"shown-{at}")) for at in range(30))
    assert writer.append([entry("told")]).result(10) == 1
    writer.close()
    assert [one.entry.event_id for one in log.after(0, 99)].count("told") == 1
    assert log.last() == 31 and len(held.sizes) <= 2


def test_what_is_offered_is_written_after_a_pause_with_nothing_else_to_write(
    log: SQLiteLog,
) -> None:
    writer = Writer(log)
    writer.offer(entry("shown"))
    until = time.monotonic() + 10
    while log.last() == 0 and time.monotonic() < until:
        time.sleep(0.01)
    assert log.last() == 1 and writer.waiting == 0
    writer.close()


def test_what_was_offered_is_written_when_the_server_ends(log: SQLiteLog) -> None:
    writer = Writer(log)
    writer.offer(entry("shown"))
    writer.close()
    assert log.last() == 1


def test_many_rows_at_once_are_kept_in_order_and_each_once(log: SQLiteLog) -> None:
    many = [entry(f"e{at:03d}") for at in range(237)]
    assert log.append([many[:200], many[150:]], 1) == [200, 37]
    assert [one.entry.event_id for one in log.after(0, 999)] == [one.event_id for one in many]
