"""The people: everything said of any of their identifiers, in one row."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import ibis.expr.types as ir
import pyarrow as pa
from prepare_worlds import KINDS, NOON, actors, conformed, links, said

from bespeak import prepare
from bespeak.columns import RECORD
from bespeak.config import Identity
from bespeak.engines import Engine

Row = dict[str, Any]


def described(engine: Engine, rows: list[Row]) -> ir.Table:
    fields = [(name, KINDS[kind]) for name, kind in RECORD["customers"].columns.items()]
    if any("rows" in row for row in rows):
        fields.append(("rows", pa.int64()))
    return engine.table(pa.Table.from_pylist(rows, schema=pa.schema(fields)))


def identities(engine: Engine) -> ir.Table:
    """Ann (customer 1 and her mail) and a lonely device."""
    table, _ = prepare.identify(
        engine,
        actors(engine, ["customer:1", "device:a"]),
        links(engine, [("customer:1", "email:x")]),
        Identity(),
    )
    return table


def test_a_customer_is_described_through_any_identifier(engine: Engine) -> None:
    crm = described(engine, [{"actor": "email:x", "country": "FR"}])
    till = described(
        engine,
        [
            {"actor": "customer:1", "country": "UK", "city": "York", "rows": 2},
            {"actor": "customer:1", "country": "UK", "city": "Bath", "rows": 3},
            {"actor": "customer:404", "city": "Rome", "rows": 9},
        ],
    )
    events = conformed(
        engine,
        [
            {"actor": "customer:1", "time": NOON},
            {"actor": "email:x", "time": NOON + timedelta(days=3)},
            {"actor": None, "time": NOON + timedelta(days=9)},
        ],
    )
    table = prepare.unite_customers(engine, [crm, till], identities(engine), events)
    assert table.columns == (
        "customer_id", *(name for name in RECORD["customers"].columns if name != "actor"),
        "first_seen", "last_seen", "identifiers",
    )  # fmt: skip
    ann, device = said(engine, table.order_by("customer_id"))
    assert (ann["customer_id"], ann["country"], ann["city"]) == ("1", "FR", "Bath")
    assert (ann["first_seen"], ann["last_seen"]) == (NOON, NOON + timedelta(days=3))
    assert ann["identifiers"] == 2
    assert (device["customer_id"], device["country"], device["first_seen"]) == (
        "device:a", None, None,
    )  # fmt: skip


def test_events_that_know_their_customer_need_no_actor(engine: Engine) -> None:
    events = engine.table(
        pa.table({"customer_id": ["1", None], "time": pa.array([NOON, NOON], pa.timestamp("us"))})
    )
    rows = said(engine, prepare.unite_customers(engine, [], identities(engine), events))
    seen = {row["customer_id"]: row["first_seen"] for row in rows}
    assert seen == {"1": NOON, "device:a": None}


def test_without_descriptions_or_events_there_are_still_people(engine: Engine) -> None:
    rows = said(engine, prepare.unite_customers(engine, [], identities(engine), None))
    assert sorted(row["customer_id"] for row in rows) == ["1", "device:a"]
    assert all(row["name"] is None and row["last_seen"] is None for row in rows)
