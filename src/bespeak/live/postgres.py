"""The log in a PostgreSQL database (extra `postgres`): for shops that several machines serve."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from bespeak.addresses import address
from bespeak.consent import Consent
from bespeak.errors import EngineUnavailable, LogUnavailable
from bespeak.live.changes import Change, KeptChange, folded, kept_change, named
from bespeak.live.consents import consent_of, new_words, speaking
from bespeak.live.event import Entry, items_shown
from bespeak.live.log import Admit, Held, Kept, Lately, Seen, Shown, everybody, joins_of

if TYPE_CHECKING:
    import psycopg

PATIENCE_S = 10
"""How long to wait for other writers, and for a network that has fallen silent."""
CONNECTING_S = 3
"""How long to wait for a connection."""
AGAIN_S = 0.5
"""How often a server that is away is looked for."""
DROPPED = 10_000
"""Old events that leave in one transaction: others write between two."""
SETTING_UP = 5_042_026_114
"""Advisory lock under which the tables are made: two servers may start at once."""

TABLES = """
CREATE SCHEMA IF NOT EXISTS {schema};
CREATE TABLE IF NOT EXISTS events (
  position BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  event_id TEXT NOT NULL UNIQUE,
  visitor TEXT NOT NULL,
  session TEXT,
  item_id TEXT,
  type TEXT NOT NULL,
  time BIGINT NOT NULL,
  received BIGINT NOT NULL,
  body BYTEA NOT NULL
);
CREATE INDEX IF NOT EXISTS events_of ON events (visitor, position) WHERE item_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS events_else ON events (visitor, position)
WHERE item_id IS NULL AND type <> 'impression';
CREATE TABLE IF NOT EXISTS joined (
  session TEXT PRIMARY KEY,
  visitor TEXT NOT NULL,
  at BIGINT NOT NULL
);
CREATE INDEX IF NOT EXISTS joined_to ON joined (visitor);
CREATE TABLE IF NOT EXISTS changes (
  position BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  item_id TEXT NOT NULL,
  time BIGINT NOT NULL,
  body BYTEA NOT NULL
);
CREATE INDEX IF NOT EXISTS changes_of ON changes (item_id, position);
CREATE TABLE IF NOT EXISTS consents (
  visitor TEXT NOT NULL,
  purpose TEXT NOT NULL,
  agreed BOOLEAN NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (visitor, purpose)
);
"""
# one writer at a time, so that a position once seen has nothing unseen before it
LOCK = "LOCK TABLE events IN SHARE ROW EXCLUSIVE MODE"
APPEND = """
INSERT INTO events (event_id, visitor, session, item_id, type, time, received, body)
SELECT event_id, visitor, session, item_id, type, time, %s, body
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::bytea[])
  WITH ORDINALITY AS given (event_id, visitor, session, item_id, type, time, body, place)
