"""Separated text: rows that are well formed at Arrow's speed, the others with care.

A block of whole rows whose quotation marks are in order is split by Arrow. Every other block goes
to `records.split`, which is slower, agrees with it on good rows, and knows what to do with bad.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from bespeak.collect import dialects, records
from bespeak.collect.batches import DAMAGED, Batch, Reading, Refused, clipped, counted, text_table
from bespeak.collect.charset import find_encoding
from bespeak.collect.dialects import Dialect
from bespeak.collect.names import headless, looks_like_data, name_columns, numbered_columns
from bespeak.collect.options import Options
from bespeak.collect.text import damage, too_long, utf8
from bespeak.errors import SourceUnreadable

_SAMPLE = 262_144


@dataclass(frozen=True)
class _Layout:
    """What is known of a file once its first rows have been looked at."""

    file: Path
    dialect: Dialect
    columns: list[str]
    errors: str
    row: int
    """The header's row; 0 where there is none."""
    limit: int

    @property
    def width(self) -> int:
        return len(self.columns)

    @property
    def plain(self) -> bool:
        """Whether Arrow splits it the same way; a single column has blank lines to tell apart."""
        return self.width > 1 and self.dialect.escape is None and not self.dialect.skip_space


@dataclass
class _Tally:
    """What is met on the way and said at the end."""

    row: int
    blank: int = 0
    undoubled: int = 0
    zeros: int = 0

    def said(self) -> list[str]:
        told = []
        if self.blank:
            told.append(f"{counted(self.blank, 'blank line')} stood between the rows.")
        if self.undoubled:
            told.append(
                f"{counted(self.undoubled, 'row')} had quotation marks within a value that were not"
                " doubled; the values were clear and are kept."
            )
        if self.zeros:
            told.append(f"{counted(self.zeros, 'zero byte')} stood in the text and are kept.")
        return told


def read_csv(path: Path, options: Options) -> Reading:
    """Rows of a separated text file; values stay text, the header is row 1.

    raises : SourceMissing; SourceUnreadable if it is empty, no text, or has a row without an end;
             ConfigInvalid for an impossible encoding or separator
    """
    encoding = find_encoding(path, options.encoding, within=8 * _SAMPLE if options.quick else None)
    errors = damage(encoding.name)
    blocks = utf8(path, encoding.name)
    head = _head(path, blocks, options.row_limit)
    sample = _sample(head).decode("utf-8", errors)
    dialect, said = dialects.find_dialect(path.name, sample, options)
    columns, start, row, named = _columns(path.name, sample, dialect, options)
    decimal = options.decimal or dialects.find_decimal(dialects.split_sample(sample, dialect)[1:])
    layout = _Layout(path, dialect, columns, errors, row, options.row_limit)
    reading = Reading(iter(()), said=[encoding.said, *said, *named])
    reading.facts = {"encoding": encoding.name, "separator": dialect.separator}
    if decimal is not None:
        reading.facts["decimal"] = decimal
        if options.decimal is None and decimal == ",":
            reading.said.append("Fractions of numbers stand after a comma.")
    body = chain([head[start:]], blocks)
    reading.batches = _batches(body, layout, reading)
    return reading


def _head(path: Path, blocks: Iterator[bytes], limit: int) -> bytes:
    """The file's beginning: at least one whole line."""
    head = b""
    for block in blocks:
        head += block
        if b"\n" in head.lstrip(b"\r\n") or b"\r" in head.lstrip(b"\r\n")[:-1]:
            return head
        if len(head) > limit:
            raise too_long(path, 1, limit)
    return head


def _sample(head: bytes) -> bytes:
    """Whole lines from the beginning, about as many as are needed to know the file's habits."""
    if len(head) <= _SAMPLE:
        return head
    end = max(head.rfind(b"\n", 0, _SAMPLE), head.rfind(b"\r", 0, _SAMPLE)) + 1
    return head[: end or max(head.rfind(b"\n"), head.rfind(b"\r")) + 1 or len(head)]


def _columns(
    file: str, sample: str, dialect: Dialect, options: Options
) -> tuple[list[str], int, int, list[str]]:
    """The columns, the bytes and the row that the header ends with, and what was found out."""
    first, before, taken, row = _first_row(file, sample, dialect)
    below = dialects.split_sample(sample[len(before) + len(taken) :], dialect)
    if looks_like_data(first, below, options):
        columns = numbered_columns(len(first))
        said = [] if options.header is False else [headless(row, columns)]
        return columns, len(before.encode()), row - 1, said
    if DAMAGED.search(taken):
        raise SourceUnreadable(
            f"{file}, row {row}",
            found="bytes in the header that are no text in the file's encoding",
            expected="names of columns",
            next_step="Set `encoding` to the one that the file is written in.",
        )
    if below and all(len(each) == len(first) + 1 and not each[-1].strip() for each in below):
        first = [*first, ""]  # each row ends with a separator, only the header does not
    columns, said = name_columns(f"{file}, row {row}", first, options)
    return columns, len((before + taken).encode()), row, said


def _first_row(file: str, sample: str, dialect: Dialect) -> tuple[list[str], str, str, int]:
    """The first row that is not blank, the text before it, its own, and its number."""
    lines, before, row = records.Lines(sample, dialect), "", 0
    while True:
        row += 1
        try:
            fields = lines.next()
        except StopIteration as error:
            raise SourceUnreadable(
                f"{file}: there are only blank lines",
                expected="a header and rows",
                next_step="Export it again, or take it out of `files`.",
            ) from error
        taken = "".join(lines.taken)
        if fields is None:
            raise SourceUnreadable(
                f"{file}, row {row}",
                found="quotation marks that do not pair",
                expected="names of columns",
                next_step="Mend the header, or set `separator` and `encoding`.",
            )
        if any(map(str.strip, fields)):
            return fields, before, taken, row
        before += taken


