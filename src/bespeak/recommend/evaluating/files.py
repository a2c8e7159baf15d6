"""Interactions out of a user's file: `user item item …` a line, or CSV or Parquet with columns."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bespeak.errors import ColumnMissing, SourceMissing, SourceUnreadable
from bespeak.recommend.histories import (
    NO_TIME,
    UNIT,
    Histories,
    Interactions,
    Whole,
    compressed,
)
from bespeak.recommend.interactions import DAY, instant, ranked_ids

NAMES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "user": ("user", "user_id", "userid", "uid", "customer", "customer_id", "customerid",
                 "household_id", "visitor_id", "visitorid", "session_id"),
        "item": ("item", "item_id", "itemid", "iid", "product", "product_id", "productid", "sku",
                 "stock_code", "stockcode", "movie_id", "movieid"),
        "time": ("time", "timestamp", "ts", "datetime", "date", "event_time", "created_at"),
        "weight": ("weight", "rating", "value", "score", "count", "quantity"),
    }
)  # fmt: skip
"""What the columns of such files are usually called; the first that is there is taken."""

BOM = b"\xef\xbb\xbf"
LONGEST = 1 << 25
"""A line may be this long: three million items of one customer."""

Value = TypeVar("Value")


@dataclass(frozen=True, eq=False)
class Rows:
    """What a file says, row by row.

    times   : microseconds since 1970 or NO_TIME
    weights : numbers > 0, 1 where the file has none
    """

    customers: Sequence[str]
    items: Sequence[str]
    times: Whole
    weights: NDArray[np.float64]
    timed: bool = field(default=False)

    def __len__(self) -> int:
        return len(self.customers)

    def where(self, kept: NDArray[np.bool_]) -> Rows:
        """Only the rows that are true in `kept`."""
        at = np.flatnonzero(kept).tolist()
        return Rows(
            [self.customers[row] for row in at], [self.items[row] for row in at],
            self.times[kept], self.weights[kept], self.timed,
        )  # fmt: skip


def read_rows(path: Path) -> Rows:
    """The rows of a file in any of the three shapes.

    raises : SourceMissing; ColumnMissing; SourceUnreadable, naming the file and the row
    """
    if not path.is_file():
        raise SourceMissing(f"{path}: there is no such file", next_step="Check the path.")
    if path.suffix.lower() in {".parquet", ".pq"}:
        rows = _read_parquet(path)
    elif (separator := _separator(path)) is not None:
        rows = _read_csv(path, separator)
    else:
        rows = _read_lines(path)
    rows = rows.where(rows.weights > 0)
    if not len(rows):
        raise SourceUnreadable(
            f"{path}: there is no interaction in it",
            expected="`user item item …` a line, or a CSV or Parquet with user and item columns",
        )
    return rows


def interactions_of(
    rows: Rows, *, half_life_days: float | None = None, as_of: datetime | None = None
) -> Interactions:
    """Rows summed by customer and item, as `interactions` sums events, but faded to `as_of` itself.

    half_life_days : a row this long before `as_of` counts half; None, or no times: all count full
    as_of          : exclusive, one microsecond after the latest row by default
    """
    customers, of_customer = ranked_ids(pa.chunked_array([pa.array(rows.customers, pa.string())]))
    items, of_item = ranked_ids(pa.chunked_array([pa.array(rows.items, pa.string())]))
    end = instant(as_of) if as_of else (int(rows.times.max()) + 1 if rows.timed else None)
    age_days = (end - rows.times) / DAY if rows.timed and end else np.zeros(len(rows))
    faded = rows.weights * np.exp2(-age_days / (half_life_days or math.inf))
    worth = np.maximum(np.rint(faded * UNIT), 1).astype(np.int64)
    histories = summed(of_customer, of_item, len(customers), rows.times, worth, timed=rows.timed)
    return Interactions(customers, items, histories, end)


def summed(
    rows: Whole, items: Whole, count: int, times: Whole, worth: Whole, *, timed: bool
) -> Histories:
    """Occasions, in any order, as `count` histories.

    rows, items, times, worth : of each occasion: its history, its item, when, how much it counts
    timed                     : whether the same instant twice is one occasion; else each is one
    """
    width = int(items.max(initial=0)) + 1
    order = np.lexsort((times, items, rows))
    pairs, times = (rows * width + items)[order], times[order]
    starts = np.flatnonzero(np.diff(pairs, prepend=-1))
    new = np.diff(times, prepend=NO_TIME) != 0 if timed else np.ones(len(rows), np.bool_)
    new[starts] = True
    if not len(starts):
        return Histories.empty(count)
    return Histories(
        indptr=compressed(pairs[starts] // width, count),
        indices=(pairs[starts] % width).astype(np.int32),
        weights=np.add.reduceat(worth[order], starts),
        times=np.add.reduceat(new.astype(np.int32), starts).astype(np.int32),
        first_time=times[starts],
        last_time=times[np.append(starts[1:], len(pairs)) - 1],
        bought=np.zeros(len(starts), np.bool_),
    )


def _separator(path: Path) -> str | None:
    """The separator of a CSV with a header that names a user and an item; None for plain lines."""
    with path.open("rb") as stream:
        head = stream.readline(1 << 20).removeprefix(BOM)
    first = head.decode("utf-8", "replace").strip()
    for separator in (",", ";", "\t", "|"):
        names = [_plain(name) for name in first.split(separator)]
        if len(names) > 1 and _place(names, "user") is not None:
            return separator
    if path.suffix.lower() in {".csv", ".tsv"}:
        return "\t" if path.suffix.lower() == ".tsv" else ","
    return None


def _plain(name: str) -> str:
    return name.strip().strip('"').lower().replace(" ", "_")


def _place(names: Sequence[str], role: str) -> int | None:
    return next((names.index(name) for name in NAMES[role] if name in names), None)


def _columns(path: Path, header: Sequence[str]) -> dict[str, int]:
    """Where user, item, time and weight stand.

    raises : ColumnMissing for user or item
    """
    names = [_plain(name) for name in header]
    found = {role: _place(names, role) for role in NAMES}
    for role in ("user", "item"):
        if found[role] is None:
            raise ColumnMissing(
                f"{path}: no column is known to be the {role}",
                found=", ".join(header)[:200], expected=f"one of {', '.join(NAMES[role])}",
                next_step="Rename the column.",
            )  # fmt: skip
    return {role: place for role, place in found.items() if place is not None}


def _read_lines(path: Path) -> Rows:
    """`user item item …`, separated by spaces or tabs; a user may stand on several lines."""
    customers, items = [], []
    with path.open("rb") as stream:
        for line in _lines(path, stream):
            user, *rest = line.strip(" \t\r\n").replace("\t", " ").split(" ")
            named = [item for item in rest if item]
            customers += [user] * len(named)
            items += named
    count = len(items)
    return Rows(customers, items, np.full(count, NO_TIME), np.ones(count))


def _read_csv(path: Path, separator: str) -> Rows:
    with path.open("rb") as stream:
        lines = _numbered(path, csv.reader(_lines(path, stream), delimiter=separator, strict=True))
        _, header = next(lines, (1, []))
        places = _columns(path, header)
        return _rows(path, places, ((number, line) for number, line in lines if line))


def _lines(path: Path, stream: IO[bytes]) -> Iterator[str]:
    """The lines of a file, a byte-order mark left out; none may fill the memory."""
    number = 0
    while line := stream.readline(LONGEST + 1):
        number += 1
        if len(line) > LONGEST:
            raise SourceUnreadable(
                f"{path}, row {number}: the line is too long", expected=f"at most {LONGEST} bytes",
                next_step="Check that the file's lines end with a newline.",
            )  # fmt: skip
        try:
            yield line.removeprefix(BOM if number == 1 else b"").decode("utf-8")
        except UnicodeDecodeError as error:
            raise SourceUnreadable(
                f"{path}, row {number}: not UTF-8 at byte {error.start + 1} of the line",
                next_step="Save the file as UTF-8.",
            ) from error


def _numbered(path: Path, lines: Iterable[list[str]]) -> Iterator[tuple[int, list[str]]]:
    """Rows from 1, the header being the first; what can't be read names its row."""
    number = 0
    try:
        for number, line in enumerate(lines, start=1):
            yield number, line
    except csv.Error as error:
        raise SourceUnreadable(
            f"{path}, row {number + 1}: not readable as CSV: {error}", next_step="Mend that row."
        ) from error


