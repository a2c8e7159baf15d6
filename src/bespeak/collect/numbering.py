"""Which columns of customers, in several files, are one numbering."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bespeak.collect.rendering import Draft
from bespeak.collect.roles import WHO

SHARED = 0.3
"""Share of the smaller file's customers that must stand in the other one too."""


def agree(drafts: Sequence[Draft]) -> tuple[list[Draft], list[str]]:
    """The drafts with one namespace for one numbering of customers, and the primary namespaces.

    Household, member, user and customer are names for the same thing if a workspace has but one
    of them, or if their values are largely the same; else they stay apart, because wrongly
    joined customers are worse than customers known twice.
    """
    values = _values(drafts)
    if not values:
        return list(drafts), []
    first, *others = sorted(values, key=WHO.index)
    same = {first: "customer"}
    for other in others:
        together = _shared(values[first], values[other])
        beside = any({first, other} <= set(_people(made)) for made in drafts)
        if together >= SHARED and not beside:
            same[other] = "customer"
    renamed = [_renamed(made, same) for made in drafts]
    primary = ["customer", *(other for other in others if other not in same)]
    return renamed, primary


def _people(made: Draft) -> list[str]:
    return [line.name for line in made.lines if line.part == "identifiers"]


def _values(drafts: Sequence[Draft]) -> Mapping[str, set[str]]:
    """Namespace of whole customers -> its values, wherever they stand."""
    values: dict[str, set[str]] = {}
    for made in drafts:
        columns = {column.name: column for column in made.columns}
        for line in made.lines:
            if line.part != "identifiers" or line.name not in WHO:
                continue
            column = columns.get(line.column or "")
            known = () if column is None else column.counts
            values.setdefault(line.name, set()).update(text.removesuffix(".0") for text in known)
    return values


def _shared(one: set[str], other: set[str]) -> float:
    smaller = min(len(one), len(other))
    return len(one & other) / smaller if smaller else 0.0


def _renamed(made: Draft, same: Mapping[str, str]) -> Draft:
    lines = [
        replace(line, name=same.get(line.name, line.name)) if line.part == "identifiers" else line
        for line in made.lines
    ]
    return replace(made, lines=tuple(lines))
