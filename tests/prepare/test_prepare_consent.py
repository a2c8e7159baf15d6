"""Cells, events and the log to the latest word of each person, on DuckDB; parity is the flow's."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pyarrow as pa
import pytest

from bespeak.engines import DuckDB, Engine
from bespeak.prepare import unclear, unite_consent

DAY = 86_400_000_000
LOG = pa.schema(
    [("actor", pa.string()), ("purpose", pa.string()), ("agreed", pa.bool_()), ("at", pa.int64())]
)
EVENTS = pa.schema(
    [("actor", pa.string()), ("type", pa.string()), ("properties", pa.string()),
     ("time", pa.timestamp("us"))]
)  # fmt: skip
ALL = {"personalisation", "training", "marketing"}


def described(engine: Engine, *cells: tuple[str, str | None, datetime | None]) -> Any:
    actors, texts, times = zip(*cells, strict=True)
    return engine.table(
        pa.table({"actor": pa.array(actors), "consent": pa.array(texts, pa.string()),
                  "time": pa.array(times, pa.timestamp("us"))})
    )  # fmt: skip


def united(
    engine: Engine,
    tables: list[Any],
    *,
    log: list[tuple[str, str, bool, int]] | None = None,
    events: list[tuple[str, str, str | None, datetime]] | None = None,
    people: dict[str, str] | None = None,
) -> dict[str, dict[str, bool]]:
    """customer -> purpose -> agreed."""
    said = [dict(zip(LOG.names, one, strict=True)) for one in log or []]
    told = [dict(zip(EVENTS.names, one, strict=True)) for one in events or []]
    known = people or {f"crm:{name}": name for name in "abcdefgh"}
    identities = engine.table(pa.table({"actor": [*known], "customer_id": [*known.values()]}))
    rows = engine.run(
        unite_consent(
            engine, tables,
            engine.table(pa.Table.from_pylist(told, EVENTS)) if events is not None else None,
            engine.table(pa.Table.from_pylist(said, LOG)), identities,
        )
    ).to_pylist()  # fmt: skip
    found: dict[str, dict[str, bool]] = {}
    for row in rows:
        assert row["purpose"] not in found.setdefault(row["customer_id"], {})
        found[row["customer_id"]][row["purpose"]] = row["agreed"]
    return found


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("yes", dict.fromkeys(ALL, True)), (" TRUE ", dict.fromkeys(ALL, True)),
        ("同意", dict.fromkeys(ALL, True)), ("no", dict.fromkeys(ALL, False)),
        ("0", dict.fromkeys(ALL, False)), ("withdrawn in May", dict.fromkeys(ALL, False)),
        ("", {}), (None, {}), ("marketing: no", {"marketing": False}),
        ("marketing=yes; Training = No", {"marketing": True, "training": False}),
        ('{"personalization": true, "marketing": "no"}',
         {"personalisation": True, "marketing": False}),
        ("marketing", {"marketing": False}), ("marketing: asked again", {"marketing": False}),
    ],
)  # fmt: skip
def test_a_cell_speaks_of_what_it_names_or_of_all(
    cell: str | None, expected: dict[str, bool]
) -> None:
    with DuckDB() as engine:
        found = united(engine, [described(engine, ("crm:a", cell, None))])
    assert found.get("a", {}) == expected


def test_what_nobody_can_read_is_counted() -> None:
    cells = ("yes", "no", "marketing: no", "withdrawn in May", "marketing: later", "", None)
    with DuckDB() as engine:
        rows = [(f"crm:{at}", cell, None) for at, cell in enumerate(cells)]
        assert unclear(engine, [described(engine, *rows)]) == 2
        assert unclear(engine, []) == 0


def test_the_latest_word_of_a_person_holds_whoever_of_their_identifiers_said_it() -> None:
    may = datetime(2026, 5, 1)
    at = (may - datetime(1970, 1, 1)).days * DAY
    people = {"crm:a": "a", "web:a": "a", "crm:b": "b", "crm:c": "c", "session:s": "c"}
    with DuckDB() as engine:
        crm = described(engine, ("crm:a", "training: yes", None), ("crm:b", "yes", may))
        shop = described(engine, ("web:a", "training: no", None))
        found = united(
            engine, [crm, shop], people=people,
            log=[("crm:b", "training", False, at - 1), ("crm:b", "marketing", False, at + 1),
                 ("crm:x", "training", False, 9)],
            events=[("session:s", "consent", '{"training":false,"banner":"yes"}', may),
                    ("session:s", "view", '{"marketing":false}', may),
                    ("crm:c", "consent", '{"training":true}', datetime(2026, 5, 2))],
        )  # fmt: skip
    assert found == {
        "a": {"training": False},  # nobody knows which is later: the refusal
        "b": {"training": True, "marketing": False, "personalisation": True},
        "c": {"training": True},
    }
