"""How a text file separates and quotes its values: found out from its first rows."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from io import StringIO
from typing import Any

from bespeak.collect.options import Options
from bespeak.errors import ConfigInvalid, SourceUnreadable

SEPARATORS = ("\t", ";", "|", ",")
"""In the order of preference where two split alike: prose has commas, hardly ever tabs."""

NAMES = {"\t": "tabs", ";": "semicolons", "|": "pipes", ",": "commas", " ": "spaces"}
_SAMPLE_ROWS = 500


@dataclass(frozen=True)
class Dialect:
    """What `csv.reader` has to know."""

    separator: str
    quote: str | None = '"'
    escape: str | None = None
    skip_space: bool = False

    def reading(self) -> dict[str, Any]:
        """The arguments of a strict `csv.reader`: what is not well formed is an error."""
        return {
            "delimiter": self.separator,
            "quotechar": self.quote,
            "quoting": csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE,
            "escapechar": self.escape,
            "skipinitialspace": self.skip_space,
            "strict": True,
        }


@dataclass(frozen=True)
class _Fit:
    """How well a dialect splits a sample: the width of its first row, and who else has it."""

    width: int
    share: float


def find_dialect(file: str, sample: str, options: Options) -> tuple[Dialect, list[str]]:
    """The dialect in which most of the sample's rows have as many values as its first.

    sample : the file's first rows, whole lines
    raises : ConfigInvalid for an impossible separator; SourceUnreadable where the configured one
             leaves a single column and another splits the rows well
    """
    csv.field_size_limit(max(csv.field_size_limit(), options.row_limit))
    fits = {separator: _fit(sample, Dialect(separator)) for separator in SEPARATORS}
    best = max(SEPARATORS, key=lambda each: _rank(fits[each], each))
    if options.separator is None:
        dialect = _variant(sample, Dialect(best), fits[best])
        if fits[best].width == 1:
            return dialect, ["There is a single column."]
        return dialect, [f"Values are separated by {NAMES[best]}.", *_told(dialect)]
    dialect = Dialect(_checked(options.separator))
    fit = _fit(sample, dialect)
    if fit.width == 1 and fits[best].width > 1 and fits[best].share >= 0.9:
        raise SourceUnreadable(
            f"{file}, row 1",
            found=f"one column with the separator {options.separator!r}",
            expected=f"{fits[best].width} columns, which {best!r} gives",
            next_step=f"Set `separator = {_toml(best)}`, or remove the key to have it found out.",
        )
    dialect = _variant(sample, dialect, fit)
    shown = NAMES.get(dialect.separator, repr(dialect.separator))
    return dialect, [f"Values are separated by {shown}, as configured.", *_told(dialect)]


def split_sample(sample: str, dialect: Dialect) -> list[list[str]]:
    """The sample's first rows that are well formed, without blank ones."""
    return [row for row in _rows(sample, dialect) if row]


def _rows(sample: str, dialect: Dialect) -> Iterator[list[str] | None]:
    """Rows that are not blank; None for one that is not well formed."""
    reader = csv.reader(StringIO(sample, newline=""), **dialect.reading())
    for _ in range(_SAMPLE_ROWS):
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield None
        else:
            if any(map(str.strip, row)):
                yield row


def _fit(sample: str, dialect: Dialect) -> _Fit:
    rows = list(_rows(sample, dialect))
    if not rows or rows[0] is None:
        return _Fit(1, 0.0)
    width, others = len(rows[0]), rows[1:]
    if others and others[-1] is None:
        others = others[:-1]  # where the sample ends, a quoted value may still be open
    fitting = sum(row is not None and len(row) == width for row in others)
    return _Fit(width, fitting / len(others) if others else 1.0)


def _rank(fit: _Fit, separator: str) -> tuple[bool, float, int, int]:
    return fit.width > 1, round(fit.share, 1), fit.width, -SEPARATORS.index(separator)


def _variant(sample: str, plain: Dialect, fit: _Fit) -> Dialect:
    """`plain`, or the habit of writing that splits more of the sample's rows."""
    mark = re.escape(plain.separator)
    habits = []
    if '\\"' in sample:
        habits.append(replace(plain, escape="\\"))
    if re.search(rf'{mark} +"', sample):
        habits.append(replace(plain, skip_space=True))
    if not re.search(rf'(?:^|{mark})"(?:[^"]|"")*"(?:{mark}|\r?$)', sample, re.MULTILINE):
        habits.append(replace(plain, quote=None))
    best, share = plain, fit.share
    for habit in habits:
        other = _fit(sample, habit)
        if other.share > share and other.width == fit.width:
            best, share = habit, other.share
    return best


def _told(dialect: Dialect) -> list[str]:
    said = []
    if dialect.quote is None:
        said.append("Quotation marks are read as part of the text: they enclose no values.")
    if dialect.escape is not None:
        said.append("Quotation marks within values are escaped with a backslash.")
    if dialect.skip_space:
        said.append("A space after a separator is not part of the value.")
    return said


def _checked(separator: str) -> str:
    if len(separator) == 1 and separator.isascii() and separator not in '"\r\n':
        return separator
    raise ConfigInvalid(
        "key `separator`",
        found=repr(separator),
        expected='one character, such as ",", ";", "\\t" or "|"',
        next_step="Correct it, or remove the key to have it found out.",
    )


def _toml(separator: str) -> str:
    return '"\\t"' if separator == "\t" else f'"{separator}"'


_COMMA = re.compile(r"[-+]?(?:\d{1,3}(?:[. \u00a0\u202f']\d{3})+|\d+),\d+")
_POINT = re.compile(r"[-+]?(?:\d{1,3}(?:[, \u00a0\u202f']\d{3})+|\d+)\.\d+")
_EITHER = re.compile(r"[-+]?\d{1,3}[.,]\d{3}")
_CURRENCY = re.compile(r"^[$€£¥￥]\s?|\s?[€£$¥￥%]$")


def find_decimal(rows: Sequence[Sequence[str]]) -> str | None:
    """What stands before the fraction of numbers; None where nothing shows it.

    `1.234` and `1,234` show nothing: they may be thousands.
    """
    comma = point = 0
    for row in rows:
        for value in row:
            number = _CURRENCY.sub("", value.strip())
            if _EITHER.fullmatch(number):
                continue
            comma += _COMMA.fullmatch(number) is not None
            point += _POINT.fullmatch(number) is not None
    if comma == point:
        return None
    return "," if comma > point else "."
