"""The mission, in its order: collect, prepare, features, segments, recommend, serve.

Each stage asks the workspace for a version that follows from its inputs; what is there already is
not made again. Nothing that a reader sees changes until the last stage is done.
"""

from __future__ import annotations

import gc
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from bespeak import ledger, prepare, recommend
from bespeak.config import Config
from bespeak.engines import OPENERS
from bespeak.errors import BadRequest, NotReady
from bespeak.flow.erasing import conclude
from bespeak.flow.insight import find_segments, make_features
from bespeak.flow.keeping import let_go, read_up_to
from bespeak.flow.offers import compare, find_model, fit_models
from bespeak.flow.planning import check_plan
from bespeak.flow.publishing import publish_snapshot
from bespeak.flow.ratings import MEASURED, learn_ratings
from bespeak.flow.record import collect_sources, prepare_record
from bespeak.flow.running import SCRATCH, SOURCES, Flow, Outcome, Step, Tell
from bespeak.flow.taking import take, taken, with_log
from bespeak.flow.topics import copy_topics, forget_erased, with_topics
from bespeak.privacy import tombstones
from bespeak.workspace import Version, Workspace


def learn_to_recommend(flow: Flow) -> None:
    """What to offer whom, and what they would think of it."""
    fit_models(flow)
    learn_ratings(flow)


STAGES: Mapping[str, Callable[[Flow], None]] = MappingProxyType(
    {
        "collect": collect_sources,
        "prepare": prepare_record,
        "features": make_features,
        "segments": find_segments,
        "recommend": learn_to_recommend,
        "serve": publish_snapshot,
    }
)
IDENTITIES = "record/identities"
QUALITY = ("k", "silhouette", "within_sum_of_squares", "measured_on")
ERRORS = ("sources", "pairs", "rmse", "mae", "unknown_customers", "unknown_items")

__all__ = [
    "STAGES",
    "Outcome",
    "Step",
    "evaluate",
    "explain_identity",
    "looking",
    "outcome_json",
    "preview_identities",
    "replay",
    "run",
]


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
    config = _chosen(config, engine)
    check_plan(config)
    started = time.perf_counter()
    with workspace.lock(), _flowing(workspace, config, tell, fresh=True) as flow:
        before, read = workspace.current(), read_up_to(workspace)
        reached = _through(flow, only)
        made = {key: version.version for key, version in flow.versions.items()}
        kept = {key: v for key, v in before.items() if stage_of(key) not in reached}
        fresh = [key for key, version in flow.versions.items() if version.fresh]
        changed = workspace.publish({**kept, **made}, fresh=fresh)
        forget_erased(flow)
        conclude(flow, whole=len(reached) == len(STAGES))
        let_go(workspace, config, until=read)
        _log(flow, changed, time.perf_counter() - started)
        return Outcome(flow.steps, changed, workspace.current(), _found(flow))


def replay(
    workspace: Workspace, *, dry_run: bool, tell: Tell = lambda step: None
) -> list[dict[str, Any]]:
    """How the quarantine changes under the config as it is now.

    dry_run : prepare the sources aside and change nothing; the run that follows finds them done
    returns : source, reason, recovered (rows that are let in now), held, new (rows held only now);
              a line per source and reason where something changes
    """
    before = {version.name: version for version in workspace.under(SOURCES)}
    with _prepared(workspace, tell) as flow:
        found = []
        for name, was in before.items():
            now = flow.versions.get(was.key)
            if now is not None and now.version != was.version:
                found += _changes(flow, name, was.path, now.path)
    if not dry_run:
        run(workspace, tell=tell)
    return found


def preview_identities(
    workspace: Workspace, *, tell: Tell = lambda step: None
) -> dict[str, list[dict[str, Any]]]:
    """Who would be merged and who split under the config as it is now; nothing is changed.

    returns : as prepare.compare_identities
    """
    before = workspace.get(IDENTITIES)
    with _prepared(workspace, tell) as flow:
        was = flow.engine.read([before.path / "rows"])
        return prepare.compare_identities(flow.engine, was, flow.table(IDENTITIES))


def explain_identity(workspace: Workspace, customer_id: str) -> dict[str, Any]:
    """Every identifier of a customer, and the links that hold them together.

    returns : identifiers (actor, evidence), links (as prepare.explain)
    raises  : NotFound; NotReady before the first run
    """
    config = workspace.config()
    with workspace.lock(), _flowing(workspace, config, lambda step: None) as flow:
        flow.versions = _current(workspace)
        identities, links = flow.table(IDENTITIES), flow.record("links")
        held = prepare.explain(
            flow.engine, identities, links, customer_id, apart=config.identity.apart
        )
        own = identities.filter(identities["customer_id"] == customer_id)
        rows = flow.engine.run(own.select("actor", "evidence").order_by("actor")).to_pylist()
    return {"customer_id": customer_id, "identifiers": rows, "links": held}


def evaluate(
    workspace: Workspace,
    *,
    models: list[str] | None,
    k: int,
    repeat: bool | None,
    by: Sequence[str] = (),
    budget_s: float = recommend.BUDGET_S,
    tell: recommend.Tell = lambda progress: None,
) -> dict[str, Any]:
    """The models on the workspace's last days; as `flow.offers.compare`.

    models   : names, or `auto`; None for those of bespeak.toml
    budget_s : seconds that the search of `auto` may take
    returns  : as `compare`, and in "search" how `auto` chose, or None
    raises   : NotReady before the first run; NotFound for a model that is none; BadRequest
    """
    config = workspace.config()
    check_plan(config)
    terms = recommend.Terms(k=k, repeat=repeat, budget_s=budget_s, seed=config.workspace.seed)
    with workspace.lock(), _flowing(workspace, config, lambda step: None) as flow:
        flow.versions = _current(workspace)
        entries, evidence = recommend.with_choice(
            models or config.recommend.models, lambda: find_model(flow, terms, tell)
        )
        return {**compare(flow, entries, k=k, repeat=repeat, by=by), "search": evidence}


