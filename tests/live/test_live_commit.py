"""Many requests, one transaction; each is answered when its events are on disk."""

from __future__ import annotations

import threading
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
