"""One source's rows to disk: kept, merged or quarantined, and the account of all three."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir

from bespeak.columns import LINEAGE, RECORD, TEXT, WHOLE
from bespeak.config import Source
from bespeak.engines import Engine
from bespeak.prepare.account import Counted, add_up, count
from bespeak.prepare.derived import (
    derived_columns,
    described_customers,
    described_items,
    linked_identifiers,
    told_texts,
)
from bespeak.prepare.judge import Judged
from bespeak.prepare.periods import choose_period, period_of
from bespeak.prepare.same_key import merge_same_key
from bespeak.workspace import digest

UNSPLIT = "malformed"
"""Reason of rows that could not be split into columns, where staging gives no other."""
Quote = Callable[[ir.Table], ir.Table]
"""Places (file, row) to the rows as they came (file, row, raw)."""


@dataclass(frozen=True)
class Came:
    """How many rows the files of a source have.

    erased : those of people who were erased, which are in none of the tables
    """

    rows: int
    erased: int = 0


def write_source(
    engine: Engine,
    judged: Judged,
    merged: ir.Table,
    refused: ir.Table | None,
    source: Source,
    folder: Path,
    *,
    quote: Quote,
    came: Came | None = None,
) -> dict[str, Any]:
    """Write what became of every row of one source under `folder`, and account for it.

    merged  : rows merged before the mapping (file, row, reason, into_file, into_row)
    refused : rows that could not be split (file, row, reason, found, expected, raw), or None
    quote   : asked for the text of the rows that are not let in
    came    : rows of the files, refused ones too; by default those that `judged` stands for
    writes  : `<table>/` (RECORD's columns, flags, lineage; split by time above two million rows),
              `quarantine/`, `merged/`, and `items/`, `customers/`, `texts/`, `links/` where the
              rows tell of such
    returns : table, account, policies, span (first and last time kept, UTC), written
    raises  : ArtifactCorrupt if the written rows are not those that came in
    """
    rows = judged.rows
    counted = count(engine, rows, source)
    # where every row is let in, nothing need be asked of each row again
    good = rows.filter(rows["_reason"].isnull()) if counted.bad else rows
    kept, same_key = _kept(engine, good, source)
    written = {
        source.table: _write_kept(engine, kept, source, counted, folder),
        "merged": engine.write(_merged(merged, same_key, source), folder / "merged"),
    }
    turned_away = _quarantine(engine, judged, refused, source, counted, quote)
    written["quarantine"] = engine.write(turned_away, folder / "quarantine")
    written |= _write_derived(engine, good, source, folder)
    came = came or Came(counted.copies + _size(engine, refused))
    account = {
        "source": source.name,
        "rows_in": came.rows,
        "kept": written[source.table],
        "merged": written["merged"],
        "erased": came.erased,
        "quarantined": _by_reason(engine, folder / "quarantine"),
        "found": _found(engine, counted, merged, same_key),
    }
    add_up(account)
    return {
        "table": source.table,
        "account": account,
        "policies": _policies(judged, counted),
        "span": _span(counted),
        "written": written,
    }


def _kept(engine: Engine, good: ir.Table, source: Source) -> tuple[ir.Table, ir.Table | None]:
    """The rows let in, one per key where the source gives keys; and what that merged."""
    columns = [*RECORD[source.table].columns, "flags", *LINEAGE]
    rows = good.select(*columns, "_copies")
    key = RECORD[source.table].key
    # without an event_id of its own, a row's id is made from its place: no two are equal
    given = source.table != "events" or "event_id" in source.columns
    if not (key and given):
        return rows.drop("_copies"), None
    kept, same_key = merge_same_key(engine, rows, key)
    return kept.drop("_copies"), same_key


def _write_kept(
    engine: Engine, kept: ir.Table, source: Source, counted: Counted, folder: Path
) -> int:
    target = folder / source.table
    time = RECORD[source.table].time
    period = choose_period(counted.good, counted.first, counted.last)
    if time is None or period is None:
        return engine.write(kept, target)
    split = kept.mutate(period=period_of(engine, kept[time], period))
    return engine.write(split, target, by="period")


def _merged(merged: ir.Table, same_key: ir.Table | None, source: Source) -> ir.Table:
    """Both kinds of merged rows, in the record's columns."""
    names = ["file", "row", "reason", "into_file", "into_row"]
    parts = [merged] if same_key is None else [merged, same_key]
    tables = [
        part.select(source=ibis.literal(source.name), **{name: part[name] for name in names})
        for part in parts
    ]
    united = tables[0] if same_key is None else tables[0].union(tables[1])
    return united.select(*LINEAGE, *RECORD["merged"].columns)


def _quarantine(
    engine: Engine,
    judged: Judged,
    refused: ir.Table | None,
    source: Source,
    counted: Counted,
    quote: Quote,
) -> ir.Table:
    """Every row that is not let in, with its reason; nothing is read where there is none."""
    rule = ibis.literal(digest(source.columns, source.identifiers, judged.rule))
    named = ibis.literal(source.name)
    parts = []
    if counted.bad:
        parts.append(_turned_away(engine, judged.rows, named, rule, quote))
    if refused is not None:
        parts.append(
            refused.select(
                source=named,
                file=_cell(refused, "file", TEXT),
                row=refused["row"].cast(WHOLE),
                column=ibis.null(TEXT),
                reason=refused["reason"].fill_null(UNSPLIT),
                found=_cell(refused, "found", TEXT),
                expected=_cell(refused, "expected", TEXT),
                raw=_cell(refused, "raw", TEXT),
                rule=rule,
            )
        )
    if not parts:
        return _nothing(engine, [*LINEAGE.items(), *RECORD["quarantine"].columns.items()])
    return parts[0] if len(parts) == 1 else parts[0].union(parts[1])


def _turned_away(
    engine: Engine, rows: ir.Table, named: ir.Value, rule: ir.Value, quote: Quote
) -> ir.Table:
    said = ("column", "reason", "found", "expected")
    bad = rows.filter(rows["_reason"].notnull())
    kept = engine.keep(bad.select("file", "row", **{name: bad[f"_{name}"] for name in said}))
    quoted = quote(kept.select("file", "row"))
    whole = kept.left_join(quoted, ["file", "row"])
    return whole.select(
        source=named,
        **{name: whole[name] for name in ("file", "row", *said)},
        raw=whole["raw"],
        rule=rule,
    )


def _cell(rows: ir.Table, name: str, kind: str) -> ir.Value:
    return rows[name].cast(kind) if name in rows.columns else ibis.null(kind)


def _nothing(engine: Engine, columns: Sequence[tuple[str, str]]) -> ir.Table:
    """A table with these columns and no row."""
    return engine.table(ibis.schema(columns).to_pyarrow().empty_table())


def _write_derived(engine: Engine, good: ir.Table, source: Source, folder: Path) -> dict[str, int]:
    """What else the rows tell of; a folder stands only where they can."""
    made: dict[str, ir.Table | None] = {"links": linked_identifiers(engine, good)}
    if derived_columns(good, "items"):
        made["items"] = described_items(good)
    if derived_columns(good, "customers"):
        made["customers"] = described_customers(good)
    if {"text", "rating"} & set(derived_columns(good, "texts")):
        made["texts"] = told_texts(good)
    return {
        name: engine.write(table, folder / name)
        for name, table in made.items()
        if table is not None and name != source.table
    }


def _by_reason(engine: Engine, folder: Path) -> dict[str, int]:
    """Rows in the written quarantine, by reason."""
    rows = engine.read([folder])
    counted = engine.run(rows.group_by("reason").agg(n=rows.count()).order_by("reason"))
    return {row["reason"]: row["n"] for row in counted.to_pylist()}


def _found(
    engine: Engine, counted: Counted, merged: ir.Table, same_key: ir.Table | None
) -> dict[str, int]:
    """Kinds of dirt in raw rows; exact duplicates always, the others where there are any."""
    found = {"exact_duplicate": _size(engine, merged)}
    if same_key is not None:
        copies = engine.run(same_key.agg(n=same_key["_copies"].sum()))["n"][0].as_py()
        found["same_key_duplicate"] = int(copies or 0)
    return found | dict(counted.found)


def _size(engine: Engine, rows: ir.Table | None) -> int:
    return 0 if rows is None else int(engine.run(rows.agg(n=rows.count()))["n"][0].as_py())


def _policies(judged: Judged, counted: Counted) -> Mapping[str, Any]:
    """What the policies measured, and how many cells they touched."""
    return {
        column: {
            **report,
            **({"filled": counted.filled[column]} if column in counted.filled else {}),
            **({"rows": counted.found.get(f"outlier:{column}", 0)} if "outliers" in report else {}),
        }
        for column, report in judged.policies.items()
    }


def _span(counted: Counted) -> list[str] | None:
    if counted.first is None or counted.last is None:
        return None
    return [counted.first.isoformat(), counted.last.isoformat()]
