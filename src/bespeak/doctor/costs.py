"""What each step of the last runs did cost, as the manifests hold it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bespeak.errors import ArtifactCorrupt
from bespeak.workspace import Version


@dataclass(frozen=True)
class Step:
    """One published version and its price.

    engine  : that computed it; None where no engine did, as in fitting a model
    rows    : that it works on: its source's, or all events
    seconds : when it was made, on the machine that made it
    bytes   : on disk
    """

    key: str
    stage: str
    engine: str | None
    rows: int
    seconds: float
    bytes: int

    @property
    def source(self) -> str | None:
        """The source whose rows it works on; None where it rests on all."""
        parts = self.key.split("/")
        if self.key.startswith("record/sources/"):
            return parts[2]
        return parts[1] if parts[0] == "stage" else None

    @property
    def micros_per_row(self) -> float | None:
        """Microseconds a row; None without rows."""
        return self.seconds / self.rows * 1e6 if self.rows else None


def measure(versions: Sequence[Version], stage_of: Callable[[str], str]) -> list[Step]:
    """A step per current version, the dearest first."""
    events = sum(
        int(version.manifest["account"]["rows_in"])
        for version in versions
        if version.manifest.get("table") == "events"
    )
    steps = [_step(version, stage_of(version.key), events) for version in versions]
    return sorted(steps, key=lambda step: (-step.seconds, step.key))


def _step(version: Version, stage: str, events: int) -> Step:
    said = version.manifest
    of_source = version.key.startswith(("record/sources/", "stage/"))
    return Step(
        key=version.key,
        stage=stage,
        engine=said.get("engine"),
        rows=int(said["rows"]) if of_source else events,
        seconds=float(said["seconds"]),
        bytes=size_of(version.path),
    )


def expanded(folder: Path) -> int:
    """Bytes of a folder's Parquet when it is unpacked, by its footers: what a shuffle moves.

    raises : ArtifactCorrupt
    """
    total = 0
    for path in folder.rglob("*.parquet"):
        try:
            footer = pq.ParquetFile(path).metadata
        except (pa.ArrowException, OSError) as error:
            raise ArtifactCorrupt(
                f"{path}: not readable as Parquet",
                next_step=f"Delete {folder} and run `bespeak run` again.",
            ) from error
        total += sum(footer.row_group(at).total_byte_size for at in range(footer.num_row_groups))
    return total


def size_of(folder: Path) -> int:
    """Bytes of the files below `folder`."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
