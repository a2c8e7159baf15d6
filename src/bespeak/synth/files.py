"""One raw file and the truth about its rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bespeak.synth.dirt import FAULTS, SKEWED, Spoilt
from bespeak.synth.plan import Truths
from bespeak.synth.spelling import content

RAW, TRUTH, DIRT = "raw", "truth", "dirt"
DIRT_SCHEMA = pa.schema(
    [
        ("source", pa.string()),
        ("file", pa.string()),
        ("row", pa.int64()),
        ("kind", pa.string()),
        ("column", pa.string()),
    ]
)
HEADER_ROWS: Mapping[str, int] = {".csv": 1}
"""Rows before the data, as a person counts them in a spreadsheet."""

DISTINCT = ("event_id", "ts", "email", "order_id")
"""Columns that hardly repeat a value, so that a dictionary of them is wasted."""


@dataclass(frozen=True)
class File:
    """A raw file as it was written."""

    source: str
    name: str
    rows: int
    size: int
    dirt: Mapping[str, int] = field(default_factory=dict)
    """Kind of dirt, with its column where it has one -> rows."""


def write_lines(folder: Path, name: str, header: str, lines: Any) -> int:
    """A text file of finished lines; its size in bytes."""
    with (folder / RAW / name).open("wb") as stream:
        size = stream.write(header.encode())
        return size + stream.write(content(lines))


def write_parquet(folder: Path, name: str, table: pa.Table) -> int:
    """A Parquet file as a warehouse exports it; its size in bytes."""
    path = folder / RAW / name
    repeated = [name for name in table.column_names if name not in DISTINCT]
    pq.write_table(
        table, path, compression="snappy", row_group_size=131_072, use_dictionary=repeated
    )
    return path.stat().st_size


def note(
    folder: Path, name: str, spoilt: Spoilt, size: int, *, skewed: Truths | None = None
) -> File:
    """Write which rows of a file are dirt, and sum the file up.

    skewed : rows of the file whose time a wrong clock told; copies among them count as copies
    """
    faults = [None, *FAULTS[spoilt.source], SKEWED]
    code = spoilt.fault.astype(np.int64)
    if skewed is not None:
        code = np.where(skewed & (code == 0), len(faults) - 1, code)
    at = np.flatnonzero(code)
    found = code[at]
    kinds = pa.array([fault.kind if fault else None for fault in faults], pa.string())
    columns = pa.array([fault.column if fault else None for fault in faults], pa.string())
    first = 1 + HEADER_ROWS.get(Path(name).suffix, 0)
    table = pa.table(
        [
            pa.array([spoilt.source] * len(at), pa.string()),
            pa.array([name] * len(at), pa.string()),
            pa.array(at + first, pa.int64()),
            kinds.take(pa.array(found)),
            columns.take(pa.array(found)),
        ],
        schema=DIRT_SCHEMA,
    )
    pq.write_table(table, folder / TRUTH / DIRT / f"{Path(name).stem}.parquet")
    counted = Counter(found.tolist())
    return File(
        spoilt.source, name, len(spoilt.take), size,
        {_called(faults[which]): rows for which, rows in sorted(counted.items())},
    )  # fmt: skip


def _called(fault: Any) -> str:
    return fault.kind if fault.column is None else f"{fault.kind}:{fault.column}"
