"""What meets what: values of two types, brought into one as a person would read them.

Text beside a number is read as a number, text beside a time as a time, by the source's own rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from bespeak.collect import parse
from bespeak.columns import TIME
from bespeak.errors import MappingImpossible


@dataclass(frozen=True)
class Scope:
    """What an expression may see: the row's columns, tidied, and how the source writes values."""

    columns: Mapping[str, ir.Value]
    reader: parse.Reader


def is_time(value: ir.Value) -> bool:
    return bool(value.type().is_timestamp() or value.type().is_date())


def is_number(value: ir.Value) -> bool:
    return bool(value.type().is_numeric() and not value.type().is_boolean())


def as_number(value: ir.Value, scope: Scope) -> ir.Value:
    if is_time(value):
        raise MappingImpossible("a time stands where a number is expected")
    if value.type().is_null():
        return ibis.null("float64")
    return value if is_number(value) else parse.number(parse.tidy(value), scope.reader)


def as_truth(value: ir.Value) -> ir.Value:
    if is_time(value):
        raise MappingImpossible("a time stands where a condition is expected")
    if value.type().is_null():
        return ibis.null("boolean")
    return value != 0 if is_number(value) else parse.yes_no(parse.tidy(value))


def as_moment(value: ir.Value, scope: Scope) -> ir.Value:
    """A time: text as the moment it names, a typed one as it is."""
    kind = value.type()
    if kind.is_timestamp():
        return value
    if kind.is_date():
        return value.cast(TIME)
    if not (kind.is_string() or is_number(value)):
        raise MappingImpossible(f"a {kind} stands where a time is expected")
    return parse.time(parse.tidy(value), scope.reader).cast(parse.INSTANT)


def align(values: list[ir.Value], scope: Scope) -> list[ir.Value]:
    """The values in one type, so that they can be compared."""
    known = [value for value in values if not value.type().is_null()]
    if any(is_time(value) for value in known):
        return _alike_times(values, scope)
    if any(is_number(value) for value in known):
        return [as_number(value, scope) for value in values]
    if all(value.type().is_boolean() for value in known):
        return values
    return [parse.text(value) for value in values]


def _alike_times(values: list[ir.Value], scope: Scope) -> list[ir.Value]:
    """Wall clocks if all are, else moments."""
    times = [value if value.type().is_null() else as_moment(value, scope) for value in values]
    zones = {value.type().timezone for value in times if is_time(value)}
    if len(zones) == 1:
        return times
    return [
        parse.time(value, scope.reader).cast(parse.INSTANT) if is_time(value) else value
        for value in times
    ]


def unify(values: list[ir.Value], scope: Scope) -> list[ir.Value]:
    """In one type, to stand in one column: a word among numbers makes all of them text."""
    known = [value for value in values if not value.type().is_null()]
    words = sum(bool(value.type().is_string()) for value in known)
    return align(values, scope) if words in {0, len(known)} else [parse.text(v) for v in values]
