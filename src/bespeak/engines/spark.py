"""Apache Spark: the same steps, for more rows than one machine should bear."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq

from bespeak.engines import mllib
from bespeak.engines.base import Batches, Centres, Factors, Mapper
from bespeak.engines.dialect import REPEATED_MINUTES, SPARK, SparkCompiler, java_pattern
from bespeak.engines.files import footer, parquet_files
from bespeak.engines.session import open_session
from bespeak.errors import BespeakError

PLAIN = re.compile(r"(?:/[A-Za-z0-9=-][A-Za-z0-9.=_-]*)+")
"""Paths that Spark takes as they are: it hides names that begin with `_`, and expands `{a,b}`."""


class Spark:
    """A Spark session; what a step keeps stands in `scratch`, which every worker must see."""

    name = "spark"
    can: frozenset[str] = frozenset({"mllib"})

    def __init__(
        self,
        *,
        scratch: Path | None = None,
        memory: str = "2GB",
        threads: int | None = None,
        master: str | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self._scratch = Path(tempfile.mkdtemp(prefix="bespeak-", dir=scratch))
        self.session, self._own = open_session(
            scratch=self._scratch,
            memory=memory,
            threads=threads,
            master=master,
            settings=settings or {},
        )
        self._ibis = ibis.pyspark.connect(self.session)
        self._ibis.compiler = SparkCompiler()
        self._made = 0

    # -- reading -----------------------------------------------------------------------------------

    def read(
        self, paths: Sequence[Path], *, files_named: bool = False, rows_numbered: bool = False
    ) -> ir.Table:
        files = [file for path in paths for file in parquet_files(path)]
        groups: dict[tuple[Any, ...], list[Path]] = {}
        for file in files:
            schema = footer(file)
            groups.setdefault(tuple(zip(schema.names, schema.types, strict=True)), []).append(file)
        frames = [
            self._opened(alike, dict(columns), files_named, rows_numbered)
            for columns, alike in groups.items()
        ]
        return self._united(frames, groups)

    def _opened(
        self, files: Sequence[Path], columns: Mapping[str, Any], named: bool, numbered: bool
    ) -> Any:
        """Files of one schema, as a frame: times to the microsecond, and where each row stood."""
        from pyspark.sql import functions as f
        from pyspark.sql.types import LongType

        known = {self._reachable(file): str(file) for file in files}
        reader = self.session.read.option("recursiveFileLookup", "true")
        frame = _tried(reader.parquet, *known)
        chosen = []
        for name, kind in ((field.name, field.dataType) for field in frame.schema.fields):
            column = f.col(_quoted(name))
            if pa.types.is_timestamp(columns[name]) and isinstance(kind, LongType):
                column = f.timestamp_micros(f.expr(f"{_quoted(name)} div 1000")).alias(name)
            chosen.append(column)
        place = f.col("_metadata.file_path")
        if named or numbered:
            chosen.append(_path_of(f, place, known).alias("_file"))
        if numbered:
            chosen.append((f.col("_metadata.row_index") + 1).alias("_row"))
        return frame.select(*chosen)

    def _reachable(self, file: Path) -> str:
        """A name under which Spark finds the file and gives it back unchanged."""
        path = file.absolute()
        if PLAIN.fullmatch(str(path)):
            return str(path)
        self._made += 1
        link = self._scratch / f"linked-{self._made}" / "part-0.parquet"
        link.parent.mkdir()
        link.symlink_to(path)
        return str(link)

    def _united(self, frames: Sequence[Any], groups: Mapping[tuple[Any, ...], Any]) -> ir.Table:
        """Frames of several schemas under one another, columns by name; as a table."""
        whole = frames[0]
        for frame in frames[1:]:
            whole = whole.unionByName(frame, allowMissingColumns=True)
        self._made += 1
        view = f"bespeak_{id(self):x}_{self._made}"
        whole.createOrReplaceTempView(view)
        table = self._ibis.table(view)
        # Spark's times all are moments; which were a zone's wall clock, only the files know
        zoned = {
            name
            for columns in groups
            for name, kind in columns
            if pa.types.is_timestamp(kind) and kind.tz is not None
        }
        return table.mutate(
            **{
                name: table[name].cast("timestamp('UTC')" if name in zoned else "timestamp(6)")
                for name, kind in table.schema().items()
                if kind.is_timestamp()
            }
        )

    def table(self, rows: pa.Table) -> ir.Table:
        path = self._aside() / "part-0.parquet"
        pq.write_table(rows, path)
        return self.read([path])

    # -- computing ---------------------------------------------------------------------------------

    def run(self, expression: ir.Table) -> pa.Table:
        schema = expression.schema().to_pyarrow()
        return _tried(self._frame(expression).toArrow).cast(schema)

    def batches(self, expression: ir.Table, *, rows: int = 262_144) -> Batches:
        folder = self._aside()
        self.write(expression, folder)
        for file in _numbered(folder):
            yield from pq.ParquetFile(file).iter_batches(rows)
        shutil.rmtree(folder)

    def write(self, expression: ir.Table, folder: Path, *, by: str | None = None) -> int:
        folder.mkdir(parents=True, exist_ok=True)
        frame = self._frame(expression)
        self._write(frame, folder, by)
        if not any(folder.rglob("*.parquet")):
            empty = expression.drop(by) if by else expression
            pq.write_table(empty.schema().to_pyarrow().empty_table(), folder / "part-0.parquet")
        return sum(pq.ParquetFile(file).metadata.num_rows for file in folder.rglob("*.parquet"))

    def _write(self, frame: Any, folder: Path, by: str | None) -> None:
        aside = folder / ".spark"
        writer = (frame.repartition(by) if by else frame).write.mode("overwrite")
        _tried((writer.partitionBy(by) if by else writer).parquet, str(aside))
        # a worker that was given up may still be writing what nobody will have
        parts = {file.parent.relative_to(aside) for file in aside.rglob("part-*.parquet")}
        for part in sorted(part for part in parts if "_temporary" not in part.parts):
            found, target = aside / part, folder / part
            target.mkdir(exist_ok=True)
            for at, file in enumerate(sorted(found.glob("part-*.parquet"))):
                file.rename(target / f"part-{at}.parquet")
        shutil.rmtree(aside)

    def keep(self, expression: ir.Table) -> ir.Table:
        folder = self._aside()
        self.write(expression, folder)
        return self.read([folder])

    def keep_apart(
        self, rows: ir.Table, column: str, each: Callable[[ir.Table], ir.Table]
    ) -> ir.Table:
        return self.keep(each(rows))  # its shuffles part the rows, and spill what is too much

    def map(
        self,
        expression: ir.Table,
        function: Mapper,
        schema: pa.Schema,
        *,
        given: Any,
        together: str | None = None,
    ) -> ir.Table:
        from pyspark.sql.pandas.types import from_arrow_schema

        def mapped(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            return function(given, batches)

        # Spark sends a function with all that it holds to each worker once, as a broadcast
        rows = self._frame(expression)
        if together:
            rows = rows.repartition(together).sortWithinPartitions(together)
        frame = rows.mapInArrow(mapped, from_arrow_schema(schema))
        folder = self._aside()
        self._write(frame, folder, None)
        return self.read([folder])

    # -- training ----------------------------------------------------------------------------------

    def als(self, interactions: ir.Table, **settings: Any) -> Factors:
        trained = partial(mllib.als, **settings)
        found: Factors = _tried(trained, self._frame(interactions), self._aside())
        return found

    def kmeans(self, points: ir.Table, columns: Sequence[str], *, k: int, seed: int) -> Centres:
        trained = partial(mllib.kmeans, k=k, seed=seed)
        found: Centres = _tried(trained, self._frame(points), columns)
        return found

    def _frame(self, expression: ir.Table) -> Any:
        """The rows as a frame whose columns have the types that the expression says."""
        from pyspark.sql import functions as f

        query = self._ibis.compile(expression)
        frame = _tried(self.session.sql, query)
        return frame.select(
            *(
                f.col(_quoted(name)).cast(_spark_type(kind)).alias(name)
                for name, kind in expression.schema().items()
            )
        )

    def _aside(self) -> Path:
        self._made += 1
        folder = self._scratch / f"made-{self._made}"
        folder.mkdir()
        return folder

    # -- what differs ------------------------------------------------------------------------------

    def micros(self, time: ir.Value) -> ir.Value:
        return SPARK["micros"](time)

    def moment(self, micros: ir.Value) -> ir.Value:
        return SPARK["moment"](micros)

    def parse_time(self, text: ir.Value, pattern: str) -> ir.Value:
        return SPARK["parse_time"](text.strip(), java_pattern(pattern))

    def to_utc(self, time: ir.Value, zone: str) -> ir.Value:
        first = SPARK["to_instant"](time, zone)
        # of an hour that comes twice Java means the first, DuckDB and bespeak the second
        later = [self.moment(self.micros(first) + m * 60_000_000) for m in REPEATED_MINUTES]
        again = [(SPARK["to_wall"](moment, zone) == time, moment) for moment in later]
        return ibis.cases(*again, else_=first)

    def json_text(self, value: ir.Value) -> ir.Value:
        return value.cast("json").cast("string")

    def json_value(self, text: ir.Value, path: str) -> ir.Value:
        return SPARK["json_value"](text, f"$.{path}")

    def row_hash(self, table: ir.Table, columns: Sequence[str]) -> ir.Value:
        return ibis.struct({name: table[name] for name in columns}).hash()

    def close(self) -> None:
        if self._own:
            self.session.stop()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def __enter__(self) -> Spark:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _path_of(f: Any, place: Any, known: Mapping[str, str]) -> Any:
    """The path as it was given, from what Spark calls it."""
    bare = f.regexp_replace(place, "^file:/+", "/")
    renamed = {link: path for link, path in known.items() if link != path}
    if not renamed:
        return bare
    names = f.create_map(*(f.lit(text) for pair in renamed.items() for text in pair))
    return f.coalesce(f.try_element_at(names, bare), bare)


def _numbered(folder: Path) -> list[Path]:
    """The parts that a write has left, in its order."""
    return sorted(folder.glob("part-*.parquet"), key=lambda file: int(file.stem[5:]))


def _spark_type(kind: dt.DataType) -> str:
    """A type's name; a time without a zone stays one in the file."""
    if kind.is_timestamp() and kind.timezone is None:
        return "timestamp_ntz"
    if kind.is_null():
        return "int"
    name: str = SparkCompiler.type_mapper.to_string(kind)
    return name


def _tried(step: Callable[..., Any], *given: Any) -> Any:
    """What `step` gives; Spark's errors in our words."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        return step(*given)
    except (PySparkException, Py4JError) as error:
        raise BespeakError(f"the engine could not compute a step: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """The line that says most: the first cause's, or the last of a Python traceback."""
    cause, text = getattr(error, "java_exception", None), str(error)
    while cause is not None:
        text, cause = str(cause.toString()), cause.getCause()
    said = [line.strip() for line in text.splitlines() if line.strip()]
    return said[-1] if "Traceback" in text else said[0]
