"""A comparison as a person reads it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from rich import box
from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from bespeak.compare.found import Column, Compared, Example, Side

COLUMNS_SHOWN = 8
LONGEST = 60
"""Characters of a value that are shown."""
UNITS = {"table": "rows", "array": "elements", "document": "values"}


def shown(
    a: Side, b: Side, found: Sequence[Compared], tolerance: float
) -> Iterator[RenderableType]:
    """Who is compared, the tables with their counts, each difference, then the verdict."""
    for letter, side in (("A", a), ("B", b)):
        yield f"[bold]{letter}[/]  {escape(side.folder)}"
        engines = " and ".join(side.engines)
        yield f"   {escape(side.name)}, made by {engines}, last run {side.as_of_run}"
    tables = [each for each in found if each.kind == "table"]
    if tables:
        yield _counts(tables)
    different = [each for each in found if not each.same]
    yield from _alone(different)
    for each in different:
        if each.a is not None and each.b is not None:
            yield from _difference(each)
    yield from _verdict(found, different, tolerance)


def _counts(tables: Sequence[Compared]) -> Table:
    """A line per table that has rows."""
    made = _table("", "table", "rows\nin A", "rows\nin B", "equal", "only\nin A", "only\nin B",
                  "differ")  # fmt: skip
    empty = 0
    for each in tables:
        if each.same and not each.a:
            empty += 1
            continue
        made.add_row(
            "[green]=[/]" if each.same else "[red]≠[/]",
            escape(each.name),
            *("–" if size is None else f"{size:,}" for size in (each.a, each.b)),
            f"{each.equal:,}",
            *(_red(count) for count in (each.only_a, each.only_b, each.differing)),
        )
    if empty:
        made.add_row("[green]=[/]", f"[dim]and {empty} without a row on either side[/]")
    return made


def _red(count: int) -> str:
    return f"[red]{count:,}[/]" if count else ""


def _alone(different: Sequence[Compared]) -> Iterator[RenderableType]:
    """What one side has and the other has not, by what it belongs to."""
    for side, absent in (
        ("A", [each.name for each in different if each.b is None]),
        ("B", [each.name for each in different if each.a is None]),
    ):
        owners = Counter(_owner(name) for name in absent)
        if owners:
            yield f"\n[bold red]≠[/] only in {side}:"
        told = set()
        for name in absent:
            owner = _owner(name)
            if owners[owner] == 1:
                yield f"  {escape(name)}"
            elif owner not in told:
                told.add(owner)
                yield f"  {escape(owner)} [dim]({owners[owner]} things)[/]"


def _owner(name: str) -> str:
    """What a thing is a part of: `artifacts/models/popular`, `features/items` …"""
    parts = name.split("/")
    nested = len(parts) > 2 and parts[1] in {"models", "segments", "sources"}
    return "/".join(parts[: 3 if nested else 2])


def _difference(each: Compared) -> Iterator[RenderableType]:
    """One thing that is not the same: counts, columns, and the first rows."""
    unit = UNITS[each.kind]
    yield f"\n[bold red]≠[/] [bold]{escape(each.name)}[/]: {_said(each, unit)}"
    for reason in each.apart:
        yield f"  {escape(reason)}"
    differing = [column for column in each.columns if column.differing]
    if differing and each.kind == "table":
        yield _columns(differing)
    for example in each.examples:
        yield _example(example)
    hidden = each.only_a + each.only_b + each.differing - len(each.examples)
    if each.examples and hidden:
        yield f"  [dim]and {hidden:,} more[/]"


def _said(each: Compared, unit: str) -> str:
    parts = [
        f"{count:,} {what}"
        for count, what in (
            (each.only_a, "only in A"),
            (each.only_b, "only in B"),
            (each.differing, "differ" if each.differing > 1 else "differs"),
        )
        if count
    ]
    of = f"{each.a:,} {unit}" if each.a == each.b else f"{each.a:,} and {each.b:,} {unit}"
    how = f" (matched by {', '.join(each.matched)})" if each.matched else ""
    return f"of {of}, {', '.join(parts)}{how}" if parts else of


def _columns(columns: Sequence[Column]) -> Table:
    heads = ("  column", "differ", "largest relative difference")
    numbers = any(column.largest is not None for column in columns)
    made = _table(*heads[: 3 if numbers else 2])
    for column in sorted(columns, key=lambda one: -one.differing)[:COLUMNS_SHOWN]:
        largest = "" if column.largest is None else f"{column.largest:.2g}"
        cells = (f"  {escape(column.name)}", f"{column.differing:,}", largest)
        made.add_row(*cells[: len(made.columns)])
    if len(columns) > COLUMNS_SHOWN:
        made.add_row(f"  [dim]and {len(columns) - COLUMNS_SHOWN} more columns[/]")
    return made


def _example(example: Example) -> str:
    """One row on a line: which it is, then A → B of each column that differs."""
    key = ", ".join(f"{name} {_text(value)}" for name, value in example.key.items())
    if example.where != "differs":
        return f"  {example.where:<9}  {escape(key)}"
    values = list(example.values.items())
    told = "; ".join(
        f"{name} {_text(one)} → {_text(other)}" for name, (one, other) in values[:COLUMNS_SHOWN]
    )
    return f"  differs    {escape(key)}: [yellow]{escape(told)}[/]"


def _text(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, str):
        value = value if len(value) <= LONGEST else f"{value[:LONGEST]}…"
        return f"'{value}'" if value == "" or " " in value else value
    return str(value)


def _verdict(
    found: Sequence[Compared], different: Sequence[Compared], tolerance: float
) -> Iterator[RenderableType]:
    for kind, unit in UNITS.items():
        some = [each for each in found if each.kind == kind]
        if some:
            same = sum(each.same for each in some)
            total = sum(max(each.a or 0, each.b or 0) for each in some)
            yield f"{kind + 's':<10} {same:>4} of {len(some)} equal, {total:,} {unit}"
    worst = max((column.largest or 0 for each in found for column in each.columns), default=0.0)
    if not different:
        near = f" Floats differ by {worst:.2g} at most." if worst else ""
        yield f"\n[bold green]✓ Equal[/] within a relative {tolerance:g} for floats.{near}"
    else:
        yield f"\n[bold red]✗ Different[/]: {len(different)} of {len(found)} things."


def _table(*columns: str) -> Table:
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for name in columns:
        left = name.strip() in {"", "table", "column"}
        made.add_column(name, justify="left" if left else "right", overflow="fold")
    return made
