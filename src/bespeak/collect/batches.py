"""What every format's reader answers: batches of rows, refused rows, and what it found out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

RAW_LIMIT = 65_536
"""Characters of a refused row that are kept."""


DAMAGED = re.compile("[\ud800-\udfff]")
"""A byte that the file's encoding could not read stands in the text as a lone surrogate."""


@dataclass(frozen=True)
class Refused:
    """A row that could not be split into values."""

    row: int
    reason: str
    found: str
    expected: str
    raw: str


@dataclass(frozen=True)
class Batch:
    """Some rows of a file (its own columns and `_row`), and those that could not be split."""

    rows: pa.Table
    refused: list[Refused] = field(default_factory=list)


@dataclass
class Reading:
    """A file being read. `facts` and `said` grow while `batches` is consumed."""

    batches: Iterator[Batch]
    facts: dict[str, Any] = field(default_factory=dict)
    """encoding, separator, decimal: where the format has them."""
    said: list[str] = field(default_factory=list)
    """One sentence per thing found out."""


def clipped(raw: str, limit: int = RAW_LIMIT) -> str:
    """A refused row's text, fit to be kept: not endless, and with damaged bytes written out."""
    shown = raw.rstrip("\r\n")
    shown = shown if len(shown) <= limit else f"{shown[:limit]}… ({len(shown)} characters)"
    return DAMAGED.sub(lambda byte: f"\\x{ord(byte[0]) & 0xFF:02x}", shown)


def text_table(columns: dict[str, list[str | None]], rows: list[int]) -> pa.Table:
    """Text columns and the rows' numbers as a table."""
    arrays = {name: pa.array(values, pa.string()) for name, values in columns.items()}
    return pa.table({**arrays, "_row": pa.array(rows, pa.int64())})


def counted(number: int, thing: str, things: str | None = None) -> str:
    """`1 row`, `2 rows`."""
    return f"{number:,} {thing if number == 1 else things or thing + 's'}"
