"""What is known of customers to what to offer them: interactions, models, their evaluation."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
import msgspec

from bespeak import recommend
from bespeak.artifacts import HISTORIES, INTERACTIONS
from bespeak.flow.record import given_up
from bespeak.flow.refitting import fit_again
from bespeak.flow.running import Flow
from bespeak.flow.single_lists import make_served
from bespeak.workspace import Version

FALLBACK = "popular"
"""Fitted always: it fills up short lists, and is the list of who has no history."""
UNTESTED = "item_knn"
"""Answers where there is nothing to choose by: it falls back to best sellers by itself."""
REBOUGHT = 0.2
"""From this share of repeated purchases on, a list may hold what its customer already has."""
K = 10
"""Length of the lists that models are compared by."""


def fit_models(flow: Flow) -> None:
    """Histories of everybody, each model fitted on them, and an honest comparison."""
    settings = flow.config.recommend
    _interactions(flow)
    _histories(flow)
    _catalogue(flow)
    entries = _entries(flow)
    fallback = recommend.Entry(FALLBACK, FALLBACK, settings.parameters.get(FALLBACK, {}))
    for entry in {fallback.model: fallback, **{entry.model: entry for entry in entries}}.values():
        _model(flow, entry.model, entry.parameters)
    _evaluation(flow, entries)
    make_served(flow, k=K)


def _entries(flow: Flow) -> list[recommend.Entry]:
    """The models of bespeak.toml, each with its settings; what `auto` finds goes by its own name,
    in place of the same model with other settings."""
    settings = flow.config.recommend
    found = {
        name: recommend.Entry(name, name, settings.parameters.get(name, {}))
        for name in settings.models
        if name != recommend.AUTO
    }
    if recommend.AUTO in settings.models:
        chosen = _search(flow)
        name = chosen["model"]
        found[name] = recommend.Entry(name, name, chosen["parameters"])
    return list(found.values())


def _search(flow: Flow) -> Mapping[str, Any]:
    """What `auto` finds on the days before the last ones, and its evidence."""
    settings = flow.config.recommend

    def make(folder: Path) -> Mapping[str, Any]:
        terms = recommend.Terms(k=K, budget_s=settings.budget_s, seed=flow.config.workspace.seed)
        choice = find_model(flow, terms)
        about = {"model": choice.model, "parameters": choice.parameters, **choice.evidence}
        (folder / "search.json").write_text(json.dumps(about, indent=1), encoding="utf-8")
        return {"rows": len(choice.evidence["tried"]), "chosen": choice.title}

    inputs = {
        **_past(flow),
        "repeat": settings.repeat,
        "test_days": settings.test_days,
        "budget_s": settings.budget_s,
    }
    version = flow.build("artifacts", "search", inputs=inputs, code=("recommend",), make=make)
    found: Mapping[str, Any] = json.loads((version.path / "search.json").read_text("utf-8"))
    return found


def _interactions(flow: Flow) -> Version:
    """How much each item counts for each customer, as of the latest event."""

    def make(folder: Path) -> Mapping[str, Any]:
        events = flow.lessons()
        # the shop's clock, whoever moved it last: what a snapshot shows ends there too
        as_of = recommend.latest(flow.engine, flow.behaviour())
        rows = flow.engine.write(interactions_of(flow, events, as_of), folder / "rows")
        return {"rows": rows, "as_of": as_of.isoformat()}

    inputs = _past(flow)
    return flow.build("features", "interactions", inputs=inputs, code=("recommend",), make=make)


def _histories(flow: Flow) -> Version:
    """Who had what, how often and how lately, with each customer's usual place and segment."""

    def make(folder: Path) -> Mapping[str, Any]:
        known = _placed(flow, flow.table(INTERACTIONS), flow.lessons(), _as_of(flow))
        known = known.with_groups("segment", _labels(flow, _segments(flow), "segment_id"))
        known.save(folder)
        rows = len(known.histories.indices)
        return {"rows": rows, "customers": len(known.customers), "items": len(known.items),
                "as_of": _as_of(flow).isoformat()}  # fmt: skip

    inputs = {**_past(flow), **flow.of(INTERACTIONS, "artifacts/segments/rfm")}
    return flow.build("artifacts", "histories", inputs=inputs, code=("recommend",), make=make)


def _as_of(flow: Flow) -> datetime:
    return datetime.fromisoformat(flow.versions[INTERACTIONS].manifest["as_of"])


def _catalogue(flow: Flow) -> Version:
    """What lists say of an item, and whether it may stand on one."""

    def make(folder: Path) -> Mapping[str, Any]:
        known = recommend.Interactions.load(flow.versions[HISTORIES].path)
        items = flow.table("record/items")
        gone = given_up(flow)
        found = recommend.load_catalogue(flow.engine, items, known.items, given_up=gone)
        found.save(folder)
        others = recommend.load_newcomers(flow.engine, items, known.items, given_up=gone)
        (folder / recommend.NEWCOMERS).mkdir()
        others.save(folder / recommend.NEWCOMERS)
        rows, allowed = len(known.items), int(found.allowed.sum())
        return {"rows": rows, "allowed": allowed, "newcomers": len(others.items)}

    inputs = flow.of(HISTORIES, "record/items")
    return flow.build("artifacts", "catalogue", inputs=inputs, code=("recommend",), make=make)