ORDER BY place ON CONFLICT (event_id) DO NOTHING RETURNING event_id
"""
JOIN = """
INSERT INTO joined (session, visitor, at)
SELECT session, visitor, (SELECT max(position) FROM events)
FROM unnest(%s::text[], %s::text[]) AS given (session, visitor)
ON CONFLICT (session) DO UPDATE SET visitor = excluded.visitor, at = excluded.at
WHERE joined.visitor <> excluded.visitor
"""
SAID = """
INSERT INTO consents (visitor, purpose, agreed, at)
SELECT * FROM unnest(%s::text[], %s::text[], %s::boolean[], %s::bigint[])
ON CONFLICT (visitor, purpose) DO UPDATE SET agreed = excluded.agreed, at = excluded.at
WHERE excluded.at >= consents.at
"""
KNOWN = "SELECT event_id FROM events WHERE event_id = ANY(%s::text[])"
CONSENTS = """
WITH asked AS (SELECT unnest(%s::text[]) AS visitor)
SELECT visitor, purpose, agreed, at FROM consents WHERE visitor IN (
  SELECT visitor FROM asked
  UNION ALL SELECT 'session:' || session FROM joined WHERE visitor IN (SELECT visitor FROM asked)
)
"""
EVERY_CONSENT = """
SELECT visitor, purpose, agreed, at FROM consents ORDER BY visitor COLLATE "C", purpose COLLATE "C"
"""
WHOSE = """
WITH asked AS (SELECT unnest(%(visitors)s::text[]) AS visitor),
own AS (
  SELECT visitor, %(after)s::bigint AS since FROM asked
  UNION ALL
  SELECT 'session:' || session, CASE WHEN at > %(after)s THEN 0 ELSE %(after)s END FROM joined
  WHERE visitor IN (SELECT visitor FROM asked)
), whose AS (SELECT visitor, min(since) AS since FROM own GROUP BY visitor)
"""
HISTORY = f"""{WHOSE}
SELECT item_id, type, time FROM whose JOIN events USING (visitor)
WHERE item_id IS NOT NULL AND type <> 'impression' AND position > since
ORDER BY position DESC LIMIT %(limit)s
"""
LATELY = f"""{WHOSE}
SELECT * FROM (
  SELECT 0, position, item_id, type, time FROM whose JOIN events USING (visitor)
  WHERE item_id IS NOT NULL AND type <> 'impression' AND position > since
  ORDER BY position DESC LIMIT %(limit)s
) AS seen
UNION ALL
SELECT 1, at, visitor, purpose, agreed::int::bigint FROM whose JOIN consents USING (visitor)
UNION ALL SELECT 2, max(position), NULL, NULL, NULL FROM changes
"""
SHOWN_TO = f"""{WHOSE}
SELECT body, time FROM whose JOIN events USING (visitor)
WHERE item_id IS NULL AND type = 'impression' AND time > %(instant)s AND position > since
ORDER BY time DESC LIMIT %(limit)s
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
ORDER BY position LIMIT %(limit)s
"""
AFTER = """
SELECT position, received, event_id, visitor, session, item_id, type, time, body
FROM events WHERE position > %s ORDER BY position LIMIT %s
"""
LOCK_CHANGES = "LOCK TABLE changes IN SHARE ROW EXCLUSIVE MODE"
LATEST_CHANGES = """
SELECT DISTINCT ON (item_id) item_id, body FROM changes WHERE item_id = ANY(%s::text[])
ORDER BY item_id, position DESC
"""
CHANGE = """
INSERT INTO changes (item_id, time, body)
SELECT item_id, %s, body
FROM unnest(%s::text[], %s::bytea[]) WITH ORDINALITY AS given (item_id, body, place) ORDER BY place
"""
CHANGES_AFTER = """
SELECT position, item_id, time, body FROM changes WHERE position > %s ORDER BY position LIMIT %s
"""

OF = """
FROM events WHERE position > %(after)s AND (
  visitor = ANY(%(asked)s) OR 'session:' || session = ANY(%(asked)s) OR EXISTS (
    SELECT 1 FROM json_each_text(convert_from(body, 'UTF8')::json -> 'identifiers') AS told
    WHERE told.value = ANY(%(asked)s)
  )
)
"""
PART = """
DELETE FROM joined WHERE visitor = ANY(%(asked)s) OR 'session:' || session = ANY(%(asked)s)
"""
# who never said who they are is remembered by the record alone
PASSED = """
DELETE FROM consents WHERE visitor COLLATE "C" >= 'session:' AND visitor COLLATE "C" < 'session;'
AND at < %s
"""
UNSAY = "DELETE FROM consents WHERE visitor = ANY(%(asked)s)"
OLD = """
DELETE FROM events WHERE position IN (
  SELECT position FROM events
  WHERE position <= %(until)s AND (%(before)s::bigint IS NULL OR received < %(before)s)
  ORDER BY position LIMIT %(most)s
)
"""
# a session of which nothing is left is of use to nobody
LEFT = """
DELETE FROM joined WHERE at < (SELECT coalesce(min(position), %(until)s) FROM events)
AND NOT EXISTS (
  SELECT 1 FROM events WHERE visitor = 'session:' || joined.session AND item_id IS NOT NULL
)
"""
HELD = "SELECT count(*), coalesce(sum(pg_column_size(events.*)), 0), min(received) FROM events"


class PostgresLog:
    """See `Log`. Any thread may use it; each has its own connection, opened again when lost.

    While the server is away, every call fails at once, and a thread looks for it.
    """

    def __init__(self, database: str, *, schema: str = "bespeak", admit: Admit = everybody) -> None:
        """Open the log, and make its tables where they are not there.

        database : postgresql://…; its password is never shown
        raises   : EngineUnavailable without the extra; LogUnavailable where it can't be reached
        """
        try:
            import psycopg
        except ImportError as error:
            raise EngineUnavailable(
                "an event log in PostgreSQL needs the extra `postgres`",
                next_step="pip install 'bespeak[postgres]'",
            ) from error
        self._psycopg: Any = psycopg
        self._database, self._schema, self._admit = database, schema, admit
        self._address = address(database, "live.database")
        self._shown = f"PostgreSQL at {self._address.hosts or 'this machine'}"
        self._mine = threading.local()
        self._opened: list[psycopg.Connection[Any]] = []
        self._lock, self._closed = threading.Lock(), threading.Event()
        self._losses = 0
        self._away: str | None = None
        try:
            with self._connection() as connection, connection.transaction():
                connection.execute("SELECT pg_advisory_xact_lock(%s)", (SETTING_UP,))
                connection.execute(TABLES.format(schema=schema))
        except LogUnavailable:
            self.close()
            raise

    def append(self, batches: Sequence[Sequence[Entry]], received: int) -> list[int]:
        with self._connection() as connection, connection.transaction():
            connection.execute(LOCK)
            batches = [self._admit(entries) for entries in batches]
            joins = joins_of(batches)
            rows = [one for entries in batches for one in entries]
            columns = [
                [getattr(one, name) for one in rows]
                for name in ("event_id", "visitor", "session", "item_id", "type", "time", "body")
            ]
            words = speaking(rows)
            asked = ([one.event_id for one in words],)
            known = {one for (one,) in connection.execute(KNOWN, asked)} if words else set()
            said = new_words(words, known)
            new = {found for (found,) in connection.execute(APPEND, (received, *columns))}
            if joins:
                connection.execute(JOIN, ([*joins], [*joins.values()]))
            if said:
                connection.execute(SAID, tuple(map(list, zip(*said, strict=True))))
        counts = []
        for entries in batches:
            mine = {one.event_id for one in entries} & new
            new -= mine  # what two batches hold is the first one's
            counts.append(len(mine))
        return counts

    def history(self, visitors: Sequence[str], limit: int, *, after: int = 0) -> list[Seen]:
        asked = {"visitors": list(visitors), "after": after, "limit": limit}
        rows = self._read(HISTORY, asked)
        return [Seen(*row) for row in reversed(rows)]

    def lately(self, visitors: Sequence[str], limit: int, *, after: int) -> Lately:
        asked = {"visitors": list(visitors), "after": after, "limit": limit}
        return Lately.of(self._read(LATELY, asked))

    def shown(self, visitors: Sequence[str], limit: int, *, since: int) -> list[Shown]:
        asked = {"visitors": list(visitors), "after": 0, "limit": limit, "instant": since}
        return [Shown(items_shown(body), time) for body, time in self._read(SHOWN_TO, asked)]

    def index_shown(self) -> None:
        with self._connection() as connection, connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (SETTING_UP,))
            connection.execute(INDEX_SHOWN)

    def since(self, visitors: Sequence[str], limit: int, *, after: int) -> list[Kept]:
        asked = {"visitors": list(visitors), "after": after, "limit": limit}
        rows = self._read(SINCE, asked)
        return [Kept(at, received, Entry(*entry)) for at, received, *entry in rows]

    def after(self, position: int, limit: int) -> Iterator[Kept]:
        for at, received, *entry in self._read(AFTER, (position, limit)):
            yield Kept(at, received, Entry(*entry))

    def last(self) -> int:
        ((found,),) = self._read("SELECT coalesce(max(position), 0) FROM events")
        return int(found)

    def part(self, session: str) -> bool:
        with self._connection() as connection:
            gone = connection.execute("DELETE FROM joined WHERE session = %s", (session,))
            return gone.rowcount > 0

    def of(self, identifiers: Collection[str], *, after: int = 0) -> list[Kept]:
        columns = "position, received, event_id, visitor, session, item_id, type, time, body"
        asked = {"asked": list(identifiers), "after": after}
        rows = self._read(f"SELECT {columns} {OF} ORDER BY position", asked)
        return [Kept(at, received, Entry(*entry)) for at, received, *entry in rows]

    def sessions(self, visitors: Collection[str]) -> list[str]:
        asked = "SELECT session FROM joined WHERE visitor = ANY(%s)"
        return [found for (found,) in self._read(asked, (list(visitors),))]

    def owner(self, session: str) -> str | None:
        asked = "SELECT visitor FROM joined WHERE session = %s"
        found = self._read(asked, (session,))
        return str(found[0][0]) if found else None

    def consents(self, visitors: Collection[str]) -> list[Consent]:
        return [consent_of(*row) for row in self._read(CONSENTS, (list(visitors),))]

    def every_consent(self) -> list[Consent]:
        return [consent_of(*row) for row in self._read(EVERY_CONSENT)]

    def erase(self, identifiers: Collection[str]) -> int:
        asked = {"asked": list(identifiers), "after": 0}
        with self._connection() as connection:
            with connection.transaction():
                connection.execute(LOCK)
                gone = connection.execute(f"DELETE {OF}", asked).rowcount
                connection.execute(PART, asked)
                connection.execute(UNSAY, asked)
            connection.execute("VACUUM events, joined, consents")
        return gone

    def drop(self, until: int, *, before: int | None = None, most: int | None = None) -> int:
        gone = 0
        with self._connection() as connection:
            while most is None or gone < most:
                batch = DROPPED if most is None else min(DROPPED, most - gone)
                asked = {"until": until, "before": before, "most": batch}
                count = connection.execute(OLD, asked).rowcount
                gone += count
                if count < batch:
                    break
            if gone:
                connection.execute(LEFT, {"until": until})
            if before is not None:
                connection.execute(PASSED, (before,))
        return gone

    def held(self) -> Held:
        ((events, size, oldest),) = self._read(HELD)
        return Held(int(events), int(size), oldest)

    def change(self, changes: Sequence[Change], received: int) -> None:
        with self._connection() as connection, connection.transaction():
            connection.execute(LOCK_CHANGES)
            before = dict(connection.execute(LATEST_CHANGES, (named(changes),)).fetchall())
            rows = folded(changes, before)
            columns = [item for item, _ in rows], [body for _, body in rows]
            connection.execute(CHANGE, (received, *columns))

    def changes_after(self, position: int, limit: int) -> Iterator[KeptChange]:
        for row in self._read(CHANGES_AFTER, (position, limit)):
            yield kept_change(*row)

    def changes_last(self) -> int:
        ((found,),) = self._read("SELECT coalesce(max(position), 0) FROM changes")
        return int(found)

    def probe(self) -> None:
        with self._connection() as connection, connection.transaction():
            connection.execute(LOCK)

    def close(self) -> None:
        self._closed.set()
        with self._lock:
            while self._opened:
                self._opened.pop().close()
            self._mine = threading.local()

    def _read(self, asked: str, given: Any = ()) -> list[Any]:
        """All rows; asked once more where the connection at hand proved to be lost."""
        try:
            return self._rows(asked, given)
        except LogUnavailable:
            if self._away is not None or getattr(self._mine, "connection", None) is not None:
                raise
        return self._rows(asked, given)

    def _rows(self, asked: str, given: Any) -> list[Any]:
        with self._connection() as connection:
            return connection.execute(asked, given).fetchall()

    @contextmanager
    def _connection(self) -> Iterator[psycopg.Connection[Any]]:
        """This thread's own; one that broke is left, and the next call opens another."""
        if self._away is not None:
            raise self._unusable(self._away)
        mine = self._mine
        if getattr(mine, "losses", None) != self._losses:  # then this one is most likely lost too
            self._leave()
        try:
            if mine.connection is None:
                mine.connection = self._connect()
            yield mine.connection
        except self._psycopg.Error as error:
            if mine.connection is not None and mine.connection.broken:
                self._losses += 1
                self._leave()
            raise self._unusable(self._said(error)) from error

    def _leave(self) -> None:
        """This thread's connection is used no more."""
        left: psycopg.Connection[Any] | None = getattr(self._mine, "connection", None)
        self._mine.connection, self._mine.losses = None, self._losses
        if left is not None:
            left.close()
            with self._lock, suppress(ValueError):
                self._opened.remove(left)

    def _connect(self) -> psycopg.Connection[Any]:
        settings = {
            "search_path": self._schema, "synchronous_commit": "on",
            "lock_timeout": f"{PATIENCE_S}s", "idle_in_transaction_session_timeout": "60s",
        }  # fmt: skip
        try:
            made: psycopg.Connection[Any] = self._psycopg.connect(
                self._database, autocommit=True, connect_timeout=CONNECTING_S, keepalives_idle=5,
                keepalives_interval=2, keepalives_count=2, tcp_user_timeout=PATIENCE_S * 1_000,
                options=" ".join(f"-c {name}={value}" for name, value in settings.items()),
            )  # fmt: skip
        except self._psycopg.Error as error:
            self._gone(self._said(error))
            raise
        with self._lock:
            self._opened.append(made)
        return made

    def _gone(self, said: str) -> None:
        """Let every call fail at once until the server is there again: none waits for it."""
        with self._lock:
            if self._away is not None:
                return
            self._away = said
        threading.Thread(target=self._look, name="bespeak-log-away", daemon=True).start()

    def _look(self) -> None:
        while not self._closed.wait(AGAIN_S):
            try:
                connect = self._psycopg.connect
                connect(self._database, connect_timeout=CONNECTING_S).close()
            except self._psycopg.Error as error:
                self._away = self._said(error)
            else:
                self._away = None
                return

    def _unusable(self, said: str) -> LogUnavailable:
        return LogUnavailable(
            f"{self._shown}: the event log can't be used: {said}",
            next_step="Check the database; nothing acknowledged is lost.",
        )

    def _said(self, error: BaseException) -> str:
        """The driver's first line: the others quote rows or name every address that it tried."""
        said = self._address.clean(str(error)).strip().splitlines()
        return said[0] if said else "no answer"
