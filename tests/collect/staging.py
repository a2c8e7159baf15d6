"""A file made, staged and read back: what every test of reading does."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bespeak import collect
from bespeak.config import Source


@dataclass(frozen=True)
class Staged:
    """What staging said, wrote and refused."""

    facts: dict[str, Any]
    rows: list[dict[str, Any]]
    refused: list[dict[str, Any]]

    @property
    def numbers(self) -> list[int]:
        return [row["_row"] for row in self.rows]

    @property
    def values(self) -> list[tuple[Any, ...]]:
        return [tuple(row[name] for name in self.facts["columns"]) for row in self.rows]

    @property
    def reasons(self) -> list[tuple[int, str]]:
        return [(row["row"], row["reason"]) for row in self.refused]

    def says(self, words: str) -> bool:
        return any(words in sentence for sentence in self.facts["said"])


def stage(path: Path | None, folder: Path, **settings: Any) -> Staged:
    """`path` through collect.stage; every part read back."""
    facts = collect.stage(Source(name="s", **settings), path, folder)
    parts = [pq.read_table(part) for part in sorted((folder / "rows").glob("*.parquet"))]
    rows = pa.concat_tables(parts, promote_options="default").to_pylist()
    turned_away = folder / "refused" / "part-0.parquet"
    refused = pq.read_table(turned_away).to_pylist() if turned_away.is_file() else []
    assert facts["rows"] == len(rows) and facts["refused"] == len(refused)
    return Staged(facts, rows, refused)


def stage_bytes(tmp_path: Path, content: bytes, name: str = "in.csv", **settings: Any) -> Staged:
    """A file with this content, staged."""
    path = tmp_path / name
    path.write_bytes(content)
    folder = tmp_path / f"staged-{name}"
    assert not folder.exists()
    return stage(path, folder, **settings)