def _past(flow: Flow) -> dict[str, Any]:
    settings = flow.config.recommend
    return {
        **flow.past(),
        "weights": settings.weights,
        "half_life_days": settings.half_life_days,
    }


def interactions_of(flow: Flow, events: ir.Table, until: datetime) -> ir.Table:
    """Interactions before `until`, as they would have been known then."""
    settings = flow.config.recommend
    return recommend.interactions(
        flow.engine,
        recommend.before(flow.engine, events, until),
        weights=settings.weights,
        half_life_days=settings.half_life_days,
        as_of=until,
    )


def _known(flow: Flow, events: ir.Table, until: datetime) -> recommend.Interactions:
    """The same in memory, and as rows for models that are counted where those are."""
    rows = flow.engine.keep(interactions_of(flow, events, until))
    return _with_rows(flow, _placed(flow, rows, events, until), rows)


def _placed(
    flow: Flow, rows: ir.Table, events: ir.Table, until: datetime
) -> recommend.Interactions:
    """Interactions in memory, each customer with the place they used most."""
    known = recommend.load_interactions(flow.engine, rows, as_of=until)
    past = recommend.before(flow.engine, events, until)
    return known.with_groups("place", _labels(flow, recommend.usual_places(past), "place"))


def _with_rows(flow: Flow, known: recommend.Interactions, rows: ir.Table) -> recommend.Interactions:
    return replace(known, stored=recommend.Stored(flow.engine, rows, _counts(flow, known)))


def _counts(flow: Flow, known: recommend.Interactions) -> bool:
    """Whether pairs of items are counted in the engine."""
    wanted, memory = flow.config.recommend.gram, flow.config.workspace.memory_bytes
    return recommend.counts_where(wanted, len(known.histories.indices), memory)


def _needs_rows(
    flow: Flow, name: str, parameters: Mapping[str, Any], known: recommend.Interactions
) -> bool:
    """Whether the model, or a part of it, is fitted by the engine; it may not even be open."""
    by_engine = recommend.needs([name], {name: parameters})
    able = recommend.MODELS[name].fit_where is not None or name == "blend"
    return bool(by_engine) or (able and _counts(flow, known))


def _labels(flow: Flow, table: ir.Table, column: str) -> dict[str, str]:
    rows = flow.engine.run(table.select("customer_id", column))
    return dict(zip(rows["customer_id"].to_pylist(), rows[column].to_pylist(), strict=True))


def _segments(flow: Flow) -> ir.Table:
    return flow.table("artifacts/segments/rfm")


def _model(flow: Flow, name: str, parameters: Mapping[str, Any]) -> Version:
    def make(folder: Path) -> Mapping[str, Any]:
        known = recommend.Interactions.load(flow.versions[HISTORIES].path)
        if _needs_rows(flow, name, parameters, known):
            known = _with_rows(flow, known, flow.table(INTERACTIONS))
        fitted = fit_again(flow, name, known, parameters)
        model = fitted.model
        model.save(folder)
        said = model.said() if isinstance(model, recommend.Said) else {}
        return {
            "rows": len(model.items),
            "parameters": msgspec.to_builtins(model.parameters),
            "counted_in": recommend.counts_in(name, known),
            **fitted.said,
            **said,
        }

    inputs = {**flow.of(HISTORIES, INTERACTIONS), "parameters": dict(parameters)}
    return flow.build("artifacts/models", name, inputs=inputs, code=("recommend",), make=make)


