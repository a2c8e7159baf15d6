"""Declarations to queries.

Rows become states (`lift`), states of one cell become one (`merge`), and the cells of one customer
or item become its values (`values`). Merging is associative and ignores order, so states kept from
yesterday merge with today's to what a run from nothing gives. A cell is fine enough that the
filters which differ between aggregates can wait until few rows are left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import ibis
import ibis.expr.types as ir

from bespeak.features.declare import (
    Aggregate,
    Arithmetic,
    AsOf,
    Condition,
    Constant,
    Feature,
    Given,
    Is,
    Term,
    Where,
    Within,
    aggregates,
)

WEIGHT_ONE = 1_000_000
"""Decay weights are whole millionths, so that their sums don't depend on order."""
EXACT = "decimal(38, 4)"
PACK = 10**18
SCALE = 10_000
"""A measure's value in ten-thousandths, behind its time in units of PACK: the latest is the
greatest, and whole numbers compare alike on every engine."""


@dataclass(frozen=True)
class Grain:
    """Whose values, and what a cell is: the dimensions that stay apart until the last step."""

    entity: str
    cell: tuple[str, ...]
    derived: tuple[str, ...] = ()
    """Dimensions that follow from the cell's own and are added to the cells."""


@dataclass(frozen=True)
class State:
    """One mergeable column of a cell."""

    how: Literal["count", "sum", "min", "max", "seen", "last", "decayed"]
    of: str
    where: Where
    half_life_days: int = 0


def edges(features: Sequence[Feature]) -> tuple[int, ...]:
    """Every window's ends, in days before as_of, ascending."""
    conditions = [part for need in aggregates(features) for part in need.where + need.then]
    windows = [part for part in conditions if isinstance(part, Within)]
    return tuple(sorted({days for part in windows for days in (part.days, part.until)} - {0}))


def lift(rows: ir.Table, grain: Grain, features: Sequence[Feature]) -> ir.Table:
    """Each row as the states of a cell of its own: entity, cell, s0, s1, …

    rows : what behaviour() gives, with `age` by edges(features)
    """
    ends = edges(features)
    states = {
        f"s{i}": _of_row(rows, state, ends) for i, state in enumerate(_states(features, grain))
    }
    kept = rows.filter(rows[grain.entity].notnull())
    return kept.select(grain.entity, *grain.cell, **states)


def merge(cells: ir.Table, grain: Grain, features: Sequence[Feature]) -> ir.Table:
    """Cells of one key as one cell; any number of times, in any order."""
    merged = {
        f"s{i}": _merged(cells[f"s{i}"], state) for i, state in enumerate(_states(features, grain))
    }
    return cells.group_by([grain.entity, *grain.cell]).aggregate(**merged)


def values(cells: ir.Table, grain: Grain, features: Sequence[Feature], as_of: int) -> ir.Table:
    """The features, one row per entity that has a cell.

    cells : of merge(), one row per entity and cell, with the grain's derived dimensions
    """
    states = {state: f"s{i}" for i, state in enumerate(_states(features, grain))}
    ends = edges(features)
    names = {need: f"a{i}" for i, need in enumerate(aggregates(features))}
    found = cells.group_by(grain.entity).aggregate(
        **{name: _of_cells(cells, need, grain, states, ends) for need, name in names.items()}
    )
    columns = {need: found[name] for need, name in names.items()}
    return found.select(
        grain.entity,
        **{
            feature.name: _number(feature.term, columns, as_of).cast(
                "int64" if feature.whole else "float64"
            )
            for feature in features
        },
    )


# -- states ------------------------------------------------------------------------------------


def _states(features: Sequence[Feature], grain: Grain) -> tuple[State, ...]:
    needs = aggregates(features)
    return tuple(dict.fromkeys(state for need in needs for state in _states_of(need, grain)))


def _states_of(need: Aggregate, grain: Grain) -> tuple[State, ...]:
    where = _inner(need.where, grain)
    match need.kind:
        case "count":
            return (State("count", "", where),)
        case "sum":
            return (State("count", "", where), State("sum", need.of, where))
        case "decayed":
            return (
                State("count", "", where),
                State("decayed", need.of, where, need.half_life_days),
            )
        case "distinct":
            return (State("count", "", where),)
        case "last":
            return (State("seen", need.of, where), State("last", need.of, where))
        case "followed":
            # its cells must be the dimension's values, or first and last could lie in two cells
            if grain.cell != (need.of,):
                raise ValueError(f"`followed` needs cells of {need.of!r}, found {grain.cell}")
            return (
                State("min", need.on, need.where),
                State("max", need.on, need.then),
            )
        case _:
            return (State(need.kind, need.of, where),)


