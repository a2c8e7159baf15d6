"""Staged files without some of their rows: what was split is as it was, only shorter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bespeak.collect.stage import parquet_writer


def leave_out(staged: Path, rows: Sequence[int], folder: Path) -> int:
    """Write what `stage` wrote under `staged` again under `folder`, without `rows`; how many stay.

    Of rows that could not be split nobody can tell whose they are: their text is left out too.
    """
    out = pa.array(rows, pa.int64())
    kept = 0
    for part in sorted((staged / "rows").glob("*.parquet")):
        with pq.ParquetFile(part) as file:
            target = folder / "rows" / part.name
            kept += _write(_short(file, out), file.schema_arrow, target)
    for part in sorted((staged / "refused").glob("*.parquet")):
        with pq.ParquetFile(part) as file:
            _write(_untold(file), file.schema_arrow, folder / "refused" / part.name)
    return kept


def _short(file: pq.ParquetFile, out: pa.Array) -> Iterator[pa.Table]:
    for at in range(file.num_row_groups):
        group = file.read_row_group(at)
        yield group.filter(pc.invert(pc.is_in(group["_row"], value_set=out)))


def _untold(file: pq.ParquetFile) -> Iterator[pa.Table]:
    for at in range(file.num_row_groups):
        group = file.read_row_group(at)
        for name in ("found", "raw"):
            empty = pa.nulls(group.num_rows, pa.string())
            group = group.set_column(group.column_names.index(name), name, empty)
        yield group


def _write(tables: Iterator[pa.Table], schema: pa.Schema, path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with parquet_writer(path, schema) as writer:
        for table in tables:
            writer.write_table(table)
            written += table.num_rows
    return written