@contextmanager
def looking(
    workspace: Workspace, *, engine: str | None = None, tell: Tell = lambda step: None
) -> Iterator[Flow]:
    """A flow over what the last run published; nobody else runs meanwhile, and nothing changes.

    engine : instead of the one in bespeak.toml
    raises : NotReady before the first run; WorkspaceBusy; BadRequest on an engine that is none
    """
    config = _chosen(workspace.config(), engine)
    with workspace.lock(), _flowing(workspace, config, tell) as flow:
        flow.versions = _current(workspace)
        yield flow


def outcome_json(outcome: Outcome) -> dict[str, Any]:
    """An outcome as one JSON document."""
    return {
        "changed": outcome.changed,
        "steps": [asdict(step) for step in outcome.steps],
        "versions": dict(outcome.versions),
        "found": dict(outcome.found),
    }


def stage_of(key: str) -> str:
    """The stage that makes `kind/name`."""
    for prefix, stage in (
        ("stage/", "collect"),
        ("record/erased/", "collect"),
        ("record/", "prepare"),
        ("features/interactions", "recommend"),
        ("features/", "features"),
        ("artifacts/segments", "segments"),
        ("artifacts/snapshot", "serve"),
    ):
        if key.startswith(prefix):
            return stage
    return "recommend"


def _current(workspace: Workspace) -> dict[str, Version]:
    found = {key: workspace.get(key) for key in workspace.current()}
    if not found:
        raise NotReady(f"{workspace.root}: no run yet", next_step="Run `bespeak run` first.")
    return found


@contextmanager
def _prepared(workspace: Workspace, tell: Tell) -> Iterator[Flow]:
    """A flow that has brought the record up to date and published nothing."""
    with workspace.lock(), _flowing(workspace, workspace.config(), tell) as flow:
        _through(flow, "prepare")
        yield flow


def _changes(flow: Flow, source: str, before: Path, after: Path) -> list[dict[str, Any]]:
    """One source's quarantine before and after, by reason."""
    folders = before / "quarantine", after / "quarantine"
    moved = prepare.compare_quarantine(flow.engine, *folders)
    return [
        {
            "source": source,
            "reason": reason,
            "recovered": moved["left"].get(reason, 0),
            "held": moved["stayed"].get(reason, 0) + moved["changed"].get(reason, 0),
            "new": moved["new"].get(reason, 0),
        }
        for reason in sorted({*moved["left"], *moved["changed"], *moved["new"]})
    ]


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


def _chosen(config: Config, engine: str | None) -> Config:
    """The config with another engine, where one is asked for."""
    _check("engine", engine, OPENERS)
    if engine is None:
        return config
    chosen = msgspec.structs.replace(config.workspace, engine=engine)
    return msgspec.structs.replace(config, workspace=chosen)


def _check(what: str, given: str | None, allowed: Any) -> None:
    if given is not None and given not in allowed:
        raise BadRequest(f"there is no {what} `{given}`", expected=f"one of {', '.join(allowed)}")


@contextmanager
def _seldom_collected() -> Iterator[None]:
    """Python's collector at work once for many objects.

    Expressions are graphs of hundreds of thousands of small ones: by default the collector walks
    them again and again, a quarter of all the time that a small shop's run takes.
    """
    before = gc.get_threshold()
    gc.set_threshold(100_000, 50, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)


@contextmanager
def _flowing(
    workspace: Workspace, config: Config, tell: Tell, *, fresh: bool = False
) -> Iterator[Flow]:
    """A flow whose engine and scratch space are gone afterwards, however it ends.

    fresh : with what event log and topics have taken up to now, not only up to the last run
    """
    scratch = workspace.root / SCRATCH
    shutil.rmtree(scratch, ignore_errors=True)  # what a killed run left: we hold the lock
    marks = tombstones(workspace).now()
    if fresh:
        take(workspace, config, marks)
        copy_topics(workspace, config, tell)
    held = with_topics(workspace, with_log(workspace, config))
    flow = Flow(workspace, held, tell, marks)
    try:
        with _seldom_collected():
            yield flow
    finally:
        flow.close()
        shutil.rmtree(scratch, ignore_errors=True)


def _found(flow: Flow) -> dict[str, Any]:
    """What the run came to, from the manifests of what it made or found made."""
    sources = [flow.versions.get(f"{SOURCES}/{source.name}") for source in flow.config.sources]
    told = {
        "kmeans": ("artifacts/segments/kmeans", QUALITY),
        "ratings": (MEASURED, ERRORS),
        "served": ("artifacts/evaluation", ("served", "repeat")),
    }
    return {
        "account": [source.manifest["account"] for source in sources if source is not None],
        **{
            name: {part: flow.versions[key].manifest[part] for part in parts}
            for name, (key, parts) in told.items()
            if key in flow.versions
        },
    }


def _log(flow: Flow, changed: bool, seconds: float) -> None:
    """Remember the run, for `bespeak status` and the console."""
    made = sum(step.state == "done" for step in flow.steps)
    said = {"at": flow.started, "seconds": round(seconds, 2), "changed": changed, "made": made,
            "taken": taken(flow.config)}  # fmt: skip
    steps = [asdict(step) for step in flow.steps]
    ledger.log_run(flow.workspace, {**said, "kept": len(flow.steps) - made, "steps": steps})