def _inner(where: Where, grain: Grain) -> Where:
    """The conditions that a cell's key can't answer: they are asked of each row."""
    return tuple(part for part in where if _column(part) not in grain.cell + grain.derived)


def _outer(where: Where, grain: Grain) -> Where:
    return tuple(part for part in where if _column(part) in grain.cell + grain.derived)


def _column(condition: Condition) -> str:
    return condition.column if isinstance(condition, Is) else "age"


def _of_row(rows: ir.Table, state: State, ends: Sequence[int]) -> ir.Value:
    """What one row adds to a state; null (or 0, for a count) where it adds nothing."""
    held = _holds(rows, state.where, ends)
    if state.how == "count":
        return ibis.literal(1, "int64") if held is None else held.cast("int64")
    measure = rows[state.of]
    if state.how == "decayed":
        weight = ibis.literal(2.0) ** (-rows["days_ago"].cast("float64") / state.half_life_days)
        measure = measure * (weight * WEIGHT_ONE).round().cast("int64")
    elif state.how == "seen":
        measure = ibis.ifelse(measure.notnull(), rows["at"], None)
    elif state.how == "last":
        measure = rows["at"].cast("decimal(38, 0)") * PACK + (measure * SCALE).cast("int64")
    return measure if held is None else ibis.ifelse(held, measure, None)


def _holds(table: ir.Table, where: Where, ends: Sequence[int]) -> ir.Value | None:
    """Whether all conditions hold; None if there is none."""
    if not where:
        return None
    tests = []
    for part in where:
        if isinstance(part, Is):
            tests.append(table[part.column].isin(part.values))
        else:
            tests.append(table["age"] <= ends.index(part.days))
            if part.until:
                tests.append(table["age"] > ends.index(part.until))
    return ibis.and_(*tests)


def _merged(column: ir.Value, state: State, where: ir.Value | None = None) -> ir.Value:
    """States of one kind, merged over the rows of a group."""
    if state.how in {"max", "seen", "last"}:
        return column.max(where=where)
    if state.how == "min":
        return column.min(where=where)
    added = column.sum(where=where)
    return added.cast("int64") if state.how == "count" else added.cast(EXACT)


# -- values ------------------------------------------------------------------------------------


def _of_cells(
    cells: ir.Table,
    need: Aggregate,
    grain: Grain,
    names: dict[State, str],
    ends: Sequence[int],
) -> ir.Value:
    """One aggregate over an entity's cells."""
    where = _holds(cells, _outer(need.where, grain), ends)
    states = _states_of(need, grain)
    parts = [cells[names[state]] for state in states]
    if need.kind == "distinct":
        some = parts[0] > 0
        found = cells[need.of].nunique(where=some if where is None else some & where)
        unknown = (found == 0) & (parts[0].sum(where=where).fill_null(0) > 0)
        return ibis.ifelse(unknown, None, found)
    if need.kind == "followed":
        return (cells[need.of].notnull() & (parts[0] < parts[1])).fill_null(False).sum()
    done = [_merged(part, state, where) for part, state in zip(parts, states, strict=True)]
    match need.kind:
        case "count":
            return done[0].fill_null(0)
        case "sum" | "decayed":
            return ibis.ifelse(done[0].fill_null(0) == 0, ibis.literal(0).cast(EXACT), done[1])
        case "last":
            return (done[1] - done[0].cast("decimal(38, 0)") * PACK).cast("float64") / SCALE
        case _:
            return done[0]


def _number(term: Term, known: dict[Aggregate, ir.Value], as_of: int) -> ir.Value:
    """A term over columns of aggregates; exact until a division, which is a float."""
    match term:
        case Aggregate():
            weighed = term.kind == "decayed"
            return known[term].cast("float64") / WEIGHT_ONE if weighed else known[term]
        case Constant():
            return ibis.literal(term.value)
        case AsOf():
            return ibis.literal(as_of)
        case Given():
            held = _number(term.condition, known, as_of) >= term.at_least
            return ibis.ifelse(held, _number(term.term, known, as_of), None)
        case Arithmetic():
            left, right = (_number(side, known, as_of) for side in (term.left, term.right))
            return _apply(term.operator, left, right)
    raise TypeError(f"not a term: {term!r}")


def _apply(operator: str, left: ir.Value, right: ir.Value) -> ir.Value:
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "//":
            return left // right
        case _:
            return left.cast("float64") / right.cast("float64").nullif(0.0)
