"""Lists that were written for everybody: remembered, so that an erasure reaches them too."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bespeak.workspace import Workspace, write_atomically

FILE = "exports.json"


def remember_export(workspace: Workspace, folder: Path) -> None:
    """Remember that lists of customers were written to `folder`."""
    known = exports(workspace)
    if folder.resolve() not in known:
        text = json.dumps([str(path) for path in [*known, folder.resolve()]], indent=1)
        write_atomically(workspace.root / FILE, text.encode())


def exports(workspace: Workspace) -> list[Path]:
    """Folders that lists were written to, oldest first; some may be gone by now."""
    path = workspace.root / FILE
    return [Path(one) for one in json.loads(path.read_bytes())] if path.is_file() else []


def erase_from_exports(workspace: Workspace, customers: Collection[str]) -> dict[str, int]:
    """Write the lists that hold one of `customers` again without them; folder -> rows gone."""
    gone = {}
    for folder in exports(workspace):
        rows = sum(_without(part, customers) for part in sorted(folder.rglob("*.parquet")))
        if rows:
            gone[str(folder)] = rows
    return gone


def _without(path: Path, customers: Collection[str]) -> int:
    rows = pq.read_table(path, partitioning=None)
    theirs = pc.is_in(rows["customer_id"], value_set=pa.array(sorted(customers)))
    kept = rows.filter(pc.invert(theirs))
    if kept.num_rows < rows.num_rows:
        content = pa.BufferOutputStream()
        pq.write_table(kept, content, compression="zstd")
        write_atomically(path, content.getvalue().to_pybytes())
    return int(rows.num_rows - kept.num_rows)
