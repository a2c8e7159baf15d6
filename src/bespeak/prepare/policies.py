"""One column's policy: its outliers first, so that no wild value feeds a filling, then its gaps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import ibis
import ibis.expr.types as ir

from bespeak.columns import RECORD, TEXT, WHOLE
from bespeak.config import Policy
from bespeak.engines import Engine
from bespeak.prepare.missing import Filling, filler, time_of
from bespeak.prepare.outliers import Fences, clipped, fences, outside
from bespeak.prepare.usual import apart, moved, usual_of, with_usual

Mark = Callable[[ir.Table], ir.Table]
"""What was measured, applied: the same to all rows and to the few columns it was measured on."""


def told(rows: ir.Table, policies: Sequence[Policy]) -> ir.Table:
    """The columns that the policies measure alone."""
    names = {"_reason"}
    for policy in policies:
        names |= {policy.column, policy.within or policy.column}
        if policy.missing == "interpolate":
            names |= {"file", "row", time_of(policy.table)}
    return rows.select(*sorted(names))


def apply_policy(
    engine: Engine, rows: ir.Table, seen: ir.Table, policy: Policy
) -> tuple[ir.Table, ir.Table, dict[str, Any]]:
    """`rows` and `seen` after one policy, and its parameters.

    rows    : judged rows; nothing is computed of them here
    seen    : their columns that policies measure (`told`)
    returns : both with `_outlier_COLUMN` and `_filled_COLUMN` (boolean, where the policy looks
              for such), and what it measured, for the manifest
    """
    report: dict[str, Any] = {}
    if policy.outliers != "none":
        mark, found = _outliers(engine, seen, policy)
        rows, seen = mark(rows), mark(seen)
        report |= {"outliers": asdict(found), "action": policy.action}
    if policy.missing == "quarantine":
        rows, seen = (_unsaid(table, policy.column) for table in (rows, seen))
        report |= {"missing": policy.missing}
    elif policy.missing != "leave":
        filling = Filling(policy.table, policy.column, policy.missing, policy.within)
        fill, value = filler(engine, seen, filling)
        mark = partial(_filled, fill=fill, column=policy.column)
        rows, seen = mark(rows), mark(seen)
        report |= {"missing": policy.missing, "within": policy.within, "value": value}
    return rows, seen, report


def _outliers(engine: Engine, seen: ir.Table, policy: Policy) -> tuple[Mark, Fences]:
    if policy.within is not None:
        return _outliers_within(engine, seen, policy, policy.within)
    good = seen.filter(seen["_reason"].isnull())
    found = fences(engine, good, policy.column, policy.outliers, policy.threshold)
    return partial(_fenced, policy=policy, found=found), found


def _fenced(rows: ir.Table, *, policy: Policy, found: Fences) -> ir.Table:
    """Rows beyond the fences marked, and done with as the policy says."""
    column, flag = policy.column, f"_outlier_{policy.column}"
    marked = rows.mutate(**{flag: rows["_reason"].isnull() & outside(rows[column], found)})
    if policy.action == "clip":
        kind = RECORD[policy.table].columns[column]
        near = clipped(marked[column], found, kind)
        marked = marked.mutate(**{column: ibis.ifelse(marked[flag], near, marked[column])})
    elif policy.action == "quarantine" and found.stand:
        said = f"from {found.low:.6g} to {found.high:.6g} ({found.method})"
        marked = _let_out(marked, column, marked[flag], f"outlier_{column}", said)
    return marked


def _outliers_within(
    engine: Engine, seen: ir.Table, policy: Policy, within: str
) -> tuple[Mark, Fences]:
    """Judged by how far a value is from the usual one of the rows that share `within`.

    The fences are those of all rows' distances, so that a group of a few rows has some too.
    """
    usual = usual_of(engine, seen, policy.column, within)
    known = with_usual(seen.filter(seen["_reason"].isnull()), usual, within)
    measured = known.mutate(_apart=apart(known[policy.column], known["_usual"]))
    found = fences(engine, measured, "_apart", policy.outliers, policy.threshold)
    return partial(_fenced_within, usual=usual, policy=policy, found=found), found


def _fenced_within(rows: ir.Table, *, usual: ir.Table, policy: Policy, found: Fences) -> ir.Table:
    """Rows that are too far from what is usual for them, done with as the policy says."""
    column, flag, within = policy.column, f"_outlier_{policy.column}", policy.within or ""
    known = with_usual(rows, usual, within)
    far = known.mutate(_apart=apart(known[column], known["_usual"]))
    marked = far.mutate(**{flag: far["_reason"].isnull() & outside(far["_apart"], found)})
    if policy.action == "clip" and found.low is not None and found.high is not None:
        low, high = (moved(marked["_usual"], end) for end in (found.low, found.high))
        near = ibis.ifelse(marked["_apart"] > found.high, high, low)
        kind = RECORD[policy.table].columns[column]
        value = (near.round() if kind == WHOLE else near).cast(kind)
        marked = marked.mutate(**{column: ibis.ifelse(marked[flag], value, marked[column])})
    elif policy.action == "quarantine" and found.stand:
        low, high = moved(1.0, found.low or 0.0), moved(1.0, found.high or 0.0)
        said = f"{low:.3g} to {high:.3g} times the usual where {within} is the same"
        marked = _let_out(
            marked, column, marked[flag], f"outlier_{column}", f"{said} ({found.method})"
        )
    return marked.drop("_usual", "_apart")


def _unsaid(rows: ir.Table, column: str) -> ir.Table:
    """A verdict on every row that says nothing in `column`."""
    empty = rows["_reason"].isnull() & rows[column].isnull()
    return _let_out(rows, column, empty, f"missing_{column}", "a value")


def _let_out(rows: ir.Table, column: str, where: ir.Value, reason: str, expected: str) -> ir.Table:
    """A verdict on the rows of `where`, as far as the table has columns for it."""
    said = {
        "_reason": ibis.literal(reason),
        "_column": ibis.literal(column),
        "_found": rows[column].cast(TEXT),
        "_expected": ibis.literal(expected),
    }
    return rows.mutate(
        **{
            name: ibis.ifelse(where, value, rows[name])
            for name, value in said.items()
            if name in rows.columns
        }
    )


def _filled(rows: ir.Table, *, fill: Mark, column: str) -> ir.Table:
    flag = f"_filled_{column}"
    marked = rows.mutate(**{flag: rows["_reason"].isnull() & rows[column].isnull()})
    filled = fill(marked)
    return filled.mutate(**{flag: filled[flag] & filled[column].notnull()})
