"""How a column of text writes its times: found out from the values, with what decided it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

ENOUGH = 0.98
"""Share of the values that a reading must explain."""
CLEAR = 20
"""How much more often one of two numbers must be above 12 than the other: typing errors exist."""
TRIED = 400
"""Values that each pattern is tried on."""

_CLOCK = r"[T ]\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?"
_NATIVE = re.compile(
    rf"\d{{4}}[-/]\d{{1,2}}[-/]\d{{1,2}}(?:{_CLOCK}(?: ?(?:Z|UTC|GMT|[-+]\d\d(?::?\d\d)?))?)?"
    r"|\d{8}T\d{6}Z?"
)
_COMPACT = re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[0-5]\d{5})?")
_TRIPLE = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4}|\d{2})(?!\d)")
TIME_OF_DAY = re.compile(r"\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[AaPp][Mm])?")

_CLOCKS = (
    "", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p", " %I:%M%p", ", %H:%M",
    ", %H:%M:%S", ", %I:%M %p", ", %I:%M:%S %p",
)  # fmt: skip
_DAYS = (
    "%Y.%m.%d", "%Y年%m月%d日", "%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%d %b %Y", "%d-%b-%Y",
    "%d-%b-%y", "%d/%b/%Y", "%b %d, %Y", "%b %d %Y", "%B %d, %Y", "%B %d %Y", "%d %B %Y",
    "%m %d, %Y", "%a %b %d %Y", "%a, %d %b %Y",
)  # fmt: skip
_WHOLE = (
    "%a, %d %b %Y %H:%M:%S %z", "%d %b %Y %H:%M:%S %z", "%a %b %d %H:%M:%S %z %Y",
    "%d/%b/%Y:%H:%M:%S %z", "%a %b %d %H:%M:%S %Y", "%Y年%m月%d日 %H时%M分", "%Y年%m月%d日%H:%M",
)  # fmt: skip


@dataclass(frozen=True)
class Times:
    """How a column writes times.

    formats : strptime patterns; none where the values are read as they are
    reason  : what decided it, as a clause
    sure    : whether nothing else would have fitted
    clock   : whether a time of day is there
    """

    formats: tuple[str, ...]
    reason: str
    sure: bool
    clock: bool


def find_times(shown: Sequence[str]) -> Times | None:
    """How these texts (no blanks) write times; None if they don't."""
    if not shown:
        return None
    native = sum(bool(_NATIVE.fullmatch(text)) for text in shown)
    if native >= ENOUGH * len(shown):
        clock = sum(":" in text for text in shown) * 2 > len(shown)
        return Times((), "its values are ISO 8601", True, clock)
    if sum(bool(_COMPACT.fullmatch(text)) for text in shown) >= ENOUGH * len(shown):
        clock = len(shown[0]) > 8
        return Times((), "its values are like 20170131", True, clock)
    spread = list(dict.fromkeys(shown))
    step = max(len(spread) // TRIED, 1)
    some = spread[::step][:TRIED]
    if sum(bool(re.search(r"\d", text)) and 6 <= len(text) <= 40 for text in some) < len(some):
        return None
    numbered = _numbered(shown, some)
    if numbered is not None:
        return numbered
    return _first_that_fits(some, [*_WHOLE, *(day + clock for day in _DAYS for clock in _CLOCKS)])


def _first_that_fits(some: Sequence[str], patterns: Sequence[str]) -> Times | None:
    """Up to three patterns that together explain the values, the best first."""
    left, chosen = list(some), list[str]()
    while len(left) > (1 - ENOUGH) * len(some):
        likely = list(_likely(left, patterns))
        fits = [sum(_reads(text, pattern) for text in left) for pattern in likely]
        count, best = max(zip(fits, likely, strict=True), key=lambda fit: fit[0], default=(0, ""))
        if not count or len(chosen) == 3:
            return None
        chosen.append(best)
        left = [text for text in left if not _reads(text, best)]
    clock = any("%H" in each or "%I" in each for each in chosen)
    return Times(tuple(chosen), f"its values fit {' or '.join(chosen)}", True, clock)


def _likely(left: Sequence[str], patterns: Sequence[str]) -> Iterator[str]:
    """Patterns that read at least one of a few values: most are out at once."""
    few = left[:: max(len(left) // 5, 1)]
    return (each for each in patterns if any(_reads(text, each) for text in few))


def _reads(text: str, pattern: str) -> bool:
    try:
        datetime.strptime(text, pattern)
    except ValueError:
        return False
    return True


# -- 1/2/2020: which is the day? -----------------------------------------------------------------


def _numbered(shown: Sequence[str], some: Sequence[str]) -> Times | None:
    """Dates of three numbers with the year last."""
    matches = [match for text in shown if (match := _TRIPLE.match(text))]
    if len(matches) < ENOUGH * len(shown):
        return None
    day_first, reason, sure = _day_first(matches, shown)
    if day_first is None:
        return None
    mark = matches[0][2]
    first, second = ("%d", "%m") if day_first else ("%m", "%d")
    days = [f"{first}{mark}{second}{mark}{year}" for year in ("%Y", "%y")]
    found = _first_that_fits(some, [day + clock for day in days for clock in _CLOCKS])
    return None if found is None else Times(found.formats, reason, sure, found.clock)


def _day_first(
    matches: Sequence[re.Match[str]], shown: Sequence[str]
) -> tuple[bool | None, str, bool]:
    """Whether the day stands before the month, why, and whether that is certain."""
    firsts = [int(match[1]) for match in matches if 12 < int(match[1]) <= 31]
    seconds = [int(match[3]) for match in matches if 12 < int(match[3]) <= 31]
    for high, low, first in ((firsts, seconds, True), (seconds, firsts, False)):
        if len(high) > CLEAR * len(low):
            what = "first" if first else "second"
            return first, f"the {what} number goes up to {max(high)}, so it is the day", True
    if firsts or seconds:
        return None, "", False
    by_day = _in_order(matches, day=1, month=3)
    by_month = _in_order(matches, day=3, month=1)
    if by_day != by_month:
        what = "first" if by_day else "second"
        return by_day, f"the rows are in order of time only if the {what} number is the day", False
    if matches[0][2] == ".":
        return True, "dates with dots have the day first", False
    if any(text.upper().endswith(("AM", "PM")) for text in shown):
        return False, "with AM and PM the month usually comes first", False
    return True, "no number is above 12, so day and month may be the other way round", False


def _in_order(matches: Sequence[re.Match[str]], *, day: int, month: int) -> bool:
    dates = [(int(match[4]), int(match[month]), int(match[day])) for match in matches]
    falls = sum(later < earlier for earlier, later in pairwise(dates))
    return len(set(dates)) > 2 and falls <= len(dates) // 1000
