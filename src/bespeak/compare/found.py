"""What a comparison finds: counts, columns and the first rows that differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

FLOAT_TOLERANCE = 1e-9
"""Relative: 1e-9 apart is equal. Sums of floats depend on their order, nothing else may."""
EXAMPLES = 5
"""Rows shown of each kind: differing, only in A, only in B."""

Kind = Literal["table", "array", "document"]
Where = Literal["differs", "only in A", "only in B"]


@dataclass(frozen=True)
class Column:
    """One column of rows that stand on both sides.

    differing : rows whose values are not equal (for floats: beyond the tolerance)
    largest   : the largest relative difference, |a - b| / max(|a|, |b|), over all rows, those
                within the tolerance too; None where nothing differs or it is no number
    """

    name: str
    differing: int
    largest: float | None


@dataclass(frozen=True)
class Example:
    """One row that is not the same on both sides.

    key    : which row (of an array: its place; of a document: the path)
    values : column -> (in A, in B), for the columns that differ
    """

    where: Where
    key: Mapping[str, Any]
    values: Mapping[str, tuple[Any, Any]]


@dataclass(frozen=True)
class Compared:
    """One table (its rows), array (its elements) or document (its values) of both workspaces.

    a, b    : rows on each side; None where that side has no such thing
    equal   : rows that are the same on both sides
    only_a  : rows without a partner in B; only_b the other way round
    apart   : what keeps them from being compared whole: columns or types that only one side has
    matched : the columns by which rows were told to be the same one; empty for whole rows
    """

    name: str
    kind: Kind
    a: int | None
    b: int | None
    equal: int = 0
    only_a: int = 0
    only_b: int = 0
    differing: int = 0
    columns: tuple[Column, ...] = ()
    apart: tuple[str, ...] = ()
    matched: tuple[str, ...] = ()
    examples: tuple[Example, ...] = ()

    @property
    def same(self) -> bool:
        """Whether A and B hold the same."""
        there = self.a is not None and self.b is not None
        return there and not (self.only_a or self.only_b or self.differing or self.apart)


@dataclass(frozen=True)
class Side:
    """One workspace of the two.

    engines : those that its versions say made them
    """

    folder: str
    name: str
    engines: tuple[str, ...]
    as_of_run: str | None
