"""Rows of a query: SQLite through Python itself, PostgreSQL through ADBC (extra `postgres`)."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pyarrow as pa

from bespeak.addresses import address
from bespeak.collect.batches import DAMAGED, Batch, Reading, Refused, text_table
from bespeak.collect.names import name_columns
from bespeak.collect.options import Options
from bespeak.errors import ConfigInvalid, EngineUnavailable, SourceMissing, SourceUnreadable

SQLITE = "sqlite:///"
_POSTGRES = re.compile(r"postgres(?:ql)?://")
_ROWS = 16_384


def sqlite_path(database: str, root: Path) -> Path | None:
    """The file of `sqlite:///path`, relative to `root`; None for a server."""
    if not database.startswith(SQLITE):
        return None
    return root / unquote(database.removeprefix(SQLITE).partition("?")[0])


def read_sql(path: Path | None, options: Options) -> Reading:
    """Rows of `options.query`, numbered as they come; every value is text, null stays null.

    path   : the SQLite file; for PostgreSQL, or a path from the current folder, see
             `options.database`
    raises : SourceMissing, SourceUnreadable where the database or the query can't be used;
             EngineUnavailable without the extra; ConfigInvalid for another kind of database
    """
    database = options.database or ""
    if path is None and database:
        path = sqlite_path(database, Path())
    if path is not None:
        return _sqlite(path, options)
    if _POSTGRES.match(database):
        return _postgres(database, options)
    raise ConfigInvalid(
        "key `database`",
        found=f"{database.partition(':')[0]}:…" if ":" in database else "no address",
        expected="sqlite:///path or postgresql://user@host/name",
        next_step="For another database, export the query's rows to CSV or Parquet.",
    )


def _impossible(where: str, why: str) -> SourceUnreadable:
    return SourceUnreadable(
        f"{where}: the query can't be answered: {why}",
        next_step="Try the query in a database program, and correct `query`.",
    )


# -- SQLite --------------------------------------------------------------------------------------


def sqlite_tables(path: Path) -> list[str]:
    """Names of the tables and views of a SQLite file, sorted."""
    with closing(_connect(path)) as connection:
        try:
            found = connection.execute(
                "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')"
                " AND name NOT LIKE 'sqlite_%' ORDER BY name"
            ).fetchall()
        except sqlite3.Error as error:
            raise _impossible(path.name, str(error)) from error
    return [name for (name,) in found]


def _connect(path: Path) -> sqlite3.Connection:
    if not path.is_file():
        raise SourceMissing(
            f"{path}: there is no such database",
            next_step="Check `database`; its path is relative to the workspace.",
        )
    try:
        connection = sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=ro", uri=True)
    except sqlite3.Error as error:
        raise _impossible(path.name, str(error)) from error
    connection.text_factory = lambda text: text.decode("utf-8", "surrogateescape")
    return connection


def _sqlite(path: Path, options: Options) -> Reading:
    query, said = options.query, list[str]()
    if query is None:
        query, said = _any_table(path)
    connection = _connect(path)
    try:
        cursor = connection.execute(query)
    except (sqlite3.Error, sqlite3.Warning) as error:
        connection.close()
        raise _impossible(path.name, str(error)) from error
    if cursor.description is None:
        connection.close()
        raise _impossible(path.name, "it returns no rows but changes something")
    columns, named = name_columns(path.name, [each[0] for each in cursor.description], options)
    return Reading(_sqlite_batches(path, connection, cursor, columns), said=[*said, *named])


def _any_table(path: Path) -> tuple[str, list[str]]:
    """A query for the first table, for a look at a file that nobody has described yet."""
    tables = sqlite_tables(path)
    if not tables:
        raise SourceUnreadable(
            f"{path.name}: the database has no tables",
            expected="a table or view",
            next_step="Check that it is the right file.",
        )
    quoted = tables[0].replace('"', '""')
    said = [f"The tables are {', '.join(tables)}; this is `{tables[0]}`."]
    return f'SELECT * FROM "{quoted}"', said


def _sqlite_batches(
    path: Path, connection: sqlite3.Connection, cursor: sqlite3.Cursor, columns: Sequence[str]
) -> Iterator[Batch]:
    row = 0
    with closing(connection):
        while True:
            try:
                found = cursor.fetchmany(_ROWS)
            except sqlite3.Error as error:
                raise _impossible(path.name, str(error)) from error
            yield _batch(found, columns, row)
            row += len(found)
            if not found:
                return


def _batch(found: Sequence[Sequence[Any]], columns: Sequence[str], before: int) -> Batch:
    kept: list[list[str | None]] = []
    numbers: list[int] = []
    refused = []
    for row, values in enumerate(found, start=before + 1):
        texts = [_text(value) for value in values]
        bad = [name for name, text in zip(columns, texts, strict=True) if _damaged(text)]
        if bad:
            refused.append(
                Refused(row, "undecodable_text", f"broken text in `{bad[0]}`", "UTF-8 text", "")
            )
            continue
        kept.append(texts)
        numbers.append(row)
    by_column = zip(*kept, strict=True) if kept else iter([()] * len(columns))
    named = {name: list(values) for name, values in zip(columns, by_column, strict=True)}
    return Batch(text_table(named, numbers), refused)


def _text(value: Any) -> str | None:
    """A stored value as text; bytes that are no text as hexadecimal digits."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.hex()
    return repr(value)


