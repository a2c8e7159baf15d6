"""Declarations to queries.

`plans` gives each aggregate to a grain, which says what a cell is. Rows become states (`lift`),
states of one cell become one (`merge`), the cells of one customer or item become its aggregates
(`totals`), and those of all grains beside each other its values (`values`). Merging is associative
and ignores order, so states kept from yesterday merge with today's to what a run from nothing
gives. Cells are few because each grain keeps apart no more than its aggregates count: one table
that kept everything apart would have nearly as many cells as there are rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
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
    counts,
)
from bespeak.features.kinds import WEIGHT_ONE

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
    derived: tuple[str, ...]
    """Dimensions that follow from the cell's own and are added to the merged cells."""


@dataclass(frozen=True)
class State:
    """One mergeable column of a cell."""

    how: Literal["some", "count", "sum", "min", "max", "seen", "last", "decayed"]
    of: str
    where: Where
    half_life_days: int = 0


@dataclass(frozen=True)
class Plan:
    """What one grain answers."""

    grain: Grain
    needs: Mapping[str, Aggregate]
    """By the column that will hold it, which no other plan of the same features has."""
    ends: tuple[int, ...]
    """edges() of all features, not of these needs alone: what the numbers in `age` mean."""

    @cached_property
    def states(self) -> dict[State, str]:
        """The columns of a cell: s0, s1, …"""
        found = (state for need in self.needs.values() for state in _states_of(need, self.grain))
        return {state: f"s{i}" for i, state in enumerate(dict.fromkeys(found))}


def edges(features: Sequence[Feature]) -> tuple[int, ...]:
    """Every window's ends, in days before as_of, ascending."""
    conditions = [part for need in aggregates(features) for part in need.where + need.then]
    windows = [part for part in conditions if isinstance(part, Within)]
    return tuple(sorted({days for part in windows for days in (part.days, part.until)} - {0}))


def plans(features: Sequence[Feature], entity: str, derived: Mapping[str, str]) -> tuple[Plan, ...]:
    """All aggregates, those of one grain together.

    derived : dimension -> the one of the rows that it follows from
    """
    needs: dict[Grain, dict[str, Aggregate]] = {}
    for i, need in enumerate(aggregates(features)):
        needs.setdefault(_grain(need, entity, derived), {})[f"a{i}"] = need
    ends = edges(features)
    return tuple(Plan(grain, found, ends) for grain, found in needs.items())


def lift(rows: ir.Table, plan: Plan) -> ir.Table:
    """Each row that says anything as the states of a cell of its own: entity, cell, s0, s1, …

    rows : what behaviour() gives, with `age` by the plan's ends
    """
    states = {name: _of_row(rows, state, plan.ends) for state, name in plan.states.items()}
    kept = rows.filter(rows[plan.grain.entity].notnull(), *_asked(rows, plan))
    return kept.select(plan.grain.entity, *plan.grain.cell, **states)


def merge(cells: ir.Table, plan: Plan) -> ir.Table:
    """Cells of one key as one cell; any number of times, in any order."""
    merged = {name: _merged(cells[name], state) for state, name in plan.states.items()}
    return cells.group_by([plan.grain.entity, *plan.grain.cell]).aggregate(**merged)


def totals(cells: ir.Table, plan: Plan) -> ir.Table:
    """The plan's aggregates, one row per entity that has a cell.

    cells : of merge(), one row per entity and cell, with the grain's derived dimensions
    """
    return cells.group_by(plan.grain.entity).aggregate(
        **{name: _of_cells(cells, need, plan) for name, need in plan.needs.items()}
    )


def values(
    entities: ir.Table,
    found: Sequence[tuple[Plan, ir.Table]],
    features: Sequence[Feature],
    as_of: int,
) -> ir.Table:
    """The features, one row per entity.

    entities : one column, named as in the grains; whoever has totals is among them
    found    : totals() of each plan; an entity has none where no row of its says anything there
    """
    (entity,) = entities.columns
    whole = entities
    for plan, table in found:
        whole = _beside(whole, table.rename(_key=entity), entity, plan)
    columns = {need: whole[name] for plan, _ in found for name, need in plan.needs.items()}
    return whole.select(
        entity,
        **{
            feature.name: _number(feature.term, columns, as_of).cast(
                "int64" if feature.whole else "float64"
            )
            for feature in features
        },
    )


# -- grains ------------------------------------------------------------------------------------


def _grain(need: Aggregate, entity: str, derived: Mapping[str, str]) -> Grain:
    """What is counted, and what only cells know, must be told apart; rows answer the rest.

    Sums and the like have a cell per `age`, so that a row serves every window.
    """
    counted = {need.of} if need.kind in {"distinct", "followed"} else set()
    apart = counted | {_column(part) for part in need.where + need.then} & derived.keys()
    cell = tuple(sorted({derived.get(name, name) for name in apart})) or ("age",)
    return Grain(entity, cell, tuple(name for name, source in derived.items() if source in cell))


def _asked(rows: ir.Table, plan: Plan) -> list[ir.Value]:
    """The rows that any state looks at, as a filter; none where one looks at all of them."""
    wheres = list(dict.fromkeys(state.where for state in plan.states))
    # who asks for more conditions besides sees no row that the other doesn't
    widest = [one for one in wheres if not any(set(other) < set(one) for other in wheres)]
    tests = [test for one in widest if (test := _holds(rows, one, plan.ends)) is not None]
    return [ibis.or_(*tests)] if len(tests) == len(widest) else []


# -- states ------------------------------------------------------------------------------------


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
            return (State("some", "", where),)
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
    if state.how == "some":
        return ibis.literal(True) if held is None else held
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
    if state.how == "some":
        return column.any(where=where)
    if state.how in {"max", "seen", "last"}:
        return column.max(where=where)
    if state.how == "min":
        return column.min(where=where)
    added = column.sum(where=where)
    return added.cast("int64") if state.how == "count" else added.cast(EXACT)


# -- values ------------------------------------------------------------------------------------


def _of_cells(cells: ir.Table, need: Aggregate, plan: Plan) -> ir.Value:
    """One aggregate over an entity's cells."""
    where = _holds(cells, _outer(need.where, plan.grain), plan.ends)
    states = _states_of(need, plan.grain)
    parts = [cells[plan.states[state]] for state in states]
    if need.kind == "distinct":
        some = parts[0] if where is None else parts[0] & where
        known = some & cells[need.of].notnull()
        # a value is one cell, or lies in several cells that it is derived from
        one = plan.grain.cell == (need.of,)
        found = known.sum().fill_null(0) if one else cells[need.of].nunique(where=known)
        return ibis.ifelse((found == 0) & some.any().fill_null(False), None, found)
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


def _beside(whole: ir.Table, totals: ir.Table, entity: str, plan: Plan) -> ir.Table:
    """Every row of `whole` with the plan's totals; who has none had no such row: 0 or undefined."""
    joined = whole.left_join(totals, whole[entity] == totals["_key"])
    absent = joined["_key"].isnull()
    filled = {
        name: ibis.ifelse(absent, ibis.literal(0).cast(joined[name].type()), joined[name])
        for name, need in plan.needs.items()
        if counts(need)
    }
    return joined.mutate(**filled).drop("_key")


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
