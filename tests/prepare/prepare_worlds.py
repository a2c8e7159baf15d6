"""Conformed tables made by hand, as the mapping hands them over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from bespeak import prepare
from bespeak.columns import RECORD
from bespeak.config import Prepare, Source
from bespeak.engines import Engine
from bespeak.prepare.duplicates import MERGED

KINDS = {
    "string": pa.string(),
    "float64": pa.float64(),
    "int64": pa.int64(),
    "boolean": pa.bool_(),
    "decimal(18, 4)": pa.decimal128(18, 4),
    "timestamp(6)": pa.timestamp("us"),
}
NOON = datetime(2024, 3, 1, 12)
VERDICT = ("_reason", "_column", "_found", "_expected")
Row = dict[str, Any]


def raw(engine: Engine, rows: Sequence[Row], columns: Mapping[str, str]) -> ir.Table:
    """Raw rows: the source's own columns, `_file` and `_row`."""
    schema = pa.schema([(name, KINDS[kind]) for name, kind in columns.items()])
    schema = schema.append(pa.field("_file", pa.string())).append(pa.field("_row", pa.int64()))
    return engine.table(pa.Table.from_pylist(list(rows), schema=schema))


def conformed(engine: Engine, rows: Sequence[Row], table: str = "events") -> ir.Table:
    """Rows of `table` with what is not said null; identifiers and derived columns are text.

    Each row gets file `a.csv`, its number from 2, one copy and no verdict, unless it says so.
    """
    extra = sorted(
        {
            name
            for row in rows
            for name in row
            if name.startswith(("_id_", "_items__", "_customers__", "_texts__"))
        }
    )
    fields = [(name, KINDS[kind]) for name, kind in RECORD[table].columns.items()]
    fields += [(name, pa.string()) for name in extra]
    fields += [("source", pa.string()), ("file", pa.string()), ("row", pa.int64())]
    fields += [("_copies", pa.int64())]
    fields += [(name, pa.string()) for name in VERDICT]
    filled = [{**_usual(table, at), **_exact(row, table)} for at, row in enumerate(rows)]
    return engine.table(pa.Table.from_pylist(filled, schema=pa.schema(fields)))


def _usual(table: str, at: int) -> Row:
    row: Row = {"source": "till", "file": "a.csv", "row": at + 2, "_copies": 1}
    if table == "events":
        row |= {"event_id": f"till-{at + 2}", "type": "purchase", "time": NOON}
    return row


def _exact(row: Row, table: str) -> Row:
    money = {name for name, kind in RECORD[table].columns.items() if kind.startswith("decimal")}
    return {
        name: Decimal(str(value)) if name in money and value is not None else value
        for name, value in row.items()
    }


def none_merged(engine: Engine) -> ir.Table:
    return engine.table(MERGED.empty_table())


def quote(places: ir.Table) -> ir.Table:
    """Any row as it came: `line=` and its number."""
    return places.mutate(raw=ibis.literal("line=") + places["row"].cast("string"))


def judged(engine: Engine, rows: Sequence[Row], table: str = "events", **rules: Any) -> list[Row]:
    """The judged rows, by row number."""
    found = prepare.judge(engine, conformed(engine, rows, table), table, Prepare(**rules))
    return said(engine, found.rows.order_by("row"))


def written(
    engine: Engine,
    rows: Sequence[Row],
    folder: Path,
    *,
    table: str = "events",
    columns: Sequence[str] = (),
    merged: ir.Table | None = None,
    refused: ir.Table | None = None,
    rows_in: int | None = None,
    rules: Prepare | None = None,
    **parts: Any,
) -> dict[str, Any]:
    """The manifest of these rows, written under `folder`."""
    source = Source(name="till", table=table, columns={name: name for name in columns}, **parts)
    verdict = prepare.judge(engine, conformed(engine, rows, table), table, rules or Prepare())
    return prepare.write_source(
        engine,
        verdict,
        none_merged(engine) if merged is None else merged,
        refused,
        source,
        folder,
        quote=quote,
        came=None if rows_in is None else prepare.Came(rows_in),
    )


def said(engine: Engine, table: ir.Table) -> list[Row]:
    found: list[Row] = engine.run(table).to_pylist()
    return found


def read(engine: Engine, folder: Path, *order: str) -> list[Row]:
    """What stands in a folder of Parquet."""
    rows = engine.read([folder])
    return said(engine, rows.order_by(list(order)) if order else rows)


def links(engine: Engine, pairs: Sequence[tuple[str, str]], source: str = "till") -> ir.Table:
    """One row per pair, each seen once."""
    schema = ibis.schema(
        {
            "left": "string",
            "right": "string",
            "rows": "int64",
            "first_row": "int64",
            "source": "string",
        }
    )
    rows = [
        {"left": min(pair), "right": max(pair), "rows": 1, "first_row": at + 2, "source": source}
        for at, pair in enumerate(pairs)
    ]
    return engine.table(pa.Table.from_pylist(rows, schema=schema.to_pyarrow()))


def actors(engine: Engine, names: Sequence[str | None]) -> ir.Table:
    return engine.table(pa.table({"actor": pa.array(list(names), pa.string())}))
