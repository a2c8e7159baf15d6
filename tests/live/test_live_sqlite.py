"""The SQLite log keeps the contract, survives a killed writer, and says what is wrong."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bespeak.errors import LogUnavailable
from bespeak.live import Log, SQLiteLog, sqlite
from contracts.event_log import EventLogContract, Open, entry, ids

WRITER = """
import sys
from pathlib import Path
from bespeak.live import Entry, SQLiteLog
log = SQLiteLog(Path(sys.argv[1]))
for at in range(1_000_000):
    log.append([[Entry(f"e{at}-{n}", "v", None, "i", "view", 1, b"{}") for n in range(10)]], 1)
    print(at, flush=True)
"""


@pytest.fixture
def open_log(tmp_path: Path) -> Iterator[Open]:
    opened: list[SQLiteLog] = []

    def make(**settings: Any) -> Log:
        opened.append(SQLiteLog(tmp_path / "live.db", **settings))
        return opened[-1]

    yield make
    for log in opened:
        log.close()


class TestSQLiteLog(EventLogContract):
    """Every promise of a log."""


def test_what_somebody_was_shown_is_found_by_its_index(tmp_path: Path) -> None:
    log = SQLiteLog(tmp_path / "live.db")
    log.index_shown()
    log.close()
    with closing(sqlite3.connect(tmp_path / "live.db")) as connection:
        asked = ('["v"]', 9, 0, 0)
        plan = connection.execute(f"EXPLAIN QUERY PLAN {sqlite.SHOWN_TO}", asked).fetchall()
    assert any("events_shown (visitor=? AND time>?)" in row[3] for row in plan), plan


def test_a_writer_killed_at_any_moment_leaves_all_it_acknowledged_and_nothing_halved(
    tmp_path: Path,
) -> None:
    for turn in range(5):
        path = tmp_path / f"{turn}.db"
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout is not None
            acknowledged = [int(writer.stdout.readline()) for _ in range(20 + 7 * turn)][-1]
            os.kill(writer.pid, signal.SIGKILL)
        log = SQLiteLog(path)
        ids = [kept.entry.event_id for kept in log.after(0, 10**6)]
        assert len(ids) == len(set(ids))
        assert len(ids) % 10 == 0
        assert len(ids) >= 10 * (acknowledged + 1)
        log.append([[entry("after")]], received=2)
        assert log.last() > 0
        log.close()


def test_a_file_that_is_no_log_is_named(tmp_path: Path) -> None:
    path = tmp_path / "live.db"
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(LogUnavailable, match=r"live\.db"):
        SQLiteLog(path)


def test_a_log_of_another_layout_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "live.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(LogUnavailable, match="99"):
        SQLiteLog(path)


def test_a_failed_append_keeps_none_of_its_events(tmp_path: Path) -> None:
    log = SQLiteLog(tmp_path / "live.db")
    with sqlite3.connect(tmp_path / "live.db") as other:
        other.execute(
            "CREATE TRIGGER no BEFORE INSERT ON events WHEN new.event_id = 'bad'"
            " BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
    with pytest.raises(LogUnavailable, match="full"):
        log.append([[entry("good"), entry("bad")]], received=1)
    assert log.last() == 0
    assert log.append([[entry("good")]], received=1) == [1]
    log.close()


HOLDER = """
import fcntl, sys, time
with open(sys.argv[1], "wb") as stream:
    fcntl.flock(stream, fcntl.LOCK_EX)
    print("mine", flush=True)
    time.sleep(60)
"""


def test_an_append_waits_for_its_turn_and_a_writer_that_dies_loses_its_own(tmp_path: Path) -> None:
    log = SQLiteLog(tmp_path / "live.db")
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path / "live.db-turn")], stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"mine\n"
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(log.append, [[entry("a")]], 7)
        with pytest.raises(FutureTimeout):
            waiting.result(0.2)
        assert log.history(["customer:1"], 10) == []
        holder.kill()
        holder.wait()
        assert waiting.result(5) == [1]
    log.close()


def test_the_bytes_of_an_erased_person_are_in_no_file_of_the_log(tmp_path: Path) -> None:
    log, other = SQLiteLog(tmp_path / "live.db"), SQLiteLog(tmp_path / "live.db")
    chosen = random.Random(1)
    for batch in range(40):  # names in no order: pages are split, and keep stale copies of them
        numbers = [chosen.randrange(10**6) for _ in range(500)]
        names = [f"customer:{n}-{'aurelia' if n % 20 == 0 else 'nobody'}" for n in numbers]
        log.append([[entry(f"{batch}-{n}", who) for n, who in enumerate(names)]], received=1)
    assert other.last() == 20_000
    found = [kept.entry.visitor for kept in log.after(0, 20_000)]
    gone = {who for who in found if "aurelia" in who}
    assert log.erase(gone) == sum(who in gone for who in found)
    for path in tmp_path.iterdir():
        assert b"aurelia" not in path.read_bytes(), path.name
    assert len(ids(other)) == 1_000
    log.close()
    other.close()


def test_workers_that_open_a_new_log_at_once_wait_for_each_other(tmp_path: Path) -> None:
    together = threading.Barrier(8)

    def first(path: Path) -> list[Any]:
        together.wait()
        log = SQLiteLog(path)
        try:
            return list(log.after(0, 1))
        finally:
            log.close()

    with ThreadPoolExecutor(8) as workers:
        for number in range(20):  # SQLite refused one of eight in about one round of ten
            found = list(workers.map(first, [tmp_path / f"{number}.db"] * 8))
            assert found == [[]] * 8
