"""What kinds of dirt a source's rows have, and whether its account adds up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import ibis
import ibis.expr.types as ir

from bespeak.columns import MONEY, RECORD
from bespeak.config import Mapped, Source
from bespeak.engines import Engine
from bespeak.errors import ArtifactCorrupt


@dataclass(frozen=True)
class Counted:
    """One look at all judged rows.

    copies : raw rows they stand for
    good   : rows let in
    bad    : rows not let in
    found  : kind of dirt -> raw rows that have it
    filled : column -> cells filled
    """

    copies: int
    good: int
    bad: int
    first: datetime | None
    last: datetime | None
    found: Mapping[str, int]
    filled: Mapping[str, int]


def count(engine: Engine, rows: ir.Table, source: Source) -> Counted:
    """Count everything the account needs in one pass.

    rows : judged rows, `_copies` each; `first` and `last` are times of rows let in
    """
    fine = rows["_reason"].isnull()
    copies = rows["_copies"]
    kinds = _kinds(rows, source)
    filled = [name for name in rows.columns if name.startswith("_filled_")]
    asked = {
        "copies": copies.sum(),
        "good": fine.sum(),
        "bad": (~fine).sum(),
        **{f"f{at}": rows[name].sum() for at, name in enumerate(filled)},
        **{f"k{at}": ibis.ifelse(kind, copies, 0).sum() for at, kind in enumerate(kinds.values())},
    }
    time = RECORD[source.table].time
    if time is not None:
        asked |= {"first": rows[time].min(where=fine), "last": rows[time].max(where=fine)}
    row = engine.run(rows.agg(**asked)).to_pylist()[0]
    found = {name: row[f"k{at}"] or 0 for at, name in enumerate(kinds)}
    return Counted(
        copies=row["copies"] or 0,
        good=row["good"] or 0,
        bad=row["bad"] or 0,
        first=row.get("first"),
        last=row.get("last"),
        found={name: rows for name, rows in found.items() if rows},
        filled={
            name.removeprefix("_filled_"): row[f"f{at}"] or 0 for at, name in enumerate(filled)
        },
    )


def _kinds(rows: ir.Table, source: Source) -> dict[str, ir.BooleanValue]:
    """Kind of dirt -> whether a row has it."""
    kinds: dict[str, ir.BooleanValue] = {}
    if source.table == "events":
        kinds["cancelled"] = rows["type"] == "return"
        if "price" in _known(source):
            kinds["price_not_positive"] = rows["price"] <= ibis.literal(0, MONEY)
    if RECORD[source.table].actor and source.identifiers:
        kinds["missing:customer"] = rows["actor"].isnull()
    for prefix, mapped in _mapped_parts(source):
        for name, place in mapped.items():
            if isinstance(place, str) or place.constant is None:
                blamed = {name, f"{prefix.strip('_')}.{name}", str(place)}
                kinds.setdefault(f"missing:{name}", _missing(rows, f"{prefix}{name}", blamed))
    for name in rows.columns:
        if name.startswith("_outlier_"):
            kinds[f"outlier:{name.removeprefix('_outlier_')}"] = rows[name]
    return kinds


def _known(source: Source) -> set[str]:
    """Columns that the mapping gives, or that follow from it."""
    given = set(source.columns)
    return given | {"price"} if {"value", "quantity"} <= given else given


def _mapped_parts(source: Source) -> list[tuple[str, Mapping[str, Mapped]]]:
    """What is mapped, with the prefix under which a conformed table holds it."""
    derived = {"items": source.items, "customers": source.customers, "texts": source.texts}
    return [("", source.columns), *((f"_{part}__", names) for part, names in derived.items())]


def _missing(rows: ir.Table, column: str, blamed: set[str]) -> ir.BooleanValue:
    """Whether the cell came empty: one that a policy filled did, one that can't be read did not.

    blamed : what a verdict may call this column: its name here or in the source
    """
    empty = rows[column].isnull()
    if f"_filled_{column}" in rows.columns:
        empty = empty | rows[f"_filled_{column}"]
    unreadable = rows["_reason"].startswith("unparsable") & rows["_column"].isin(sorted(blamed))
    return empty & ~unreadable.fill_null(False)


def add_up(account: Mapping[str, Any]) -> None:
    """Hold a source's account to rows_in = kept + merged + quarantined + erased.

    raises : ArtifactCorrupt if a row was lost or came twice
    """
    parts = {name: account[name] for name in ("kept", "merged", "erased")}
    parts["quarantined"] = sum(account["quarantined"].values())
    if account["rows_in"] != sum(parts.values()):
        said = " + ".join(f"{number} {name}" for name, number in parts.items())
        raise ArtifactCorrupt(
            f"source `{account['source']}`: the account of its rows does not add up",
            found=said,
            expected=f"{account['rows_in']} rows, as they came in",
            next_step="Nothing was published. This is a fault of bespeak: please report it.",
        )
