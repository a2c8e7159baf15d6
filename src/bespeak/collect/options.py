"""How a file is to be read: what a source says of it, and what is left to be found out."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

import msgspec

from bespeak.addresses import without_secrets
from bespeak.config import Mapped, Source

ROW_LIMIT = 16 * 1024 * 1024
"""Bytes that one row may have: what goes on longer is no row, and would fill the memory."""


@dataclass(frozen=True)
class Options:
    """How a file is to be read; what is None is found out."""

    format: str = "auto"
    encoding: str | None = None
    separator: str | None = None
    decimal: str | None = None
    sheet: str | None = None
    database: str | None = None
    query: str | None = None
    header: bool | None = None
    mapped: tuple[str, ...] = ()
    """What the mapping reads: columns, and expressions over them."""
    row_limit: int = ROW_LIMIT
    quick: bool = False
    """Look only at the file's beginning, for a preview."""

    @property
    def batch_rows(self) -> int:
        """Rows that a reader of objects (JSON, logs) hands on at a time."""
        return 2048 if self.quick else 65_536

    def mentions(self, column: str) -> bool:
        """Whether the mapping reads `column`, by itself or in an expression."""
        word = re.compile(rf"(?<!\w){re.escape(column)}(?!\w)", re.IGNORECASE)
        return any(word.search(text) for text in self.mapped)


def options_of(source: Source) -> Options:
    """What a source of the config says of its files."""
    parts: tuple[dict[str, Mapped], ...] = (
        source.identifiers, source.columns, source.items, source.customers, source.texts,
    )  # fmt: skip
    texts = (
        mapped if isinstance(mapped, str) else mapped.expression
        for part in parts
        for mapped in part.values()
    )
    return Options(
        format=source.format,
        encoding=source.encoding,
        separator=source.separator,
        decimal=source.decimal,
        sheet=source.sheet,
        database=source.database,
        query=source.query,
        header=source.header,
        mapped=tuple(text for text in texts if text),
    )


def reading(source: Source) -> dict[str, Any]:
    """All of the source's settings that decide what staging makes of its files, as JSON can say.

    Manifests keep it, so it has no password: what a query gave is named by its content.
    """
    return {**asdict(options_of(source)), "database": _database(source)}


def settings(source: Source) -> dict[str, Any]:
    """All of the source's settings but its files, as JSON can say, for manifests to keep.

    What lets one in, a password or a topic's settings, is not in it.
    """
    said: dict[str, Any] = msgspec.to_builtins(source)
    if source.kafka is not None:
        said["kafka"] = {**said["kafka"], "settings": sorted(source.kafka.settings)}
    return {**said, "files": [], "database": _database(source)}


def _database(source: Source) -> str | None:
    return None if source.database is None else without_secrets(source.database)
