"""What a feature is: a filter plus a mergeable aggregate, declared once, or arithmetic over such.

A declaration is a frozen value and knows no engine. `compile.py` turns it into a query; the same
value can be turned into an update by event. Null means undefined, and arithmetic keeps it so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

DAY = 86_400_000_000
"""Microseconds of a day."""

Number = int | float | Decimal
Kind = Literal["count", "sum", "min", "max", "last", "decayed", "distinct", "followed"]


@dataclass(frozen=True)
class Is:
    """Rows whose `column` holds one of `values`."""

    column: str
    values: tuple[str | int, ...]


@dataclass(frozen=True)
class Within:
    """Rows of the `days` before as_of, but for the last `until` of them."""

    days: int
    until: int = 0


Condition = Is | Within
Where = tuple[Condition, ...]
"""Conditions that all hold."""


class Term:
    """A number of one customer or item; terms add, subtract, multiply and divide."""

    def __add__(self, other: Term | int) -> Arithmetic:
        return Arithmetic("+", self, _term(other))

    def __sub__(self, other: Term | int) -> Arithmetic:
        return Arithmetic("-", self, _term(other))

    def __rsub__(self, other: int) -> Arithmetic:
        return Arithmetic("-", _term(other), self)

    def __mul__(self, other: Term | int) -> Arithmetic:
        return Arithmetic("*", self, _term(other))

    def __truediv__(self, other: Term | int) -> Arithmetic:
        return Arithmetic("/", self, _term(other))

    def __floordiv__(self, other: int) -> Arithmetic:
        return Arithmetic("//", self, _term(other))

    def given(self, other: Term, at_least: int) -> Given:
        """This term where `other` is at least so much, else null."""
        return Given(self, other, at_least)


@dataclass(frozen=True)
class Constant(Term):
    """A whole number."""

    value: int


@dataclass(frozen=True)
class AsOf(Term):
    """The instant the table is made for, in microseconds since 1970."""


@dataclass(frozen=True)
class Arithmetic(Term):
    """`left operator right`; a division by zero is null, `//` rounds down."""

    operator: Literal["+", "-", "*", "/", "//"]
    left: Term
    right: Term


@dataclass(frozen=True)
class Given(Term):
    """`term` where `condition` is at least `at_least`, else null."""

    term: Term
    condition: Term
    at_least: int


@dataclass(frozen=True)
class Aggregate(Term):
    """A mergeable aggregate over the rows that `where` lets through.

    count    : rows
    sum      : of a measure; 0 where no row matches, null where rows match but none has a value
    min, max : of a measure
    last     : the measure's value at the latest row that has one; of several at one instant the
               greatest
    decayed  : sum, each row weighing 2 ** (-whole days before as_of / half_life_days)
    distinct : values of a dimension; null where rows match but none has a value
    followed : values of a dimension that have a `where` row and, later on `on`, a `then` row
    """

    kind: Kind
    of: str = ""
    where: Where = ()
    then: Where = ()
    on: str = ""
    half_life_days: int = 0


@dataclass(frozen=True)
class Feature:
    """One column: what it means in both languages, its unit, and the term that gives it."""

    name: str
    term: Term
    kind: Literal["count", "money", "quantity", "days", "share", "ratio"]
    unit: str
    en: str
    zh: str
    batch_only: str = ""
    """Why no state can bring it up to date by event; empty for all that one can."""

    @property
    def whole(self) -> bool:
        """Whether the column is int64; every other one is float64."""
        return self.kind == "count" or (
            isinstance(self.term, Arithmetic) and self.term.operator == "//"
        )


def count(*where: Condition) -> Aggregate:
    return Aggregate("count", where=where)


def total(of: str, *where: Condition) -> Aggregate:
    return Aggregate("sum", of, where)


def least(of: str, *where: Condition) -> Aggregate:
    return Aggregate("min", of, where)


def greatest(of: str, *where: Condition) -> Aggregate:
    return Aggregate("max", of, where)


def last(of: str, *where: Condition) -> Aggregate:
    return Aggregate("last", of, where)


def decayed(of: str, *where: Condition, half_life_days: int) -> Aggregate:
    return Aggregate("decayed", of, where, half_life_days=half_life_days)


def distinct(of: str, *where: Condition) -> Aggregate:
    return Aggregate("distinct", of, where)


def followed(of: str, where: Where, then: Where, *, on: str) -> Aggregate:
    return Aggregate("followed", of, where, then, on)


def share(part: Term, rest: Term) -> Arithmetic:
    """`part` of the two together; null where both are 0."""
    return part / (part + rest)


def change(recent: Term, before: Term) -> Arithmetic:
    """From -1 (all before) over 0 (as much) to 1 (all recent); null where both are 0."""
    return (recent - before) / (recent + before)


def aggregates(features: Iterable[Feature]) -> tuple[Aggregate, ...]:
    """Every aggregate that the features rest on, once, in the order of first use."""
    found = (part for feature in features for part in _parts(feature.term))
    return tuple(dict.fromkeys(found))


def columns(features: Iterable[Feature]) -> frozenset[str]:
    """Every column that the features name, derived ones included."""
    needs = aggregates(features)
    tests = (part for need in needs for part in need.where + need.then if isinstance(part, Is))
    measured = (name for need in needs for name in (need.of, need.on) if name)
    return frozenset((*measured, *(part.column for part in tests)))


def evaluate(term: Term, known: Mapping[Aggregate, Number | None], as_of: int) -> Number | None:
    """The term's value in Python, given the aggregates' values.

    known : aggregate -> value; one that is missing counts as a history without rows
    as_of : microseconds since 1970
    """
    match term:
        case Aggregate():
            return known.get(term, 0 if counts(term) else None)
        case Constant():
            return term.value
        case AsOf():
            return as_of
        case Given():
            condition = evaluate(term.condition, known, as_of)
            held = condition is not None and condition >= term.at_least
            return evaluate(term.term, known, as_of) if held else None
        case Arithmetic():
            left = evaluate(term.left, known, as_of)
            right = evaluate(term.right, known, as_of)
            return None if left is None or right is None else _apply(term.operator, left, right)
    raise TypeError(f"not a term: {term!r}")


def counts(aggregate: Aggregate) -> bool:
    """Whether the aggregate of no rows is 0 rather than undefined."""
    return aggregate.kind not in {"min", "max", "last"}


def _term(value: Term | int) -> Term:
    return value if isinstance(value, Term) else Constant(value)


def _parts(term: Term) -> Iterator[Aggregate]:
    match term:
        case Aggregate():
            yield term
        case Arithmetic():
            yield from _parts(term.left)
            yield from _parts(term.right)
        case Given():
            yield from _parts(term.term)
            yield from _parts(term.condition)


def _apply(operator: str, left: Number, right: Number) -> Number | None:
    """One step of arithmetic; exact but for `/`, which is a float."""
    if operator == "/":
        return float(left) / float(right) if right else None
    if operator == "//":
        return int(left) // int(right)
    if isinstance(left, float) or isinstance(right, float):
        left, right = float(left), float(right)
    return {"+": left + right, "-": left - right, "*": left * right}[operator]  # type: ignore[operator]
