"""`bespeak doctor`: what the last runs did cost, and what the files that lie there now will need.

It is quick: manifests, footers and sizes are read, and no row.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import RenderableType

from bespeak import collect, doctor, flow, ledger
from bespeak.artifacts import EVALUATION
from bespeak.config import Config, Source
from bespeak.doctor import Finding, Machine, Needs, Raw, Setting, Step
from bespeak.engines import OPENERS
from bespeak.errors import ArtifactCorrupt, BadRequest, SourceMissing
from bespeak.flow.keeping import kept
from bespeak.flow.running import SOURCES
from bespeak.flow.topics import with_topics
from bespeak.privacy import tombstones
from bespeak.workspace import Digests, Version, Workspace

HOURS = 1.0


@dataclass(frozen=True)
class Staged:
    """A text file that a run has read."""

    source: str
    bytes: int
    rows: int


@dataclass(frozen=True)
class Diagnosis:
    """One workspace, looked at."""

    workspace: str
    machine: Machine
    setting: Setting
    needs: Needs
    sources: tuple[Raw, ...]
    steps: tuple[Step, ...]
    findings: tuple[Finding, ...]

    @property
    def well(self) -> bool:
        """Whether nothing must be fixed."""
        return all(finding.severity != "problem" for finding in self.findings)

    def json(self) -> dict[str, Any]:
        """The diagnosis as one JSON document."""
        steps = [{**asdict(step), "micros_per_row": step.micros_per_row} for step in self.steps]
        return {"well": self.well, **asdict(self), "steps": steps}

    def shown(self) -> Iterator[RenderableType]:
        """The diagnosis for a terminal."""
        return doctor.shown(self.machine, self.setting, self.needs, self.steps, self.findings)


def diagnose(workspace: Workspace, *, engine: str | None = None, hours: float = HOURS) -> Diagnosis:
    """What this workspace needs, what is slow, and when one machine is too small.

    engine : asked about, instead of bespeak.toml's
    hours  : how long a run from nothing may take
    """
    if engine is not None and engine not in OPENERS:
        raise BadRequest(f"there is no engine `{engine}`", expected=f"one of {', '.join(OPENERS)}")
    if hours <= 0:
        raise BadRequest("no run is that quick", found=f"{hours} hours", expected="more than 0")
    config = workspace.config()
    versions = [workspace.get(key) for key in sorted(workspace.current())]
    machine = doctor.look(workspace.root)
    chosen = config.workspace
    setting = Setting(
        engine=engine or chosen.engine,
        limit=doctor.in_bytes(chosen.memory, machine.memory),
        threads=chosen.threads,
        master=config.spark.master or os.environ.get("SPARK_REMOTE"),
        within_s=hours * 3600,
        expanded=sum(doctor.expanded(v.path) for v in versions if v.key.startswith("record/")),
    )
    steps = doctor.measure(versions, flow.stage_of)
    raws, missing = _raws(workspace, with_topics(workspace, config).sources)
    needs = doctor.foresee(raws, steps, engine=setting.engine, peak=_peak(workspace))
    found = [*missing, *doctor.examine(machine, needs, steps, setting), *_kept(workspace, config)]
    return Diagnosis(chosen.name, machine, setting, needs, tuple(raws), tuple(steps), tuple(found))


def _peak(workspace: Workspace) -> int | None:
    """Bytes that the process of the last run took, as evaluating the models saw it."""
    version = workspace.find(EVALUATION)
    if version is None:
        return None
    path = version.path / "evaluation.json"
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ArtifactCorrupt(
            f"{path}: can't be read", next_step="Delete that folder and run `bespeak run` again."
        ) from error
    peaks = [model["peak_rss_mb"] for model in said["models"]]
    return round(max(peaks) * 1e6) if peaks else None


def _kept(workspace: Workspace, config: Config) -> Iterator[Finding]:
    """What the event log and its copies hold, and how long; and who waits to be erased."""
    found, live = kept(workspace, config), config.live
    if found.log is not None and found.log.oldest is not None:
        since = datetime.fromtimestamp(found.log.oldest / 1e6, UTC).date()
        yield Finding(
            "note",
            f"the event log holds {found.log.events:,} events in"
            f" {doctor.bytes_said(found.log.bytes)}, since {since}; what a run has read leaves"
            f" after {live.keep_days:g} days, or when the log has more than {live.keep_mb:g} MB",
        )
    if found.copies:
        days = live.keep_copies_days
        how_long = "stay for ever" if days is None else f"leave after {days:g} days"
        files = "1 file" if found.copies == 1 else f"{found.copies} files"
        size = doctor.bytes_said(found.copies_bytes)
        yield Finding("note", f"copies of its events, {size} in {files}, {how_long}")
    if tombstones(workspace).now().pending:
        yield Finding(
            "problem",
            "somebody was erased, and what the last run made still has them",
            "bespeak run",
        )


def _raws(workspace: Workspace, sources: list[Source]) -> tuple[list[Raw], list[Finding]]:
    """Every source's files as they are now; and those that are missing."""
    digests = Digests(workspace.root)
    staged = _staged(workspace, digests)
    found, missing = [], []
    for source in sources:
        try:
            paths = collect.find(source, workspace.root)
        except SourceMissing as error:
            missing.append(Finding("problem", error.what, error.next_step or ""))
            continue
        found.append(_raw(workspace, source, paths, digests, staged))
    return found, missing


def _staged(workspace: Workspace, digests: Digests) -> dict[str, Staged]:
    """Every file that was staged, by its digest."""
    sizes = digests.sizes()
    return {
        version.name: Staged(version.kind.partition("/")[2], sizes[version.name], _rows_of(version))
        for version in workspace.under("stage")
        if version.name in sizes
    }


def _rows_of(version: Version) -> int:
    return int(version.manifest["rows"]) + int(version.manifest.get("refused", 0))


def _raw(
    workspace: Workspace,
    source: Source,
    paths: list[Path],
    digests: Digests,
    staged: Mapping[str, Staged],
) -> Raw:
    """One source: its size now, and the rows that this stands for."""
    version = workspace.find(f"{SOURCES}/{source.name}")
    seen = {content for _, content in version.manifest["inputs"]["files"]} if version else set()
    run_rows = int(version.manifest["account"]["rows_in"]) if version else 0
    now = {path: digests.remembered(path) for path in paths}
    waiting = [path for path, content in now.items() if content not in seen]
    same = version is not None and not waiting and (len(now) == len(seen) or not paths)
    rows, known = (run_rows, "as the last run counted") if same else (None, "")
    if rows is None and paths:
        rows, known = _guessed(source, now, staged)
    return Raw(
        name=source.name,
        files=len(paths),
        bytes=sum(path.stat().st_size for path in paths) if paths else None,
        rows=rows,
        rows_known=known,
        run_rows=run_rows,
        waiting=len(waiting),
        events=source.table == "events",
    )


def _guessed(
    source: Source, files: dict[Path, str | None], staged: Mapping[str, Staged]
) -> tuple[int | None, str]:
    """Rows of files that have not run: by footers, else by bytes a row of those that have."""
    own = [each for each in staged.values() if each.source == source.name]
    alike = own or list(staged.values())
    size, rows = sum(each.bytes for each in alike), sum(each.rows for each in alike)
    total, said = 0, "as the files say"
    for path, content in files.items():
        known = staged.get(content) if content is not None else None
        if known is not None:
            total += known.rows
        elif collect.format_of(source, path) == "parquet":
            total += ledger.rows_of(path)
        elif rows:
            total += round(path.stat().st_size * rows / size)
            said = "new text files guessed by bytes a row"
        else:
            return None, ""
    return total, said
