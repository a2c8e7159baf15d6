"""What is no Parquet becomes Parquet: one file of a source, in bounded memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bespeak.collect.access_log import read_access_log
from bespeak.collect.batches import Reading, Refused
from bespeak.collect.csv import read_csv
from bespeak.collect.excel import read_excel
from bespeak.collect.find import find_format
from bespeak.collect.jsonl import read_jsonl
from bespeak.collect.messages import read_messages
from bespeak.collect.options import Options, options_of
from bespeak.collect.sql import read_sql
from bespeak.config import Source
from bespeak.errors import SourceUnreadable

PART_ROWS = 1_000_000
GROUP_ROWS = 131_072
_REFUSED = pa.schema(
    {"row": pa.int64(), **dict.fromkeys(("reason", "found", "expected", "raw"), pa.string())}
)

_READERS: Mapping[str, Callable[[Path, Options], Reading]] = MappingProxyType(
    {
        "csv": read_csv,
        "jsonl": read_jsonl,
        "excel": read_excel,
        "access_log": read_access_log,
        "messages": read_messages,
        "sql": read_sql,
    }
)


def stage(source: Source, path: Path | None, folder: Path) -> dict[str, Any]:
    """Write the rows of one file (or of the source's query) as Parquet under `folder`.

    path    : None for a query to a server
    writes  : `folder/rows/part-*.parquet`, the file's own columns as text and `_row`, as a
              spreadsheet counts; `folder/refused/part-0.parquet` if a row could not be split:
              row, reason, found, expected, raw
    returns : format, rows, refused, columns, said, and encoding, separator, decimal where the
              format has them
    raises  : SourceMissing, SourceUnreadable, ConfigInvalid, EngineUnavailable
    """
    options = options_of(source)
    kind, reading = _open(path, options)
    rows = _Rows(folder / "rows")
    refused = _Refusals(folder / "refused")
    for batch in reading.batches:
        rows.add(batch.rows)
        refused.add(batch.refused)
    rows.close()
    refused.close()
    if refused.count:
        reading.said.append(_refused_said(refused))
    return {
        "format": kind,
        "rows": rows.count,
        "refused": refused.count,
        "columns": rows.columns,
        **reading.facts,
        "said": reading.said,
    }


def preview(
    path: Path, rows: int = 1000, **options: Any
) -> tuple[list[str], list[dict[str, Any]], list[str]]:
    """The first rows of any file that can be read, without reading all of it.

    options : fields of Options: format, encoding, separator, sheet, query …
    returns : the columns, the rows as dicts (text; Parquet's own types), what was found out
    raises  : as `stage`
    """
    wanted = replace(Options(**options), quick=True)
    kind = wanted.format if wanted.format != "auto" else find_format(path)
    if kind == "parquet":
        return _preview_parquet(path, rows)
    _, reading = _open(path, replace(wanted, format=kind))
    columns: dict[str, None] = {}
    found: list[dict[str, Any]] = []
    refused = 0
    for batch in reading.batches:
        table = batch.rows.slice(0, rows - len(found)).drop_columns("_row")
        columns |= dict.fromkeys(table.column_names)
        found += table.to_pylist()
        refused += len(batch.refused)
        if len(found) >= rows:
            break
    if refused:
        reading.said.append(f"{refused:,} of the first rows can't be split.")
    return list(columns), [{name: row.get(name) for name in columns} for row in found], reading.said


def _open(path: Path | None, options: Options) -> tuple[str, Reading]:
    kind = options.format
    if path is None or options.database is not None:
        kind = "sql"
    elif kind == "auto":
        kind = find_format(path)
    reader = _READERS.get(kind)
    if reader is None:
        raise SourceUnreadable(
            f"{path}: {kind} is read where it lies",
            expected=f"one of {', '.join(_READERS)}",
            next_step="Open it as it is.",
        )
    # only SQL is read without a path
    return kind, read_sql(None, options) if path is None else reader(path, options)


def _preview_parquet(path: Path, rows: int) -> tuple[list[str], list[dict[str, Any]], list[str]]:
    try:
        file = pq.ParquetFile(path)
        first = list(islice(file.iter_batches(batch_size=rows), 1))
    except (pa.ArrowInvalid, OSError) as error:
        raise SourceUnreadable(
            f"{path.name}: not readable as Parquet",
            next_step="Check the file, or set `format` for this source.",
        ) from error
    said = [f"The file is Parquet with {file.metadata.num_rows:,} rows."]
    return file.schema_arrow.names, [row for batch in first for row in batch.to_pylist()], said


def _refused_said(refused: _Refusals) -> str:
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in sorted(refused.reasons.items()))
    return f"Rows that can't be split: {reasons}."


class _Rows:
    """Parquet parts of about a million rows; a column that comes up late begins a new part."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._part = folder, 0
        self._writer: pq.ParquetWriter | None = None
        self._waiting: list[pa.Table] = []
        self._types: dict[str, pa.DataType] = {}
        self._in_part = self._held = self.count = 0

    @property
    def columns(self) -> list[str]:
        return [name for name in self._types if name != "_row"]

    def add(self, table: pa.Table) -> None:
        types = dict(zip(table.schema.names, table.schema.types, strict=True))
        if not types.keys() <= self._types.keys():
            self._end_part()
            row = self._types.pop("_row", pa.int64())
            self._types = {**self._types, **types}
            self._types["_row"] = self._types.pop("_row", row)
        self._waiting.append(table)
        self._held += table.num_rows
        self.count += table.num_rows
        size = sum(each.nbytes for each in self._waiting)
        if self._held >= GROUP_ROWS or size >= 64 * 2**20:
            self._write()
        if self._in_part >= PART_ROWS:
            self._end_part()

    def close(self) -> None:
        self._end_part()
        if self._part == 0:
            self._write(even_empty=True)
            self._end_part()

    def _write(self, *, even_empty: bool = False) -> None:
        if not (self._held or even_empty):
            self._waiting = []
            return
        schema = pa.schema(self._types)
        if self._writer is None:
            self._writer = parquet_writer(self._folder / f"part-{self._part:05d}.parquet", schema)
            self._part += 1
        tables = [_shaped(table, schema) for table in self._waiting] or [schema.empty_table()]
        self._writer.write_table(pa.concat_tables(tables), row_group_size=GROUP_ROWS)
        self._in_part += self._held
        self._waiting, self._held = [], 0

    def _end_part(self) -> None:
        self._write()
        if self._writer is not None:
            self._writer.close()
        self._writer, self._in_part = None, 0


class _Refusals:
    """The refused rows of a file, in one Parquet file that is made when the first comes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writer: pq.ParquetWriter | None = None
        self.reasons: Counter[str] = Counter()

    @property
    def count(self) -> int:
        return self.reasons.total()

    def add(self, refused: list[Refused]) -> None:
        if not refused:
            return
        if self._writer is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._writer = parquet_writer(self._folder / "part-0.parquet", _REFUSED)
        self.reasons.update(each.reason for each in refused)
        self._writer.write_table(pa.Table.from_pylist([asdict(each) for each in refused], _REFUSED))

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


def parquet_writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    """How every staged file is written."""
    return pq.ParquetWriter(
        path, schema, compression="zstd", compression_level=1, write_statistics=False
    )


def _shaped(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """`table` with the schema's columns, null where it has none."""
    if table.schema.equals(schema):
        return table
    return pa.table(
        [
            table[name] if name in table.schema.names else pa.nulls(table.num_rows, kind)
            for name, kind in zip(schema.names, schema.types, strict=True)
        ],
        schema=schema,
    )
