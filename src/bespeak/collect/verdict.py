"""Why a row can't be let in: what could not be read, what is missing, what is unknown.

Only what can fail is checked, so a source of well typed columns is checked for almost nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import ibis
import ibis.expr.types as ir

from bespeak.collect import parse
from bespeak.collect.cells import Cell
from bespeak.collect.mapping import Place
from bespeak.columns import EVENT_TYPES, MONEY, NUMBER, RECORD, TEXT, TIME, WHOLE, YES_NO
from bespeak.config import Source

FOUND_LENGTH = 80
REASONS: Mapping[str, str] = MappingProxyType(
    {
        TIME: "unparsable_time",
        NUMBER: "unparsable_number",
        MONEY: "unparsable_number",
        WHOLE: "unparsable_number",
        YES_NO: "unparsable_yes_no",
    }
)


@dataclass(frozen=True)
class Check:
    """One way in which a row can fail."""

    failed: ir.Value
    reason: str
    column: str
    found: ir.Value
    expected: str


def verdict(whole: ir.Table, source: Source, cells: Sequence[Cell]) -> list[ir.Value]:
    """`_reason`, `_column`, `_found`, `_expected` of the first check a row fails, or nulls.

    whole : the typed table with what the cells carry
    """
    checks = _checks(whole, source, cells)
    return [
        _first(checks, [ibis.literal(check.reason) for check in checks]).name("_reason"),
        _first(checks, [ibis.literal(check.column) for check in checks]).name("_column"),
        _first(checks, [check.found for check in checks]).name("_found"),
        _first(checks, [ibis.literal(check.expected) for check in checks]).name("_expected"),
    ]


def without_mail(shown: ir.Value) -> ir.Value:
    """A shifted row puts an e-mail address where nobody expects one."""
    return shown.re_replace(r"[^\s;,=<>]+@[^\s;,=<>]+", "***")


def amount_follows(source: Source) -> bool:
    """Whether the amount is computed from price and quantity."""
    mapped = set(source.columns)
    return source.table == "events" and "value" not in mapped and {"price", "quantity"} <= mapped


def _first(checks: Sequence[Check], values: Sequence[ir.Value]) -> ir.Value:
    if not checks:
        return ibis.null(TEXT)
    pairs = [(check.failed, value) for check, value in zip(checks, values, strict=True)]
    return ibis.cases(*pairs, else_=ibis.null(TEXT))


def _checks(whole: ir.Table, source: Source, cells: Sequence[Cell]) -> list[Check]:
    """In the order of the record's columns; what is derived comes last."""
    required = RECORD[source.table].required
    checks = []
    for cell in cells:
        if cell.stood is not None:
            checks.append(_unreadable(whole, source, cell))
        place = cell.place
        if place.part == "columns" and place.name in required and place.constant is None:
            checks.append(_missing(_absent(whole, cell), place.name, _seen(place)))
    if "actor" in required:
        checks.append(_missing(whole["actor"].isnull(), "actor", "actor"))
    if amount_follows(source):
        checks.append(_too_large(whole))
    return checks


def _missing(absent: ir.Value, name: str, seen: str) -> Check:
    return Check(absent, f"missing_{name}", seen, ibis.null(TEXT), "a value")


def _seen(place: Place) -> str:
    """The column as the file calls it; as the record does where more than one cell made it."""
    return place.column or (place.name if place.part == "columns" else place.key)


def _absent(whole: ir.Table, cell: Cell) -> ir.Value:
    """Whether the value is null, told without computing it where that is dear."""
    if cell.carried is not None:
        return whole[cell.carried].isnull()
    if cell.wall is None:
        return whole[cell.target].isnull()
    return whole[cell.clock].isnull() & whole[cell.moment].isnull()


def _unreadable(whole: ir.Table, source: Source, cell: Cell) -> Check:
    place, stood = cell.place, whole[cell.trace]
    shown = without_mail(parse.text(stood).left(FOUND_LENGTH))
    found = ibis.null(TEXT) if cell.personal else shown
    if place.key == "columns.type":
        value = whole[cell.target]
        unknown = value.notnull() & ~parse.among(value, EVENT_TYPES)
        return Check(unknown, "unknown_type", _seen(place), found, ", ".join(EVENT_TYPES))
    lost = stood.notnull() & _absent(whole, cell)
    return Check(lost, REASONS[place.kind], _seen(place), found, _expected(place.kind, source))


def _expected(kind: str, source: Source) -> str:
    if kind == TIME:
        formats = "".join(f", or {pattern}" for pattern in source.time_formats)
        return f"a time like 2017-01-31 10:00:00, or seconds since 1970{formats} (time_formats)"
    if kind == YES_NO:
        return "yes or no, true or false, 1 or 0"
    size = "; below 10^14" if kind == MONEY else "; a whole one" if kind == WHOLE else ""
    return f"a number with `{source.decimal or '.'}` before its fraction (decimal){size}"


def _too_large(whole: ir.Table) -> Check:
    lost = whole["value"].isnull() & whole["price"].notnull() & whole["quantity"].notnull()
    found = whole["price"].cast(TEXT) + ibis.literal(" x ") + whole["quantity"].cast(TEXT)
    return Check(lost, "unparsable_number", "value", found, "an amount below 10^14")
