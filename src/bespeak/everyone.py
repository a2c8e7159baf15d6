"""`bespeak recommend --everyone`: a list for each customer, in files that a mailing can read."""

from __future__ import annotations

import json
import secrets
import shutil
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir

from bespeak import flow, privacy, recommend
from bespeak.artifacts import HISTORIES, INTERACTIONS
from bespeak.consent import REFUSED
from bespeak.errors import BadRequest, NotReady
from bespeak.flow.consent import CONSENT, consent, refusing, said_live
from bespeak.flow.insight import SEGMENTS
from bespeak.flow.offers import interactions_of
from bespeak.flow.running import UNLEARNED, Flow, Step, Tell
from bespeak.shop import recommender
from bespeak.workspace import MANIFEST, Workspace, write_atomically

KIND = "recommendations"
CUSTOMERS = "record/customers"
ROWS = "rows"
MAILED = "marketing"
"""Column that says whether the customer may be written to."""


def recommend_everyone(
    workspace: Workspace,
    out: Path,
    *,
    k: int,
    repeat: bool | None = None,
    engine: str | None = None,
    tell: Tell = lambda step: None,
) -> dict[str, Any]:
    """Every customer's list, as `recommend` answers each, in `out/rows`, with a manifest beside it.

    out     : a new or empty folder, or one that this wrote before, which is then replaced whole
    returns : the manifest: customers, rows, fallbacks (code -> customers), without_list,
              may_be_written_to (listed, and did not refuse marketing), k, repeat,
              model, version, as_of, engine, seconds, customers_per_s …
    raises  : NotReady before the first run; BadRequest on k, the engine or the folder
    """
    _check_free(out)
    _check_erased(workspace)
    started = time.perf_counter()
    with flow.looking(workspace, engine=engine, tell=tell) as here:
        for key in (CUSTOMERS, INTERACTIONS, HISTORIES, CONSENT):
            workspace.get(key)  # what an older bespeak has run may lack some
        maker = recommender(workspace)
        aside = out.resolve().with_name(f".{out.resolve().name}-{secrets.token_hex(4)}")
        try:
            tell(Step("recommend", "lists", "running"))
            lists = _lists(here, maker, k, repeat)
            # a folder of its own: readers of Parquet take every file in theirs
            rows = here.engine.write(lists.order_by("customer_id", "rank"), aside / ROWS)
            counted = _counted(here, aside / ROWS, rows, time.perf_counter() - started)
            tell(Step("recommend", "lists", "done", rows, counted["seconds"]))
            again = maker.repeat if repeat is None else repeat
            about = _about(here, maker) | {"k": k, "repeat": again} | counted
            write_atomically(aside / MANIFEST, json.dumps(about, indent=1).encode())
            _replace(aside, out.resolve())
            privacy.remember_export(workspace, out)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    return {**about, "out": str(out)}


def _lists(here: Flow, maker: recommend.Recommender, k: int, repeat: bool | None) -> ir.Table:
    words = here.engine.keep(consent(here, said_live(here)))
    strangers = refusing(here, words, "personalisation")
    interactions = _unlearned(here).anti_join(strangers, "customer_id")
    kind = maker.popular.parameters.by
    groups = {kind: _labels(here, kind)} if kind in {"place", "segment"} else {}
    lists = recommend.recommend_all(
        here.engine, maker, here.table(CUSTOMERS), interactions, groups=groups, k=k, repeat=repeat
    )
    return _with_consent(lists, strangers, refusing(here, words, "marketing"))


def _unlearned(here: Flow) -> ir.Table:
    """Interactions of everybody, also of whom nothing was learned: a list of one's own is no
    lesson for others."""
    learned, held = here.table(INTERACTIONS), here.versions[CONSENT]
    if not here.unlearned():
        return learned
    out = here.engine.read([held.path / UNLEARNED])
    own = here.behaviour().semi_join(out, "customer_id")
    as_of = datetime.fromisoformat(here.versions[HISTORIES].manifest["as_of"])
    return learned.union(interactions_of(here, own, as_of).select(*learned.columns))