def _read_parquet(path: Path) -> Rows:
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise SourceUnreadable(f"{path}: not readable as Parquet") from error
    places = _columns(path, file.schema_arrow.names)
    names = [file.schema_arrow.names[place] for place in places.values()]
    lines = (
        line
        for batch in file.iter_batches(columns=names)
        for line in zip(*(batch.column(name).to_pylist() for name in names), strict=True)
    )
    return _rows(path, {role: at for at, role in enumerate(places)}, enumerate(lines, start=1))


def _rows(
    path: Path, places: Mapping[str, int], lines: Iterable[tuple[int, Sequence[Any]]]
) -> Rows:
    """Every line checked, cell by cell."""
    customers: list[str] = []
    items: list[str] = []
    times: list[int] = []
    weights: list[float] = []
    last = max(places.values())
    for number, line in lines:
        if len(line) <= last:
            raise SourceUnreadable(
                f"{path}, row {number}: too short", found=f"{len(line)} cells",
                expected=f"at least {last + 1}", next_step="Mend that row.",
            )  # fmt: skip
        customers.append(cell(path, number, "user", line[places["user"]], _id))
        items.append(cell(path, number, "item", line[places["item"]], _id))
        if "time" in places:
            times.append(cell(path, number, "time", line[places["time"]], micros))
        if "weight" in places:
            weights.append(cell(path, number, "weight", line[places["weight"]], _weight))
    count = len(items)
    return Rows(
        customers, items,
        np.array(times, np.int64) if times else np.full(count, NO_TIME),
        np.array(weights, np.float64) if weights else np.ones(count),
        timed=bool(times),
    )  # fmt: skip


