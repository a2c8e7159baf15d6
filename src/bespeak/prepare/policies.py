"""One column's policy: its outliers first, so that no wild value feeds a filling, then its gaps."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import ibis
import ibis.expr.types as ir

from bespeak.columns import RECORD, TEXT
from bespeak.config import Policy
from bespeak.engines import Engine
from bespeak.prepare.missing import Filling, fill
from bespeak.prepare.outliers import Fences, clipped, fences, outside


def apply_policy(engine: Engine, rows: ir.Table, policy: Policy) -> tuple[ir.Table, dict[str, Any]]:
    """`rows` after one policy, and its parameters.

    rows    : judged rows
    returns : the rows with `_outlier_COLUMN` and `_filled_COLUMN` (boolean, where the policy
              looks for such), and what it measured, for the manifest
    """
    report: dict[str, Any] = {}
    if policy.outliers != "none":
        rows, found = _outliers(engine, rows, policy)
        report |= {"outliers": asdict(found), "action": policy.action}
    if policy.missing != "leave":
        rows, value = _missing(engine, rows, policy)
        report |= {"missing": policy.missing, "within": policy.within, "value": value}
    return rows, report


def _outliers(engine: Engine, rows: ir.Table, policy: Policy) -> tuple[ir.Table, Fences]:
    column, flag = policy.column, f"_outlier_{policy.column}"
    good = rows.filter(rows["_reason"].isnull())
    found = fences(engine, good, column, policy.outliers, policy.threshold)
    marked = rows.mutate(**{flag: rows["_reason"].isnull() & outside(rows[column], found)})
    if policy.action == "clip":
        kind = RECORD[policy.table].columns[column]
        near = clipped(marked[column], found, kind)
        marked = marked.mutate(**{column: ibis.ifelse(marked[flag], near, marked[column])})
    elif policy.action == "quarantine" and found.stand:
        marked = _let_out(marked, column, flag, found)
    return marked, found


def _let_out(rows: ir.Table, column: str, flag: str, found: Fences) -> ir.Table:
    """A verdict on every row that is marked."""
    said = {
        "_reason": ibis.literal(f"outlier_{column}"),
        "_column": ibis.literal(column),
        "_found": rows[column].cast(TEXT),
        "_expected": ibis.literal(f"from {found.low:.6g} to {found.high:.6g} ({found.method})"),
    }
    return rows.mutate(
        **{name: ibis.ifelse(rows[flag], value, rows[name]) for name, value in said.items()}
    )


def _missing(engine: Engine, rows: ir.Table, policy: Policy) -> tuple[ir.Table, Any]:
    column, flag = policy.column, f"_filled_{policy.column}"
    marked = rows.mutate(**{flag: rows["_reason"].isnull() & rows[column].isnull()})
    filling = Filling(policy.table, column, policy.missing, policy.within)
    filled, value = fill(engine, marked, filling)
    return filled.mutate(**{flag: filled[flag] & filled[column].notnull()}), value
