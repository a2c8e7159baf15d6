"""The feature tables of customers and items, as they stood at one instant."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir

from bespeak.config import Features
from bespeak.engines import Engine
from bespeak.errors import BadRequest, ConfigInvalid, NotReady
from bespeak.features import families
from bespeak.features.behaviour import PURCHASES, UNDONE, Instant, behaviour, calendar
from bespeak.features.clock import EPOCH, micros
from bespeak.features.compile import Grain, edges, lift, merge, values
from bespeak.features.declare import Feature, evaluate
from bespeak.features.scope import Scope

Derive = Callable[[ir.Table], ir.Table]

BY_ORDER = Grain(
    "customer", ("order", "session", "type", "channel", "hour", "age"), derived=("part", "weekday")
)
"""An order lies in one hour of one channel, so that its lines become one cell."""
BY_ITEM = Grain("customer", ("item",), derived=("category",))
BY_CUSTOMER = Grain("item", ("customer",))

MAX_CHANNELS = 12
LEVELS = " > "
"""Parts the levels of a category's path; features speak of the first."""


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
    instant = _instant(engine, events, as_of, config, timezone)
    categories = items.select("item_id", category=items.category.split(LEVELS)[0])
    scope = Scope(
        windows_days=_windows(config),
        categories=_top_categories(engine, events, categories, instant, config.top_categories),
        channels=_channels(engine, events, instant),
    )
    by_order, by_item = families.of_orders(scope), families.of_categories(scope)
    main = _table(engine, events, instant, BY_ORDER, by_order, calendar)
    bought = events.filter(events.type.isin(PURCHASES))
    mix = _table(engine, bought, instant, BY_ITEM, by_item, _with_category(categories))
    whole = _beside(main, mix, "customer", by_item)
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
    instant = _instant(engine, events, as_of, config, timezone)
    features = families.of_items(Scope(windows_days=_windows(config)))
    sold = _table(engine, events, instant, BY_CUSTOMER, features, None)
    whole = _beside(items.select(item="item_id"), sold, "item", features)
    return _dated(whole.rename(item_id="item"), "item_id", instant)


def latest(engine: Engine, events: ir.Table) -> datetime:
    """The time of the latest event that is no `adjust` (UTC, without an offset).

    raises : NotReady if there is none
    """
    return _span(engine, events)[1]


def _instant(
    engine: Engine, events: ir.Table, as_of: datetime | None, config: Features, timezone: str
) -> Instant:
    first, last = _span(engine, events)
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


def _span(engine: Engine, events: ir.Table) -> tuple[datetime, datetime]:
    """The first and the last instant at which anything but an `adjust` happened."""
    counted = events.filter(events.type != "adjust")
    at = engine.micros(counted.time)
    found = engine.run(counted.aggregate(first=at.min(), last=at.max()))
    first, last = found["first"][0].as_py(), found["last"][0].as_py()
    if last is None:
        raise NotReady(
            "the record holds no event of a customer",
            next_step="Add a source of events to bespeak.toml and run again.",
        )
    start = EPOCH.replace(tzinfo=None)
    return start + timedelta(microseconds=first), start + timedelta(microseconds=last)


def _top_categories(
    engine: Engine, events: ir.Table, categories: ir.Table, instant: Instant, wanted: int
) -> tuple[str, ...]:
    """The categories with the greatest value sold before as_of; of equals, the first by name."""
    rows = behaviour(engine, events, instant, ())
    bought = rows.filter(rows.type == "purchase")
    # by item first: few rows are left to join
    sold = bought.group_by("item").aggregate(value=bought.value.sum())
    named = sold.inner_join(categories, sold.item == categories.item_id)
    by_name = named.filter(named.category.notnull()).group_by("category")
    ranked = by_name.aggregate(value=ibis._.value.sum()).order_by([ibis.desc("value"), "category"])
    found: list[str] = engine.run(ranked.limit(wanted))["category"].to_pylist()
    return tuple(found)


def _channels(engine: Engine, events: ir.Table, instant: Instant) -> tuple[str, ...]:
    """The channels with the most actions before as_of; of equals, the first by name."""
    rows = behaviour(engine, events, instant, ())
    acted = rows.filter(rows.channel.notnull() & ~rows.type.isin(UNDONE))
    counted = acted.group_by("channel").aggregate(actions=acted.count())
    ranked = counted.order_by([ibis.desc("actions"), "channel"]).limit(MAX_CHANNELS)
    found: list[str] = engine.run(ranked)["channel"].to_pylist()
    return tuple(found)


def _table(
    engine: Engine,
    events: ir.Table,
    instant: Instant,
    grain: Grain,
    features: Sequence[Feature],
    derive: Derive | None,
) -> ir.Table:
    """The features, one row per entity with an event before as_of."""
    rows = behaviour(engine, events, instant, edges(features))
    cells = merge(lift(rows, grain, features), grain, features)
    return values(cells if derive is None else derive(cells), grain, features, instant.as_of)


def _with_category(categories: ir.Table) -> Derive:
    def derive(cells: ir.Table) -> ir.Table:
        joined = cells.left_join(categories, cells.item == categories.item_id)
        return joined.drop("item_id")

    return derive


def _beside(main: ir.Table, other: ir.Table, key: str, features: Sequence[Feature]) -> ir.Table:
    """Every row of `main` with the features of `other`; who is not there had no such event."""
    right = other.rename(_key=key)
    joined = main.left_join(right, main[key] == right["_key"])
    absent = joined["_key"].isnull()
    filled = {}
    for feature in features:
        nothing = evaluate(feature.term, {}, 0)
        if nothing is not None:
            column = joined[feature.name]
            empty = ibis.literal(nothing).cast(column.type())
            filled[feature.name] = ibis.ifelse(absent, empty, column)
    return joined.mutate(**filled).drop("_key")


def _dated(table: ir.Table, key: str, instant: Instant) -> ir.Table:
    """The table with its key and as_of in front."""
    at = EPOCH.replace(tzinfo=None) + timedelta(microseconds=instant.as_of)
    rest = [name for name in table.columns if name != key]
    return table.select(key, ibis.literal(at, "timestamp(6)").name("as_of"), *rest)
