"""DuckDB, in process: the default engine."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq

from bespeak.config import size_bytes
from bespeak.engines.base import Batches, Mapper
from bespeak.engines.dialect import DUCKDB
from bespeak.engines.files import parquet_files
from bespeak.errors import BespeakError, SourceUnreadable

RANGE_ROWS = 500_000
"""Below this many rows one thread is as quick as several."""
GROUP_BYTES = 400
"""What a row at most takes while it is summed, where every row is a group: keys, sums, hash."""
NOT_INT64 = ("TINYINT", "SMALLINT", "INTEGER", "HUGEINT")
"""What DuckDB makes of whole numbers that an expression calls int64; a hash stays UBIGINT."""


class DuckDB:
    """An in-memory DuckDB that spills to `scratch` beyond `memory`."""

    name = "duckdb"
    can: frozenset[str] = frozenset()

    def __init__(
        self, *, scratch: Path | None = None, memory: str = "2GB", threads: int | None = None
    ) -> None:
        self._scratch = Path(tempfile.mkdtemp(prefix="bespeak-", dir=scratch))
        settings: dict[str, Any] = {
            "temp_directory": str(self._scratch / "spill"),
            "memory_limit": memory,
            "preserve_insertion_order": False,
            # a row group a period and thread; the default holds four of them before it writes one
            "partitioned_write_flush_threshold": 122_880,
        }
        if threads is not None:
            settings["threads"] = threads
        self._ibis = ibis.duckdb.connect(**settings)
        self._ibis.raw_sql("SET TimeZone = 'UTC'")
        self._ibis.raw_sql("SET enable_progress_bar = false")  # standard output is for answers
        self._memory = size_bytes(memory)
        self._kept = self._made = 0

    def read(
        self, paths: Sequence[Path], *, files_named: bool = False, rows_numbered: bool = False
    ) -> ir.Table:
        files = [file for path in paths for file in parquet_files(path)]
        try:
            table = self._ibis.read_parquet(
                [str(file) for file in files],
                union_by_name=True,
                # under our own name, since a source may well have a column `filename`
                filename="_file" if files_named or rows_numbered else False,
                file_row_number=rows_numbered,
                hive_partitioning=False,
            )
        except duckdb.Error as error:
            raise SourceUnreadable(
                f"{files[0] if len(files) == 1 else f'one of {len(files)} files'}: "
                f"not readable as Parquet: {_first_line(error)}",
                next_step="Check the file, or set `format` for this source.",
            ) from error
        if not rows_numbered:
            return table
        numbered = table.mutate(_row=table["file_row_number"] + 1).drop("file_row_number")
        return self._side_by_side(numbered, files)

    def _side_by_side(self, rows: ir.Table, files: Sequence[Path]) -> ir.Table:
        """`rows` so that every thread has work: DuckDB reads one row group with one thread.

        Files of a few vast row groups (some exporters write a single one) are read in ranges of
        rows, one range a thread.
        """
        threads = int(self._ibis.raw_sql("SELECT current_setting('threads')").fetchall()[0][0])
        footers = [pq.ParquetFile(file).metadata for file in files]
        groups = sum(footer.num_row_groups for footer in footers)
        most = max(footer.num_rows for footer in footers)
        if groups >= threads or most < RANGE_ROWS:
            return rows
        step = -(-most // threads)
        number = rows["_row"]
        ranges = [number <= step]
        ranges += [(number > at * step) & (number <= (at + 1) * step) for at in range(1, threads)]
        return ibis.union(*(rows.filter(part) for part in ranges))

    def table(self, rows: pa.Table) -> ir.Table:
        # through a file, not ibis.memtable: a COPY of compiled SQL would not find the latter
        self._made += 1
        path = self._scratch / f"made-{self._made}.parquet"
        pq.write_table(rows, path)
        return self.read([path])

    def run(self, expression: ir.Table) -> pa.Table:
        try:
            return self._ibis.to_pyarrow(expression)
        except duckdb.Error as error:
            raise _translated(error) from error

    def batches(self, expression: ir.Table, *, rows: int = 262_144) -> Batches:
        try:
            # Ibis 12 still calls a method that DuckDB 2.0 took away
            yield from self._ibis.con.sql(self._ibis.compile(expression)).to_arrow_reader(rows)
        except duckdb.Error as error:
            raise _translated(error) from error

    def write(self, expression: ir.Table, folder: Path, *, by: str | None = None) -> int:
        folder.mkdir(parents=True, exist_ok=True)
        query = self._typed(expression)
        options = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1"
        if by is None:
            target = folder / "part-0.parquet"
        else:
            target, options = folder, f'{options}, PARTITION_BY ("{by}"), OVERWRITE_OR_IGNORE'
        try:
            self._ibis.raw_sql(f"COPY ({query}) TO '{_quoted(target)}' ({options})")
        except duckdb.Error as error:
            raise _translated(error) from error
        return _rows_in(folder)

    def _typed(self, expression: ir.Table) -> str:
        """The query, with numbers of the types that the expression says they have.

        DuckDB makes a small literal an INTEGER or a DECIMAL, and adds BIGINT up to HUGEINT, which
        Parquet has not and would hold as a float.
        """
        query: str = self._ibis.compile(expression)
        try:
            described = self._ibis.raw_sql(f"DESCRIBE {query}").fetchall()
        except duckdb.Error as error:
            raise _translated(error) from error
        said = expression.schema()
        casts = []
        for name, kind, *_ in described:
            if said[name].is_int64() and kind in NOT_INT64:
                casts.append(f'CAST("{name}" AS BIGINT) AS "{name}"')
            elif said[name].is_float64() and kind.startswith(("DECIMAL", "FLOAT")):
                casts.append(f'CAST("{name}" AS DOUBLE) AS "{name}"')
        return f"SELECT * REPLACE ({', '.join(casts)}) FROM ({query})" if casts else query

    def map(
        self,
        expression: ir.Table,
        function: Mapper,
        schema: pa.Schema,
        *,
        given: Any,
        together: str | None = None,
    ) -> ir.Table:
        rows = expression.order_by(together) if together else expression
        self._made += 1
        path = self._scratch / f"made-{self._made}.parquet"
        with pq.ParquetWriter(path, schema) as writer:
            for batch in function(given, self.batches(rows)):
                writer.write_batch(batch)
        return self.read([path])

    def keep(self, expression: ir.Table) -> ir.Table:
        self._kept += 1
        folder = self._scratch / f"kept-{self._kept}"
        self.write(expression, folder)
        return self.read([folder])

    def keep_apart(
        self, rows: ir.Table, column: str, each: Callable[[ir.Table], ir.Table]
    ) -> ir.Table:
        kept, whole = self.keep(rows), self._scratch / f"kept-{self._kept}"
        parts = -(-_rows_in(whole) * GROUP_BYTES // self._memory)
        if parts < 2:
            return self.keep(each(kept))
        # groups spilled and read back would take many times longer than the rows in parts
        split, made = (self._scratch / f"{name}-{self._kept}" for name in ("split", "apart"))
        part = (kept[column].hash() % parts).abs().cast("string")
        self.write(kept.mutate(_part=part), split, by="_part")
        shutil.rmtree(whole)
        for at, folder in enumerate(sorted(split.iterdir())):
            self.write(each(self.read([folder])), made / str(at))
            shutil.rmtree(folder)
        return self.read([made])

    def micros(self, time: ir.Value) -> ir.Value:
        return DUCKDB["micros"](time)

    def moment(self, micros: ir.Value) -> ir.Value:
        return DUCKDB["moment"](micros)

    def parse_time(self, text: ir.Value, pattern: str) -> ir.Value:
        return DUCKDB["parse_time"](text, pattern)

    def to_utc(self, time: ir.Value, zone: str) -> ir.Value:
        return DUCKDB["to_instant"](zone, time).cast("timestamp(6)")

    def json_text(self, value: ir.Value) -> ir.Value:
        return value.cast("json").cast("string")

    def json_value(self, text: ir.Value, path: str) -> ir.Value:
        sound = ibis.ifelse(DUCKDB["json_valid"](text), text, ibis.null("string"))
        return DUCKDB["json_value"](sound, f"$.{path}")

    def row_hash(self, table: ir.Table, columns: Sequence[str]) -> ir.Value:
        return ibis.struct({name: table[name] for name in columns}).hash()

    def close(self) -> None:
        self._ibis.disconnect()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def __enter__(self) -> DuckDB:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _rows_in(folder: Path) -> int:
    """As the footers of its files say."""
    return sum(pq.ParquetFile(file).metadata.num_rows for file in folder.rglob("*.parquet"))


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]


def _translated(error: duckdb.Error) -> BespeakError:
    """DuckDB's error in our words; the one place where they meet."""
    if isinstance(error, duckdb.OutOfMemoryException):
        return BespeakError(
            "the engine ran out of its memory",
            next_step="Raise `workspace.memory` in bespeak.toml.",
        )
    return BespeakError(f"the engine could not compute a step: {_first_line(error)}")