EXPECTED: Mapping[str, str] = MappingProxyType(
    {
        "user": "an id",
        "item": "an id",
        "time": "ISO 8601, or seconds since 1970 (or milli-, micro-, nanoseconds)",
        "weight": "a number from 0 to 1000000",
    }
)


def cell(path: Path, row: int, role: str, value: Any, read: Callable[[Any], Value]) -> Value:
    try:
        return read(value)
    except (ValueError, TypeError, OverflowError) as error:
        quoted = "nothing" if value in (None, "") else repr(value)[:60]
        raise SourceUnreadable(
            f"{path}, row {row}, {role}",
            found="a value that is none" if role == "user" and value else quoted,
            expected=EXPECTED[role], next_step="Mend that row.",
        ) from error  # fmt: skip


def _id(value: Any) -> str:
    if isinstance(value, float):  # a whole number that a file keeps as 12.0; NaN is no id
        value = int(value) if value.is_integer() else (None if math.isnan(value) else value)
    text = "" if value is None else str(value).strip()
    if not text:
        raise ValueError
    return text


def _weight(value: Any) -> float:
    weight = float(value)
    if not 0 <= weight <= 1_000_000:
        raise ValueError
    return weight


def micros(value: Any) -> int:
    """A moment in any of the usual spellings; a number says its unit by its size."""
    if isinstance(value, datetime):
        return instant(value)
    try:
        number = float(value)
    except ValueError:
        return instant(datetime.fromisoformat(str(value).strip()))
    if not 0 <= number < 1e20:
        raise ValueError
    for limit, factor in ((1e11, 1_000_000), (1e14, 1_000), (1e17, 1)):
        if number < limit:
            return round(number * factor)
    return round(number / 1_000)
