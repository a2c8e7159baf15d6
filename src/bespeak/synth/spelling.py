"""Numbers as text, a column at a time: identifiers, money, dates, lines of files."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bespeak.synth.plan import START, Truths, Whole

Bytes = NDArray[np.uint8]
_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)


def hexes(numbers: NDArray[np.uint64], digits: int, prefix: str = "") -> Any:
    """`prefix` and the lowest `digits` hexadecimal digits of each number."""
    out, at = _canvas(len(numbers), prefix, digits)
    for place in range(digits):
        shift = np.uint64(4 * (digits - 1 - place))
        out[:, at + place] = _HEX[((numbers >> shift) & np.uint64(15)).astype(np.intp)]
    return _texts(out)


def digits(numbers: Whole, count: int, prefix: str = "") -> Any:
    """`prefix` and each number with leading zeros, `count` digits in all."""
    out, at = _canvas(len(numbers), prefix, count)
    left, end = numbers, count
    while end > 0:
        # eight digits at a time: small numbers divide four times as fast
        left, eight = np.divmod(left, 10**8) if end > 8 else (left, left)
        high, low = np.divmod(eight.astype(np.uint32), np.uint32(10_000))
        for group in (low, high):
            width = min(4, end)
            if width > 0:
                letters = _groups().take(group).view(np.uint8).reshape(-1, 4)
                out[:, at + end - width : at + end] = letters[:, 4 - width :]
            end -= 4
    return _texts(out)


@cache
def _groups() -> NDArray[np.uint32]:
    """The four digits of 0 to 9999, four bytes as one number."""
    number = np.arange(10_000)
    places = [number // 10**power % 10 for power in (3, 2, 1, 0)]
    letters = (np.stack(places, axis=1) + ord("0")).astype(np.uint8)
    return np.ascontiguousarray(letters).view(np.uint32).ravel()


def _canvas(rows: int, prefix: str, more: int) -> tuple[Bytes, int]:
    head = prefix.encode("ascii")
    out = np.empty((rows, len(head) + more), np.uint8)
    out[:, : len(head)] = np.frombuffer(head, np.uint8)
    return out, len(head)


def _texts(letters: Bytes) -> Any:
    """A text per row of a matrix of letters."""
    rows, width = letters.shape
    offsets = np.arange(0, (rows + 1) * width, width, dtype=np.int32)
    return pa.StringArray.from_buffers(rows, pa.py_buffer(offsets), pa.py_buffer(letters))


def spoken(numbers: Whole) -> Any:
    """Whole numbers without leading zeros."""
    return pa.array(numbers).cast(pa.string())


def money(cents: Whole) -> Any:
    """`12.50` of 1250; at least 0."""
    units, rest = np.divmod(cents, 100)
    return joined(spoken(units), _hundredths().take(pa.array(rest)))


@cache
def _hundredths() -> Any:
    return pa.array([f".{number:02d}" for number in range(100)])


@cache
def day_texts(days: int) -> Any:
    """`2024-01-31` for each day, the first is 0; a week beyond the last too."""
    return pa.array([(START + timedelta(days=day)).isoformat() for day in range(days + 8)])


@cache
def clock_texts() -> Any:
    """`09:30:00` for each second of a day."""
    return pa.array([f"{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}" for s in range(86_400)])


def clocks(seconds: Whole, days: int, between: str = " ") -> Any:
    """Seconds since the shop's first midnight as `2024-01-31 09:30:00` on its own clock."""
    day, second = np.divmod(seconds, 86_400)
    return joined(
        day_texts(days).take(pa.array(day)), between, clock_texts().take(pa.array(second))
    )


def joined(*parts: Any) -> Any:
    """Texts side by side: arrays of texts, and constants; null where a part is null."""
    made = [pa.scalar(part) if isinstance(part, str) else part for part in parts]
    return pc.binary_join_element_wise(*made, "")


def where(condition: Truths, there: Any, elsewhere: Any = None) -> Any:
    """`there` where the condition holds, else `elsewhere` (null by default)."""
    other = pa.scalar(elsewhere, pa.string()) if elsewhere is None else elsewhere
    return pc.if_else(pa.array(condition), there, other)


def replaced(texts: Any, mask: Truths, others: Any) -> Any:
    """`texts` with `others` (one per true of the mask, in order) in place of the masked."""
    return pc.replace_with_mask(texts, pa.array(mask), others)


def content(lines: Any) -> memoryview:
    """The bytes of all lines, one after the other, as they stand in memory."""
    offsets = np.frombuffer(lines.buffers()[1], np.int32)
    start, end = offsets[lines.offset], offsets[lines.offset + len(lines)]
    return memoryview(lines.buffers()[2])[start:end]


def separated(columns: Sequence[Any], separator: str) -> Any:
    """A line per row, nulls as nothing, with an end of line."""
    cells = [pc.fill_null(column, "") for column in columns]
    return joined(pc.binary_join_element_wise(*cells, separator), "\n")
