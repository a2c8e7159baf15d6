"""The mission, in its order: collect, prepare, features, segments, recommend, serve.

Each stage asks the workspace for a version that follows from its inputs; what is there already is
not made again. Nothing that a reader sees changes until the last stage is done.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from types import MappingProxyType
from typing import Any

from bespeak import ledger
from bespeak.config import Config
from bespeak.errors import BadRequest, NotReady
from bespeak.flow.insight import find_segments, make_features
from bespeak.flow.offers import compare, fit_models
from bespeak.flow.publishing import publish_snapshot
from bespeak.flow.record import collect_sources, prepare_record
from bespeak.flow.running import SOURCES, Flow, Outcome, Step, Tell
from bespeak.workspace import Workspace

STAGES: Mapping[str, Callable[[Flow], None]] = MappingProxyType(
    {
        "collect": collect_sources,
        "prepare": prepare_record,
        "features": make_features,
        "segments": find_segments,
        "recommend": fit_models,
        "serve": publish_snapshot,
    }
)
ENGINES = ("duckdb",)

__all__ = ["ENGINES", "STAGES", "Outcome", "Step", "evaluate", "outcome_json", "replay", "run"]


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
    _check("stage", only, STAGES)
    _check("engine", engine, ENGINES)
    started = time.perf_counter()
    with workspace.lock(), _flowing(workspace, config, tell) as flow:
        before = workspace.current()
        reached = _through(flow, only)
        made = {key: version.version for key, version in flow.versions.items()}
        kept = {key: v for key, v in before.items() if stage_of(key) not in reached}
        changed = workspace.publish({**kept, **made})
        workspace.sweep(keep=workspace.current(), before=before)
        _log(flow, changed, time.perf_counter() - started)
    return Outcome(flow.steps, changed, workspace.current())


def replay(
    workspace: Workspace, *, dry_run: bool, tell: Tell = lambda step: None
) -> list[dict[str, Any]]:
    """How the quarantine changes under the config as it is now, by source and reason.

    dry_run : prepare the sources aside and change nothing; the run that follows finds them done
    """
    before = {v.name: v.manifest["account"] for v in workspace.under(SOURCES)}
    if dry_run:
        with workspace.lock(), _flowing(workspace, workspace.config(), tell) as flow:
            _through(flow, "prepare")
            made = [v for key, v in flow.versions.items() if key.startswith(SOURCES)]
    else:
        run(workspace, tell=tell)
        made = workspace.under(SOURCES)
    return ledger.changes(before, {v.name: v.manifest["account"] for v in made})


def evaluate(
    workspace: Workspace, *, models: list[str] | None, k: int, repeat: bool | None
) -> dict[str, Any]:
    """The models on the workspace's last days; as `flow.offers.compare`.

    models : names; None for those of bespeak.toml
    raises : NotReady before the first run; NotFound for a model that is none; BadRequest on k
    """
    config = workspace.config()
    with workspace.lock(), _flowing(workspace, config, lambda step: None) as flow:
        flow.versions = {key: workspace.get(key) for key in workspace.current()}
        if not flow.versions:
            raise NotReady(
                f"{workspace.root}: nothing to learn from yet", next_step="Run `bespeak run` first."
            )
        return compare(flow, models or config.recommend.models, k=k, repeat=repeat)


def outcome_json(outcome: Outcome) -> dict[str, Any]:
    """An outcome as one JSON document."""
    return {
        "changed": outcome.changed,
        "steps": [asdict(step) for step in outcome.steps],
        "versions": dict(outcome.versions),
    }


def stage_of(key: str) -> str:
    """The stage that makes `kind/name`."""
    for prefix, stage in (
        ("stage/", "collect"),
        ("record/", "prepare"),
        ("features/interactions", "recommend"),
        ("features/", "features"),
        ("artifacts/segments", "segments"),
        ("artifacts/snapshot", "serve"),
    ):
        if key.startswith(prefix):
            return stage
    return "recommend"


def _through(flow: Flow, last: str | None) -> list[str]:
    """Go through the stages in order; the names of those that were reached."""
    reached = []
    for name, stage in STAGES.items():
        flow.stage = name
        stage(flow)
        reached.append(name)
        if name == last:
            break
    return reached


def _check(what: str, given: str | None, allowed: Any) -> None:
    if given is not None and given not in allowed:
        raise BadRequest(f"there is no {what} `{given}`", expected=f"one of {', '.join(allowed)}")


@contextmanager
def _flowing(workspace: Workspace, config: Config, tell: Tell) -> Iterator[Flow]:
    """A flow whose engine and scratch space are gone afterwards, however it ends."""
    scratch = workspace.root / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)  # what a killed run left: we hold the lock
    flow = Flow(workspace, config, tell)
    try:
        yield flow
    finally:
        flow.close()
        shutil.rmtree(scratch, ignore_errors=True)


def _log(flow: Flow, changed: bool, seconds: float) -> None:
    """Remember the run, for `bespeak status` and the console."""
    made = sum(step.state == "done" for step in flow.steps)
    said = {"at": flow.started, "seconds": round(seconds, 2), "changed": changed, "made": made}
    steps = [asdict(step) for step in flow.steps]
    ledger.log_run(flow.workspace, {**said, "kept": len(flow.steps) - made, "steps": steps})
