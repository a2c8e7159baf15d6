"""Parquet files, whichever engine reads them."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bespeak.errors import SourceMissing, SourceUnreadable


def parquet_files(path: Path) -> list[Path]:
    """The file, or every Parquet file below the folder, in the order of their names.

    raises : SourceMissing where there is none
    """
    if path.is_dir():
        files = sorted(path.rglob("*.parquet"))
        if files:
            return files
    elif path.is_file():
        return [path]
    raise SourceMissing(f"{path}: there is no Parquet file", next_step="Check the path.")


def footer(file: Path) -> pa.Schema:
    """The columns that a file says it has.

    raises : SourceUnreadable for what is no Parquet
    """
    try:
        return pq.read_schema(file)
    except (pa.ArrowInvalid, OSError) as error:
        raise SourceUnreadable(
            f"{file}: not readable as Parquet: {str(error).splitlines()[0]}",
            next_step="Check the file, or set `format` for this source.",
        ) from error
