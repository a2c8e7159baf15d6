"""Every operation that an expression may use, as Ibis: one row per operation, at the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from types import MappingProxyType
from typing import Any

import ibis
import ibis.expr.types as ir
from sqlglot import exp

from bespeak.collect import parse, soundness
from bespeak.collect.alike import (
    Scope,
    align,
    as_moment,
    as_number,
    as_truth,
    is_number,
    unify,
)
from bespeak.collect.soundness import CASTS, MICROS, constants, counts, unit_of
from bespeak.columns import MONEY, TIME


@dataclass(frozen=True)
class Operation:
    """How a node becomes a value, which of its parts are understood, and what may be wrong."""

    compute: Callable[[Any, Scope], ir.Value]
    takes: frozenset[str] = frozenset({"this", "expression"})
    check: Callable[[Any], str | None] = soundness.anything


def compute(node: exp.Expr, scope: Scope) -> ir.Value:
    """The value of a checked tree."""
    return OPERATIONS[type(node)].compute(node, scope)


def column_name(node: exp.Expr) -> str:
    """The column's name; `a.b` is a column with a dot in its name."""
    return ".".join(part.name for part in node.parts) if isinstance(node, exp.Column) else ""


def _part(node: exp.Expr, scope: Scope, key: str = "this") -> ir.Value:
    return compute(node.args[key], scope)


def _parts(node: exp.Expr, scope: Scope) -> list[ir.Value]:
    first = [node.this] if isinstance(node.this, exp.Expr) else []
    return [compute(each, scope) for each in [*first, *node.expressions]]


# -- columns, literals, arithmetic, comparison ---------------------------------------------------


def _column(node: exp.Column, scope: Scope) -> ir.Value:
    return parse.present(scope.columns[column_name(node)])  # engines rank not-a-number highest


def _literal(node: exp.Literal, _: Scope) -> ir.Value:
    if node.is_string:
        return ibis.literal(node.name)
    return ibis.literal(int(node.name) if node.name.isdigit() else float(node.name))


def _number(turn: Callable[[ir.Value], ir.Value]) -> Operation:
    return Operation(lambda node, scope: turn(as_number(_part(node, scope), scope)))


def _numbers(combine: Callable[[ir.Value, ir.Value], ir.Value]) -> Operation:
    def computed(node: exp.Expr, scope: Scope) -> ir.Value:
        return combine(
            *(as_number(_part(node, scope, key), scope) for key in ("this", "expression"))
        )

    return Operation(computed)


def _compared(compare: Callable[[ir.Value, ir.Value], ir.Value]) -> Operation:
    def computed(node: exp.Expr, scope: Scope) -> ir.Value:
        return compare(*align([_part(node, scope), _part(node, scope, "expression")], scope))

    return Operation(computed)


def _connected(connect: Callable[[ir.Value, ir.Value], ir.Value]) -> Operation:
    def computed(node: exp.Expr, scope: Scope) -> ir.Value:
        return connect(as_truth(_part(node, scope)), as_truth(_part(node, scope, "expression")))

    return Operation(computed)


def _whole(combine: Callable[..., ir.Value]) -> Callable[..., ir.Value]:
    """Whole numbers exactly, null beyond 64 bits, where an engine would stop; others as they are.

    A product of two 64-bit numbers has 38 digits at most.
    """

    def computed(*numbers: ir.Value) -> ir.Value:
        if not all(number.type().is_integer() for number in numbers):
            return combine(*numbers)
        return combine(*(number.cast("decimal(38, 0)") for number in numbers)).try_cast("int64")

    return computed


def _multiplied(left: ir.Value, right: ir.Value) -> ir.Value:
    """Decimals through floats: their product may have more digits than an engine keeps."""
    if left.type().is_decimal() or right.type().is_decimal():
        return left.cast("float64") * right.cast("float64")
    return _whole(lambda one, other: one * other)(left, right)


def _divided(left: ir.Value, right: ir.Value) -> ir.Value:
    return left.cast("float64") / right.cast("float64").nullif(0.0)


