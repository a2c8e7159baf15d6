"""Column names as a file gives them, made fit to stand in one table."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from bespeak.collect.options import Options
from bespeak.errors import SourceUnreadable

RESERVED = ("_file", "_row", "_copies")
"""Names that bespeak gives to columns of its own."""

COLUMN_LIMIT = 10_000
_NUMBER = re.compile(r"[-+(]?[$€£¥￥]?\s?\d[\d.,'\u00a0\u202f ]*%?\)?(?:[eE][-+]?\d+)?")
_YEAR = re.compile(r"(?:19|20)\d\d")
_MOMENT = re.compile(r"\d{1,4}[-/.年]\d{1,2}[-/.月]\d{1,4}日?(?:[T ].*)?|\d{1,2}:\d\d(?::\d\d.*)?")


class Names:
    """Gives each column one name. Names that differ only in case are the same to an engine."""

    def __init__(self) -> None:
        self._taken = {name.lower() for name in RESERVED}
        self._of: dict[str, str] = {}

    def of(self, name: str) -> str:
        """The column for the file's `name`: always the same one."""
        if name not in self._of:
            self._of[name] = self.new(name)
        return self._of[name]

    def new(self, name: str) -> str:
        """A name that no column has yet: `name`, or numbered where that is taken."""
        if len(self._taken) > COLUMN_LIMIT:
            raise SourceUnreadable(
                f"there are more than {COLUMN_LIMIT:,} columns",
                expected="names of columns, not values, in the header or as keys",
                next_step="Check the separator and the shape of the file.",
            )
        free, number = name, 2
        while free.lower() in self._taken:
            free, number = f"{name}_{number}", number + 1
        self._taken.add(free.lower())
        return free


def name_columns(
    where: str, header: Sequence[str], options: Options
) -> tuple[list[str], list[str]]:
    """The columns' names in order, and a sentence for each that is not as the header says.

    A name that stands twice becomes `name_1`, `name_2`; an empty one `column_N`, by its place.
    raises : SourceUnreadable where the mapping reads a name that stands twice
    """
    wanted = [
        name.replace("\ufeff", "").strip() or f"column_{at}"
        for at, name in enumerate(header, start=1)
    ]
    often = Counter(name.lower() for name in wanted)
    names, numbers = Names(), Counter[str]()
    for name in wanted:  # those that stand once keep theirs, whatever the others are called
        if often[name.lower()] == 1 and name.lower() not in RESERVED:
            names.of(name)
    given, said = [], []
    for at, (name, original) in enumerate(zip(wanted, header, strict=True), start=1):
        lower = name.lower()
        if often[lower] > 1:
            numbers[lower] += 1
            given.append(names.new(f"{name}_{numbers[lower]}"))
            _refuse_ambiguous(where, name, wanted, options)
            said.append(f"Column {at} is called `{given[-1]}`: `{name}` comes twice in the header.")
        elif lower in RESERVED:
            given.append(names.new(f"{name}_1"))
            said.append(f"Column {at} is called `{given[-1]}`: bespeak has a `{name}` of its own.")
        else:
            given.append(names.of(name))
            if not original.strip():
                said.append(f"Column {at} is called `{name}`: it has no name in the header.")
    return given, said


def numbered_columns(width: int) -> list[str]:
    """Names for columns that have none."""
    return [f"column_{at}" for at in range(1, width + 1)]


def headless(row: int, columns: Sequence[str]) -> str:
    """The sentence for a file whose first row is taken for data."""
    called = f"`{columns[0]}`" if len(columns) == 1 else f"`{columns[0]}` to `{columns[-1]}`"
    return (
        f"Row {row} looks like data, not names, so columns are called {called}."
        " Set `header = true` if it holds the names."
    )


def _refuse_ambiguous(where: str, name: str, wanted: Sequence[str], options: Options) -> None:
    if not options.mentions(name):
        return
    places = [at for at, other in enumerate(wanted, start=1) if other.lower() == name.lower()]
    raise SourceUnreadable(
        f"{where}, column `{name}`",
        found=f"the name more than once (columns {', '.join(map(str, places))})",
        expected="each name once, since the mapping reads it",
        next_step=f"Rename one there, or map `{name}_1` or `{name}_2` instead.",
    )


def looks_like_data(first: Sequence[str], body: Sequence[Sequence[str]], options: Options) -> bool:
    """Whether the first row is data rather than names.

    A name over numbers or times proves a header; a number over numbers, or a value that comes
    again below, and no such proof, speaks for data.
    """
    if options.header is not None:
        return not options.header
    if any(name.strip() in options.mapped for name in first):
        return False
    body = [row for row in body if list(row) != list(first)]  # a header may come again
    same = repeated = 0
    for at, cell in enumerate(first):
        below = [row[at] for row in body if at < len(row) and row[at].strip()]
        measured = sum(_is_measure(value) for value in below)
        if not below or not cell.strip():
            continue
        if measured > 0.9 * len(below):
            if not _is_measure(cell) or _is_year_over_others(cell, below):
                return False
            same += 1
        elif cell in below:
            repeated += 1
    return same > 0 or repeated > 0


def _is_measure(cell: str) -> bool:
    """A number or a time: what a column's name is not."""
    text = cell.strip()
    return bool(_NUMBER.fullmatch(text) or _MOMENT.fullmatch(text))


def _is_year_over_others(cell: str, below: Sequence[str]) -> bool:
    """Whether a number names a column: a year over values that are none."""
    years = sum(_YEAR.fullmatch(value.strip()) is not None for value in (cell, *below))
    return years == 1 and _YEAR.fullmatch(cell.strip()) is not None
