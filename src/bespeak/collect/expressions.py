"""A small, safe part of SQL, compiled to Ibis: what a mapping may compute from a row.

Nothing that is written here reaches an engine as text. Text that meets a number is read as a
number, and text that meets a time as a time, by the source's own rules (decimal comma, time zone),
so that one expression serves a typed file and a CSV. What can't be read is null; so is a division
by zero.
"""

from __future__ import annotations

import re
from collections.abc import Collection

import ibis.expr.types as ir
import sqlglot
from ibis.common.exceptions import IbisError
from sqlglot import exp
from sqlglot.errors import SqlglotError

from bespeak.collect import parse
from bespeak.collect.alike import Scope
from bespeak.collect.nearness import near
from bespeak.collect.operations import OPERATIONS, PARTS, column_name, compute
from bespeak.errors import MappingImpossible

FUNCTIONS = (
    "abs", "ceil", "coalesce", "concat", "floor", "greatest", "if", "least", "left", "length",
    "lower", "nullif", "regexp_extract", "regexp_matches", "replace", "right", "round",
    "split_part", "substring", "time_add", "trim", "upper",
)  # fmt: skip
ALLOWED = (
    "columns (\"in quotes\" where the name is no word), 'text', numbers, + - * / %, comparisons,"
    " and/or/not, case, in, between, like, is null, ||, cast, date '2017-01-31',"
    f" timestamp '2017-01-31 10:00:00', {', '.join(FUNCTIONS)}"
)
LONGEST, DEEPEST = 20_000, 100
CUTTING = frozenset(
    {exp.Substring, exp.Left, exp.Right, exp.Replace, exp.RegexpExtract, exp.SplitPart}
)
"""What may leave space at the edge of a text that had none."""


def problems(expression: str, columns: Collection[str]) -> list[str]:
    """What is wrong with `expression` over `columns`, each as a clause; empty if nothing is."""
    try:
        tree = _parsed(expression)
    except MappingImpossible as error:
        return [error.what]
    found = [problem for node in tree.walk() if (problem := _node_problem(node))]
    for name in sorted(columns_of(expression) - set(columns)):
        found.append(f"there is no column `{name}`{near(name, columns)}")
    return list(dict.fromkeys(found))


def columns_of(expression: str) -> set[str]:
    """The columns that an expression reads; none if it can't be read itself.

    raises : MappingImpossible if it is no expression
    """
    return {column_name(node) for node in _parsed(expression).find_all(exp.Column)}


def compile_expression(expression: str, scope: Scope) -> ir.Value:
    """`expression` as a value over the scope's columns.

    raises : MappingImpossible if its types make no sense (`problems` finds everything else)
    """
    tree = _parsed(expression)
    try:
        value = compute(tree, scope)
    except IbisError as error:
        said = str(error).strip().partition("\n")[0]
        raise MappingImpossible(f"its types don't go together: {said}") from error
    nodes = list(tree.walk())
    if any(type(node) in CUTTING or _has_edges(node) for node in nodes):
        return parse.tidy(value)
    empty = value.type().is_string() and any(_may_be_empty(node) for node in nodes)
    return value.nullif("") if empty else value


def _has_edges(node: exp.Expr) -> bool:
    """Whether the node is a text in quotes that is empty or has space around it."""
    text = isinstance(node, exp.Literal) and node.is_string
    return text and (not node.name or node.name != node.name.strip())


def _may_be_empty(node: exp.Expr) -> bool:
    """Whether the node makes an empty text where all of its parts are null."""
    constant = any(isinstance(part, exp.Literal) for part in node.expressions)
    return isinstance(node, exp.Concat) and not constant


def _parsed(expression: str) -> exp.Expr:
    """The expression's tree.

    raises : MappingImpossible if it is none, or more than one, or too long
    """
    if len(expression) > LONGEST:
        raise MappingImpossible(f"it is longer than {LONGEST:,} characters")
    try:
        trees = sqlglot.parse(expression, dialect="duckdb")
    except (SqlglotError, RecursionError) as error:
        raise MappingImpossible(f"it can't be read: {_first_line(error)}") from error
    if len(trees) != 1 or trees[0] is None:
        raise MappingImpossible("it must be exactly one expression")
    if _depth(trees[0]) > DEEPEST:
        raise MappingImpossible(f"it is nested more than {DEEPEST} deep")
    return trees[0]


def _first_line(error: Exception) -> str:
    """The parser's complaint, without colours and class names."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip().splitlines()
    said = plain[0] if plain and not isinstance(error, RecursionError) else "it is nested too deep"
    return re.sub(r"Required keyword: '\w+' missing for <[^>]*>", "something is missing", said)


def _depth(tree: exp.Expr) -> int:
    depths = {id(tree.parent): 0}
    for node in tree.walk():
        depths[id(node)] = depths[id(node.parent)] + 1
    return max(depths.values())


def _node_problem(node: exp.Expr) -> str | None:
    """Why this node may not stand in an expression; None if it may."""
    if type(node) in PARTS:
        return None
    operation = OPERATIONS.get(type(node))
    if operation is None:
        return _unknown(node)
    if {key for key, value in node.args.items() if value} - operation.takes:
        return f"`{node.sql(dialect='duckdb')[:60]}` is not allowed in this form"
    return operation.check(node)


def _unknown(node: exp.Expr) -> str:
    if isinstance(node, exp.Func):
        name = (node.name if isinstance(node, exp.Anonymous) else node.sql_name()).lower()
        return f"function `{name}` is not known{near(name, FUNCTIONS)}"
    return f"`{node.sql(dialect='duckdb')[:60]}` is not allowed here"
