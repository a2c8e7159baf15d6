"""What can be wrong with one operation before any data is seen."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType

from sqlglot import exp

from bespeak.columns import TIME

MICROS: Mapping[str, int] = MappingProxyType(
    {
        "microsecond": 1,
        "millisecond": 1_000,
        "second": 1_000_000,
        "minute": 60_000_000,
        "hour": 3_600_000_000,
        "day": 86_400_000_000,
        "week": 604_800_000_000,
    }
)
"""Units of `time_add`; a month or a year has no fixed length."""

_KIND = exp.DataType.Type
CASTS: Mapping[exp.DType, str] = MappingProxyType(
    {
        **dict.fromkeys((_KIND.VARCHAR, _KIND.TEXT), "string"),
        **dict.fromkeys((_KIND.INT, _KIND.BIGINT), "int64"),
        **dict.fromkeys((_KIND.DOUBLE, _KIND.FLOAT), "float64"),
        **dict.fromkeys((_KIND.TIMESTAMP, _KIND.TIMESTAMPNTZ, _KIND.DATETIME), TIME),
        _KIND.DECIMAL: "decimal",
        _KIND.DATE: "date",
        _KIND.BOOLEAN: "boolean",
    }
)
CAST_NAMES = "varchar, integer, bigint, double, decimal(p, s), date, timestamp, boolean"


def anything(_: exp.Expr) -> str | None:
    """Nothing can be wrong."""
    return None


def null_or_truth(node: exp.Is) -> str | None:
    """`is` goes with null, true and false."""
    sound = isinstance(node.expression, exp.Null | exp.Boolean)
    return None if sound else f"`{_written(node)}`: after `is` stands null, true or false"


def unit_of(node: exp.TimeAdd) -> str:
    """The unit in the singular; empty if there is none."""
    unit = node.args.get("unit")
    return unit.name.lower().removesuffix("s") if unit else ""


def _written(node: exp.Expr) -> str:
    return node.sql(dialect="duckdb")[:60]


def constants(*keys: str) -> Callable[[exp.Expr], str | None]:
    """The named parts must be texts in quotes."""

    def check(node: exp.Expr) -> str | None:
        parts = [node.args[key] for key in keys if node.args.get(key)]
        sound = all(isinstance(part, exp.Literal) and part.is_string for part in parts)
        return None if sound else f"`{_written(node)}` needs a text in quotes, not a column"

    return check


def counts(*keys: str) -> Callable[[exp.Expr], str | None]:
    """The named parts must be whole numbers from 1."""

    def check(node: exp.Expr) -> str | None:
        names = [node.args[key].name for key in keys if node.args.get(key)]
        sound = all(name.isdigit() and int(name) > 0 for name in names)
        return None if sound else f"`{_written(node)}` needs whole numbers from 1"

    return check


def split(node: exp.SplitPart) -> str | None:
    """A separator in quotes and an ordinal from 1."""
    return constants("delimiter")(node) or counts("part_index")(node)


def rounding(node: exp.Round) -> str | None:
    """A sane number of places."""
    places = node.args.get("decimals")
    sound = places is None or (places.name.isdigit() and int(places.name) <= 9)
    return None if sound else f"`{_written(node)}` needs 0 to 9 places"


def pattern(node: exp.Expr) -> str | None:
    """A regular expression that every engine reads: no look-around, no back-reference."""
    wrong = constants("expression")(node)
    if wrong:
        return wrong
    pattern, group = node.expression.name, node.args.get("group")
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        return f"`{pattern}` is no regular expression: {error}"
    if re.search(r"\(\?(?:[=!<]|P=)|\\[1-9]|[*+?}]\+", pattern):
        return f"`{pattern}` uses look-around, back-references or `++`, which engines lack"
    if group and not (group.name.isdigit() and int(group.name) <= groups):
        return f"`{pattern}` has {groups} groups in parentheses, not {group.name}"
    return None


def cast(node: exp.Cast) -> str | None:
    """A type there is, and a time that is one."""
    target = node.args["to"]
    if target.this not in CASTS:
        return f"`{target.sql().lower()}` is no type to cast to (there are {CAST_NAMES})"
    if CASTS[target.this] in {TIME, "date"} and isinstance(node.this, exp.Literal):
        try:
            datetime.fromisoformat(node.this.name)
        except ValueError:
            return f"`{node.this.name}` is no time like 2017-01-31 or 2017-01-31 10:00:00"
    return None


def unit(node: exp.TimeAdd) -> str | None:
    """A unit of fixed length."""
    if unit_of(node) in MICROS:
        return None
    return f"`time_add` needs a unit: time_add(time, 3, 'day'), one of {', '.join(MICROS)}"