def _damaged(text: str | None) -> bool:
    return text is not None and not text.isascii() and DAMAGED.search(text) is not None


# -- PostgreSQL ----------------------------------------------------------------------------------


def _postgres(database: str, options: Options) -> Reading:
    try:
        from adbc_driver_manager import Error
        from adbc_driver_postgresql import dbapi
    except ImportError as error:
        raise EngineUnavailable(
            "a source reads from PostgreSQL, for which the driver is not installed",
            next_step="Run `pip install 'bespeak[postgres]'`.",
        ) from error
    if options.query is None:
        raise ConfigInvalid("key `query`", expected="what to select from the database")
    place = address(database, "database")
    shown = place.shown
    try:
        connection = dbapi.connect(database)
    except Error as error:
        raise SourceMissing(
            f"{shown}: no connection: {place.clean(_said(error))}",
            next_step="Check that the server runs and that `database` names it rightly.",
        ) from error
    query = options.query.strip().rstrip(";")
    cursor = connection.cursor()
    try:
        # nothing that a query of the config says can change the database
        cursor.execute("SET TRANSACTION READ ONLY")
        cursor.execute("SET LOCAL TimeZone = 'UTC'")
        cursor.execute("SET LOCAL DateStyle = 'ISO'")
        cursor.execute(f"SELECT * FROM ({query}\n) AS q LIMIT 0")
        names = cursor.fetch_arrow_table().column_names
    except Error as error:
        connection.close()
        raise _impossible(shown, _said(error)) from error
    columns, said = name_columns(shown, names, options)
    places = [f"c{at}" for at in range(len(columns))]
    texts = ", ".join(f"{place}::text" for place in places)
    whole = f"SELECT {texts} FROM ({query}\n) AS q({', '.join(places)})"
    return Reading(_postgres_batches(shown, connection, whole, columns), said=said)


def _postgres_batches(
    shown: str, connection: Any, query: str, columns: Sequence[str]
) -> Iterator[Batch]:
    from adbc_driver_manager import Error

    row = 0
    yield Batch(text_table({name: [] for name in columns}, []))
    with closing(connection), closing(connection.cursor()) as cursor:
        try:
            cursor.execute(query)
            for found in cursor.fetch_record_batch():
                table = pa.table([each.cast(pa.string()) for each in found.columns], list(columns))
                numbers = pa.array(range(row + 1, row + 1 + found.num_rows), pa.int64())
                row += found.num_rows
                yield Batch(table.append_column("_row", numbers))
        except (Error, pa.ArrowException, OSError) as error:
            # here the server may quote a value that it could not compute with
            why = re.sub(r'"[^"]*"', '"…"', _said(error))
            raise _impossible(shown, why) from error


def _said(error: Exception) -> str:
    line = next((line for line in str(error).splitlines() if line.strip()), "")
    return line.strip().rstrip(".")