def _in(node: exp.In, scope: Scope) -> ir.Value:
    subject = _part(node, scope)
    pairs = [align([subject, compute(each, scope)], scope) for each in node.expressions]
    return reduce(lambda one, other: one | other, [left == right for left, right in pairs])


def _between(node: exp.Between, scope: Scope) -> ir.Value:
    value, low, high = align([_part(node, scope, key) for key in ("this", "low", "high")], scope)
    return (value >= low) & (value <= high)


def _is(node: exp.Is, scope: Scope) -> ir.Value:
    value = _part(node, scope)
    if isinstance(node.expression, exp.Null):
        return value.isnull()
    truth = as_truth(value)
    return ibis.coalesce(truth if node.expression.this else ~truth, ibis.literal(False))


def _case(node: exp.Case, scope: Scope) -> ir.Value:
    """Both forms: `case when a > 1 then …` and `case a when 1 then …`."""
    subject = compute(node.this, scope) if node.this else None
    tests, results = [], []
    for branch in node.args["ifs"]:
        test = compute(branch.this, scope)
        if subject is not None:
            left, right = align([subject, test], scope)
            test = left == right
        tests.append(as_truth(test))
        results.append(compute(branch.args["true"], scope))
    default = node.args.get("default")
    return _chosen(tests, results, compute(default, scope) if default else ibis.null(), scope)


def _if(node: exp.If, scope: Scope) -> ir.Value:
    other = node.args.get("false")
    default = compute(other, scope) if other else ibis.null()
    return _chosen([as_truth(_part(node, scope))], [_part(node, scope, "true")], default, scope)


def _chosen(
    tests: list[ir.Value], results: list[ir.Value], default: ir.Value, scope: Scope
) -> ir.Value:
    *alike, other = unify([*results, default], scope)
    return ibis.cases(*zip(tests, alike, strict=True), else_=other)


def _coalesce(node: exp.Coalesce, scope: Scope) -> ir.Value:
    return ibis.coalesce(*unify(_parts(node, scope), scope))


def _nullif(node: exp.Nullif, scope: Scope) -> ir.Value:
    value = _part(node, scope)
    left, right = align([value, _part(node, scope, "expression")], scope)
    return ibis.ifelse(left == right, ibis.null(value.type()), value)


def _extreme(choose: Callable[..., ir.Value]) -> Operation:
    def computed(node: exp.Expr, scope: Scope) -> ir.Value:
        return choose(*align(_parts(node, scope), scope))

    return Operation(computed, frozenset({"this", "expressions", "ignore_nulls"}))


EXACT_BELOW = 2.0**52
"""A float from here on has no fraction left to round."""


def _rounded(node: exp.Round, scope: Scope) -> ir.Value:
    places = node.args.get("decimals")
    value = as_number(_part(node, scope), scope).cast("float64")
    count = int(places.name) if places else 0
    if count == 0:
        return parse.nearest(value)
    # not the engine's own, which looks at other digits from version to version: 1.15 is 1.2 here
    scaled = value * 10.0**count
    return ibis.ifelse(scaled.abs() < EXACT_BELOW, parse.nearest(scaled) / 10.0**count, value)


def _to_whole(turn: Callable[[ir.Value], ir.Value]) -> Operation:
    def computed(node: exp.Expr, scope: Scope) -> ir.Value:
        value = as_number(_part(node, scope), scope).cast("float64")
        return turn(ibis.ifelse(value.abs() < 9e18, value, ibis.null("float64")))

    return Operation(computed, frozenset({"this"}))


# -- text ----------------------------------------------------------------------------------------


def _words(turn: Callable[[ir.Value], ir.Value]) -> Operation:
    def computed(node: exp.Expr, scope: Scope) -> ir.Value:
        return turn(parse.text(_part(node, scope)))

    return Operation(computed, frozenset({"this"}))


def _like(node: exp.Expr, scope: Scope) -> ir.Value:
    value, pattern = parse.text(_part(node, scope)), node.expression.name
    found = value.ilike(pattern) if isinstance(node, exp.ILike) else value.like(pattern)
    return ~found if node.args.get("negate") else found