def _evaluation(flow: Flow, entries: Sequence[recommend.Entry]) -> Version:
    """Choose by the weeks before the last ones; report on the last ones, looked at once."""
    settings = flow.config.recommend

    def make(folder: Path) -> Mapping[str, Any]:
        found = compare(flow, entries, k=K, repeat=None, by=[recommend.ALL])
        (folder / "evaluation.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
        return {
            "rows": len(entries),
            "served": found["served"],
            "repeat": found["repeat"],
        }

    inputs = {
        **_past(flow),
        **flow.of("artifacts/segments/rfm"),
        "models": [[entry.model, dict(entry.parameters)] for entry in entries],
        "serve": settings.serve,
        "repeat": settings.repeat,
        "test_days": settings.test_days,
    }
    return flow.build("artifacts", "evaluation", inputs=inputs, code=("recommend",), make=make)


@dataclass(frozen=True)
class Days:
    """What is foretold: the last days, and as many before them to choose by.

    types : of events that count as foretold
    """

    before: datetime
    since: datetime
    until: datetime
    days: int
    types: tuple[str, ...]


def _days(flow: Flow) -> Days:
    events = flow.lessons()
    until = recommend.latest(flow.engine, events)
    days = _held_days(flow, events, until)
    since, before = until - timedelta(days=days), until - timedelta(days=2 * days)
    return Days(before, since, until, days, _foretold_types(flow, events, before))


def _held(
    flow: Flow, past: recommend.Interactions, at: Days, start: datetime, end: datetime
) -> recommend.Held:
    """What those of `past` had between two instants."""
    events = flow.lessons()
    pairs = recommend.foretold(flow.engine, events, since=start, until=end, types=at.types)
    return recommend.load_held(flow.engine, pairs, past)


def find_model(
    flow: Flow, terms: recommend.Terms, tell: recommend.Tell = lambda progress: None
) -> recommend.Choice:
    """`recommend.search` on the days before the last ones, which the search never sees."""
    at, events = _days(flow), flow.lessons()
    repeat = terms.repeat
    if repeat is None:
        repeat = _again(flow.config.recommend.repeat, _known(flow, events, at.since))

    def trial() -> recommend.Trial:
        past = _known(flow, events, at.before)
        held = _held(flow, past, at, at.before, at.since)
        how = f"the {at.days} days before the last {at.days}"
        return recommend.trial_of(past, held, repeat=repeat, how=how)

    return recommend.search(trial, replace(terms, repeat=repeat), tell=tell)


def compare(
    flow: Flow,
    models: Sequence[str | recommend.Entry],
    *,
    k: int,
    repeat: bool | None,
    by: Sequence[str] = (),
) -> dict[str, Any]:
    """The models on the last `test_days`, the choice among them made on as many days before.

    repeat  : None follows the workspace's setting
    by      : tell figures apart by activity, popularity, time, segment (as of the last run) or
              place; `all` of them
    returns : what `recommend.evaluate` returns, and served, chosen_by, types, days, since, until,
              validation; `models` is empty where nobody known did anything on those days
    """
    settings, events, at = flow.config.recommend, flow.lessons(), _days(flow)
    known = _known(flow, events, at.since)
    again = _again(settings.repeat, known) if repeat is None else repeat
    if {"segment", recommend.ALL}.intersection(by):
        known = known.with_groups("segment", _labels(flow, _segments(flow), "segment_id"))

    def measured(
        past: recommend.Interactions, start: datetime, end: datetime, by: Sequence[str]
    ) -> dict[str, Any]:
        held = _held(flow, past, at, start, end)
        if not len(held if again else recommend.new_to(held, past)):
            return {"k": k, "repeat": again, "items": len(past.items), "models": []}
        about = recommend.load_catalogue(flow.engine, flow.table("record/items"), past.items)
        return recommend.evaluate(
            past, held, models, k=k, repeat=again, parameters=settings.parameters,
            categories=about.category_of, by=by, seed=flow.config.workspace.seed,
        )  # fmt: skip

    validation = measured(_known(flow, events, at.before), at.before, at.since, ())
    return {
        **measured(known, at.since, at.until, by),
        **_choice(flow, models, validation),
        "types": list(at.types),
        "days": at.days,
        "since": at.since.isoformat(),
        "until": at.until.isoformat(),
        "validation": validation["models"],
    }


def _choice(
    flow: Flow, models: Sequence[str | recommend.Entry], validation: Mapping[str, Any]
) -> dict[str, str]:
    """Which model answers, and by what."""
    wanted = flow.config.recommend.serve
    names = [model if isinstance(model, str) else model.model for model in models]
    if wanted != "best":
        return {"served": wanted, "chosen_by": "bespeak.toml"}
    if not validation["models"]:
        return {"served": UNTESTED if UNTESTED in names else names[0], "chosen_by": "untested"}
    return {"served": recommend.choose(validation), "chosen_by": f"ndcg@{validation['k']}"}


def _again(wanted: str, known: recommend.Interactions) -> bool:
    """Whether lists may hold what their customer has: as asked for, or as people here rebuy."""
    return recommend.rebuy_share(known) >= REBOUGHT if wanted == "auto" else wanted == "yes"


def _foretold_types(flow: Flow, events: ir.Table, since: datetime) -> tuple[str, ...]:
    """Purchases; where there are none to foretell, whatever counts as interest."""
    bought = events.filter(
        events["type"] == "purchase", events["time"] >= since.replace(tzinfo=None)
    )
    some = flow.engine.run(bought.aggregate(rows=bought.count()))["rows"][0].as_py()
    weights = flow.config.recommend.weights
    return ("purchase",) if some else tuple(sorted(kind for kind in weights if weights[kind] > 0))


def _held_days(flow: Flow, events: ir.Table, until: datetime) -> int:
    """As many days as asked for, but so few that three fifths of the span are left."""
    first = flow.engine.run(events.aggregate(first=events["time"].min()))["first"][0].as_py()
    span: int = (until.replace(tzinfo=None) - first).days
    return max(1, min(flow.config.recommend.test_days, span // 5))
