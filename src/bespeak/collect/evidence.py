"""What a column's name and values say of it, as far as a look at the first rows goes."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from decimal import Decimal
from functools import cached_property
from typing import Any

from bespeak.collect.dates import ENOUGH, TIME_OF_DAY, Times, find_times
from bespeak.collect.parse import NO, YES

_COINS = re.compile(r"[$€£¥￥₹₩₽₺₴₪₫฿]|USD|EUR|GBP|CNY|RMB|JPY|CHF|kr|zł|元|円")
_SHAPES: Mapping[str, re.Pattern[str]] = {
    ".": re.compile(
        r"(?=[-+]?[.]?\d)[-+]?(?:\d{1,3}(?:[,' ]\d{2,3})*[,' ]\d{3}|\d+)?(?:[.]\d*)?"
        r"(?:[eE][-+]?\d+)?"
    ),
    ",": re.compile(r"(?=[-+]?,?\d)[-+]?(?:\d{1,3}(?:[.' ]\d{2,3})*[.' ]\d{3}|\d+)?(?:,\d*)?"),
}
_LONGEST_NUMBER = 40
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_IP = re.compile(r"(?:\d{1,3}\.){3}\d{1,3}|[0-9a-fA-F]*(?::[0-9a-fA-F]*){2,7}")
_PAGE = re.compile(r"https?://\S+|/\S*")
_EPOCH: Mapping[str, int] = {"seconds": 1, "milliseconds": 1_000, "microseconds": 1_000_000}
_SINCE, _UNTIL = 631_152_000, 2_051_222_400
"""1990 to 2035."""


@dataclass(frozen=True)
class Column:
    """One column of a file: its name, and its cells in the order of the rows (None for blank)."""

    name: str
    cells: tuple[Any, ...]
    decimal: str = "."

    @cached_property
    def words(self) -> str:
        """The name in small letters, its words apart: `CustomerID` is `customer id`."""
        return spaced(self.name)

    @cached_property
    def present(self) -> tuple[Any, ...]:
        return tuple(cell for cell in self.cells if cell is not None)

    @cached_property
    def texts(self) -> tuple[str, ...]:
        return tuple(str(cell) for cell in self.present)

    @cached_property
    def counts(self) -> Counter[str]:
        return Counter(self.texts)

    @property
    def missing(self) -> int:
        return len(self.cells) - len(self.present)

    @property
    def unique(self) -> bool:
        """Whether it could be a key."""
        return bool(self.present) and len(self.counts) >= 0.98 * len(self.cells)

    @cached_property
    def numbers(self) -> tuple[float | None, ...]:
        """Each cell as a number, by the source's decimal mark; None where it is none."""
        return tuple(_number(cell, self.decimal) for cell in self.cells)

    @cached_property
    def figures(self) -> tuple[float, ...]:
        return tuple(number for number in self.numbers if number is not None)

    @cached_property
    def is_number(self) -> bool:
        return bool(self.present) and len(self.figures) >= ENOUGH * len(self.present)

    @cached_property
    def is_whole(self) -> bool:
        return self.is_number and all(number == int(number) for number in self.figures)

    @cached_property
    def is_float_key(self) -> bool:
        """Whether it is text like `17850.0`: a number that went through a program's float."""
        return bool(self.present) and all(
            isinstance(cell, str) and re.fullmatch(r"\d+\.0", cell) for cell in self.present
        )

    @cached_property
    def times(self) -> Times | None:
        """How it writes times; None if it has none."""
        if not self.present:
            return None
        if all(isinstance(cell, date) for cell in self.present):
            moments = [cell for cell in self.present if isinstance(cell, datetime)]
            clock = any(moment.time() != time() for moment in moments)
            return Times((), "its values are typed times", True, clock)
        if self.is_whole and not self._is_compact:
            return self._epoch()
        return find_times(tuple(text.removesuffix(".0") for text in self.texts))

    @property
    def _is_compact(self) -> bool:
        return all(19_000_101 <= number <= 21_001_231 for number in self.figures)

    def _epoch(self) -> Times | None:
        named = re.search(r"time|date|\bts\b|\bat\b|epoch|unix|created|时间|日期", self.words)
        for unit, parts in _EPOCH.items():
            low, high = _SINCE * parts, _UNTIL * parts
            if named and all(low <= number <= high for number in self.figures):
                return Times((), f"its values are {unit} since 1970", True, clock=True)
        return None

    @cached_property
    def is_clock(self) -> bool:
        """Whether it is a time of day without a date."""
        return bool(self.present) and all(
            isinstance(cell, time) or TIME_OF_DAY.fullmatch(str(cell)) for cell in self.present
        )

    @cached_property
    def is_yes_no(self) -> bool:
        known = {*YES, *NO}
        return (
            bool(self.present)
            and len(self.counts) <= 4
            and all(text.lower() in known for text in self.counts)
        )

    @cached_property
    def length(self) -> float:
        """Mean length of its texts; a Chinese character counts for three letters."""
        total = sum(len(text) + 2 * sum(c > "\u2e80" for c in text) for text in self.texts)
        return total / max(len(self.texts), 1)

    @cached_property
    def is_email(self) -> bool:
        return self._mostly(_EMAIL)

    @cached_property
    def is_ip(self) -> bool:
        return self._mostly(_IP) and any("." in text or ":" in text for text in self.counts)

    @cached_property
    def is_page(self) -> bool:
        return self._mostly(_PAGE)

    def _mostly(self, shape: re.Pattern[str]) -> bool:
        fitting = sum(count for text, count in self.counts.items() if shape.fullmatch(text))
        return bool(self.present) and fitting >= 0.6 * len(self.present)

    def looks(self, kinds: Sequence[str]) -> bool:
        """Whether its values are of one of `kinds`: text, whole, number, time, clock, yes_no."""
        return any(getattr(self, _KINDS[kind]) for kind in kinds)

    @property
    def is_time(self) -> bool:
        return self.times is not None

    @property
    def is_text(self) -> bool:
        return bool(self.present) and not (self.is_number or self.is_time or self.is_clock)


