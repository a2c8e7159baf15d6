"""What the rows of one table say of items, customers and texts, and which identifiers they link."""

from __future__ import annotations

from functools import reduce
from itertools import combinations

import ibis
import ibis.expr.types as ir

from bespeak.columns import LINEAGE, RECORD, TEXT, WHOLE
from bespeak.engines import Engine


def derived_columns(rows: ir.Table, part: str) -> list[str]:
    """The names of `part`'s columns (items, customers or texts) that the rows carry."""
    prefix = f"_{part}__"
    return [name.removeprefix(prefix) for name in rows.columns if name.startswith(prefix)]


def described_items(rows: ir.Table) -> ir.Table:
    """One row per distinct description of an item, `rows` saying how often it was given.

    A movement of stock carries a clerk's note where the title stands ("damaged"): it counts for
    nothing against the title that a sale gives.
    """
    named = rows.filter(rows["item_id"].notnull())
    weight = ibis.literal(1, WHOLE)
    if "type" in rows.columns:
        weight = ibis.ifelse(named["type"] == "adjust", 0, 1).cast(WHOLE)
    return _descriptions(named, "items", "item_id", weight)


def described_customers(rows: ir.Table) -> ir.Table:
    """One row per distinct description of an actor, `rows` saying how often it was given."""
    known = rows.filter(rows["actor"].notnull())
    return _descriptions(known, "customers", "actor", ibis.literal(1, WHOLE))


def _descriptions(rows: ir.Table, part: str, key: str, weight: ir.Value) -> ir.Table:
    """Distinct (key, mapped columns) in the record's columns and types; all-empty ones left out."""
    given = derived_columns(rows, part)
    said = reduce(lambda one, other: one | other, (_cell(rows, part, n).notnull() for n in given))
    told = rows.select(
        key,
        **{name: _cell(rows, part, name) for name in given},
        _weight=weight,
        _said=said,
        source="source",
    )
    told = told.filter(told["_said"])
    counted = told.group_by([key, *given, "source"]).agg(rows=told["_weight"].sum())
    return counted.select(
        **{
            name: counted[name] if name in counted.columns else ibis.null(kind)
            for name, kind in RECORD[part].columns.items()
        },
        rows=counted["rows"],
        source=counted["source"],
    )


def _cell(rows: ir.Table, part: str, name: str) -> ir.Value:
    return rows[f"_{part}__{name}"].cast(RECORD[part].columns[name])


def told_texts(rows: ir.Table) -> ir.Table:
    """One row per text or rating of a row; what is not mapped is taken from the row itself."""
    given = derived_columns(rows, "texts")
    said = [_cell(rows, "texts", name).notnull() for name in ("text", "rating") if name in given]
    told = rows.filter(ibis.or_(*said))
    columns = {}
    for name, kind in RECORD["texts"].columns.items():
        value = _from_row(told, name, kind)
        if name in given:
            value = ibis.coalesce(_cell(told, "texts", name), value)
        columns[name] = value
    return told.select(**columns, **{name: told[name] for name in LINEAGE})


def _from_row(rows: ir.Table, name: str, kind: str) -> ir.Value:
    """A text's column as its row knows it."""
    if name == "text_id":
        place = [rows["source"], rows["file"], rows["row"].cast(TEXT)]
        known = [rows["event_id"]] if "event_id" in rows.columns else []
        return ibis.coalesce(*known, reduce(lambda one, other: one + "-" + other, place))
    inherited = {"actor", "item_id", "time", "channel"}
    if name in inherited and name in rows.columns:
        return rows[name].cast(kind)
    if name == "kind" and "type" in rows.columns:
        return rows["type"]
    return ibis.null(kind)


def linked_identifiers(engine: Engine, rows: ir.Table) -> ir.Table | None:
    """Pairs of identifiers that stand in one row, with how many rows say so; None without pairs.

    rows    : `_id_<namespace>` columns, `source`, `row`
    returns : left < right, rows, first_row, source; one row per pair
    """
    names = sorted(name for name in rows.columns if name.startswith("_id_"))
    if len(names) < 2:
        return None
    seen = engine.keep(
        rows.group_by([*names, "source"]).agg(rows=rows.count(), first_row=rows["row"].min())
    )
    pairs = [_pair(seen, one, other) for one, other in combinations(names, 2)]
    united = reduce(lambda one, other: one.union(other), pairs)
    return united.group_by(["left", "right", "source"]).agg(
        rows=united["rows"].sum(), first_row=united["first_row"].min()
    )


def _pair(seen: ir.Table, one: str, other: str) -> ir.Table:
    both = seen.filter(seen[one].notnull() & seen[other].notnull() & (seen[one] != seen[other]))
    return both.select(
        left=ibis.least(both[one], both[other]),
        right=ibis.greatest(both[one], both[other]),
        source="source",
        rows="rows",
        first_row="first_row",
    )
