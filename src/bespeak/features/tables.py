"""The feature tables of customers and items, as they stood at one instant."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir

from bespeak.config import Features
from bespeak.engines import Engine
from bespeak.errors import BadRequest, ConfigInvalid, NotReady
from bespeak.features import families
from bespeak.features.behaviour import DERIVED, Instant, behaviour, calendar, happened
from bespeak.features.clock import EPOCH, micros
from bespeak.features.compile import edges, lift, merge, plans, totals, values
from bespeak.features.declare import Feature, columns
from bespeak.features.kinds import LEVELS, UNDONE
from bespeak.features.scope import MAX_CHANNELS, Scope

Derive = Callable[[ir.Table], ir.Table]


def customers(
    engine: Engine,
    events: ir.Table,
    items: ir.Table,
    *,
    as_of: datetime | None,
    config: Features,
    timezone: str,
) -> ir.Table:
    """One row per customer who has an event before as_of that is no `adjust`.

    events   : RECORD.events with customer_id (null when anonymous) and is_product
    items    : item_id, category
    as_of    : exclusive; by default config.as_of, else one microsecond after the latest event
    timezone : whose clocks tell the hour and the weekday
    returns  : customer_id, as_of, then the columns that describe() explains; counts and whole
               days are int64, the rest float64; null where a value is undefined
    raises   : NotReady if there are no events; BadRequest if none precedes as_of; ConfigInvalid
               if a window is shorter than a day
    """
    windows = _windows(config)
    anyone = Scope(windows_days=windows)
    rows = _kept(engine, events, families.of_orders(anyone) + families.of_categories(anyone))
    instant = _instant(engine, rows, as_of, config, timezone)
    seen = rows.filter(rows.at < instant.as_of)
    categories = items.select("item_id", category=items.category.split(LEVELS)[0])
    scope = Scope(
        windows_days=windows,
        categories=_top_categories(engine, seen, categories, config.top_categories),
        channels=_channels(engine, seen),
    )
    features = families.of_orders(scope) + families.of_categories(scope)
    derive = {"hour": calendar, "item": _with_category(categories)}
    everyone = seen.filter(seen.customer.notnull()).select("customer").distinct()
    whole = _table(engine, everyone, rows, instant, features, derive)
    return _dated(whole.rename(customer_id="customer"), "customer_id", instant)


def items(
    engine: Engine,
    events: ir.Table,
    items: ir.Table,
    *,
    as_of: datetime | None,
    config: Features,
    timezone: str,
) -> ir.Table:
    """One row per item of `items`: its sales before as_of; none at all count 0.

    The arguments, the column types and the errors are those of customers(); known customers are
    those with a customer_id, and sales to others count as sales but not as buyers.
    """
    features = families.of_items(Scope(windows_days=_windows(config)))
    rows = _kept(engine, events, features)
    instant = _instant(engine, rows, as_of, config, timezone)
    every = items.select(item="item_id")
    whole = _table(engine, every, rows, instant, features, {"hour": calendar})
    return _dated(whole.rename(item_id="item"), "item_id", instant)


def latest(engine: Engine, events: ir.Table) -> datetime:
    """The time of the latest event that is no `adjust` (UTC, without an offset).

    raises : NotReady if there is none
    """
    return _span(engine, happened(engine, events))[1]


def _kept(engine: Engine, events: ir.Table, features: Sequence[Feature]) -> ir.Table:
    """The columns of happened() that the features need, read and joined once for every question."""
    rows = happened(engine, events)
    wanted = columns(features) | {"customer", "item", "at"}
    return engine.keep(rows.select(*(name for name in rows.columns if name in wanted)))


def _instant(
    engine: Engine, rows: ir.Table, as_of: datetime | None, config: Features, timezone: str
) -> Instant:
    first, last = _span(engine, rows)
    if as_of is None and config.as_of is not None:
        as_of = _parsed(config.as_of)
    at = micros(last) + 1 if as_of is None else micros(as_of)
    if at <= micros(first):
        raise BadRequest(
            "features: no event precedes as_of",
            found=str(as_of),
            expected=f"a time after {first.isoformat(sep=' ')} (UTC)",
            next_step="Set `features.as_of` later, or leave it out.",
        )
    return Instant(at, micros(first), timezone)


def _windows(config: Features) -> tuple[int, ...]:
    if any(days < 1 for days in config.windows_days):
        raise ConfigInvalid(
            "features.windows_days: a window has no days",
            found=str(config.windows_days),
            expected="whole numbers of at least 1",
        )
    return tuple(sorted(set(config.windows_days)))


def _parsed(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise BadRequest(
            "features.as_of is no time", found=repr(text), expected="ISO 8601, like 2018-01-01"
        ) from error


def _span(engine: Engine, rows: ir.Table) -> tuple[datetime, datetime]:
    """The first and the last instant of what happened."""
    found = engine.run(rows.aggregate(first=rows.at.min(), last=rows.at.max()))
    first, last = found["first"][0].as_py(), found["last"][0].as_py()
    if last is None:
        raise NotReady(
            "the record holds no event of a customer",
            next_step="Add a source of events to bespeak.toml and run again.",
        )
    start = EPOCH.replace(tzinfo=None)
    return start + timedelta(microseconds=first), start + timedelta(microseconds=last)


def _top_categories(
    engine: Engine, rows: ir.Table, categories: ir.Table, wanted: int
) -> tuple[str, ...]:
    """The categories with the greatest value sold; of equals, the first by name."""
    bought = rows.filter(rows.type == "purchase")
    # by item first: few rows are left to join
    sold = bought.group_by("item").aggregate(value=bought.value.sum())
    named = sold.inner_join(categories, sold.item == categories.item_id)
    by_name = named.filter(named.category.notnull()).group_by("category")
    ranked = by_name.aggregate(value=ibis._.value.sum()).order_by([ibis.desc("value"), "category"])
    found: list[str] = engine.run(ranked.limit(wanted))["category"].to_pylist()
    return tuple(found)


def _channels(engine: Engine, rows: ir.Table) -> tuple[str, ...]:
    """The channels with the most actions; of equals, the first by name."""
    acted = rows.filter(rows.channel.notnull() & ~rows.type.isin(UNDONE))
    counted = acted.group_by("channel").aggregate(actions=acted.count())
    ranked = counted.order_by([ibis.desc("actions"), "channel"]).limit(MAX_CHANNELS)
    found: list[str] = engine.run(ranked)["channel"].to_pylist()
    return tuple(found)


def _table(
    engine: Engine,
    entities: ir.Table,
    rows: ir.Table,
    instant: Instant,
    features: Sequence[Feature],
    derive: Mapping[str, Derive],
) -> ir.Table:
    """The features as they stood at the instant, one row per entity.

    entities : one column, `customer` or `item`
    derive   : a dimension of the rows -> what adds those that follow from it to merged cells
    """
    (entity,) = entities.columns
    timed = behaviour(rows, instant, edges(features))
    found = []
    for plan in plans(features, entity, DERIVED):
        cells = merge(lift(timed, plan), plan)
        for dimension, add in derive.items():
            cells = add(cells) if dimension in plan.grain.cell else cells
        # one grain after the other: their cells together may not fit into the engine's memory
        found.append((plan, engine.keep(totals(cells, plan))))
    return values(entities, found, features, instant.as_of)


def _with_category(categories: ir.Table) -> Derive:
    def derive(cells: ir.Table) -> ir.Table:
        joined = cells.left_join(categories, cells.item == categories.item_id)
        return joined.drop("item_id")

    return derive


def _dated(table: ir.Table, key: str, instant: Instant) -> ir.Table:
    """The table with its key and as_of in front."""
    at = EPOCH.replace(tzinfo=None) + timedelta(microseconds=instant.as_of)
    rest = [name for name in table.columns if name != key]
    return table.select(key, ibis.literal(at, "timestamp(6)").name("as_of"), *rest)