def _with_consent(lists: ir.Table, strangers: ir.Table, unwritten: ir.Table) -> ir.Table:
    """The lists, with why one is a stranger's, and whether its customer may be written to."""
    marked = lists.left_join(strangers.select(_stranger="customer_id"), _same("_stranger"))
    marked = marked.left_join(unwritten.select(_unwritten="customer_id"), _same("_unwritten"))
    reason = ibis.ifelse(
        marked["_stranger"].notnull(), ibis.literal(REFUSED["code"]), marked["fallback_reason"]
    )
    return marked.select(
        *[name for name in lists.columns if name != "fallback_reason"],
        fallback_reason=reason,
        **{MAILED: marked["_unwritten"].isnull()},
    )


def _same(name: str) -> list[Any]:
    return [("customer_id", name)]


def _labels(here: Flow, kind: str) -> ir.Table:
    """customer_id, label: as the histories were labelled."""
    if kind == "segment":
        members = here.table(f"{SEGMENTS}/rfm")
        return members.select("customer_id", label=members["segment_id"])
    as_of = datetime.fromisoformat(here.versions[HISTORIES].manifest["as_of"])
    past = recommend.before(here.engine, here.behaviour(), as_of)
    places = recommend.usual_places(past)
    return places.select("customer_id", label=places["place"])


def _counted(here: Flow, folder: Path, rows: int, seconds: float) -> dict[str, Any]:
    """What was written, counted there."""
    known = here.table(CUSTOMERS)
    customers = here.engine.run(known.aggregate(customers=known.count()))["customers"][0].as_py()
    firsts = here.engine.read([folder])
    firsts = firsts.filter(firsts["rank"] == 1)
    found = here.engine.run(
        firsts.group_by("fallback_reason").aggregate(customers=firsts.count())
    ).to_pylist()
    by_reason = {line["fallback_reason"]: line["customers"] for line in found}
    listed = sum(by_reason.values())
    mailed = here.engine.run(firsts.filter(firsts[MAILED]).aggregate(n=ibis._.count()))["n"][0]
    return {
        "customers": customers,
        "rows": rows,
        "without_list": customers - listed,
        "may_be_written_to": mailed.as_py(),
        "fallbacks": {code: n for code, n in sorted(by_reason.items(), key=str) if code},
        "seconds": round(seconds, 3),
        "customers_per_s": round(customers / seconds, 1),
    }


def _about(here: Flow, maker: recommend.Recommender) -> dict[str, Any]:
    columns = {
        name: str(kind)
        for name, kind in zip(recommend.LISTS.names, recommend.LISTS.types, strict=True)
    }
    columns[MAILED] = "bool"
    return {
        "kind": KIND,
        "workspace": here.config.workspace.name,
        "engine": here.engine.name,
        "model": maker.model.name,
        "version": maker.version,
        "as_of": here.versions[HISTORIES].manifest["as_of"],
        "inputs": here.of(CUSTOMERS, INTERACTIONS, HISTORIES),
        "columns": columns,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _check_erased(workspace: Workspace) -> None:
    """Refuse to write down somebody who was erased since the last run."""
    if privacy.tombstones(workspace).now().pending:
        raise NotReady(
            "somebody was erased, and what the last run made still has them",
            next_step="Run `bespeak run` first.",
        )


def _check_free(out: Path) -> None:
    """Refuse to replace what this did not write."""
    if not out.exists() or (out.is_dir() and (_is_ours(out) or not any(out.iterdir()))):
        return
    raise BadRequest(
        f"{out}: is there already, and holds no recommendations",
        next_step="Give another folder with --out.",
    )


def _is_ours(folder: Path) -> bool:
    try:
        said: Mapping[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return said.get("kind") == KIND


def _replace(aside: Path, out: Path) -> None:
    """Give `aside` its name; what stood there goes when the new stands there whole."""
    old = aside.with_name(f"{aside.name}-old")
    if out.exists():
        out.rename(old)
    aside.rename(out)
    shutil.rmtree(old, ignore_errors=True)
