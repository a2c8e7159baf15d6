"""Who was shown what: one row for one item or fact that one customer saw, or was not told."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from bespeak.columns import EXPOSURES, MODEL_ASKED, NUMBER
from bespeak.engines import Engine

NOTHING = "none"
"""The fact of an exposure that told none, where there was a place for one."""
OF_LIST = ("source", "request_id")
SAME = (*OF_LIST, "item_id", "kind", "fact")
"""What two impressions of one exposure have alike: the server logs a list that it answered, and the
page tells that it came into view."""


def exposures(engine: Engine, events: ir.Table) -> tuple[ir.Table, dict[str, int]]:
    """Impressions as exposures, each once.

    events  : RECORD.events and lineage; what was shown stands in `properties` (JSON): model,
              version, policy, propensity, fact, or the last three within `exposure`
    returns : columns.EXPOSURES; and how many are of each kind, how many impressions named no item,
              told of an exposure again, or were of a list by which a model was tried (none is an
              exposure), and how many say a propensity that is none (above 0, to 1), which is null
              then
    """
    every = engine.keep(_told(engine, events.filter(events["type"] == "impression")))
    tried = every.filter(every["_asked"].notnull())
    told = engine.keep(every.filter(every["_asked"].isnull()).anti_join(tried, list(OF_LIST)))
    shown = told.filter(told["item_id"].notnull())
    first = ibis.window(
        group_by=list(SAME), order_by=[shown["model"].isnull(), "time", "event_id", "row"]
    )
    alone = shown["request_id"].isnull()
    ranked = shown.mutate(_again=ibis.ifelse(alone, 0, ibis.row_number().over(first)))
    once = engine.keep(ranked.filter(ranked["_again"] == 0).drop("_again"))
    return once.select(*EXPOSURES), _report(engine, every, told, once)


def _told(engine: Engine, shown: ir.Table) -> ir.Table:
    """The impressions with what their properties say."""

    def said(name: str) -> ir.Value:
        return engine.json_value(shown["properties"], name)

    def of_fact(name: str) -> ir.Value:
        return ibis.coalesce(said(f"exposure.{name}"), said(name))

    fact, chance = of_fact("fact"), of_fact("propensity")
    number = chance.try_cast(NUMBER)
    known = {"model": said("model"), "version": said("version"), "policy": of_fact("policy")}
    columns = {name: shown[name] for name in EXPOSURES if name in shown.columns}
    return shown.select(
        **columns,
        **known,
        row=shown["row"],
        fact=fact.nullif(NOTHING),
        kind=ibis.cases((fact.isnull(), "list"), (fact == NOTHING, NOTHING), else_="fact"),
        propensity=ibis.ifelse((number > 0) & (number <= 1), number, ibis.null(NUMBER)),
        _chance=chance.notnull(),
        _asked=said(MODEL_ASKED),
    )


def _report(engine: Engine, every: ir.Table, told: ir.Table, once: ir.Table) -> dict[str, int]:
    """What `exposures` tells of them."""
    odd = once["_chance"] & once["propensity"].isnull()
    asked = (
        every.agg(every=every.count()),
        told.agg(impressions=told.count(), named=told["item_id"].notnull().sum()),
        once.agg(
            **{name: (once["kind"] == name).sum() for name in ("list", "fact", NOTHING)},
            exposures=once.count(),
            without_propensity=once["propensity"].isnull().sum(),
            propensity_unreadable=odd.sum(),
        ),
    )
    rows = [engine.run(table).to_pylist()[0] for table in asked]
    found = {name: int(number or 0) for row in rows for name, number in row.items()}
    every_one, impressions, named, once_each = (
        found.pop(name) for name in ("every", "impressions", "named", "exposures")
    )
    left_out = {"tries": every_one - impressions, "without_item": impressions - named}
    return {**found, **left_out, "again": named - once_each}
