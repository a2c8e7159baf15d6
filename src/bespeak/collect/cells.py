"""One source's places as values over its raw rows, typed as the record says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

import ibis
import ibis.expr.types as ir

from bespeak.collect import expressions, parse, personal
from bespeak.collect.alike import Scope
from bespeak.collect.mapping import ADDED, Place, mapping_impossible, personal_columns, places
from bespeak.columns import MONEY, NUMBER, TEXT, TIME, WHOLE
from bespeak.config import Source, Workspace
from bespeak.engines import Engine
from bespeak.errors import MappingImpossible


@dataclass(frozen=True)
class Work:
    """One source at hand: its rows, its mapping, and what hashes its personal identifiers."""

    engine: Engine
    raw: ir.Table
    """Text that the mapping reads is tidied already."""
    source: Source
    workspace: Workspace
    secret: bytes

    @cached_property
    def columns(self) -> list[str]:
        """The source's own columns."""
        return [name for name in self.raw.columns if name not in ADDED]

    @cached_property
    def carried(self) -> Mapping[str, str]:
        """Source column -> its name while the record's columns stand beside it."""
        return {name: f"_raw_{at}" for at, name in enumerate(self.columns)}

    @cached_property
    def hidden(self) -> set[str]:
        """Source columns whose values are never shown."""
        return personal_columns(self.source, self.columns)

    @cached_property
    def scope(self) -> Scope:
        source = self.source
        zone = source.timezone or self.workspace.timezone
        formats = tuple(source.time_formats)
        reader = parse.Reader(self.engine, source.decimal or ".", zone, formats)
        return Scope({name: self.raw[name] for name in self.raw.columns}, reader)


@dataclass(frozen=True)
class Cell:
    """One place as a value; and, where that may be unreadable, what stood there."""

    place: Place
    value: ir.Value
    """For a time that has a wall clock: its moment, where it came with an offset."""
    wall: ir.Value | None
    """Microseconds on the clock of the source's zone."""
    stood: ir.Value | None
    carried: str | None
    """The raw column that is null exactly where the value is, if there is one."""
    personal: bool

    @property
    def target(self) -> str:
        return self.place.target

    @property
    def clock(self) -> str:
        """The column that keeps the wall clock until it is turned into UTC."""
        return f"_wall_{self.target}"

    @property
    def moment(self) -> str:
        """The column that keeps a time which came with an offset."""
        return f"_moment_{self.target}"

    @property
    def trace(self) -> str:
        """The column that keeps what stood there until the verdict is given."""
        return f"_stood_{self.target}"

    def carry(self) -> list[ir.Value]:
        """The columns that later steps need beside the value."""
        kept = [] if self.stood is None else [self.stood.name(self.trace)]
        if self.wall is not None:
            kept += [self.wall.name(self.clock), self.value.name(self.moment)]
        return kept


def cells_of(work: Work) -> list[Cell]:
    """One cell per place of the mapping.

    raises : MappingImpossible for types that make no sense, all at once
    """
    cells, problems = [], []
    for place in places(work.source):
        try:
            cells.append(_cell(place, work))
        except MappingImpossible as error:
            problems.append(f"{place.key}: {error.what}")
    if problems:
        raise mapping_impossible(work.source, problems, work.columns)
    return cells


def identified(cells: Sequence[Cell]) -> ir.Value:
    """The first identifier that is present, in the order in which they are declared."""
    known = [cell.value for cell in cells if cell.place.part == "identifiers"]
    return ibis.coalesce(*known) if known else ibis.null(TEXT)


def _cell(place: Place, work: Work) -> Cell:
    raw = _value(place, work.scope)
    if place.part == "identifiers":
        value = parse.text(raw)
        if not work.source.spelled:
            value = personal.identifiers(place.name, value, work.secret)
        return Cell(place, value, None, None, None, personal=True)
    parsed = parse.read(raw, place.kind, work.scope.reader)
    if parsed is None:
        what = f"column `{place.column}`" if place.column else "what the expression gives"
        raise MappingImpossible(f"{what} is a {raw.type()}, and {place.kind} is needed")
    judged = place.constant is None and (parsed.may_fail or place.key == "columns.type")
    plain = place.column in work.carried and not judged and not raw.type().is_floating()
    return Cell(
        place,
        _spelled(place, parsed.value),
        parsed.wall,
        parse.present(raw) if judged else None,
        work.carried[str(place.column)] if plain else None,
        personal=place.personal or bool(place.reads() & work.hidden),
    )


def _value(place: Place, scope: Scope) -> ir.Value:
    """What the place reads, in the source's own type."""
    if place.column is not None:
        return scope.columns[place.column]
    if place.expression is not None:
        try:
            return expressions.compile_expression(place.expression, scope)
        except MappingImpossible as error:
            raise MappingImpossible(f"expression `{place.expression}`: {error.what}") from error
    if place.kind == TIME:
        return parse.literal_time(str(place.constant))
    as_number = place.kind in {NUMBER, MONEY, WHOLE} and isinstance(place.constant, str)
    return ibis.literal(Decimal(str(place.constant)) if as_number else place.constant)


def _spelled(place: Place, value: ir.Value) -> ir.Value:
    """Types of events in small letters, currencies in capitals."""
    if place.name == "currency":
        return value.upper()
    return value.lower() if place.key == "columns.type" else value
