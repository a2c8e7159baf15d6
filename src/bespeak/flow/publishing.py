"""What the stages made, as one snapshot that servers read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir

from bespeak import recommend
from bespeak.artifacts import EVALUATION, HISTORIES, SEARCH
from bespeak.console import called
from bespeak.flow.insight import SEGMENTS
from bespeak.flow.running import CONSENT, SOURCES, Flow
from bespeak.flow.taking import changed, taken
from bespeak.report import report
from bespeak.serve import publication
from bespeak.workspace import SNAPSHOT

GROUPINGS = {
    "rfm": {"en": "By recency, frequency and spend", "zh": "按最近消费、频率与金额"},
    "kmeans": {"en": "By how they buy", "zh": "按购买方式"},
}


def publish_snapshot(flow: Flow) -> None:
    """Everything a server needs, in files that it maps into memory."""

    def make(folder: Path) -> Mapping[str, Any]:
        made = publication.publish(flow.engine, folder, _rows(flow), _findings(flow))
        counts = made["rows"]
        return {"rows": counts["events"], "counts": counts, "taken": taken(flow.config),
                "changed": changed(flow.workspace)}  # fmt: skip

    needed = (
        CONSENT,
        "record/customers",
        "features/customers",
        "features/items",
        HISTORIES,
        EVALUATION,
    )
    inputs = {
        **flow.visited(),
        **flow.of(*flow.keys("quarantine", "events"), *needed),
        **flow.of(*(f"{SEGMENTS}/{kind}" for kind in GROUPINGS), *_accounts(flow)),
        **(flow.of(SEARCH) if _searched(flow) else {}),
        "name": flow.config.workspace.name,
        "currency": flow.config.workspace.currency,
        "weights": flow.config.recommend.weights,
        "changed": changed(flow.workspace),
    }
    flow.build(
        "artifacts", "snapshot", inputs=inputs, code=("serve", "flow", "report.py"), make=make
    )


def _searched(flow: Flow) -> bool:
    """Whether a model was searched for."""
    return recommend.AUTO in flow.config.recommend.models


def _accounts(flow: Flow) -> list[str]:
    return [key for key in flow.versions if key.startswith(f"{SOURCES}/")]


def _rows(flow: Flow) -> publication.Rows:
    return publication.Rows(
        customers=flow.table("record/customers"),
        identities=flow.table("record/identities"),
        items=flow.table("record/items"),
        events=flow.visits(flow.behaviour()),
        features=flow.table("features/customers"),
        memberships=_memberships(flow),
        quarantine=flow.record("quarantine"),
        hidden=_dismissed(flow),
        consent=flow.table(CONSENT),
    )


def _dismissed(flow: Flow) -> ir.Table:
    """What each customer is not interested in."""
    as_of = datetime.fromisoformat(flow.versions[HISTORIES].manifest["as_of"])
    return recommend.dismissed(
        flow.engine, flow.behaviour(), weights=flow.config.recommend.weights, as_of=as_of
    )


def _memberships(flow: Flow) -> ir.Table:
    """Each customer's segment of each kind."""
    parts = [
        flow.table(f"{SEGMENTS}/{kind}").select(
            "customer_id", kind=ibis.literal(kind), segment=ibis._.segment_id
        )
        for kind in GROUPINGS
    ]
    return ibis.union(*parts, distinct=False)


def _findings(flow: Flow) -> publication.Findings:
    config = flow.config.workspace
    as_of = flow.versions[HISTORIES].manifest["as_of"]
    return publication.Findings(
        name=config.name,
        currency=config.currency,
        as_of=datetime.fromisoformat(as_of),
        sources=[_source(flow.versions[key].manifest) for key in _accounts(flow)],
        groupings=[_grouping(flow, kind) for kind in GROUPINGS],
        meanings=flow.versions["features/customers"].manifest["columns"],
        evaluation=_evaluation(flow),
    )