def _batches(blocks: Iterator[bytes], layout: _Layout, reading: Reading) -> Iterator[Batch]:
    tally, data = _Tally(layout.row), b""
    yield Batch(text_table({name: [] for name in layout.columns}, []))
    block = next(blocks, None)
    while block is not None:
        following = next(blocks, None)
        last = following is None
        data += block
        tally.zeros += block.count(0)
        end = whole_rows(data, layout.dialect, last=last) if layout.plain else None
        if end is None or (end == 0 and len(data) > layout.limit):
            batch, data = _split_with_care(data, layout, tally, last=last)
            yield batch
        elif end:
            yield _split_fast(data[:end], layout, tally)
            data = data[end:]
        block = following
    reading.said += tally.said()


def whole_rows(data: bytes, dialect: Dialect, *, last: bool) -> int | None:
    """How many bytes of `data` are whole rows; None where its quotation marks are not in order.

    In order: every opening mark follows a separator or a line break, every closing one precedes
    one, and marks within a value are doubled.
    """
    if not data or dialect.quote is None or b'"' not in data:
        return len(data) if last else _after_last_break(data)
    text = np.frombuffer(data, np.uint8)
    quotes = np.flatnonzero(text == ord('"'))
    if last:
        end = len(data)
    else:
        breaks = np.flatnonzero(text == ord("\n"))
        outside = breaks[np.searchsorted(quotes, breaks) % 2 == 0]
        end = int(outside[-1]) + 1 if len(outside) else 0
        quotes = quotes[quotes < end]
    if len(quotes) % 2:
        return None
    around = np.frombuffer(b"\n" + data + b"\n", np.uint8)
    edges = np.frombuffer(f'{dialect.separator}\n\r"'.encode(), np.uint8)
    sound = np.isin(around[quotes[0::2]], edges) & np.isin(around[quotes[1::2] + 2], edges)
    return end if sound.all() else None


def _after_last_break(data: bytes) -> int:
    # a carriage return at the very end may be half of a line break
    return data.rfind(b"\n") + 1 or data.rfind(b"\r", 0, len(data) - 1) + 1


def _split_fast(data: bytes, layout: _Layout, tally: _Tally) -> Batch:
    """Whole, well-formed rows through Arrow; with care if something in them asks for it."""
    # Arrow would take a byte order mark for its own
    if data[:1] == b"\xef" or not _is_utf8(data):
        return _split_with_care(data, layout, tally, last=True)[0]
    ragged: list[arrow_csv.InvalidRow] = []

    def skip(row: arrow_csv.InvalidRow) -> str:
        ragged.append(row)
        return "skip"

    table = arrow_csv.read_csv(
        pa.BufferReader(data),
        read_options=arrow_csv.ReadOptions(
            column_names=layout.columns, use_threads=False, block_size=len(data) + 1
        ),
        parse_options=arrow_csv.ParseOptions(
            delimiter=layout.dialect.separator,
            quote_char=layout.dialect.quote or False,
            newlines_in_values=True,
            ignore_empty_lines=False,
            invalid_row_handler=skip,
        ),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(layout.columns, pa.string()),
            strings_can_be_null=False,
            check_utf8=False,
        ),
    )
    if _has_blank_row(table) or any(_is_doubtful(row.text) for row in ragged):
        return _split_with_care(data, layout, tally, last=True)[0]
    return _numbered(table, ragged, layout, tally)


def _has_blank_row(table: pa.Table) -> bool:
    """Whether some row has no value at all: Arrow reads blank lines so."""
    blank = None
    for column in table.columns:
        here = pc.equal(pc.binary_length(column), 0)
        blank = here if blank is None else pc.and_(blank, here)
        if not pc.any(blank).as_py():
            return False
    return True


def _is_doubtful(ragged: str) -> bool:
    """Whether a row of the wrong width is more than one line, or nothing but space."""
    return "\n" in ragged or "\r" in ragged or not ragged.strip()


def _is_utf8(data: bytes) -> bool:
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _numbered(
    table: pa.Table, ragged: Sequence[arrow_csv.InvalidRow], layout: _Layout, tally: _Tally
) -> Batch:
    """Arrow's rows with their numbers, which count the refused ones too."""
    total = table.num_rows + len(ragged)
    numbers = np.arange(tally.row + 1, tally.row + 1 + total)
    kept = np.delete(numbers, [row.number - 1 for row in ragged])
    refused = [
        Refused(
            tally.row + row.number,
            "ragged_row",
            counted(row.actual_columns, "field"),
            counted(layout.width, "field"),
            clipped(row.text),
        )
        for row in ragged
    ]
    tally.row += total
    return Batch(table.append_column("_row", pa.array(kept, pa.int64())), refused)


def _split_with_care(
    data: bytes, layout: _Layout, tally: _Tally, *, last: bool
) -> tuple[Batch, bytes]:
    """The rows of `data`, and the bytes that do not end a row yet."""
    end = len(data) if last else _after_last_break(data)
    if end == 0 and len(data) > layout.limit:
        raise too_long(layout.file, tally.row + 1, layout.limit)
    found = records.split(
        data[:end].decode("utf-8", layout.errors),
        layout.dialect,
        layout.width,
        row=tally.row,
        last=last,
        limit=layout.limit,
    )
    tally.row, tally.blank = found.row, tally.blank + found.blank
    tally.undoubled += found.undoubled
    values = zip(*found.rows, strict=True) if found.rows else iter([()] * layout.width)
    columns = {name: list(column) for name, column in zip(layout.columns, values, strict=True)}
    rest = found.rest.encode("utf-8", layout.errors) + data[end:]
    return Batch(text_table(columns, found.numbers), found.refused), rest
