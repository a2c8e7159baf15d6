"""Arrow files, whose readers rely on the order of rows: the rows first, then their order."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq

from bespeak.compare.found import FLOAT_TOLERANCE, Compared
from bespeak.compare.rows import compare_rows
from bespeak.engines import Engine
from bespeak.errors import ArtifactCorrupt

AT = "place in file"


def compare_ordered(
    engine: Engine,
    a: Path,
    b: Path,
    *,
    scratch: Path,
    name: str = "rows",
    key: Sequence[str] = (),
    tolerance: float = FLOAT_TOLERANCE,
    hidden: Collection[str] = (),
) -> Compared:
    """What is equal and what differs between two Arrow files; rows in another order differ too.

    scratch : an empty folder for what the engine reads
    raises  : ArtifactCorrupt where a file is no Arrow file
    """
    left = _numbered(engine, a, scratch / "a.parquet")
    right = _numbered(engine, b, scratch / "b.parquet")
    found = compare_rows(
        engine, left.drop(AT), right.drop(AT), name=name, key=key, tolerance=tolerance,
        hidden=hidden,
    )  # fmt: skip
    if not found.same:
        return found
    ordered = compare_rows(engine, left, right, key=[AT], tolerance=tolerance)
    if ordered.same:
        return found
    return replace(found, apart=("has the same rows, but in another order",))


def _numbered(engine: Engine, path: Path, target: Path) -> ir.Table:
    """The rows of an Arrow file with their places, in bounded memory."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with pa.memory_map(str(path)) as mapped:
            rows = pa.ipc.open_file(mapped)
            schema = rows.schema.append(pa.field(AT, pa.int64()))
            start = 0
            with pq.ParquetWriter(target, schema, compression="zstd") as writer:
                for at in range(rows.num_record_batches):
                    batch = rows.get_batch(at)
                    places = pa.array(range(start, start + len(batch)), pa.int64())
                    columns = [*batch.columns, places]
                    writer.write_batch(pa.record_batch(columns, schema=schema))
                    start += len(batch)
    except (pa.ArrowException, OSError) as error:
        raise ArtifactCorrupt(
            f"{path}: not readable as an Arrow file",
            next_step="Delete that folder and run `bespeak run` again.",
        ) from error
    return engine.read([target])
