"""The log in one SQLite file: write-ahead log, synced at every commit."""

from __future__ import annotations

import fcntl
import json
import sqlite3
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from bespeak.columns import SESSION
from bespeak.consent import Consent
from bespeak.errors import LogUnavailable
from bespeak.live.changes import Change, KeptChange, folded, kept_change, named
from bespeak.live.consents import consent_of, new_words, speaking
from bespeak.live.event import Entry, items_shown
from bespeak.live.log import Admit, Held, Kept, Lately, Seen, Shown, everybody, joins_of

PATIENCE_MS = 10_000
"""How long one process waits for another's commit."""
CHECKPOINT_PAGES = 4_000
"""Pages (16 MB) after which SQLite moves its write-ahead log into the file."""
DROPPED = 10_000
"""Old events that leave in one transaction: others write between two."""
LAYOUT = 1
"""Of the tables; another number is another layout. One more table is no other layout: a file that
lacks it gets it when it is opened."""

OF_SESSION = f"{SESSION}:"
ALIKE = 32
"""Statements that are kept ready."""

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
CREATE INDEX IF NOT EXISTS events_else ON events (visitor, position)
WHERE item_id IS NULL AND type <> 'impression';
CREATE TABLE IF NOT EXISTS joined (
  session TEXT PRIMARY KEY,
  visitor TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS joined_to ON joined (visitor);
CREATE TABLE IF NOT EXISTS changes (
  position INTEGER PRIMARY KEY AUTOINCREMENT,
  item_id TEXT NOT NULL,
  time INTEGER NOT NULL,
  body BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS changes_of ON changes (item_id, position);
CREATE TABLE IF NOT EXISTS consents (
  visitor TEXT NOT NULL,
  purpose TEXT NOT NULL,
  agreed INTEGER NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (visitor, purpose)
) STRICT, WITHOUT ROWID;
"""
APPEND = """
INSERT INTO events (event_id, visitor, session, item_id, type, time, received, body)
VALUES {rows} ON CONFLICT (event_id) DO NOTHING
"""
ROWS = (100, 10, 1)
"""Rows of one statement: between two, other threads of this process may want to run."""
APPENDS = MappingProxyType(
    {count: APPEND.format(rows=", ".join(["(?, ?, ?, ?, ?, ?, ?, ?)"] * count)) for count in ROWS}
)
JOIN = """
INSERT INTO joined (session, visitor, at) VALUES (?, ?, (SELECT max(position) FROM events))
ON CONFLICT (session) DO UPDATE SET visitor = excluded.visitor, at = excluded.at
WHERE visitor <> excluded.visitor
"""
SAID = """
INSERT INTO consents (visitor, purpose, agreed, at) VALUES (?, ?, ?, ?)
ON CONFLICT (visitor, purpose) DO UPDATE SET agreed = excluded.agreed, at = excluded.at
WHERE excluded.at >= at
"""
KNOWN = "SELECT event_id FROM events WHERE event_id IN (SELECT value FROM json_each(?))"
CONSENTS = """
SELECT visitor, purpose, agreed, at FROM consents WHERE visitor IN (
  SELECT value FROM json_each(?1)
  UNION ALL SELECT 'session:' || session FROM joined
  WHERE visitor IN (SELECT value FROM json_each(?1))
)
"""
EVERY_CONSENT = "SELECT visitor, purpose, agreed, at FROM consents ORDER BY visitor, purpose"
WHOSE = """
WITH own AS (
  SELECT value AS visitor, ?3 AS since FROM json_each(?1)
  UNION ALL
  SELECT 'session:' || session, iif(at > ?3, 0, ?3) FROM joined
  WHERE visitor IN (SELECT value FROM json_each(?1))
), whose AS (SELECT visitor, min(since) AS since FROM own GROUP BY visitor)
"""
HISTORY = f"""{WHOSE}
SELECT item_id, type, time FROM whose JOIN events USING (visitor)
WHERE item_id IS NOT NULL AND type <> 'impression' AND position > since
ORDER BY position DESC LIMIT ?2
"""
# ?1 limit, ?2 after, then a visitor each: a list in JSON costs as much as all the rest
LATELY = """
WITH own (visitor, since) AS MATERIALIZED (
  VALUES {asked}
  UNION ALL
  SELECT 'session:' || session, iif(at > ?2, 0, ?2) FROM joined WHERE visitor IN ({visitors})
){grouped}
SELECT * FROM (
  SELECT 0, position, item_id, type, time FROM {whose} CROSS JOIN events USING (visitor)
  WHERE item_id IS NOT NULL AND type <> 'impression' AND position > since
  ORDER BY position DESC LIMIT ?1
)
UNION ALL SELECT 1, at, visitor, purpose, agreed FROM {whose} CROSS JOIN consents USING (visitor)
UNION ALL SELECT 2, max(position), NULL, NULL, NULL FROM changes
"""
# a session that is named may be joined to one of the others as well; nobody else comes twice
GROUPED = ", whose AS MATERIALIZED (SELECT visitor, min(since) AS since FROM own GROUP BY visitor)"
SHOWN_TO = f"""{WHOSE}
SELECT body, time FROM whose JOIN events USING (visitor)
WHERE item_id IS NULL AND type = 'impression' AND time > ?4 AND position > since
ORDER BY time DESC LIMIT ?2
"""
INDEX_SHOWN = """
CREATE INDEX IF NOT EXISTS events_shown ON events (visitor, time)
WHERE item_id IS NULL AND type = 'impression'
"""
DONE = """
SELECT position, received, event_id, visitor, session, item_id, type, time, body
FROM whose JOIN events USING (visitor)
WHERE {about} AND type <> 'impression' AND position > since
"""
# each half has an index of its own
SINCE = f"""{WHOSE}
{DONE.format(about="item_id IS NOT NULL")} UNION ALL {DONE.format(about="item_id IS NULL")}
ORDER BY position LIMIT ?2
"""
AFTER = """
SELECT position, received, event_id, visitor, session, item_id, type, time, body
FROM events WHERE position > ? ORDER BY position LIMIT ?
"""
LATEST_CHANGES = """
SELECT item_id, body FROM changes WHERE position IN (
  SELECT max(position) FROM changes WHERE item_id IN (SELECT value FROM json_each(?))
  GROUP BY item_id
)
"""
CHANGE = "INSERT INTO changes (item_id, time, body) VALUES (?, ?, ?)"
CHANGES_AFTER = """
SELECT position, item_id, time, body FROM changes WHERE position > ? ORDER BY position LIMIT ?
"""

OF = """
FROM events WHERE position > ?2 AND position <= ?3 AND (
  visitor IN (SELECT value FROM json_each(?1))
  OR 'session:' || session IN (SELECT value FROM json_each(?1))
  OR EXISTS (
    SELECT 1 FROM json_each(CAST(body AS TEXT), '$.identifiers') AS told
    WHERE told.value IN (SELECT value FROM json_each(?1))
  )
)
"""
PART = """
DELETE FROM joined WHERE visitor IN (SELECT value FROM json_each(?1))
OR 'session:' || session IN (SELECT value FROM json_each(?1))
"""
# who never said who they are is remembered by the record alone
PASSED = """
DELETE FROM consents WHERE visitor >= 'session:' AND visitor < 'session;' AND at < ?
"""
UNSAY = "DELETE FROM consents WHERE visitor IN (SELECT value FROM json_each(?))"
OLD = """
DELETE FROM events WHERE position IN (
  SELECT position FROM events WHERE position <= ?1 AND received < ?2 ORDER BY position LIMIT ?3
)
"""
# a session of which nothing is left is of use to nobody
LEFT = """
DELETE FROM joined WHERE at < (SELECT coalesce(min(position), ?1) FROM events) AND NOT EXISTS (
  SELECT 1 FROM events WHERE visitor = 'session:' || joined.session AND item_id IS NOT NULL
)
"""
FOREVER = 2**62
UNWRITABLE = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL})


class SQLiteLog:
    """See `Log`. Any thread may use it; each thread and process has its own connection."""

    def __init__(self, path: Path, *, admit: Admit = everybody) -> None:
        self._path, self._admit = path, admit
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
            self._lay_out(connection, made=found == LAYOUT)

    def append(self, batches: Sequence[Sequence[Entry]], received: int) -> list[int]:
        new = []
        with self._told(), self._connection() as connection, self._turn(), _transaction(connection):
            batches = [self._admit(entries) for entries in batches]
            joins = joins_of(batches)
            words = speaking(one for entries in batches for one in entries)
            known = _known(connection, words) if words else set()
            for entries in batches:
                before = connection.total_changes
                _append(connection, entries, received)
                new.append(connection.total_changes - before)
            if joins:
                connection.executemany(JOIN, joins.items())
            connection.executemany(SAID, new_words(words, known))
        return new

    def history(self, visitors: Sequence[str], limit: int, *, after: int = 0) -> list[Seen]:
        asked = (json.dumps(list(visitors)), limit, after)
        with self._told(), self._connection() as connection:
            rows = connection.execute(HISTORY, asked).fetchall()
        return [Seen(*row) for row in reversed(rows)]

    def lately(self, visitors: Sequence[str], limit: int, *, after: int) -> Lately:
        asked: Sequence[str | None] = visitors or [None]  # nobody: equal to no visitor
        named = any(one.startswith(OF_SESSION) for one in visitors)
        statement = _lately(len(asked), sessions=named)
        with self._told():
            found = self._own().execute(statement, (limit, after, *asked)).fetchall()
        return Lately.of(found)

    def shown(self, visitors: Sequence[str], limit: int, *, since: int) -> list[Shown]:
        asked = (json.dumps(list(visitors)), limit, 0, since)
        with self._told(), self._connection() as connection:
            rows = connection.execute(SHOWN_TO, asked).fetchall()
        return [Shown(items_shown(body), time) for body, time in rows]

    def index_shown(self) -> None:
        with self._told(), self._connection() as connection:
            connection.execute(INDEX_SHOWN)

    def since(self, visitors: Sequence[str], limit: int, *, after: int) -> list[Kept]:
        asked = (json.dumps(list(visitors)), limit, after)
        with self._told(), self._connection() as connection:
            rows = connection.execute(SINCE, asked).fetchall()
        return [Kept(at, received, Entry(*entry)) for at, received, *entry in rows]

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

    def of(self, identifiers: Collection[str], *, after: int = 0) -> list[Kept]:
        columns = "position, received, event_id, visitor, session, item_id, type, time, body"
        asked = (_listed(identifiers), after, FOREVER)
        with self._told(), self._connection() as connection:
            rows = connection.execute(f"SELECT {columns} {OF} ORDER BY position", asked).fetchall()
        return [Kept(at, received, Entry(*entry)) for at, received, *entry in rows]

    def sessions(self, visitors: Collection[str]) -> list[str]:
        asked = "SELECT session FROM joined WHERE visitor IN (SELECT value FROM json_each(?))"
        with self._told(), self._connection() as connection:
            return [found for (found,) in connection.execute(asked, (_listed(visitors),))]

    def owner(self, session: str) -> str | None:
        asked = "SELECT visitor FROM joined WHERE session = ?"
        with self._told(), self._connection() as connection:
            found = connection.execute(asked, (session,)).fetchone()
        return None if found is None else str(found[0])

    def consents(self, visitors: Collection[str]) -> list[Consent]:
        with self._told(), self._connection() as connection:
            rows = connection.execute(CONSENTS, (_listed(visitors),)).fetchall()
        return [consent_of(*row) for row in rows]

    def every_consent(self) -> list[Consent]:
        with self._told(), self._connection() as connection:
            return [consent_of(*row) for row in connection.execute(EVERY_CONSENT)]

    def erase(self, identifiers: Collection[str]) -> int:
        listed, seen = _listed(identifiers), self.last()
        with self._told(), self._connection() as connection:
            # the long search keeps nobody waiting; what comes meanwhile is searched alone
            found = connection.execute(f"SELECT position {OF}", (listed, 0, seen)).fetchall()
            with _transaction(connection):
                found += connection.execute(f"SELECT position {OF}", (listed, seen, FOREVER))
                connection.executemany("DELETE FROM events WHERE position = ?", found)
                connection.execute(PART, (listed,))
                connection.execute(UNSAY, (listed,))
            self._scrub(connection)
        return len(found)

    def drop(self, until: int, *, before: int | None = None, most: int | None = None) -> int:
        received = FOREVER if before is None else before
        left = FOREVER if most is None else most
        gone = 0
        with self._told(), self._connection() as connection:
            while left > 0:
                with _transaction(connection):
                    asked = (until, received, min(left, DROPPED))
                    count = connection.execute(OLD, asked).rowcount
                gone, left = gone + count, left - count
                if count < DROPPED:
                    break
            with _transaction(connection):
                if gone:
                    connection.execute(LEFT, (until,))
                if before is not None:
                    connection.execute(PASSED, (before,))
        return gone

    def held(self) -> Held:
        with self._told(), self._connection() as connection:
            asked = "SELECT count(*), min(received) FROM events"
            events, oldest = connection.execute(asked).fetchone()
            pages, free, size = (
                connection.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("page_count", "freelist_count", "page_size")
            )
        return Held(events, (pages - free) * size, oldest)

    def change(self, changes: Sequence[Change], received: int) -> None:
        with self._told(), self._connection() as connection, _transaction(connection):
            before = dict(connection.execute(LATEST_CHANGES, (json.dumps(named(changes)),)))
            rows = folded(changes, before)
            connection.executemany(CHANGE, ((item, received, body) for item, body in rows))

    def changes_after(self, position: int, limit: int) -> Iterator[KeptChange]:
        with self._told(), self._connection() as connection:
            rows = connection.execute(CHANGES_AFTER, (position, limit)).fetchall()
        for row in rows:
            yield kept_change(*row)

    def changes_last(self) -> int:
        with self._told(), self._connection() as connection:
            found = connection.execute("SELECT max(position) FROM changes").fetchone()[0]
        return int(found or 0)

    def probe(self) -> None:
        with self._told(), self._connection() as connection, _transaction(connection):
            # writes the file's first page as it is: a disk that is full has no room for that either
            connection.execute(f"PRAGMA user_version = {LAYOUT}")

    def close(self) -> None:
        while self._opened:
            self._opened.pop().close()
        self._mine = threading.local()

    def _scrub(self, connection: sqlite3.Connection) -> None:
        """Write the file anew, and empty the write-ahead log: what was deleted is nowhere.

        Pages that were split keep stale copies of rows, which deleting does not reach.
        """
        connection.execute("VACUUM")
        busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        if busy:
            raise LogUnavailable(
                f"{self._path}: events were erased, but readers hold the write-ahead log, which"
                " still has their bytes",
                next_step="Erase again when fewer requests are under way.",
            )

    def _lay_out(self, connection: sqlite3.Connection, *, made: bool) -> None:
        """Make what tables there are not; where nothing can be written but they were `made`, a
        server still has all to answer from, and each append will say so."""
        try:
            connection.executescript(f"{TABLES} PRAGMA user_version = {LAYOUT};")
        except sqlite3.OperationalError as error:
            if not made or error.sqlite_errorcode & 0xFF not in UNWRITABLE:
                raise

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """This thread's own."""
        yield self._own()

    def _own(self) -> sqlite3.Connection:
        """This thread's connection, opened at its first use."""
        known: sqlite3.Connection | None = getattr(self._mine, "connection", None)
        if known is not None:
            return known
        # closed by whichever thread closes the log
        opened = sqlite3.connect(
            self._path, timeout=PATIENCE_MS / 1000, isolation_level=None,
            check_same_thread=False, cached_statements=ALIKE,
        )  # fmt: skip
        self._opened.append(opened)
        _write_ahead(opened)
        for setting in (
            "synchronous = FULL", "foreign_keys = ON", "secure_delete = ON",
            f"wal_autocheckpoint = {CHECKPOINT_PAGES}", f"busy_timeout = {PATIENCE_MS}",
        ):  # fmt: skip
            opened.execute(f"PRAGMA {setting}")
        self._mine.connection = opened
        return opened

    def _let_go(self) -> None:
        """Close this thread's connection: one that was opened while the file could not be written
        would stay without that right when it can be again."""
        if hasattr(self._mine, "connection"):
            gone = self._mine.connection
            del self._mine.connection
            with suppress(ValueError):  # who closes the log took it already
                self._opened.remove(gone)
            gone.close()

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
            self._let_go()
            raise LogUnavailable(
                f"{self._path}: the event log can't be used: {error}",
                next_step="Check the disk's space and rights; nothing acknowledged is lost.",
            ) from error


@lru_cache(ALIKE)
def _lately(visitors: int, *, sessions: bool) -> str:
    """The statement for so many visitors.

    sessions : whether sessions are among them
    """
    places = [f"?{number + 3}" for number in range(visitors)]
    asked = ", ".join(f"({place}, ?2)" for place in places)
    whose, grouped = ("whose", GROUPED) if sessions else ("own", "")
    return LATELY.format(asked=asked, visitors=", ".join(places), whose=whose, grouped=grouped)


def _known(connection: sqlite3.Connection, entries: Sequence[Entry]) -> set[str]:
    """Those event_ids of the entries that are there already."""
    asked = (json.dumps([one.event_id for one in entries]),)
    return {event_id for (event_id,) in connection.execute(KNOWN, asked)}


def _listed(identifiers: Collection[str]) -> str:
    return json.dumps(sorted(identifiers))


def _append(connection: sqlite3.Connection, entries: Sequence[Entry], received: int) -> None:
    """Insert them in order, many rows a statement."""
    start = 0
    for count, statement in APPENDS.items():
        while len(entries) - start >= count:
            part = entries[start : start + count]
            values = [
                value
                for one in part
                for value in (
                    one.event_id, one.visitor, one.session, one.item_id, one.type, one.time,
                    received, one.body,
                )
            ]  # fmt: skip
            connection.execute(statement, values)
            start += count


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


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Turn the write-ahead log on: of several processes that do so first, SQLite refuses all but
    one at once, whatever their patience."""
    until = time.monotonic() + PATIENCE_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return
