"""What a person points at when a workspace begins: files, folders, patterns, databases, topics."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from bespeak import kafka
from bespeak.collect.find import find_format
from bespeak.collect.messages import first_messages
from bespeak.collect.sql import SQLITE, sqlite_path, sqlite_tables
from bespeak.collect.vocabulary import meanings, plain
from bespeak.errors import BespeakError, SourceMissing

_TABLES = (
    "SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema NOT IN"
    " ('pg_catalog', 'information_schema') ORDER BY 1, 2"
)

TOPIC_ROWS = 5_000
"""Messages of a topic that are looked at."""

Row = Mapping[str, Any]


class Preview(Protocol):
    """The first rows of something readable: its columns, the rows, and what was found out."""

    def __call__(
        self, path: Path | None, **options: Any
    ) -> tuple[Sequence[str], Sequence[Row], Sequence[str]]: ...


@dataclass(frozen=True)
class Place:
    """One table that somebody pointed at: a file, a table of a database, or a topic."""

    shown: str
    """What messages call it."""
    path: Path | None = None
    database: str | None = None
    query: str | None = None
    topic: kafka.Kafka | None = None

    @property
    def stem(self) -> str:
        """Its bare name, from which a source's name and hints are made."""
        if self.path is not None and self.query is None:
            return re.sub(r"(\.\w{1,8}){1,2}$", "", self.path.name)
        return self.shown.rpartition("/")[2].rpartition(" ")[2]

    @property
    def hints(self) -> tuple[str, ...]:
        """What its name says that its rows are, by the vocabulary."""
        words = meanings("files")
        parts = [plain(part) for part in re.split(r"[\W_\d]+", self.stem) if part]
        told = [words[part] for part in parts if part in words]
        told += [kind for word, kind in words.items() if not word.isascii() and word in self.stem]
        return tuple(dict.fromkeys(told))

    def look(self, preview: Preview) -> tuple[Sequence[str], Sequence[Row], Sequence[str]]:
        """Its first rows.

        raises : BespeakError if it can't be read
        """
        if self.topic is not None:
            return first_messages(self.topic.topic, self.topic, TOPIC_ROWS)
        if self.query is None:
            return preview(self.path)
        asked = {"format": "sql", "query": self.query}
        if self.path is not None:
            return preview(self.path, **asked)
        return preview(None, database=self.database, **asked)


@dataclass(frozen=True)
class Unread:
    """What could not be looked at, and why."""

    shown: str
    why: str


def places(inputs: Sequence[str | Path], preview: Preview) -> list[Place | Unread]:
    """Everything that `inputs` name, each file or table once, in the order of their names.

    raises : SourceMissing, naming the input that is not there
    """
    found: dict[tuple[str | None, ...], Place | Unread] = {}
    for given in inputs:
        text = str(given)
        made = _addressed(text, preview) if "://" in text else _files(text)
        for each in made:
            query = each.query if isinstance(each, Place) else None
            found.setdefault((each.shown, query), each)
    return list(found.values())


def _files(given: str) -> Iterator[Place | Unread]:
    root = Path(given).expanduser()
    if root.is_file():
        paths = [root]
    elif root.is_dir():
        inside = sorted(path for path in root.rglob("*") if path.is_file())
        hidden = (".", "_")
        paths = [
            path
            for path in inside
            if not any(part.startswith(hidden) for part in path.relative_to(root).parts)
        ]
    else:
        named = glob.glob(str(root), recursive=True)  # noqa: PTH207 (pathlib's are never absolute)
        paths = sorted(path for path in map(Path, named) if path.is_file())
    if not paths:
        raise SourceMissing(
            f"there is no file `{given}`",
            expected="a file, a folder with files, a pattern, sqlite:///PATH or kafka://HOST:PORT/TOPIC",
            next_step="Check the path.",
        )
    for path in paths:
        yield from _file(path)


def _file(path: Path) -> Iterator[Place | Unread]:
    try:
        if find_format(path) != "sql":
            yield Place(str(path), path)
            return
        yield from _sqlite(path, f"{SQLITE}{path.resolve()}")
    except BespeakError as error:
        yield Unread(str(path), str(error))


def _sqlite(path: Path, database: str) -> Iterator[Place]:
    for table in sqlite_tables(path):
        quoted = table.replace('"', '""')
        yield Place(f"{path} {table}", path, database, f'SELECT * FROM "{quoted}"')


def _addressed(given: str, preview: Preview) -> Iterator[Place | Unread]:
    """A topic, or every table of a database."""
    if given.startswith(kafka.SCHEME):
        topic = kafka.of_address(given)
        yield Place(f"{', '.join(topic.brokers)} topic {topic.topic}", topic=topic)
    else:
        yield from _database(given, preview)


def _database(given: str, preview: Preview) -> Iterator[Place | Unread]:
    """Every table of a database; its address may hold a password, so it is not shown."""
    path = sqlite_path(given, Path())
    if path is not None:
        yield from _sqlite(path, given)
        return
    _, rows, _ = preview(None, format="sql", database=given, query=_TABLES)
    for row in rows:
        schema, table = (str(value) for value in row.values())
        name = table if schema == "public" else f"{schema}.{table}"
        quoted = '"' + table.replace('"', '""') + '"'
        query = f'SELECT * FROM "{schema}".{quoted}'
        yield Place(f"database table {name}", None, given, query)
