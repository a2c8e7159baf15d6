"""JSON: an object per line, or a small file that is one array of objects.

Numbers keep their digits as written. Keys of objects within objects become columns `outer.inner`;
what is nested deeper, and every list, stays JSON text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from bespeak.collect.batches import (
    Batch,
    Reading,
    Refused,
    clipped,
    counted,
    text_table,
)
from bespeak.collect.charset import find_encoding
from bespeak.collect.names import Names
from bespeak.collect.options import Options
from bespeak.collect.text import damage, lines, utf8
from bespeak.errors import SourceUnreadable

ARRAY_LIMIT = 64 * 1024 * 1024
"""Bytes of a JSON array, which has to be read whole."""

Row = tuple[int, bytes, Mapping[str, str | None]]
"""A row's number, its JSON, and columns that stand beside it."""
NOTHING: Mapping[str, str | None] = MappingProxyType({})

_BATCH_BYTES = 16 * 1024 * 1024
_Object = dict[str, msgspec.Raw]
_OBJECT = msgspec.json.Decoder(_Object)
_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])
_TEXT = msgspec.json.Decoder(str)
_VALUES = msgspec.json.Decoder(dict[str, Any], float_hook=str)


def read_jsonl(path: Path, options: Options) -> Reading:
    """Rows of a JSON file; `_row` is the line, or the place in the array.

    raises : SourceMissing; SourceUnreadable if it is empty, no text, an array beyond
             `ARRAY_LIMIT`, or has a line without an end
    """
    encoding = find_encoding(path, options.encoding, within=2**21 if options.quick else None)
    first = next(utf8(path, encoding.name), b"").lstrip()
    reading = Reading(iter(()), {"encoding": encoding.name}, [encoding.said])
    if first.startswith(b"["):
        reading.said.append("The file is one JSON array; rows are numbered by their place in it.")
        rows = _elements(path, encoding.name)
    else:
        rows = lines(path, encoding.name, options.row_limit)
    reading.batches = objects(_alone(rows, reading), encoding.name, options.batch_rows)
    return reading


def _alone(rows: Iterator[tuple[int, bytes]], reading: Reading) -> Iterator[Row]:
    """The lines that hold something; how many did not is said."""
    blank = 0
    for row, line in rows:
        if line.strip():
            yield row, line, NOTHING
        else:
            blank += 1
    if blank:
        reading.said.append(f"{counted(blank, 'blank line')} stood between the rows.")


def _elements(path: Path, encoding: str) -> Iterator[tuple[int, bytes]]:
    whole = bytearray()
    for block in utf8(path, encoding):
        whole += block
        if len(whole) > ARRAY_LIMIT:
            raise SourceUnreadable(
                f"{path.name}: one JSON array",
                found=f"more than {ARRAY_LIMIT // 2**20} MiB",
                expected="one object per line in a file of that size",
                next_step=f"Rewrite it, for instance with `jq -c '.[]' {path.name}`.",
            )
    try:
        elements = _ARRAY.decode(bytes(whole))
    except msgspec.DecodeError as error:
        raise SourceUnreadable(
            f"{path.name}: the JSON array can't be read: {error}",
            next_step="Mend it, or write one object per line.",
        ) from error
    for number, element in enumerate(elements, start=1):
        yield number, bytes(element)


class _Columns:
    """Columns that grow as keys are met; rows that lack one are null there."""

    def __init__(self) -> None:
        self.names = Names()
        self.values: dict[str, list[str | None]] = {}
        self.rows: list[int] = []
        self.size = 0
        self._of: dict[str, list[str | None]] = {}
        """Key -> its column's values in this batch."""

    def add(self, row: int, found: dict[str, str | None]) -> None:
        before = len(self.rows)
        for key, value in found.items():
            held = self._of.get(key)
            if held is None:
                held = self._column(key)
            if len(held) < before:  # rows since the last that had it
                held.extend([None] * (before - len(held)))
            held.append(value)
        self.rows.append(row)

    def _column(self, key: str) -> list[str | None]:
        """The values of a key that this batch has not met before."""
        held = self._of[key] = self.values.setdefault(self.names.of(key), [])
        return held

    def take(self, refused: list[Refused]) -> Batch:
        for held in self.values.values():
            held.extend([None] * (len(self.rows) - len(held)))
        batch = Batch(text_table(self.values, self.rows), refused)
        self.values = {name: [] for name in self.values}
        self._of, self.rows, self.size = {}, [], 0
        return batch


def objects(rows: Iterator[Row | Refused], encoding: str, most: int) -> Iterator[Batch]:
    """One object a row as batches of at most `most` rows; what is no object is refused."""
    columns, refused = _Columns(), list[Refused]()
    for each in rows:
        if isinstance(each, Refused):
            refused.append(each)
            columns.size += len(each.raw)
        else:
            row, text, beside = each
            try:
                found = _plain(text) or _flat(_OBJECT.decode(text))
                columns.add(row, {**found, **beside} if beside else found)
            except (msgspec.DecodeError, UnicodeError, RecursionError):
                refused.append(_refusal(row, text, encoding))
            columns.size += len(text)
        if len(columns.rows) + len(refused) >= most or columns.size >= _BATCH_BYTES:
            yield columns.take(refused)
            refused = []
    yield columns.take(refused)


def _plain(line: bytes) -> dict[str, str | None] | None:
    """Columns of an object of texts, numbers, yes and no: several times as quick as `_flat`.

    returns : None for what has objects or lists within, numbers that would lose their digits, or
              anything that is not well: it is looked at with more care
    """
    try:
        found: dict[str, Any] = _VALUES.decode(line)
        for key, value in found.items():
            kind = type(value)
            if kind is int and value:  # of 0, a sign would be lost
                found[key] = str(value)
            elif kind is bool:
                found[key] = "true" if value else "false"
            elif kind is not str and value is not None:
                if kind is not int or b"-0" in line:
                    return None
                found[key] = "0"
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    return found


def _flat(found: _Object) -> dict[str, str | None]:
    """Columns of one object, one level deep."""
    flat: dict[str, str | None] = {}
    for key, raw in found.items():
        value = bytes(raw)
        if value[:1] == b"{" and (inner := _OBJECT.decode(value)):
            for name, nested in inner.items():
                flat[_free(f"{key}.{name}", flat)] = _text(bytes(nested))
        else:
            flat[_free(key, flat)] = _text(value)
    return flat


def _free(key: str, taken: dict[str, str | None]) -> str:
    """`key`, or numbered where an object has both `{"a.b": …}` and `{"a": {"b": …}}`."""
    return _free(f"{key}_2", taken) if key in taken else key


def _text(value: bytes) -> str | None:
    if value[:1] == b'"':
        return _TEXT.decode(value)
    return None if value == b"null" else value.decode("utf-8")


def _refusal(row: int, line: bytes, encoding: str) -> Refused:
    raw = line.decode("utf-8", damage(encoding))
    shown = clipped(raw)
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return Refused(row, "undecodable_text", "bytes that are no text", f"{encoding} text", shown)
    try:
        kind = type(msgspec.json.decode(line)).__name__
    except (msgspec.DecodeError, RecursionError) as error:
        return Refused(row, "invalid_json", str(error), "a JSON object", shown)
    kinds = {"list": "an array", "str": "a text", "NoneType": "null", "bool": "true or false"}
    found = kinds.get(kind, "a number" if kind != "dict" else "an object with broken text")
    return Refused(row, "invalid_json", found, "a JSON object", shown)
