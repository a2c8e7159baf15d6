"""What a source's mapping says, place by place, and whether its columns can bear it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation

from bespeak.collect import expressions
from bespeak.collect.nearness import near
from bespeak.columns import (
    EVENT_TYPES,
    MONEY,
    NUMBER,
    PERSONAL_NAMESPACES,
    RECORD,
    TEXT,
    TIME,
    WHOLE,
)
from bespeak.config import Mapped, Source
from bespeak.errors import MappingImpossible

ADDED = ("_file", "_row", "_copies")
"""Columns of a raw table that no source wrote; expressions may read the first two."""

PERSONAL_WORDS = re.compile(
    r"e-?mail|phone|mobile|\btel\b|\bfax\b|address|street|\bip\b|\bcard\b|iban|passport|\bssn\b"
    r"|birth|\bdob\b|(?:first|last|full|sur|family|given|middle|user|customer|client|contact"
    r"|billing|shipping|buyer|reviewer|recipient|member|holder|card) ?name|surname"
    r"|邮箱|邮件|手机|电话|姓名|地址|身份证|卡号|收货人|生日"
)
"""Names of columns whose values a message never shows, though the mapping does not say so."""

_DIRECTIVE = re.compile(r"%(.?)", re.DOTALL)
_DIRECTIVES = frozenset("aAbBdfgHIjmMpSuUVwWyYzZGnt%")


@dataclass(frozen=True)
class Place:
    """One mapped value: which part of the source's mapping, which column, and from what."""

    part: str
    """`identifiers`, `columns`, `items`, `customers` or `texts`."""
    name: str
    mapped: Mapped
    kind: str
    """The record's type of it."""
    personal: bool

    @property
    def key(self) -> str:
        return f"{self.part}.{self.name}"

    @property
    def target(self) -> str:
        """The conformed table's column."""
        if self.part == "identifiers":
            return f"_id_{self.name}"
        return self.name if self.part == "columns" else f"_{self.part}__{self.name}"

    @property
    def column(self) -> str | None:
        """The source's column, if the value is simply one."""
        return self.mapped if isinstance(self.mapped, str) else None

    @property
    def expression(self) -> str | None:
        return None if isinstance(self.mapped, str) else self.mapped.expression

    @property
    def constant(self) -> str | int | float | bool | None:
        return None if isinstance(self.mapped, str) else self.mapped.constant

    def reads(self) -> set[str]:
        """The source's columns that the value depends on."""
        if self.column is not None:
            return {self.column}
        return expressions.columns_of(self.expression) if self.expression is not None else set()


def places(source: Source) -> list[Place]:
    """Every mapped value: columns in the record's order, identifiers, then what is derived."""
    order = list(RECORD[source.table].columns)
    found = [
        _place("columns", source.table, name, source.columns[name])
        for name in sorted(source.columns, key=order.index)
    ]
    found += [
        Place("identifiers", namespace, mapped, TEXT, namespace in PERSONAL_NAMESPACES)
        for namespace, mapped in source.identifiers.items()
    ]
    for part in ("items", "customers", "texts"):
        found += [_place(part, part, *each) for each in getattr(source, part).items()]
    return found


def _place(part: str, table: str, name: str, mapped: Mapped) -> Place:
    grain = RECORD[table]
    return Place(part, name, mapped, grain.columns[name], name in grain.personal)


def personal_columns(source: Source, columns: Collection[str]) -> set[str]:
    """The source's columns whose values are never shown.

    Those that an identifier of a personal namespace or a personal column of the record reads, and
    those that nothing maps but whose names say that they are personal.
    """
    mapped = places(source)
    plain = {name for place in mapped if not place.personal for name in place.reads()}
    personal = {name for place in mapped if place.personal for name in place.reads()}
    unmapped = set(columns) - plain
    return personal | {name for name in unmapped if PERSONAL_WORDS.search(_spaced(name))}


def _spaced(name: str) -> str:
    """`customerName`, `customer_name` and `CUSTOMER-NAME` alike as `customer name`."""
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return re.sub(r"[\s_.\-]+", " ", split).strip().lower()


# -- checks --------------------------------------------------------------------------------------


