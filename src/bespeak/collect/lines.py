"""One line of a proposed mapping, with its reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bespeak.collect.roles import Cast, Claim
from bespeak.config import Mapped


@dataclass(frozen=True)
class Line:
    """One line of a proposed mapping."""

    part: str
    """`identifiers`, `columns`, `items`, `customers`, `texts`."""
    name: str
    mapped: Mapped
    reason: str
    column: str | None = None
    """For identifiers: the column that they come from."""

    @property
    def key(self) -> str:
        return f"{self.part}.{self.name}"


def plain_lines(cast: Cast, part: str, names: Mapping[str, str]) -> Iterator[Line]:
    """Roles that are simply columns. `names`: name in the record -> role."""
    for name, role in names.items():
        if cast.has(role):
            claim = cast.roles[role]
            yield Line(part, name, claim.column.name, said(claim))


def said(claim: Claim) -> str:
    """How sure a claim is, and what it rests on."""
    sure = "sure" if claim.score >= 0.9 else "likely" if claim.score >= 0.72 else "a guess"
    return f"{sure}: {claim.reason}"
