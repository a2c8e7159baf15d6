"""Ratings to what a customer would give an item: learned where there are any, measured on rows
that were kept back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from bespeak import recommend
from bespeak.config import Source
from bespeak.errors import NotReady
from bespeak.flow.running import SOURCES, Flow
from bespeak.workspace import Version

NAME = "als_ratings"
MODEL, MEASURED = f"artifacts/models/{NAME}", "artifacts/ratings"


def learn_ratings(flow: Flow) -> None:
    """A model of the ratings, and how far off it is on the sources that are held out."""
    told = [source for source in flow.config.sources if rates(source)]
    learned = [source for source in told if not source.held_out]
    held = [source for source in told if source.held_out]
    if not learned:
        return
    _model(flow, learned)
    if held:
        _measured(flow, learned, held)


def rates(source: Source) -> bool:
    """Whether the source's rows say what a customer gave an item."""
    return "rating" in (source.columns if source.table == "texts" else source.texts)


def _inputs(flow: Flow, sources: list[Source]) -> dict[str, Any]:
    keys = [f"{SOURCES}/{source.name}" for source in sources]
    return {**flow.of(*keys, "record/identities"), **flow.unlearned()}


def _model(flow: Flow, sources: list[Source]) -> Version:
    given = flow.config.recommend.parameters.get(NAME, {})

    def make(folder: Path) -> Mapping[str, Any]:
        parameters = recommend.ratings_parameters(given)
        engine = flow.engine if parameters.needs else None
        rated = _rated(flow, sources)
        recommend.fit_ratings(rated, parameters, engine=engine).save(folder)
        said = msgspec.to_builtins(parameters)
        return {"rows": len(rated.values), "customers": len(rated.customers),
                "items": len(rated.items), "parameters": said}  # fmt: skip

    inputs = {**_inputs(flow, sources), "parameters": given}
    return flow.build("artifacts/models", NAME, inputs=inputs, code=("recommend",), make=make)


def _measured(flow: Flow, sources: list[Source], held: list[Source]) -> Version:
    """Ratings foretold from what each customer rated before, beside those they gave."""

    def make(folder: Path) -> Mapping[str, Any]:
        model = recommend.RatingsModel.load(flow.versions[MODEL].path)
        asked = _ratings(flow, held)
        customers, items = (asked[name].to_pylist() for name in ("customer_id", "item_id"))
        foretold = model.predict(_rated(flow, sources), customers, items)
        found = recommend.rmse(foretold, asked["rating"].to_numpy())
        (folder / "ratings.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
        return {"rows": found["pairs"], "sources": [source.name for source in held], **found}

    inputs = {**_inputs(flow, sources + held), **flow.of(MODEL)}
    return flow.build("artifacts", "ratings", inputs=inputs, code=("recommend",), make=make)


def _rated(flow: Flow, sources: list[Source]) -> recommend.Rated:
    """What is known of who rated what."""
    rows = _ratings(flow, sources)
    known = rows.filter(pc.is_valid(rows["customer_id"]))
    customers, items = (known[name].to_pylist() for name in ("customer_id", "item_id"))
    return recommend.Rated.of(customers, items, known["rating"].to_numpy())


def _ratings(flow: Flow, sources: list[Source]) -> pa.Table:
    """customer_id, item_id, rating; a rater whom nothing else names has no customer_id.

    raises : NotReady where no row says what somebody gave an item
    """
    folders = [flow.versions[f"{SOURCES}/{source.name}"].path / "texts" for source in sources]
    texts = flow.engine.read([folder for folder in folders if folder.is_dir()])
    people = flow.table("record/identities").select("actor", "customer_id")
    given = texts.filter(texts["rating"].notnull(), texts["item_id"].notnull())
    named = flow.learnable(given.left_join(people, "actor"))
    named = named.select("customer_id", "item_id", "rating")
    batches = list(flow.engine.batches(_sorted(named)))
    if not batches:
        names = ", ".join(source.name for source in sources)
        raise NotReady(
            f"source {names}: no row has a rating of an item",
            next_step="Check the mapping of `rating` and `item_id`.",
        )
    return pa.Table.from_batches(batches)


def _sorted(named: ir.Table) -> ir.Table:
    """In an order that no engine changes, so that sums of floats come out alike."""
    return named.order_by("customer_id", "item_id", "rating")
