"""Excel workbooks (.xlsx, .xlsm): one sheet, values as text, rows numbered as in the sheet."""

from __future__ import annotations

import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time
from decimal import Decimal
from itertools import chain, dropwhile, islice
from pathlib import Path
from typing import Any, BinaryIO
from xml.etree.ElementTree import ParseError

from bespeak.collect.batches import Batch, Reading, counted, text_table
from bespeak.collect.names import Names, headless, looks_like_data, name_columns, numbered_columns
from bespeak.collect.options import Options
from bespeak.errors import SourceMissing, SourceUnreadable

_UNSAVED = re.compile(rb"(?:</f>|<f[^>]*/>)\s*(?:<v\s*/>|<v>\s*</v>)?\s*</c>")
_SAMPLE, _ROWS = 200, 1024

Row = tuple[int, list[str | None]]


def read_excel(path: Path, options: Options) -> Reading:
    """Rows of one sheet: the named one, or the first that holds anything.

    Dates become ISO timestamps; of a formula, the value that was saved with it counts. The header
    is the first row that is not empty.
    raises : SourceMissing; SourceUnreadable if it is no such workbook or has no such sheet
    """
    import openpyxl  # takes half a second, so only where there is a workbook

    with _readable(path):
        stream = path.open("rb")
        book = openpyxl.load_workbook(stream, read_only=True, data_only=True)
    sheet = _sheet(path, book, options.sheet)
    rows = dropwhile(lambda each: not each[1], _rows(path, sheet))
    ahead = list(islice(rows, _SAMPLE))
    if not ahead:
        raise SourceUnreadable(
            f"{path.name}, sheet `{sheet.title}`: the sheet is empty",
            expected="a header and rows",
            next_step="Name another with `sheet`, or take the file out of `files`.",
        )
    reading = Reading(iter(()), said=[f"The sheet is `{sheet.title}`."])
    row, header = ahead[0]
    names = [cell or "" for cell in header]
    below = [[cell or "" for cell in cells] for _, cells in ahead[1:] if cells]
    if looks_like_data(names, below, options):
        columns = numbered_columns(len(names))
        reading.said += [] if options.header is False else [headless(row, columns)]
    else:
        columns, said = name_columns(f"{path.name}, row {row}", names, options)
        reading.said += said
        ahead = ahead[1:]
    if not options.quick:
        reading.said += _unsaved(path, sheet)
    reading.batches = _batches(chain(ahead, rows), columns, reading, stream)
    return reading


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """openpyxl's many ways of failing, in our words; its remarks on styles are kept quiet."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except FileNotFoundError as error:
        raise SourceMissing(
            f"{path}: there is no such file", next_step="Check the path in `files`."
        ) from error
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, ParseError, ValueError) as error:
        raise SourceUnreadable(
            f"{path.name}: this is no Excel workbook that can be read",
            expected="an undamaged .xlsx without a password",
            next_step="Open it in a spreadsheet program and save it as .xlsx or CSV.",
        ) from error
    except OSError as error:
        raise SourceUnreadable(
            f"{path}: the system does not let it be read: {error.strerror or error}",
            next_step="Check that it is a file and who may read it.",
        ) from error


def _sheet(path: Path, book: Any, wanted: str | None) -> Any:
    sheets = {sheet.title: sheet for sheet in book.worksheets}
    if wanted is not None:
        if wanted in sheets:
            return sheets[wanted]
        raise SourceUnreadable(
            f"{path.name}: there is no sheet `{wanted}`",
            expected=f"one of {', '.join(f'`{title}`' for title in sheets)}",
            next_step="Correct `sheet`, or remove it to take the first that holds anything.",
        )
    for sheet in sheets.values():
        if any(cells for _, cells in _rows(path, sheet)):
            return sheet
    raise SourceUnreadable(
        f"{path.name}: every sheet is empty",
        expected="a header and rows",
        next_step="Take the file out of `files`.",
    )


def _rows(path: Path, sheet: Any) -> Iterator[Row]:
    """Every row with its number in the sheet, without the empty cells at its end."""
    sheet.reset_dimensions()  # what a file says of its own size is often wrong
    source = enumerate(sheet.iter_rows(values_only=True), start=1)
    while True:
        with _readable(path):
            some = list(islice(source, _ROWS))
        if not some:
            return
        for number, values in some:
            cells = [_text(value) for value in values]
            while cells and not (cells[-1] or "").strip():
                cells.pop()
            yield number, cells


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        whole = value.is_integer() and abs(value) < 1e15
        return str(int(value)) if whole else format(Decimal(repr(value)), "f")
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value)


def _unsaved(path: Path, sheet: Any) -> list[str]:
    """Formulas without a saved value, which programs leave that write but do not calculate."""
    found, tail = 0, b""
    with zipfile.ZipFile(path) as archive, archive.open(sheet._worksheet_path.lstrip("/")) as xml:
        while chunk := xml.read(1 << 20):
            text = tail + chunk
            end = text.rfind(b"</c>") + 4 if b"</c>" in text else 0
            found += len(_UNSAVED.findall(text[:end]))
            tail = text[end:]
    if not found:
        return []
    return [
        f"{counted(found, 'formula')} had no saved value and count as empty: open the workbook in a"
        " spreadsheet program and save it."
    ]


def _batches(
    rows: Iterator[Row], columns: list[str], reading: Reading, stream: BinaryIO
) -> Iterator[Batch]:
    names, width, empty = Names(), len(columns), 0
    columns = [names.of(name) for name in columns]
    with stream:
        while some := list(islice(rows, _ROWS)):
            full = [(number, cells) for number, cells in some if cells]
            empty += len(some) - len(full)
            widest = max((len(cells) for _, cells in full), default=0)
            columns += [names.new(f"column_{at}") for at in range(len(columns) + 1, widest + 1)]
            yield _batch(full, columns)
        yield _batch([], columns)
    if len(columns) > width:
        reading.said.append(f"Values right of the header are in {', '.join(columns[width:])}.")
    if empty:
        reading.said.append(f"{counted(empty, 'empty row')} stood below the header.")


def _batch(rows: list[Row], columns: list[str]) -> Batch:
    held = {
        name: [cells[at] if at < len(cells) else None for _, cells in rows]
        for at, name in enumerate(columns)
    }
    return Batch(text_table(held, [number for number, _ in rows]))
