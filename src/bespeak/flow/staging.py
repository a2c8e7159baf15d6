"""Text files become Parquet side by side, a process a core, while the flow goes on in order."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from joblib import Parallel, delayed
from joblib.externals.loky import get_reusable_executor

from bespeak import collect
from bespeak.config import Source

WORTH_BYTES = 256_000_000
"""Of text; less than this is read in the time that a second process takes to start."""


@dataclass(frozen=True)
class Job:
    """One file to stage."""

    source: Source
    path: Path


class Staged:
    """The jobs, each staged when the one before it has been taken, or ahead of that."""

    def __init__(self, ahead: Iterator[tuple[Path, dict[str, Any]]] | None) -> None:
        self._ahead = ahead

    def into(self, job: Job, folder: Path) -> Mapping[str, Any]:
        """What `collect.stage` writes and says; jobs must be taken in their order."""
        if self._ahead is None:
            return collect.stage(job.source, job.path, folder)
        made, said = next(self._ahead)
        for part in made.iterdir():
            part.rename(folder / part.name)
        return said


@contextmanager
def staging(jobs: Sequence[Job], scratch: Path, threads: int | None) -> Iterator[Staged]:
    """Stage `jobs`, in processes of their own where there is enough to read.

    scratch : of the file system where the stage lies
    raises  : what `collect.stage` raises, when the job at fault is taken
    """
    workers = min(threads or os.cpu_count() or 1, len(jobs))
    if workers < 2 or sum(job.path.stat().st_size for job in jobs) < WORTH_BYTES:
        yield Staged(None)
        return
    tasks = (delayed(_stage)(job, scratch / f"staged-{number}") for number, job in enumerate(jobs))
    try:
        with closing(Parallel(workers, return_as="generator")(tasks)) as ahead:
            yield Staged(ahead)
    finally:
        # they would stay for minutes, with the memory that the engine may need
        get_reusable_executor().shutdown(wait=True, kill_workers=True)


def _stage(job: Job, folder: Path) -> tuple[Path, dict[str, Any]]:
    folder.mkdir(parents=True)
    return folder, collect.stage(job.source, job.path, folder)
