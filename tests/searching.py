"""A search of every file below a folder for a word, however the file is packed."""

from __future__ import annotations

import gzip
import sqlite3
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


def files_with(words: set[str], root: Path, *, but: set[Path] = frozenset()) -> dict[str, set[str]]:  # type: ignore[assignment]
    """File -> those of `words` that stand in its bytes or in what these unpack to.

    but : files that are not searched
    """
    found: dict[str, set[str]] = {}
    for path in sorted(root.rglob("*")):
        if not path.is_file() or path in but:
            continue
        text = "\n".join([path.read_bytes().decode("latin-1"), *unpacked(path), path.name])
        here = {word for word in words if word in text}
        if here:
            found[str(path.relative_to(root))] = here
    return found


def unpacked(path: Path) -> Iterator[str]:
    """All that a packed file says."""
    if path.suffix == ".parquet":
        yield _said(pq.read_table(path, partitioning=None))
        yield str(pq.read_metadata(path).to_dict())
    elif path.suffix == ".arrow":
        yield _said(pa.ipc.open_file(pa.memory_map(str(path))).read_all())
    elif path.suffix == ".npy":
        yield _array(np.load(path))
    elif path.suffix == ".npz":
        with np.load(path) as arrays:
            yield from (_array(arrays[name]) for name in arrays.files)
    elif path.suffix == ".db":
        yield from _tables(path)
    elif path.suffix == ".gz":
        yield gzip.decompress(path.read_bytes()).decode("latin-1")
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as parts:
            yield from (parts.read(name).decode("latin-1") for name in parts.namelist())


def _said(table: pa.Table) -> str:
    return "\n".join(str(column.to_pylist()) for column in table.columns)


def _array(found: np.ndarray[Any, Any]) -> str:
    # texts lie as bytes, or as numbers of their characters
    return f"{found.tobytes().decode('latin-1')}\n{found.tolist()}"


def _tables(path: Path) -> Iterator[str]:
    connection = sqlite3.connect(path)
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'"):
        for row in connection.execute(f"SELECT * FROM {name}"):
            yield str([v.decode("latin-1") if isinstance(v, bytes) else v for v in row])
    connection.close()
