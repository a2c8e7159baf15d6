"""Rows that are equal in every column: one stays, the others stand in it."""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from bespeak.columns import WHOLE
from bespeak.engines import Engine

PLACE = ("_file", "_row")
MERGED = pa.schema(
    [
        ("file", pa.string()),
        ("row", pa.int64()),
        ("reason", pa.string()),
        ("into_file", pa.string()),
        ("into_row", pa.int64()),
    ]
)


def merge_exact(engine: Engine, raw: ir.Table) -> tuple[ir.Table, ir.Table]:
    """Collapse rows that are equal in all columns into the one with the least (_file, _row).

    raw     : any columns, `_file` and `_row` (together unique); nulls equal nulls
    returns : the rows that stay, with `_copies` (how many raw rows each stands for), and
              the rows merged: file, row, reason, into_file, into_row
    """
    columns = [name for name in raw.columns if name not in PLACE]
    alike = repeated(engine, raw, columns)
    if alike is None:
        return raw.mutate(_copies=ibis.literal(1, WHOLE)), engine.table(MERGED.empty_table())
    groups = engine.keep(_grouped(alike, columns))
    gone = groups.filter(groups["_rank"] > 0)
    merged = gone.select(
        file=gone["_file"],
        row=gone["_row"],
        reason=ibis.literal("exact_duplicate"),
        into_file=gone["_into_file"],
        into_row=gone["_into_row"],
    )
    joined = raw.left_join(
        groups.select(_at=groups["_file"], _number=groups["_row"], _rank="_rank", _n="_n"),
        [("_file", "_at"), ("_row", "_number")],
    )
    stays = joined.filter(joined["_rank"].isnull() | (joined["_rank"] == 0))
    unique = stays.mutate(_copies=stays["_n"].fill_null(1).cast(WHOLE))
    return unique.drop("_at", "_number", "_rank", "_n"), merged


def repeated(engine: Engine, rows: ir.Table, columns: Sequence[str]) -> ir.Table | None:
    """The rows whose `columns` may occur more than once, kept; None where all differ.

    A 64-bit hash narrows the search, so that a table of distinct rows costs one pass; the caller
    compares what is left exactly.
    """
    marked = rows.mutate(_hash=engine.row_hash(rows, columns))
    hashes = marked.group_by("_hash").agg(_n=marked.count())
    suspects = engine.keep(hashes.filter(hashes["_n"] > 1).select("_hash"))
    if not engine.run(suspects.agg(n=suspects.count()))["n"][0].as_py():
        return None
    return engine.keep(marked.semi_join(suspects, "_hash"))


def _grouped(alike: ir.Table, columns: Sequence[str]) -> ir.Table:
    """Place, rank and first place of every row that has an equal."""
    group = ["_hash", *columns]
    order = ibis.window(group_by=group, order_by=list(PLACE))
    ranked = alike.select(
        *PLACE,
        _rank=ibis.row_number().over(order),
        _n=alike.count().over(ibis.window(group_by=group)),
        _into_file=alike["_file"].first(include_null=True).over(order),
        _into_row=alike["_row"].first(include_null=True).over(order),
    )
    return ranked.filter(ranked["_n"] > 1)