def check_mapping(source: Source, columns: Collection[str]) -> None:
    """Nothing, if the mapping of `source` can be computed over `columns`.

    raises : MappingImpossible that lists every problem, with near matches
    """
    known = [name for name in columns if name not in ADDED]
    problems = list(_missing_parts(source))
    problems += [f"time_formats: {p}" for each in source.time_formats for p in _pattern(each)]
    for place in places(source):
        problems += [f"{place.key}: {p}" for p in _place_problems(place, known)]
    if problems:
        raise mapping_impossible(source, problems, known)


def mapping_impossible(
    source: Source, problems: Collection[str], columns: Collection[str]
) -> MappingImpossible:
    """All problems of one mapping as one error, and what the source does have."""
    some = ", ".join(f"`{name}`" for name in list(columns)[:40])
    more = f" and {len(columns) - 40} more" if len(columns) > 40 else ""
    expressions_too = any("expression" in problem for problem in problems)
    allowed = f" An expression may use {expressions.ALLOWED}." if expressions_too else ""
    return MappingImpossible(
        f"source `{source.name}`: " + "; ".join(problems),
        expected=f"columns of the source: {some}{more}" if columns else "a source with columns",
        next_step=f"Mend these keys of [[sources]] `{source.name}` in bespeak.toml.{allowed}",
    )


def _missing_parts(source: Source) -> Iterator[str]:
    """Required columns that nothing is mapped to."""
    grain = RECORD[source.table]
    for name in grain.required:
        if name == "actor" and not source.identifiers:
            yield f'identifiers: {source.table} need at least one (like `customer = "column"`)'
        elif name != "actor" and name not in source.columns:
            yield f"columns.{name}: {source.table} need it; name a column, constant or expression"
    if source.items and source.table != "items" and "item_id" not in source.columns:
        yield "items: what a row says of its item needs `columns.item_id`"
    if source.customers and not source.identifiers:
        yield "customers: what a row says of its customer needs `identifiers`"
    if source.texts and not {"text", "rating"} & set(source.texts):
        yield "texts: what a customer said needs `texts.text` or `texts.rating`"


def _place_problems(place: Place, columns: Collection[str]) -> list[str]:
    """What is wrong with one place; a constant is read as a cell would be."""
    if place.column is not None:
        if place.column in (*columns, *ADDED[:2]):
            return []
        return [f"there is no column `{place.column}`{near(place.column, columns)}"]
    if place.expression is not None and place.constant is not None:
        return ["give a constant or an expression, not both"]
    if place.expression is not None:
        found = expressions.problems(place.expression, [*columns, *ADDED[:2]])
        return [f"expression `{_cut(place.expression)}`: {each}" for each in found]
    if place.constant is None:
        return ['give a column\'s name, `{constant = …}` or `{expression = "…"}`']
    return _constant_problems(place)


def _constant_problems(place: Place) -> list[str]:
    shown = str(place.constant)
    if place.key == "columns.type" and shown.strip().lower() not in EVENT_TYPES:
        return [
            f"`{shown}` is no type of event{near(shown, EVENT_TYPES)}: {', '.join(EVENT_TYPES)}"
        ]
    try:
        if place.kind in {NUMBER, MONEY, WHOLE} and not isinstance(place.constant, bool):
            Decimal(shown)
        elif place.kind == TIME:
            datetime.fromisoformat(shown)
    except (InvalidOperation, ValueError):
        wanted = "a time like 2017-01-31" if place.kind == TIME else "a number like 12.5"
        return [f"the constant `{shown}` can't be read, expected {wanted}"]
    return []


def _pattern(pattern: str) -> Iterator[str]:
    """What is wrong with a strptime pattern."""
    unknown = [each for each in _DIRECTIVE.findall(pattern) if each not in _DIRECTIVES]
    if unknown:
        yield f"`{pattern}`: `%{unknown[0]}` is no part of a time (see strptime)"
    elif not re.search(r"%[yYG]", pattern):
        yield f"`{pattern}`: a time needs its year (%Y, or %y for two digits)"


def _cut(expression: str) -> str:
    return expression if len(expression) <= 80 else f"{expression[:77]}…"
