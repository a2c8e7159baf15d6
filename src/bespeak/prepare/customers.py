"""The people: one row per customer, from everything said of any of their identifiers."""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from bespeak.columns import RECORD, TIME
from bespeak.engines import Engine
from bespeak.prepare.descriptions import unite_descriptions


def unite_customers(
    engine: Engine,
    described: Sequence[ir.Table],
    identities: ir.Table,
    events: ir.Table | None,
) -> ir.Table:
    """One row per customer_id of `identities`, described by the first source that knows.

    described  : RECORD.customers columns (one `actor` a row), and `rows` where a table was derived
                 from rows of another kind; earlier = more trusted
    events     : customer_id (or actor) and time
    returns    : customer_id, RECORD.customers columns but `actor`, first_seen and last_seen (time
                 of the first and last event; null without events), identifiers (how many)
    """
    columns = {name: kind for name, kind in RECORD["customers"].columns.items() if name != "actor"}
    people = identities.group_by("customer_id").agg(identifiers=identities.count())
    known = identities.select(_actor="actor", customer_id="customer_id")
    told = [
        table.join(known, table["actor"] == known["_actor"]).drop("_actor", "actor")
        for table in described
    ]
    if told:
        united = unite_descriptions(people, told, "customer_id", list(columns))
    else:
        united = people.mutate(**{name: ibis.null(kind) for name, kind in columns.items()})
    seen = _seen(events, known)
    if seen is None:
        united = united.mutate(first_seen=ibis.null(TIME), last_seen=ibis.null(TIME))
    else:
        united = united.left_join(seen, united["customer_id"] == seen["_customer"])
    return engine.keep(
        united.select("customer_id", *columns, "first_seen", "last_seen", "identifiers")
    )


def _seen(events: ir.Table | None, known: ir.Table) -> ir.Table | None:
    """_customer, first_seen, last_seen."""
    if events is None:
        return None
    if "customer_id" not in events.columns:
        events = events.join(known, events["actor"] == known["_actor"])
    seen = events.filter(events["customer_id"].notnull())
    return seen.group_by(_customer="customer_id").agg(
        first_seen=seen["time"].min(), last_seen=seen["time"].max()
    )
