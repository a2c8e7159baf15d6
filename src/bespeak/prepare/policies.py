"""One column's policy: its outliers first, so that no wild value feeds a filling, then its gaps."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import ibis
import ibis.expr.types as ir

from bespeak.columns import RECORD, TEXT, WHOLE
from bespeak.config import Policy
from bespeak.engines import Engine
from bespeak.prepare.missing import Filling, fill
from bespeak.prepare.outliers import Fences, clipped, fences, outside
from bespeak.prepare.usual import apart, moved, with_usual


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
    if policy.within is not None:
        return _outliers_within(engine, rows, policy, policy.within)
    column, flag = policy.column, f"_outlier_{policy.column}"
    good = rows.filter(rows["_reason"].isnull())
    found = fences(engine, good, column, policy.outliers, policy.threshold)
    marked = rows.mutate(**{flag: rows["_reason"].isnull() & outside(rows[column], found)})
    if policy.action == "clip":
        kind = RECORD[policy.table].columns[column]
        near = clipped(marked[column], found, kind)
        marked = marked.mutate(**{column: ibis.ifelse(marked[flag], near, marked[column])})
    elif policy.action == "quarantine" and found.stand:
        said = f"from {found.low:.6g} to {found.high:.6g} ({found.method})"
        marked = _let_out(marked, column, flag, said)
    return marked, found


def _outliers_within(
    engine: Engine, rows: ir.Table, policy: Policy, within: str
) -> tuple[ir.Table, Fences]:
    """Judged by how far a value is from the usual one of the rows that share `within`.

    The fences are those of all rows' distances, so that a group of a few rows has some too.
    """
    column, flag = policy.column, f"_outlier_{policy.column}"
    known = with_usual(engine, rows, column, within)
    measured = known.mutate(_apart=apart(known[column], known["_usual"]))
    good = measured.filter(measured["_reason"].isnull())
    found = fences(engine, good, "_apart", policy.outliers, policy.threshold)
    beyond = measured["_reason"].isnull() & outside(measured["_apart"], found)
    marked = measured.mutate(**{flag: beyond})
    if policy.action == "clip" and found.low is not None and found.high is not None:
        low, high = (moved(marked["_usual"], far) for far in (found.low, found.high))
        near = ibis.ifelse(marked["_apart"] > found.high, high, low)
        kind = RECORD[policy.table].columns[column]
        whole = near.round() if kind == WHOLE else near
        clip = ibis.ifelse(marked[flag], whole.cast(kind), marked[column])
        marked = marked.mutate(**{column: clip})
    elif policy.action == "quarantine" and found.stand:
        low, high = moved(1.0, found.low or 0.0), moved(1.0, found.high or 0.0)
        said = (
            f"{low:.3g} to {high:.3g} times the usual where {within} is the same ({found.method})"
        )
        marked = _let_out(marked, column, flag, said)
    return marked.drop("_usual", "_apart"), found


def _let_out(rows: ir.Table, column: str, flag: str, expected: str) -> ir.Table:
    """A verdict on every row that is marked."""
    said = {
        "_reason": ibis.literal(f"outlier_{column}"),
        "_column": ibis.literal(column),
        "_found": rows[column].cast(TEXT),
        "_expected": ibis.literal(expected),
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
