"""The record to what is known of customers: features, then segments."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import ibis.expr.types as ir
import msgspec

from bespeak import features, prepare, segments
from bespeak.features import tables
from bespeak.flow.running import Flow
from bespeak.workspace import Version

SEGMENTS = "artifacts/segments"
Kind = Literal["rfm", "kmeans"]

TABLES = {"customers": tables.customers, "items": tables.items}


def make_features(flow: Flow) -> None:
    """What is known of each customer and each item at one instant."""
    config, zone = flow.config.features, flow.config.workspace.timezone
    inputs = {
        **flow.visited(),
        "features": msgspec.to_builtins(config),
        "zone": zone,
    }
    for name, table in TABLES.items():

        def make(folder: Path, table: Any = table) -> Mapping[str, Any]:
            items = flow.table("record/items")
            found = table(
                flow.engine,
                flow.visits(flow.lessons()),
                items,
                as_of=None,
                config=config,
                timezone=zone,
            )
            return {
                "rows": flow.engine.write(found, folder / "rows"),
                "columns": features.describe(found.columns),
            }

        flow.build("features", name, inputs=inputs, code=("features",), make=make)
    if config.scale != "none":
        _scaled(flow, config.scale)


def _scaled(flow: Flow, method: str) -> Version:
    """The customers' numbers on one scale, for models that a user brings."""

    def make(folder: Path) -> Mapping[str, Any]:
        customers = flow.table("features/customers")
        known = flow.engine.run(
            customers.aggregate(
                **{
                    name: customers[name].count()
                    for name, kind in customers.schema().items()
                    if kind.is_numeric()
                }
            )
        ).to_pylist()[0]
        numbers = [name for name, rows in known.items() if rows]
        scaling = prepare.fit_scaling(flow.engine, customers, numbers, method)
        rows = flow.engine.write(prepare.scale(customers, scaling), folder / "rows")
        return {"rows": rows, "scaling": asdict(scaling)}

    inputs = {**flow.of("features/customers"), "scale": method}
    code = ("features", "prepare")
    return flow.build("features", "customers_scaled", inputs=inputs, code=code, make=make)


def find_segments(flow: Flow) -> None:
    """Customers in groups: by rules over recency, frequency and money, and by k-means."""
    _rfm(flow)
    _kmeans(flow)


def _rfm(flow: Flow) -> Version:
    def make(folder: Path) -> Mapping[str, Any]:
        customers = flow.table("features/customers")
        members = flow.engine.keep(segments.rfm(flow.engine, customers))
        _describe(flow, members, customers, "rfm", folder)
        return {"rows": flow.engine.write(members, folder / "rows")}

    inputs = flow.of("features/customers")
    return flow.build(SEGMENTS, "rfm", inputs=inputs, code=("segments",), make=make)


def _kmeans(flow: Flow) -> Version:
    config, seed = flow.config.segments, flow.config.workspace.seed

    def make(folder: Path) -> Mapping[str, Any]:
        customers = flow.table("features/customers")
        # people ask for groups even where none stand out: a stable cut, which says that it is one
        model = segments.fit_kmeans(flow.engine, customers, config, seed=seed, cut=True)
        segments.save(model, folder)
        members = flow.engine.keep(segments.assign(flow.engine, customers, model))
        _describe(flow, members, customers, "kmeans", folder)
        rows = flow.engine.write(members, folder / "rows")
        return {"rows": rows, "k": model.k, **segments.quality(model)}

    inputs = {
        **flow.of("features/customers"),
        "segments": msgspec.to_builtins(config),
        "seed": seed,
    }
    return flow.build(SEGMENTS, "kmeans", inputs=inputs, code=("segments",), make=make)


def _describe(flow: Flow, members: ir.Table, customers: ir.Table, kind: Kind, folder: Path) -> None:
    """What sets each segment apart, in words, beside its members."""
    said = segments.describe(flow.engine, customers, members, kind=kind)
    text = json.dumps(said, indent=1, ensure_ascii=False)
    (folder / "segments.json").write_text(text, encoding="utf-8")
