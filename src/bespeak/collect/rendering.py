"""A proposal as a bespeak.toml that a person can read and mend."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import tomlkit
from tomlkit.items import InlineTable, Table

from bespeak.collect.evidence import Column
from bespeak.collect.inputs import Place, Unread
from bespeak.collect.lines import Line
from bespeak.columns import RECORD
from bespeak.config import Mapped

_TIMES = ("time", "from_time")
_BY_WEEK = """{ expression = "time_add(timestamp '2025-01-06', week * 7, 'day')" }"""
HEADER = (
    "A proposal, made by looking at the first rows of each file. Every line says why it is there.",
    "Read it, mend what is wrong, then run `bespeak run`. docs/configuration.md explains the keys.",
)


Setting = tuple[str, Any, str]
"""Key, choice and reason of what is no mapping."""


@dataclass(frozen=True)
class Draft:
    """One proposed source."""

    name: str
    places: tuple[Place, ...]
    files: tuple[str, ...]
    settings: tuple[Setting, ...]
    lines: tuple[Line, ...]
    said: tuple[str, ...]
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class Stub:
    """Files that could be read but not told."""

    unread: Unread
    files: tuple[str, ...]
    columns: tuple[str, ...]
    table: str
    """The record's table that they may belong to."""


def as_text(mapped: Mapped) -> str:
    """A mapped value as a person says it."""
    if isinstance(mapped, str):
        return mapped
    return mapped.expression if mapped.expression is not None else repr(mapped.constant)


def render(
    drafts: Sequence[Draft],
    stubs: Sequence[Stub],
    unread: Sequence[Unread],
    *,
    name: str,
    primary: Sequence[str],
) -> str:
    """The text of the file."""
    document = tomlkit.document()
    for sentence in HEADER:
        document.add(tomlkit.comment(_line(sentence)))
    document.add(tomlkit.nl())
    document.add("workspace", _workspace(name, drafts))
    if primary and list(primary) != ["customer"]:
        identity = tomlkit.table()
        identity.add("primary", list(primary))
        identity["primary"].comment("numberings of whole customers that may not be the same")
        document.add("identity", identity)
    if drafts:
        sources = tomlkit.aot()
        for made in drafts:
            sources.append(_source(made))
        document.add("sources", sources)
    text = tomlkit.dumps(document).rstrip() + "\n"
    for stub in stubs:
        text += "\n" + "\n".join(f"# {line}" if line else "#" for line in _stub(stub)) + "\n"
    for each in unread:
        text += f"\n# {_line(each.shown)} was left out: {_line(each.why)}\n"
    return text


def _workspace(name: str, drafts: Sequence[Draft]) -> Table:
    table = tomlkit.table()
    table.add("name", name)
    found = {
        str(choice) for made in drafts for key, choice, _ in made.settings if key == "currency"
    }
    mapped = any(line.key == "columns.currency" for made in drafts for line in made.lines)
    table.add("currency", found.pop() if len(found) == 1 else "XXX")
    if table["currency"] == "XXX":
        beside = " where a row does not say it" if mapped else ""
        table["currency"].comment(f"unknown{beside}; put the code of yours, like EUR")
    table.add("timezone", "UTC")
    table["timezone"].comment(
        "no file says in which zone its clocks stood; mend it, like Europe/Paris"
    )
    return table


def _source(made: Draft) -> Table:
    table = tomlkit.table()
    for sentence in made.said:
        table.add(tomlkit.comment(_line(sentence)))
    table.add("name", made.name)
    place = made.places[0]
    if place.topic is not None:
        inline = tomlkit.inline_table()
        inline.update({"topic": place.topic.topic, "brokers": place.topic.brokers})
        table.add("kafka", inline)
    elif place.query is not None:
        table.add("database", place.database)
        table.add("query", place.query)
    else:
        table.add("files", list(made.files))
    for key, choice, reason in made.settings:
        table.add(key, list(choice) if isinstance(choice, tuple) else choice)
        table[key].comment(_line(reason))
    parts = dict.fromkeys(line.part for line in made.lines)
    for part in parts:
        inner = tomlkit.table()
        for line in made.lines:
            if line.part == part:
                inner.add(line.name, _value(line.mapped))
                inner[line.name].comment(_line(line.reason))
        table.add(part, inner)
    return table


def _value(mapped: Mapped) -> Any:
    if isinstance(mapped, str):
        return tomlkit.string(mapped)
    inline: InlineTable = tomlkit.inline_table()
    if mapped.expression is not None:
        inline.append("expression", mapped.expression)
    else:
        inline.append("constant", mapped.constant)
    return inline


def _stub(stub: Stub) -> list[str]:
    """A source to be filled in, to stand in comments."""
    quoted = ", ".join(f'"{_line(file)}"' for file in stub.files[:3])
    needed = [name for name in RECORD[stub.table].required if name not in _TIMES]
    times = [name for name in RECORD[stub.table].required if name in _TIMES]
    return [
        f"{_line(stub.unread.shown)} could not be told: {_line(stub.unread.why)}.",
        f"Its columns: {', '.join(_line(column) for column in stub.columns)}",
        "",
        "[[sources]]",
        'name = "…"',
        f'table = "{stub.table}"',
        f"files = [{quoted}]",
        *(["[sources.identifiers]", 'customer = "…"'] if RECORD[stub.table].actor else []),
        "[sources.columns]",
        *(f'{name} = "…"' for name in needed),
        *(f'{name} = "…"  # or {_BY_WEEK}' for name in times),
    ]


def _line(sentence: str) -> str:
    """One line that can stand in a comment."""
    return re.sub(r"[\x00-\x1f\x7f]+", " ", sentence).strip()
