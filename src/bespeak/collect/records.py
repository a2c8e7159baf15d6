"""Text split into rows with care: what is not well formed is refused by itself, and no more.

A quotation mark that is never closed would swallow the rows after it. So when a row over several
lines makes no sense, its first line alone is refused, and the next lines are read as rows again.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import StringIO
from itertools import chain

from bespeak.collect.batches import DAMAGED, Refused, clipped, counted
from bespeak.collect.dialects import Dialect


@dataclass
class Split:
    """What a text was split into."""

    row: int
    """The number of the last row so far."""
    rows: list[list[str]] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    rest: str = ""
    """The beginning of a row that the text does not end."""
    blank: int = 0
    undoubled: int = 0
    """Rows whose quotation marks within values are not doubled, though the values are clear."""

    def refuse(self, reason: str, found: str, expected: str, raw: str) -> None:
        self.refused.append(Refused(self.row, reason, found, expected, clipped(raw)))


class Lines:
    """Rows of well-formed values out of physical lines, with the lines that each row took."""

    def __init__(self, text: str, dialect: Dialect) -> None:
        self._lines, self._dialect = list(StringIO(text, newline="")), dialect
        self.begin = self.end = 0
        self.go_on(0)

    def go_on(self, at: int) -> None:
        """Let the next row begin with line `at`."""
        self.end = self._before = at
        self.ran_dry = False
        lines = chain(self._lines[at:], self._nothing_more())
        self._reader = csv.reader(lines, **self._dialect.reading())

    def _nothing_more(self) -> Iterator[str]:
        self.ran_dry = True
        return
        yield

    def next(self) -> list[str] | None:
        """The next row's values; None where they are not well formed.

        raises : StopIteration at the end
        """
        self.begin = self.end
        try:
            return next(self._reader)
        except csv.Error:
            return None
        finally:
            self.end = self._before + self._reader.line_num

    @property
    def taken(self) -> list[str]:
        """The lines of the last row."""
        return self._lines[self.begin : self.end]


def split(text: str, dialect: Dialect, width: int, *, row: int, last: bool, limit: int) -> Split:
    """Rows of `width` values from `text`, numbered on from `row`.

    text : whole lines; damaged bytes stand in it as lone surrogates
    last : whether the file ends here, so that an open quotation mark stays open
    limit: characters beyond which an open quotation mark is taken for a stray one
    """
    csv.field_size_limit(max(csv.field_size_limit(), limit))
    done, lines = Split(row), Lines(text, dialect)
    damaged = DAMAGED.search(text) is not None
    while True:
        try:
            fields = lines.next()
        except StopIteration:
            return done
        if fields is None and lines.ran_dry and not last and sum(map(len, lines.taken)) < limit:
            done.rest = "".join(lines.taken)
            return done
        done.row += 1
        if damaged and DAMAGED.search("".join(lines.taken)):
            _refuse_damaged(done, lines)
        elif fields is None:
            _mend(done, lines, dialect, width)
        elif len(fields) == width:
            done.rows.append(fields)
            done.numbers.append(done.row)
        elif len(fields) < 2 and not "".join(lines.taken).strip():
            done.blank += 1
        else:
            _refuse_ragged(done, lines, dialect, width, len(fields))


def _refuse_damaged(done: Split, lines: Lines) -> None:
    """The first line that holds damage ends the row: its quotation marks can't be trusted."""
    until = next(at for at, line in enumerate(lines.taken, 1) if DAMAGED.search(line))
    raw = "".join(lines.taken[:until])
    if until < len(lines.taken):
        lines.go_on(lines.begin + until)
    shown = sorted({f"\\x{ord(byte) & 0xFF:02x}" for byte in DAMAGED.findall(raw)})
    done.refuse(
        "undecodable_text", f"bytes {' '.join(shown[:8])}", "text in the file's encoding", raw
    )


def _mend(done: Split, lines: Lines, dialect: Dialect, width: int) -> None:
    """A row that is not well formed: read as it was meant if it is one line, or refused."""
    first, *others = lines.taken
    if others or lines.ran_dry:
        lines.go_on(lines.begin + 1)
        done.refuse("unclosed_quote", "a quotation mark that nothing closes", "pairs", first)
        return
    meant = _as_meant(first, dialect)
    if len(meant) == width:
        done.undoubled += 1
        done.rows.append(meant)
        done.numbers.append(done.row)
    else:
        done.refuse(
            "broken_quotes", "quotation marks within a value", 'them doubled, as in ""', first
        )


def _as_meant(line: str, dialect: Dialect) -> list[str]:
    """The values if only a mark before a separator closes: `"5" wide",2` is `5" wide` and 2."""
    if dialect.quote is None or dialect.escape is not None:
        return []
    body, values, at = line.rstrip("\r\n"), [], 0
    closing = re.compile(f'"(?={re.escape(dialect.separator)}|$)')
    while True:
        end = body.find(dialect.separator, at)
        end = len(body) if end < 0 else end
        value = body[at:end]
        if value.startswith('"'):
            close = closing.search(body, at + 1)
            if close is None:
                return []
            value, end = body[at + 1 : close.start()].replace('""', '"'), close.end()
        values.append(value)
        if end == len(body):
            return values
        at = end + 1


def _refuse_ragged(done: Split, lines: Lines, dialect: Dialect, width: int, found: int) -> None:
    first, *others = lines.taken
    if others and _swallowed(others, dialect, width):
        lines.go_on(lines.begin + 1)
        done.refuse("unclosed_quote", "a quotation mark that closes lines below", "pairs", first)
        return
    raw = "".join((first, *others))
    done.refuse("ragged_row", counted(found, "field"), counted(width, "field"), raw)


def _swallowed(lines: list[str], dialect: Dialect, width: int) -> bool:
    """Whether most lines of a row over several lines are rows by themselves."""
    fitting = 0
    for line in lines:
        try:
            fitting += len(next(csv.reader([line], **dialect.reading()))) == width
        except csv.Error:
            continue
    return fitting * 2 >= len(lines)
