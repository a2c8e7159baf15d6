"""What is usual among rows that share something, and how far a value is from it."""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.types as ir

from bespeak.columns import NUMBER
from bespeak.engines import Engine

ENOUGH = 3
"""Of fewer values nobody can say which is the odd one."""


def usual_of(engine: Engine, rows: ir.Table, column: str, within: str) -> ir.Table:
    """The lower median of `column` for each value of `within` that three or more rows share.

    rows    : judged rows; those with a `_reason`, or without a value above zero, have no say
    returns : _group, _usual (float64); kept
    From counts of distinct values, so that no group's values need be held at once.
    """
    said = rows["_reason"].isnull() & (rows[column].cast(NUMBER) > 0) & rows[within].notnull()
    counted = (
        rows.filter(said)
        .group_by(_group=rows[within], _value=rows[column])
        .agg(_n=lambda given: given.count())
    )
    group = ibis.window(group_by="_group")
    so_far = ibis.window(group_by="_group", order_by="_value", preceding=None, following=0)
    placed = counted.mutate(
        _upto=counted["_n"].sum().over(so_far), _all=counted["_n"].sum().over(group)
    )
    half = (2 * placed["_upto"] >= placed["_all"]) & (
        2 * (placed["_upto"] - placed["_n"]) < placed["_all"]
    )
    middle = placed.filter(half & (placed["_all"] >= ENOUGH))
    return engine.keep(middle.select("_group", _usual=middle["_value"].cast(NUMBER)))


def with_usual(rows: ir.Table, usual: ir.Table, within: str) -> ir.Table:
    """`rows` with `_usual`, null where nobody can say what is."""
    return rows.left_join(usual, rows[within] == usual["_group"]).drop("_group")


def apart(value: ir.Value, usual: ir.Value) -> ir.Value:
    """How many times too much (above 0) or too little (below 0) a value is; null if not above 0.

    Twice the usual is 1, half of it -1. A ratio rather than its logarithm, which engines round
    each in their own way.
    """
    number = value.cast(NUMBER)
    more, less = number / usual - 1.0, 1.0 - usual / number.nullif(0.0)
    far = ibis.ifelse(number >= usual, more, less)
    return ibis.ifelse(number > 0, far, ibis.null(NUMBER))


def moved(usual: Any, far: float) -> Any:
    """The value that is so far apart from the usual (a column or a number): `apart` inverted."""
    return usual * (1.0 + far) if far >= 0 else usual / (1.0 - far)
