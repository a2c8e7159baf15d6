"""Events as the declarations see them: what a filter or an aggregate may name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from bespeak.engines import Engine
from bespeak.features.clock import offsets
from bespeak.features.declare import DAY
from bespeak.features.kinds import FEE, HOUR

NUMBERS = "decimal(18, 4)"
DERIVED = {"part": "hour", "weekday": "hour", "category": "item"}
"""Dimensions that rows don't have, and the one of the rows that each follows from."""


@dataclass(frozen=True)
class Instant:
    """The time a table is made for, and the zone of its clocks."""

    as_of: int
    """Microseconds since 1970; only what came before is seen."""
    first: int
    """Of the earliest event: how far back the zone's changes must be known."""
    timezone: str


def happened(engine: Engine, events: ir.Table) -> ir.Table:
    """One row per event that counts for somebody (`adjust` never does).

    events  : RECORD.events with customer_id and is_product
    returns : dimensions customer, item, type, channel, session, order (of a purchase, else null);
              measures at (microseconds), quantity, price, value, discount, list_value (before
              discount, null where the discount is not known): exact decimals
    """
    at = engine.micros(events.time)
    bought = events.type == "purchase"
    is_fee = ~events.is_product.fill_null(True) & events.type.isin(["purchase", "return"])
    return events.filter(events.type != "adjust").select(
        customer=events.customer_id,
        item=events.item_id,
        type=ibis.ifelse(is_fee, FEE, events.type),
        channel=events.channel,
        session=events.session_id,
        # a source without order numbers: what one customer bought at one instant is one order
        order=ibis.ifelse(
            bought & ~is_fee, events.order_id.fill_null("@" + at.cast("string")), None
        ),
        at=at,
        quantity=events.quantity.cast(NUMBERS),
        price=events.price,
        value=events.value,
        discount=events.discount,
        list_value=events.value + events.discount,
    )


def behaviour(rows: ir.Table, instant: Instant, edges: Sequence[int]) -> ir.Table:
    """The rows before as_of, with what follows from when they were.

    rows    : what happened() gives, or some of its columns with `at` among them
    edges   : window lengths in days, ascending; `age` says how many of them an event is older than
    returns : besides, dimensions day and hour (whole ones since 1970 on the zone's clocks) and age,
              and days_ago (whole)
    """
    seen = rows.filter(rows.at < instant.as_of)
    changes = offsets(instant.timezone, instant.first, instant.as_of)
    older = [(seen.at < instant.as_of - days * DAY).cast("int64") for days in edges]
    timed = seen.mutate(
        hour=local(seen.at, changes) // HOUR,
        days_ago=(instant.as_of - seen.at) // DAY,
        age=sum(older, start=ibis.literal(0, "int64")),
    )
    return timed.mutate(day=timed.hour // 24)


def calendar(table: ir.Table) -> ir.Table:
    """Adds `part` of the day and `weekday` (0 is Monday) to a table that has `hour`."""
    weekday = (table.hour // 24 + 3) % 7  # 1970 began on a Thursday
    return table.mutate(part=table.hour % 24 // 6, weekday=weekday)


def local(at: ir.Value, changes: tuple[tuple[int, int], ...]) -> ir.Value:
    """Microseconds since 1970 as the zone's clocks show them, for instants that `changes` cover."""
    (_, oldest), *later = changes
    if not later:
        return at + oldest
    branches = [(at >= start, ibis.literal(offset)) for start, offset in reversed(later)]
    return at + ibis.cases(*branches, else_=ibis.literal(oldest))
