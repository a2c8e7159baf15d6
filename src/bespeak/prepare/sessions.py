"""Visits: events of one customer without a long pause between them."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from bespeak.columns import TEXT, WHOLE
from bespeak.engines import Engine

MINUTE = 60_000_000


def sessionise(engine: Engine, events: ir.Table, gap_minutes: float) -> ir.Table:
    """`events` with a session_id where one was missing and the event belongs to no order.

    events : event_id (unique), session_id, order_id, time, and customer_id or actor, of which the
             first that is there says whose event it is; anonymous events get no session
    A pause of more than `gap_minutes` ends a visit. The id is whose visit it is and when it
    began (microseconds since 1970), so it is the same in every run over the same events.
    """
    who = [events[name] for name in ("customer_id", "actor") if name in events.columns]
    whose = ibis.coalesce(*who) if len(who) > 1 else who[0]
    marked = events.mutate(
        _who=ibis.ifelse(
            events["session_id"].isnull() & events["order_id"].isnull(), whose, ibis.null(TEXT)
        )
    )
    open_ones = marked.filter(marked["_who"].notnull())
    if not engine.run(open_ones.agg(n=open_ones.count()))["n"][0].as_py():
        return events
    begun = _begun(engine, open_ones, gap_minutes)
    visits = begun.mutate(session_id=begun["_who"] + "@" + begun["_start"].cast(TEXT))
    rest = marked.filter(marked["_who"].isnull())
    return rest.select(*events.columns).union(visits.select(*events.columns))


def _begun(engine: Engine, events: ir.Table, gap_minutes: float) -> ir.Table:
    """`events` with `_start`, when their visit began."""
    timed = events.mutate(_at=engine.micros(events["time"]))
    order = ibis.window(group_by="_who", order_by=["_at", "event_id"])
    pause = timed["_at"] - timed["_at"].lag().over(order)
    gap = round(gap_minutes * MINUTE)
    fresh = pause.isnull() | (pause > gap)
    opened = timed.mutate(_opened=ibis.ifelse(fresh, timed["_at"], ibis.null(WHOLE)))
    so_far = ibis.window(group_by="_who", order_by=["_at", "event_id"], preceding=None, following=0)
    return opened.mutate(_start=opened["_opened"].max().over(so_far))
