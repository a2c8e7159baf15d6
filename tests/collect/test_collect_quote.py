"""Rows as they came: those that were asked for, without what is personal."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pyarrow as pa

from bespeak.collect import quote
from bespeak.config import Source
from bespeak.engines import Engine

SOURCE = Source(
    name="till", columns={"type": "kind", "time": "when"}, identifiers={"email": "mail"}
)


def quoted(engine: Engine, columns: dict[str, Any], rows: list[int]) -> list[dict[str, Any]]:
    """What is said of these rows of a file."""
    count = len(next(iter(columns.values())))
    lineage = {"_file": ["x.csv"] * count, "_row": list(range(2, count + 2))}
    raw = engine.table(pa.table({**columns, **lineage, "_copies": [1] * count}))
    places = engine.table(pa.table({"file": ["x.csv"] * len(rows), "row": rows}))
    found = engine.run(quote(raw, SOURCE, places).order_by("row"))
    assert found.column_names == ["file", "row", "raw"]
    return found.to_pylist()


def test_only_the_rows_asked_for_are_quoted_with_every_column(engine: Engine) -> None:
    columns = {"kind": ["sale", "gift", "sale"], "when": ["soon", None, " late "]}
    assert quoted(engine, columns, [3, 4]) == [
        {"file": "x.csv", "row": 3, "raw": "kind=gift; when="},
        {"file": "x.csv", "row": 4, "raw": "kind=sale; when= late "},
    ]


def test_what_is_personal_is_masked_wherever_it_stands(engine: Engine) -> None:
    columns = {
        "kind": ["bob@example.org", "sale"],
        "mail": ["ann@example.org", ""],
        "customer_name": ["Ann Smith", ""],
    }
    first, second = quoted(engine, columns, [2, 3])
    assert first["raw"] == "kind=***; mail=***; customer_name=***"
    assert second["raw"] == "kind=sale; mail=; customer_name="


def test_a_moment_of_a_typed_file_is_quoted_alike_by_every_engine(engine: Engine) -> None:
    moment = pa.array([datetime(2024, 5, 16, 11, 53, 50, 985_000)], pa.timestamp("us", "UTC"))
    assert quoted(engine, {"ts": moment}, [2])[0]["raw"] == "ts=2024-05-16 11:53:50.985Z"