def _concat(node: exp.Concat, scope: Scope) -> ir.Value:
    """`concat` skips what is null; `||` is null then."""
    parts = [ibis.coalesce(parse.text(value), ibis.literal("")) for value in _parts(node, scope)]
    return reduce(lambda one, other: one + other, parts)


def _joined(node: exp.DPipe, scope: Scope) -> ir.Value:
    return parse.text(_part(node, scope)) + parse.text(_part(node, scope, "expression"))


def _substring(node: exp.Substring, scope: Scope) -> ir.Value:
    length, start = node.args.get("length"), int(node.args["start"].name) - 1
    return parse.text(_part(node, scope)).substr(start, int(length.name) if length else None)


def _ending(take: Callable[[ir.Value, int], ir.Value]) -> Operation:
    def computed(node: exp.Expr, scope: Scope) -> ir.Value:
        return take(parse.text(_part(node, scope)), int(node.expression.name))

    return Operation(computed, check=counts("expression"))


def _replaced(node: exp.Replace, scope: Scope) -> ir.Value:
    return parse.text(_part(node, scope)).replace(
        node.expression.name, node.args["replacement"].name
    )


def _extracted(node: exp.RegexpExtract, scope: Scope) -> ir.Value:
    group = node.args.get("group")
    value = parse.text(_part(node, scope))
    return value.re_extract(node.expression.name, int(group.name) if group else 0).nullif("")


def _matched(node: exp.RegexpLike, scope: Scope) -> ir.Value:
    return parse.text(_part(node, scope)).re_search(node.expression.name)


def _split(node: exp.SplitPart, scope: Scope) -> ir.Value:
    parts = parse.text(_part(node, scope)).split(node.args["delimiter"].name)
    return parts[int(node.args["part_index"].name) - 1].nullif("")


# -- casts and times -----------------------------------------------------------------------------


def _cast(node: exp.Cast, scope: Scope) -> ir.Value:
    """Reads, rather than casts: what does not fit is null; a fraction is rounded half away."""
    value, target = _part(node, scope), node.args["to"]
    kind = CASTS[target.this]
    if kind in {TIME, "date"} and isinstance(node.this, exp.Literal):
        return parse.literal_time(node.this.name)
    if kind == "string":
        return parse.text(value)
    if kind == "boolean":
        return as_truth(value)
    if kind in {TIME, "date"}:
        return _cast_time(value, kind, scope)
    if kind == "decimal":
        exact = value if is_number(value) else parse.money(parse.tidy(value), scope.reader)
        places = [int(each.name) for each in target.expressions]
        return exact.try_cast(f"decimal({places[0]}, {places[-1]})" if places else MONEY)
    number = as_number(value, scope).cast("float64")
    return parse.nearest(number) if kind == "int64" else number


def _cast_time(value: ir.Value, kind: str, scope: Scope) -> ir.Value:
    """The day or the clock as it is written, so a wall clock of the source's zone."""
    as_written = Scope(scope.columns, replace(scope.reader, zone="UTC"))
    wall = as_moment(value, as_written).cast(TIME)
    return wall.truncate("D").cast(TIME) if kind == "date" else wall


def _time_add(node: exp.TimeAdd, scope: Scope) -> ir.Value:
    """Exact lengths only, on whole microseconds; a wall clock stays one.

    Null beyond 285 years: no time of a business, and no more an exact number of microseconds.
    """
    moment = as_moment(_part(node, scope), scope)
    zone, engine = moment.type().timezone, scope.reader.engine
    step = MICROS[unit_of(node)]
    shift = as_number(_part(node, scope, "expression"), scope).cast("float64") * float(step)
    start = engine.micros(moment.cast(TIME))
    sane = (shift.abs() <= 9e15) & start.between(-8 * 10**18, 8 * 10**18)
    moved = engine.moment(ibis.ifelse(sane, start + shift.cast("int64"), ibis.null("int64")))
    return moved if zone is None else moved.cast(parse.INSTANT)


PARTS = frozenset({exp.Identifier, exp.DataType, exp.DataTypeParam, exp.Var})
"""Nodes that only stand inside others."""

