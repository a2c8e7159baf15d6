"""Small worlds of events, and the features' meaning told a second time in plain Python."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from bespeak.columns import RECORD
from bespeak.config import Features
from bespeak.engines import Engine
from bespeak.features import tables
from bespeak.features.declare import DAY, Aggregate, Condition, Is, Where

KINDS = {
    "string": pa.string(),
    "float64": pa.float64(),
    "int64": pa.int64(),
    "boolean": pa.bool_(),
    "decimal(18, 4)": pa.decimal128(18, 4),
    "timestamp(6)": pa.timestamp("us"),
}
EVENTS = pa.schema(
    [(name, KINDS[kind]) for name, kind in RECORD["events"].columns.items()]
    + [("customer_id", pa.string()), ("is_product", pa.bool_())]
)
ITEMS = pa.schema(
    [(name, KINDS[kind]) for name, kind in RECORD["items"].columns.items()]
    + [("is_product", pa.bool_())]
)
NOON = datetime(2024, 3, 1, 12)
SETTINGS = Features(windows_days=[7, 28], top_categories=3)

Event = dict[str, Any]


def at(days: float, *, hours: float = 0) -> datetime:
    """So long before noon on Friday, 1 March 2024."""
    return NOON - timedelta(days=days, hours=hours)


def event(customer: str | None, time: datetime, **said: Any) -> Event:
    """A purchase of one `tea` for 10.00 at the till, but for what is said."""
    usual = {
        "customer_id": customer, "time": time, "type": "purchase", "item_id": "tea",
        "channel": "till", "quantity": 1.0, "price": "10", "value": "10", "discount": None,
        "order_id": None, "is_product": True,
    }  # fmt: skip
    row = {**usual, **said}
    for money in ("price", "value", "discount"):
        row[money] = None if row[money] is None else Decimal(str(row[money]))
    return row


def events(engine: Engine, rows: Sequence[Event]) -> Any:
    full = [{name: row.get(name) for name in EVENTS.names} for row in rows]
    for number, row in enumerate(full):
        row["event_id"] = row["event_id"] or f"e{number}"
    return engine.table(pa.Table.from_pylist(full, schema=EVENTS))


def catalogue(engine: Engine, **categories: str | None) -> Any:
    rows = [
        {**dict.fromkeys(ITEMS.names), "item_id": item, "category": category, "is_product": True}
        for item, category in categories.items()
    ]
    return engine.table(pa.Table.from_pylist(rows, schema=ITEMS))


def shop(engine: Engine) -> Any:
    return catalogue(engine, tea="Drinks > Hot", cake="Food", soap=None)


def customers(
    engine: Engine, rows: Sequence[Event], *, as_of: datetime | None = NOON, zone: str = "UTC"
) -> dict[str, dict[str, Any]]:
    """customer_id -> column -> value."""
    table = tables.customers(
        engine, events(engine, rows), shop(engine), as_of=as_of, config=SETTINGS, timezone=zone
    )
    return {row["customer_id"]: row for row in engine.run(table).to_pylist()}


def items(
    engine: Engine, rows: Sequence[Event], *, as_of: datetime | None = NOON
) -> dict[str, dict[str, Any]]:
    """item_id -> column -> value."""
    table = tables.items(
        engine, events(engine, rows), shop(engine), as_of=as_of, config=SETTINGS, timezone="UTC"
    )
    return {row["item_id"]: row for row in engine.run(table).to_pylist()}


# -- the same meaning in plain Python ------------------------------------------------------------


def lived(rows: Iterable[Event], as_of: datetime, zone: str) -> list[dict[str, Any]]:
    """Events before as_of as rows that declarations speak of."""
    found = []
    for row in rows:
        if row["time"] >= as_of or row["type"] == "adjust":
            continue
        moment = row["time"].replace(tzinfo=UTC)
        there = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=UTC)
        micros = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
        fee = row["is_product"] is False and row["type"] in {"purchase", "return"}
        bought = row["type"] == "purchase" and not fee
        known = row["value"] is not None and row["discount"] is not None
        found.append({
            "customer": row["customer_id"], "item": row["item_id"],
            "type": "fee" if fee else row["type"], "channel": row["channel"],
            "order": (row["order_id"] or f"@{micros}") if bought else None,
            "session": row.get("session_id"),
            "at": micros, "price": row["price"], "value": row["value"],
            "discount": row["discount"],
            "list_value": row["value"] + row["discount"] if known else None,
            "quantity": None if row["quantity"] is None else Decimal(row["quantity"]),
            "days_ago": (as_of - row["time"]) // timedelta(days=1),
            "ago": (as_of - row["time"]) // timedelta(microseconds=1),
            "hour": (there - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(hours=1),
            "day": (there - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(days=1),
            "part": there.hour // 6, "weekday": there.weekday(),
            "category": {"tea": "Drinks", "cake": "Food"}.get(row["item_id"]),
        })  # fmt: skip
    return found


def remembered(need: Aggregate, rows: Sequence[dict[str, Any]]) -> Any:
    """The aggregate's value over one entity's rows."""
    held = [row for row in rows if _holds(row, need.where)]
    if need.kind == "count":
        return len(held)
    if need.kind == "followed":
        return _followed(need, rows)
    known = [row for row in held if row[need.of] is not None]
    if need.kind in {"min", "max"}:
        pick: Callable[..., Any] = min if need.kind == "min" else max
        return pick((row[need.of] for row in known), default=None)
    if need.kind == "last":
        return max(((row["at"], row[need.of]) for row in known), default=(0, None))[1]
    if held and not known:
        return None
    if need.kind == "distinct":
        return len({row[need.of] for row in known})
    if need.kind == "sum":
        return sum((row[need.of] for row in known), Decimal(0))
    weights = (round(1e6 * 2.0 ** (-row["days_ago"] / need.half_life_days)) for row in known)
    pairs = zip(known, weights, strict=True)
    return float(sum(row[need.of] * weight for row, weight in pairs)) / 1e6


def _followed(need: Aggregate, rows: Sequence[dict[str, Any]]) -> int:
    found = 0
    for value in {row[need.of] for row in rows} - {None}:
        own = [row for row in rows if row[need.of] == value]
        start = [row[need.on] for row in own if _holds(row, need.where)]
        end = [row[need.on] for row in own if _holds(row, need.then)]
        found += bool(start and end and min(start) < max(end))
    return found


def _holds(row: dict[str, Any], where: Where) -> bool:
    return all(_meets(row, part) for part in where)


def _meets(row: dict[str, Any], part: Condition) -> bool:
    if isinstance(part, Is):
        return row[part.column] in part.values
    return part.until * DAY < row["ago"] <= part.days * DAY or (
        part.until == 0 and row["ago"] <= part.days * DAY
    )
