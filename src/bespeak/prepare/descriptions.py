"""What several sources say of the same thing, as one row: the first source that knows decides."""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from bespeak.columns import WHOLE


def unite_descriptions(
    things: ir.Table, described: Sequence[ir.Table], key: str, columns: Sequence[str]
) -> ir.Table:
    """`things` with each of `columns` from the first source that has it.

    things    : `key`, distinct
    described : at least one table: `key` and `columns`, earlier = more trusted; `rows`, where a
                table has it, says how often the description was given. Within a source the most
                frequent value counts; of equally frequent ones the smallest.
    returns   : things, with `columns`; null where no source knows
    """
    ranked = [
        table.select(
            key,
            *columns,
            _trust=ibis.literal(trust, WHOLE),
            _weight=table["rows"].cast(WHOLE)
            if "rows" in table.columns
            else ibis.literal(1, WHOLE),
        )
        for trust, table in enumerate(described)
    ]
    told = ibis.union(*ranked) if len(ranked) > 1 else ranked[0]
    united = things
    for column in columns:
        best = _best(told, key, column)
        united = united.left_join(best, united[key] == best["_key"]).drop("_key")
    return united


def _best(told: ir.Table, key: str, column: str) -> ir.Table:
    """_key and the value of one column that counts; one row per key that has any."""
    known = told.filter(told[column].notnull())
    counted = known.group_by([key, "_trust", column]).agg(_weight=known["_weight"].sum())
    order = ibis.window(group_by=key, order_by=["_trust", ibis.desc("_weight"), column])
    first = counted.mutate(_rank=ibis.row_number().over(order))
    return first.filter(first["_rank"] == 0).select(column, _key=key)