def _source(manifest: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("name", "table", "account", "channel", "format", "files", "said", "span", "policies")
    return {key: manifest[key] for key in kept}


def _read(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_text(encoding="utf-8"))


def _grouping(flow: Flow, kind: str) -> dict[str, Any]:
    """One way to divide the customers, as the console shows it."""
    folder = flow.versions[f"{SEGMENTS}/{kind}"].path
    described = _read(folder, "segments.json")
    found = {
        "kind": kind,
        "name": GROUPINGS[kind],
        "segments": [
            {
                "id": one["id"],
                "name": one["name"],
                "description": one["description"],
                "customers": one["customers"],
                "share": one["share"],
                "value": one["revenue"],
                "features": {trait["feature"]: trait["value"] for trait in one["traits"]},
            }
            for one in described
        ],
    }
    return {**found, **(_cells(flow, folder) if kind == "rfm" else _curves(folder))}


def _curves(folder: Path) -> dict[str, Any]:
    said = _read(folder, "kmeans.json")
    names = ("k", "inertia", "silhouette", "stability")
    return {
        "k": said["k"],
        "why": said["words"],
        "curve": [{name: trial.get(name) for name in names} for trial in said["curves"]],
    }


def _cells(flow: Flow, folder: Path) -> dict[str, Any]:
    """How many customers stand in each field of recency by frequency."""
    members = flow.engine.read([folder / "rows"])
    members = members.filter(members["recency_score"].notnull())  # who never bought has no scores
    spent = flow.table("features/customers").select("customer_id", "spend")
    placed = members.left_join(spent, "customer_id")
    keys = ["recency_score", "frequency_score"]
    counted = placed.group_by(keys).aggregate(
        customers=placed.count(), value=placed["spend"].sum(), segment=placed["segment_id"].min()
    )
    rows = flow.engine.run(counted.order_by(keys)).to_pylist()
    return {
        "cells": [
            {"recency": row.pop("recency_score"), "frequency": row.pop("frequency_score"), **row}
            for row in rows
        ]
    }


def _evaluation(flow: Flow) -> dict[str, Any]:
    """The comparison in the shape of the API, and how `auto` chose."""
    found = _read(flow.versions[EVALUATION].path, "evaluation.json")
    search = _read(flow.versions[SEARCH].path, "search.json") if _searched(flow) else None
    return {
        "served": found["served"],
        "why": _why(found),
        "split": _split(found),
        **report(found, search),
    }


def _why(found: Mapping[str, Any]) -> dict[str, str]:
    """Why the served model is served, in words."""
    k, days = found["k"], found["days"]
    scores = {model["name"]: model[f"ndcg@{k}"] for model in found["validation"]}
    ranked = sorted(scores.items(), key=lambda pair: -pair[1])
    said = {}
    for language, by_config, untested, by_score in (
        ("en", "bespeak.toml names {best}.",
         "{best} answers untested: no known customer did anything on the days held back.",
         "{best} had the best NDCG@{k} on the {days} days before the test: {told}."),
        ("zh", "bespeak.toml 指定使用“{best}”。",
         "“{best}”未经检验：预留的日子里没有已知顾客的行为。",
         "“{best}”在测试期之前的 {days} 天中 NDCG@{k} 最高：{told}。"),
    ):  # fmt: skip
        texts = {"bespeak.toml": by_config, "untested": untested}
        told = ", ".join(f"{called(name, language)} {score:.3f}" for name, score in ranked)
        text = texts.get(found["chosen_by"], by_score)
        best = called(found["served"], language)
        said[language] = text.format(best=best, k=k, days=days, told=told)
    return said


def _split(found: Mapping[str, Any]) -> dict[str, str]:
    since, until, days = found["since"][:10], found["until"][:10], found["days"]
    again = found["repeat"]
    verb = ("bought", "购买") if found["types"] == ["purchase"] else ("chose", "行为")
    return {
        "en": f"Learned from everything before {since}, asked what each customer {verb[0]} in the"
        f" {days} days to {until}; "
        + (
            "things bought before may be recommended."
            if again
            else "only things new to them count."
        ),
        "zh": f"用 {since} 之前的全部数据学习，预测每位顾客截至 {until} 的 {days} 天内的{verb[1]}；"
        + ("可推荐已买过的商品。" if again else "只计算未买过的商品。"),
    }


__all__ = ["SNAPSHOT", "publish_snapshot"]