_KINDS: Mapping[str, str] = {
    "text": "is_text",
    "whole": "is_whole",
    "number": "is_number",
    "time": "is_time",
    "clock": "is_clock",
    "yes_no": "is_yes_no",
}


def look_at(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> list[Column]:
    """The columns of a file from its first rows."""
    columns = [Column(name, tuple(_cell(row.get(name)) for row in rows)) for name in names]
    decimal, _ = decimal_of(columns)
    return [replace(column, decimal=decimal) for column in columns] if decimal == "," else columns


def decimal_of(columns: Sequence[Column]) -> tuple[str, str]:
    """What stands before fractions, and an example of a column that shows it.

    A value speaks only if it can be read in one way; the majority decides.
    """
    votes = {".": Counter[str](), ",": Counter[str]()}
    for column in columns:
        texts = [text for text in column.texts[:2000] if isinstance(text, str)]
        read = {mark: [_plain(text, mark) is not None for text in texts] for mark in votes}
        either = sum(one or other for one, other in zip(*read.values(), strict=True))
        if not texts or either < ENOUGH * len(texts):
            continue
        for mark, other in ((".", ","), (",", ".")):
            only = zip(read[mark], read[other], strict=True)
            votes[mark][column.name] += sum(one and not two for one, two in only)
    comma, point = votes[","].total(), votes["."].total()
    if comma > point:
        return ",", votes[","].most_common(1)[0][0]
    return ".", votes["."].most_common(1)[0][0] if point else ""


def spaced(name: str) -> str:
    """A name's words in small letters, one space between them."""
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return re.sub(r"[\W_]+", " ", split).strip().lower()


def _cell(value: Any) -> Any:
    """A cell, trimmed; None for nothing."""
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, list | dict):
        return str(value)
    return value


def _number(cell: Any, decimal: str) -> float | None:
    if isinstance(cell, bool) or cell is None:
        return None
    if isinstance(cell, int | float | Decimal):
        return float(cell) if math.isfinite(cell) else None
    return _plain(cell, decimal) if isinstance(cell, str) else None


def _plain(text: str, decimal: str) -> float | None:
    """A text as a number, much as mapping reads it."""
    if len(text) > _LONGEST_NUMBER:
        return None
    bare = re.sub(r"\s", " ", _COINS.sub("", text)).replace("−", "-").strip()
    if bare.startswith("(") and bare.endswith(")"):
        bare = f"-{bare[1:-1]}"
    if re.fullmatch(r"\S*\d ?-", bare):
        bare = f"-{bare.rstrip(' -')}"
    if not _SHAPES[decimal].fullmatch(bare):
        return None
    group = "," if decimal == "." else "."
    number = float(re.sub("[ ']", "", bare).replace(group, "").replace(",", "."))
    return number if math.isfinite(number) else None
