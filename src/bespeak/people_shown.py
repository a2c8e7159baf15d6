"""Erasures and acts for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

OWN = ("at", "act", "by", "customer")


def erasure(found: Mapping[str, Any]) -> Iterator[RenderableType]:
    """What was removed where, what a run removes yet, and what is not bespeak's to change."""
    names = ", ".join(f"{number} {name}" for name, number in found["identifiers"].items())
    yield f"Kept out from now on: {escape(names)}."
    table = _table("removed from", "rows")
    for place, rows in found["removed"].items():
        table.add_row(escape(place), f"{rows:,}")
    run = found.get("run")
    for source, rows in (run or {}).get("erased", {}).items():
        table.add_row(f"record, source {escape(source)} (everybody erased)", f"{rows:,}")
    yield table
    yield from _left(found, run)
    for name in found["kept_by_you"]:
        yield f"[yellow]![/] {escape(name)} names them: change it yourself."
    for file in (run or {}).get("raw_files", []):
        yield (
            f"[yellow]![/] your file {escape(file['file'])} of source {escape(file['source'])} has"
            f" {file['rows']:,} rows of people erased, which are passed over."
        )


def _left(found: Mapping[str, Any], run: Mapping[str, Any] | None) -> Iterator[RenderableType]:
    if run is not None and not run["pending"]:
        yield f"{len(found['until_next_run'])} versions that held them were made anew."
        return
    if run is not None and not run["made"]:
        yield f"[yellow]![/] No run was made: {escape(run['problem'])} Then: `bespeak run`."
    if not found["until_next_run"]:
        return
    table = _table("until the next run, they are in", "rows of theirs")
    for trace in found["until_next_run"]:
        rows = trace["rows"]
        counted = ", ".join(f"{n:,} {name}" for name, n in rows.items()) if rows else ""
        table.add_row(escape(trace["what"]), counted)
    yield table


def consents(found: Mapping[str, Any]) -> Iterator[RenderableType]:
    """What holds for one person, by purpose."""
    table = _table("purpose", "may be used", "because")
    for purpose, held in found["consent"].items():
        why = "nothing was said" if not held["said"] else f"said {held['since'] or 'in a source'}"
        table.add_row(purpose, "yes" if held["allowed"] else "no", why)
    yield table


def acts(lines: Sequence[Mapping[str, Any]]) -> Iterator[RenderableType]:
    """The audit log as a table."""
    if not lines:
        yield "No act yet."
        return
    table = _table("at", "act", "by", "customer", "more")
    for line in lines:
        more = ", ".join(f"{key} {value}" for key, value in line.items() if key not in OWN)
        cells = [str(line.get(name) or "") for name in OWN]
        table.add_row(*(escape(cell) for cell in (*cells, more)))
    yield table


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name, overflow="fold")
    return table