OPERATIONS: Mapping[type[exp.Expr], Operation] = MappingProxyType(
    {
        exp.Column: Operation(_column, frozenset({"this", "table", "db", "catalog"})),
        exp.Literal: Operation(_literal, frozenset({"this", "is_string"})),
        exp.Boolean: Operation(lambda node, _: ibis.literal(bool(node.this)), frozenset({"this"})),
        exp.Null: Operation(lambda node, _: ibis.null(), frozenset()),
        exp.Paren: Operation(_part, frozenset({"this"})),
        exp.Neg: _number(_whole(lambda value: -value)),
        exp.Not: Operation(lambda node, scope: ~as_truth(_part(node, scope))),
        exp.And: _connected(lambda left, right: left & right),
        exp.Or: _connected(lambda left, right: left | right),
        exp.Add: _numbers(_whole(lambda left, right: left + right)),
        exp.Sub: _numbers(_whole(lambda left, right: left - right)),
        exp.Mul: _numbers(_multiplied),
        exp.Div: _numbers(_divided),
        exp.Mod: _numbers(lambda left, right: left % right.nullif(0)),
        exp.EQ: _compared(lambda left, right: left == right),
        exp.NEQ: _compared(lambda left, right: left != right),
        exp.GT: _compared(lambda left, right: left > right),
        exp.GTE: _compared(lambda left, right: left >= right),
        exp.LT: _compared(lambda left, right: left < right),
        exp.LTE: _compared(lambda left, right: left <= right),
        exp.In: Operation(_in, frozenset({"this", "expressions"})),
        exp.Between: Operation(_between, frozenset({"this", "low", "high"})),
        exp.Is: Operation(_is, check=soundness.null_or_truth),
        exp.Case: Operation(_case, frozenset({"this", "ifs", "default"})),
        exp.If: Operation(_if, frozenset({"this", "true", "false"})),
        exp.Coalesce: Operation(_coalesce, frozenset({"this", "expressions"})),
        exp.Nullif: Operation(_nullif),
        exp.Greatest: _extreme(ibis.greatest),
        exp.Least: _extreme(ibis.least),
        exp.Abs: _number(_whole(lambda value: value.abs())),
        exp.Round: Operation(_rounded, frozenset({"this", "decimals"}), soundness.rounding),
        exp.Floor: _to_whole(lambda value: value.floor()),
        exp.Ceil: _to_whole(lambda value: value.ceil()),
        exp.Lower: _words(lambda value: value.lower()),
        exp.Upper: _words(lambda value: value.upper()),
        exp.Trim: _words(lambda value: value.strip()),
        exp.Length: _words(lambda value: value.length()),
        exp.Like: Operation(
            _like, frozenset({"this", "expression", "negate"}), constants("expression")
        ),
        exp.ILike: Operation(
            _like, frozenset({"this", "expression", "negate"}), constants("expression")
        ),
        exp.Concat: Operation(_concat, frozenset({"expressions", "safe", "coalesce"})),
        exp.DPipe: Operation(_joined, frozenset({"this", "expression", "safe"})),
        exp.Substring: Operation(
            _substring, frozenset({"this", "start", "length"}), counts("start", "length")
        ),
        exp.Left: _ending(lambda value, count: value.left(count)),
        exp.Right: _ending(lambda value, count: value.right(count)),
        exp.Replace: Operation(
            _replaced,
            frozenset({"this", "expression", "replacement"}),
            constants("expression", "replacement"),
        ),
        exp.RegexpExtract: Operation(
            _extracted,
            frozenset({"this", "expression", "group", "null_if_pos_overflow"}),
            soundness.pattern,
        ),
        exp.RegexpLike: Operation(_matched, check=soundness.pattern),
        exp.SplitPart: Operation(
            _split, frozenset({"this", "delimiter", "part_index"}), soundness.split
        ),
        exp.Cast: Operation(_cast, frozenset({"this", "to"}), soundness.cast),
        exp.TryCast: Operation(_cast, frozenset({"this", "to", "safe"}), soundness.cast),
        exp.TimeAdd: Operation(
            _time_add, frozenset({"this", "expression", "unit"}), soundness.unit
        ),
    }
)
