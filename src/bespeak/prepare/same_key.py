"""Rows of one source that share their key: the earliest stays, later ones complete it."""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from bespeak.engines import Engine
from bespeak.prepare.duplicates import repeated


def merge_same_key(
    engine: Engine, rows: ir.Table, key: Sequence[str]
) -> tuple[ir.Table, ir.Table | None]:
    """One row per key: each column's first value that is there, in the order of (file, row).

    rows    : `key` (never null), `file`, `row`, `_copies`, any other columns
    returns : rows with distinct keys, their lineage that of the earliest; and the rows merged:
              file, row, reason, into_file, into_row, _copies (None where all keys differ)
    """
    alike = repeated(engine, rows, key)
    if alike is None:
        return rows, None
    order = ibis.window(group_by=list(key), order_by=["file", "row"])
    ranked = engine.keep(
        alike.mutate(
            _rank=ibis.row_number().over(order),
            _into_file=alike["file"].first(include_null=True).over(order),
            _into_row=alike["row"].first(include_null=True).over(order),
        )
    )
    gone = ranked.filter(ranked["_rank"] > 0)
    merged = gone.select(
        "file",
        "row",
        reason=ibis.literal("same_key"),
        into_file=gone["_into_file"],
        into_row=gone["_into_row"],
        _copies=gone["_copies"],
    )
    single = rows.anti_join(gone.select(*key).distinct(), list(key))
    repeats = ranked.semi_join(gone.select(*key).distinct(), list(key))
    completed = repeats.group_by(list(key)).agg(
        **{
            name: repeats[name].argmin(repeats["_rank"], where=repeats[name].notnull())
            for name in rows.columns
            if name not in key
        }
    )
    return single.union(completed.select(*rows.columns)), merged
