"""The mission, in its order: collect, prepare, features, segments, recommend, serve.

Each stage asks the workspace for a version that follows from its inputs; what is there already is
not made again. Nothing a reader sees changes until the last stage is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
import msgspec

from bespeak import collect, features, prepare, recommend, segments, serve
from bespeak.columns import RECORD
from bespeak.config import Config, Source
from bespeak.domains import load_pack
from bespeak.engines import DuckDB, Engine
from bespeak.errors import NotReady
from bespeak.workspace import Version, Workspace, code_digest, digest


@dataclass(frozen=True)
class Step:
    """One thing a run did or found done."""

    stage: str
    name: str
    state: str
    """`running`, `done`, or `kept` where nothing had changed."""
    rows: int | None = None
    seconds: float = 0.0


Tell = Callable[[Step], None]


@dataclass(frozen=True)
class Outcome:
    """What a run came to."""

    steps: list[Step]
    changed: bool
    versions: Mapping[str, str] = field(default_factory=dict)


class Flow:
    """One run over one workspace: its config, its engine, and the versions made so far."""

    def __init__(self, workspace: Workspace, config: Config, tell: Tell) -> None:
        self.workspace, self.config, self._tell = workspace, config, tell
        self.versions: dict[str, Version] = {}
        self.steps: list[Step] = []
        self.files: dict[str, list[collect.RawFile]] = {}
        self.stage = ""
        self._opened: list[DuckDB] = []

    @cached_property
    def engine(self) -> Engine:
        """Opened only when something has to be computed."""
        chosen = self.config.workspace
        scratch = self.workspace.root / "scratch"
        scratch.mkdir(exist_ok=True)
        opened = DuckDB(scratch=scratch, memory=chosen.memory, threads=chosen.threads)
        self._opened.append(opened)
        return opened

    def close(self) -> None:
        for engine in self._opened:
            engine.close()

    def build(
        self,
        kind: str,
        name: str,
        *,
        inputs: Mapping[str, Any],
        code: tuple[str, ...],
        make: Callable[[Path], Mapping[str, Any]],
    ) -> Version:
        """One version of `kind/name`; tells when it starts, and what it came to."""

        def made(folder: Path) -> Mapping[str, Any]:
            self._tell(Step(self.stage, name, "running"))
            return {"engine": self.engine.name, **make(folder)}

        version = self.workspace.build(
            kind, name, inputs=inputs, code=code_digest(*code), make=made
        )
        self.versions[version.key] = version
        state = "done" if version.fresh else "kept"
        rows, seconds = version.manifest.get("rows"), version.manifest["seconds"]
        step = Step(self.stage, name, state, rows, seconds if version.fresh else 0.0)
        self.steps.append(step)
        self._tell(step)
        return version

    def of(self, *keys: str) -> dict[str, str]:
        """The versions that a step builds on, as its inputs."""
        return {key: self.versions[key].version for key in keys}

    def sources(self, table: str) -> list[Version]:
        """The sources' versions that hold rows of one table of the record, in config's order."""
        made = [self.versions[f"record/sources/{source.name}"] for source in self.config.sources]
        return [version for version in made if (version.path / table).is_dir()]

    def record(self, table: str) -> ir.Table | None:
        """All sources' rows of one table of the record; None where no source has any."""
        folders = [version.path / table for version in self.sources(table)]
        return self.engine.read(folders) if folders else None

    def table(self, key: str) -> ir.Table:
        """A table that an earlier stage published."""
        return self.engine.read([self.versions[key].path / "rows"])


def run(
    workspace: Workspace,
    *,
    only: str | None = None,
    engine: str | None = None,
    tell: Tell = lambda step: None,
) -> Outcome:
    """Bring the workspace up to date: every stage in order, or those up to `only`.

    raises : BespeakError of whichever stage can't go on; the last good state stays current
    """
    config = workspace.config()
    _known("stage", only, STAGES)
    _known("engine", engine, ("duckdb",))
    with workspace.lock(), _flowing(workspace, config, tell) as flow:
        before = workspace.current()
        for name, stage in STAGES.items():
            flow.stage = name
            stage(flow)
            if name == only:
                break
        versions = {key: version.version for key, version in flow.versions.items()}
        later = list(STAGES)[list(STAGES).index(only) + 1 :] if only else []
        kept = {key: v for key, v in before.items() if _stage_of(key) in later}
        changed = workspace.publish({**kept, **versions})
        workspace.sweep(keep=workspace.current(), before=before)
    return Outcome(flow.steps, changed, versions)


def _known(what: str, given: str | None, allowed: Any) -> None:
    if given is not None and given not in allowed:
        raise BadRequest(f"there is no {what} `{given}`", expected=f"one of {', '.join(allowed)}")


@contextmanager
def _flowing(workspace: Workspace, config: Config, tell: Tell) -> Iterator[Flow]:
    """A flow whose engine and scratch space are gone afterwards, however it ends."""
    scratch = workspace.root / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)  # what a killed run left; we hold the lock
    flow = Flow(workspace, config, tell)
    try:
        yield flow
    finally:
        flow.close()
        shutil.rmtree(scratch, ignore_errors=True)


# -- collect -----------------------------------------------------------------------------------


def collect_sources(flow: Flow) -> None:
    """Find every source's files; what is not Parquet is staged as Parquet, file by file."""
    for source in flow.config.sources:
        paths = collect.find(source, flow.workspace.root)
        names = collect.short_names(paths)
        flow.files[source.name] = [
            _raw_file(flow, source, path, name) for path, name in zip(paths, names, strict=True)
        ]


def _raw_file(flow: Flow, source: Source, path: Path, name: str) -> collect.RawFile: ...
