"""A verdict on every conformed row, then the policies of its columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import ibis
import ibis.expr.types as ir
import msgspec

from bespeak.columns import TEXT
from bespeak.config import Prepare
from bespeak.engines import Engine
from bespeak.prepare.checks import Check, checks_for
from bespeak.prepare.policies import apply_policy, told
from bespeak.workspace import digest


@dataclass(frozen=True)
class Judged:
    """Rows with their verdict, and what the policies measured.

    rows     : the conformed columns and `flags`; `_reason` is null where a row is let in
    policies : column -> fences and fillings, with their parameters
    rule     : digest of the rules that judged
    """

    rows: ir.Table
    policies: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    rule: str = ""


def judge(engine: Engine, conformed: ir.Table, table: str, prepare: Prepare) -> Judged:
    """The rows of one source with a verdict each; lazily, but for what the policies measure.

    conformed : RECORD's columns of `table`, lineage, `_copies`, and a verdict where the mapping
                failed (`_reason`, `_column`, `_found`, `_expected`), which stays; kept, since
                it is asked many times
    """
    rows = _verdict(conformed, checks_for(table, prepare))
    measured: dict[str, dict[str, Any]] = {}
    policies = [policy for policy in prepare.policies if policy.table == table]
    seen = told(rows, policies)
    for policy in policies:
        rows, seen, measured[policy.column] = apply_policy(engine, rows, seen, policy)
    rows = rows.mutate(flags=_flags(rows, measured))
    return Judged(rows, measured, digest(msgspec.to_builtins(prepare)))


def _verdict(rows: ir.Table, checks: Sequence[Check]) -> ir.Table:
    """The first check that a row breaks becomes its verdict, unless it has one."""
    if not checks:
        return rows
    broken = [check.breaks(rows) for check in checks]

    def first(values: Sequence[Any]) -> ir.Value:
        return ibis.cases(*zip(broken, values, strict=True), else_=ibis.null(TEXT))

    said = {
        "_reason": first([check.reason for check in checks]),
        "_column": first([check.column for check in checks]),
        "_found": first([rows[check.column].cast(TEXT) for check in checks]),
        "_expected": first([check.expected for check in checks]),
    }
    fine = rows["_reason"].isnull()
    return rows.mutate(
        **{name: ibis.ifelse(fine, value, rows[name]) for name, value in said.items()}
    )


def _flags(rows: ir.Table, measured: Mapping[str, Mapping[str, Any]]) -> ir.Value:
    """`column:what` for each thing a policy did to a row, with commas between; null for none."""
    parts = []
    for column, report in measured.items():
        for mark, said in (("outlier", _said(report)), ("filled", "filled")):
            if f"_{mark}_{column}" in rows.columns:
                here = rows[f"_{mark}_{column}"].fill_null(False)
                parts.append(ibis.ifelse(here, f",{column}:{said}", ""))
    if not parts:
        return ibis.null(TEXT)
    joined = reduce(lambda one, other: one + other, parts)
    return joined.substr(1).nullif("")


def _said(report: Mapping[str, Any]) -> str:
    return "clipped" if report.get("action") == "clip" else "outlier"
