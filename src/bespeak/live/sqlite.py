"""The log in one SQLite file: write-ahead log, synced at every commit."""

from __future__ import annotations

import fcntl
import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bespeak.errors import LogUnavailable
from bespeak.live.event import Entry
from bespeak.live.log import Kept, Seen, joins_of

PATIENCE_MS = 10_000
"""How long one process waits for another's commit."""
CHECKPOINT_PAGES = 4_000
"""Pages (16 MB) after which SQLite moves its write-ahead log into the file."""
LAYOUT = 1
"""Of the tables; another number is another layout."""

TABLES = """
CREATE TABLE IF NOT EXISTS events (
  position INTEGER PRIMARY KEY AUTOINCREMENT,
  event_id TEXT NOT NULL UNIQUE,
  visitor TEXT NOT NULL,
  session TEXT,
  item_id TEXT,
  type TEXT NOT NULL,
  time INTEGER NOT NULL,
  received INTEGER NOT NULL,
  body BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS events_of ON events (visitor, position) WHERE item_id IS NOT NULL;
CREATE TABLE IF NOT EXISTS joined (
  session TEXT PRIMARY KEY,
  visitor TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS joined_to ON joined (visitor);
"""
APPEND = """
INSERT INTO events (event_id, visitor, session, item_id, type, time, received, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (event_id) DO NOTHING
"""
JOIN = """
INSERT INTO joined (session, visitor, at) VALUES (?, ?, (SELECT max(position) FROM events))
ON CONFLICT (session) DO UPDATE SET visitor = excluded.visitor, at = excluded.at
WHERE visitor <> excluded.visitor
"""
HISTORY = """
WITH own AS (
  SELECT value AS visitor, ?3 AS since FROM json_each(?1)
  UNION ALL
  SELECT 'session:' || session, iif(at > ?3, 0, ?3) FROM joined
  WHERE visitor IN (SELECT value FROM json_each(?1))
), whose AS (SELECT visitor, min(since) AS since FROM own GROUP BY visitor)
SELECT item_id, type, time FROM whose JOIN events USING (visitor)
WHERE item_id IS NOT NULL AND position > since
ORDER BY position DESC LIMIT ?2
"""
AFTER = """
SELECT position, received, event_id, visitor, session, item_id, type, time, body
FROM events WHERE position > ? ORDER BY position LIMIT ?
"""


class SQLiteLog:
    """See `Log`. Any thread may use it; each thread and process has its own connection."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mine = threading.local()
        self._opened: list[sqlite3.Connection] = []
        with self._told(), self._connection() as connection:
            found = connection.execute("PRAGMA user_version").fetchone()[0]
            if found not in {0, LAYOUT}:
                raise LogUnavailable(
                    f"{path}: its layout is another version's",
                    found=str(found),
                    expected=str(LAYOUT),
                    next_step="Use the bespeak that wrote it, or move the file away.",
                )
            connection.executescript(f"{TABLES} PRAGMA user_version = {LAYOUT};")

    def append(self, batches: Sequence[Sequence[Entry]], received: int) -> list[int]:
        joins = joins_of(batches)
        new = []
        with self._told(), self._connection() as connection, self._turn(), _transaction(connection):
            for entries in batches:
                before = connection.total_changes
                connection.executemany(APPEND, (_row(one, received) for one in entries))
                new.append(connection.total_changes - before)
            if joins:
                connection.executemany(JOIN, joins.items())
        return new

    def history(self, visitors: Sequence[str], limit: int, *, after: int = 0) -> list[Seen]:
        asked = (json.dumps(list(visitors)), limit, after)
        with self._told(), self._connection() as connection:
            rows = connection.execute(HISTORY, asked).fetchall()
        return [Seen(*row) for row in reversed(rows)]

    def after(self, position: int, limit: int) -> Iterator[Kept]:
        with self._told(), self._connection() as connection:
            rows = connection.execute(AFTER, (position, limit)).fetchall()
        for at, received, *entry in rows:
            yield Kept(at, received, Entry(*entry))

    def last(self) -> int:
        with self._told(), self._connection() as connection:
            found = connection.execute("SELECT max(position) FROM events").fetchone()[0]
        return int(found or 0)

    def part(self, session: str) -> bool:
        with self._told(), self._connection() as connection, _transaction(connection):
            gone = connection.execute("DELETE FROM joined WHERE session = ?", (session,))
            return gone.rowcount > 0

    def close(self) -> None:
        while self._opened:
            self._opened.pop().close()
        self._mine = threading.local()

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """This thread's own."""
        if not hasattr(self._mine, "connection"):
            # closed by whichever thread closes the log
            opened = sqlite3.connect(
                self._path, timeout=PATIENCE_MS / 1000, isolation_level=None,
                check_same_thread=False, cached_statements=16,
            )  # fmt: skip
            self._opened.append(opened)
            for setting in (
                "journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON",
                f"wal_autocheckpoint = {CHECKPOINT_PAGES}", f"busy_timeout = {PATIENCE_MS}",
            ):  # fmt: skip
                opened.execute(f"PRAGMA {setting}")
            self._mine.connection = opened
        yield self._mine.connection

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait for the other processes' appends in the order of asking.

        SQLite itself tries again after a sleep, up to a tenth of a second, and the luckier writer
        may go first many times. A process that dies loses its turn.
        """
        with self._path.with_name(f"{self._path.name}-turn").open("wb") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield

    @contextmanager
    def _told(self) -> Iterator[None]:
        """SQLite's and the disk's errors in our words."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise LogUnavailable(
                f"{self._path}: the event log can't be used: {error}",
                next_step="Check the disk's space and rights; nothing acknowledged is lost.",
            ) from error


def _row(one: Entry, received: int) -> tuple[object, ...]:
    return (
        one.event_id, one.visitor, one.session, one.item_id, one.type, one.time, received, one.body
    )  # fmt: skip


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing; the write lock is taken at once, so that two writers never deadlock."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
