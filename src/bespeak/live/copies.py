"""Copies of the log for those who read whole tables: each event in one of them, once; and the same
for the changes of the catalogue.

A copy is a Parquet file that never changes, unless somebody in it is erased, named by the positions
it holds. The next begins where the last one ends, and none is there before it is whole: so a copy
cut short leaves nothing, and is made again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bespeak.columns import SESSION
from bespeak.live.changes import KeptChange
from bespeak.live.event import SHOWN, Event
from bespeak.live.log import Kept, Log
from bespeak.workspace import write_atomically

ROWS = 1_000_000
"""Events of the largest copy."""
BATCH = 20_000
IDENTIFIER = "id_"
"""Before the namespace, in the name of an identifier's column."""
TEXTS = (
    "event_id", "type", "session_id", "order_id", "item_id", "price", "value", "discount",
    "currency", "place", "device", "request_id", "properties",
)  # fmt: skip
COLUMNS: dict[str, pa.DataType] = {
    **dict.fromkeys(TEXTS, pa.string()),
    "time": pa.timestamp("us"),
    "quantity": pa.float64(),
    "position": pa.int64(),
}
EVENTS, CHANGES = "events", "changes"
"""What a copy is of, as its name says."""
CHANGE_COLUMNS: dict[str, pa.DataType] = {
    "position": pa.int64(),
    "item_id": pa.string(),
    "time": pa.timestamp("us"),
    **dict.fromkeys(("title", "category", "brand", "price"), pa.string()),
    **dict.fromkeys(("available", "sold"), pa.bool_()),
}
"""A row a change: all that was said of the item up to it, null what was not."""
_decode = msgspec.json.Decoder(Event).decode


@dataclass(frozen=True)
class Copy:
    """One file, and the first and last position of the log that it may hold."""

    path: Path
    first: int
    last: int

    @property
    def namespaces(self) -> list[str]:
        """Of the identifiers in it."""
        names = pq.read_schema(self.path).names
        return [name.removeprefix(IDENTIFIER) for name in names if name.startswith(IDENTIFIER)]


class _Placed(Protocol):
    """What stands at a position of the log."""

    @property
    def position(self) -> int: ...


Placed = TypeVar("Placed", bound=_Placed)


def copies(folder: Path, of: str = EVENTS) -> list[Copy]:
    """The copies in `folder`, in order."""
    pattern = re.compile(rf"{of}-(\d{{12}})-(\d{{12}})\.parquet")
    named = [(path, pattern.fullmatch(path.name)) for path in folder.glob(f"{of}-*.parquet")]
    found = [Copy(path, int(name[1]), int(name[2])) for path, name in named if name is not None]
    return sorted(found, key=lambda copy: copy.first)


def copy_new(log: Log, folder: Path, *, rows: int = ROWS) -> list[Copy]:
    """Copy the events that came after the last copy; nobody else may do so meanwhile.

    returns : the new copies; none where nothing came
    """
    return _copied(folder, EVENTS, log.after, log.last(), _table, rows)


def copy_changes(log: Log, folder: Path, *, rows: int = ROWS) -> list[Copy]:
    """The same for the changes of the catalogue."""
    return _copied(folder, CHANGES, log.changes_after, log.changes_last(), _changes_table, rows)


def _copied(
    folder: Path,
    of: str,
    after: Callable[[int, int], Iterator[Placed]],
    end: int,
    table: Callable[[Sequence[Placed]], pa.Table],
    rows: int,
) -> list[Copy]:
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(".aside-*"):
        left.unlink()
    made = copies(folder, of)
    position = made[-1].last if made else 0
    new: list[Copy] = []
    while position < end:
        entries = islice(_entries(after, position, end), rows)
        new.append(_written(entries, table, folder / of, position + 1))
        position = new[-1].last
    return new


def without(folder: Path, erased: Callable[[Iterable[str]], set[str]]) -> dict[str, int]:
    """Write every copy that holds somebody erased anew, without their events.

    erased  : of some identifiers, those that were erased
    returns : file -> events that left it; a copy of which nothing is left stays, and is empty,
              since its name says how far the log was copied
    """
    left = {}
    for copy in copies(folder):
        table = pq.read_table(copy.path)
        gone = _of_erased(table, erased)
        if gone is not None:
            kept = table.filter(pc.invert(gone))
            _write(kept, copy.path)
            left[copy.path.name] = table.num_rows - kept.num_rows
    return left


def drop_copies(folder: Path, before: int) -> int:
    """Remove the copies whose events were all earlier; how many.

    before : microseconds since 1970
    The last copy stays, since its name says how far the log was copied.
    """
    old = [copy for copy in copies(folder)[:-1] if _latest(copy.path) < before]
    for copy in old:
        copy.path.unlink()
    return len(old)


def _latest(path: Path) -> int:
    """The time of a copy's latest event, in microseconds since 1970; 0 where it has none."""
    latest = pc.max(pq.read_table(path, columns=["time"])["time"]).cast(pa.int64()).as_py()
    return int(latest or 0)


def _of_erased(table: pa.Table, erased: Callable[[Iterable[str]], set[str]]) -> Any:
    """Whether each event carries an erased identifier; None where none does."""
    gone = None
    for name in table.column_names:
        if name.startswith(IDENTIFIER):
            found = erased(one for one in pc.unique(table[name]).to_pylist() if one is not None)
            if found:
                here = pc.is_in(table[name], value_set=pa.array(sorted(found)))
                gone = here if gone is None else pc.or_(gone, here)
    return gone


def _entries(
    after: Callable[[int, int], Iterator[Placed]], position: int, end: int
) -> Iterator[Placed]:
    """What stands beyond `position`, up to `end`."""
    while True:
        batch = list(after(position, BATCH))
        for one in batch:
            if one.position > end:
                return
            yield one
        if len(batch) < BATCH:
            return
        position = batch[-1].position


def _written(
    entries: Iterator[Placed],
    table: Callable[[Sequence[Placed]], pa.Table],
    named: Path,
    first: int,
) -> Copy:
    """One copy, of all of `entries`; `named` is how its name begins."""
    tables, last = [], first
    while batch := list(islice(entries, BATCH)):
        tables.append(table(batch))
        last = batch[-1].position
    # events of one batch may have identifiers that those of another lack
    whole = pa.concat_tables(tables, promote_options="default")
    target = named.with_name(f"{named.name}-{first:012d}-{last:012d}.parquet")
    _write(whole, target)
    return Copy(target, first, last)


def _write(table: pa.Table, path: Path) -> None:
    content = pa.BufferOutputStream()
    pq.write_table(table, content, compression="zstd", compression_level=1)
    write_atomically(path, content.getvalue().to_pybytes())


def _changes_table(batch: Sequence[KeptChange]) -> pa.Table:
    rows = [
        {"position": one.position, "item_id": one.item_id, "time": one.time, **one.said}
        for one in batch
    ]
    return pa.Table.from_pylist(rows, pa.schema(CHANGE_COLUMNS.items()))


def _table(batch: Sequence[Kept]) -> pa.Table:
    events = [_decode(one.entry.body) for one in batch]
    rows = [row for event, one in zip(events, batch, strict=True) for row in _rows(event, one)]
    named = sorted({f"{IDENTIFIER}{name}" for event in events for name in event.identifiers})
    schema = pa.schema(
        [*COLUMNS.items(), *((name, pa.string()) for name in [*named, IDENTIFIER + SESSION])]
    )
    return pa.Table.from_pylist(rows, schema)


def row_of(kept: Kept) -> dict[str, Any]:
    """One event as its copy would have it; no list that was shown."""
    return _row(_decode(kept.entry.body), kept)


def _rows(event: Event, kept: Kept) -> Iterator[dict[str, Any]]:
    """One row; of a list that was shown, one for each item on it."""
    shown = event.properties.get(SHOWN)
    if shown is None:
        yield _row(event, kept)
        return
    said = {name: value for name, value in event.properties.items() if name != SHOWN}
    for place, item in enumerate(shown):
        about = {"event_id": f"{event.event_id}-{place}", "item_id": item, "position": place}
        yield _row(msgspec.structs.replace(event, properties=said), kept) | about


def _row(event: Event, kept: Kept) -> dict[str, Any]:
    entry = kept.entry
    value = event.value
    if value is None and event.price is not None and event.type in {"purchase", "return"}:
        value = event.price * Decimal(str(1 if event.quantity is None else event.quantity))
    row = {name: getattr(event, name) for name in COLUMNS}
    money = {"price": event.price, "value": value, "discount": event.discount}
    row |= {name: None if amount is None else f"{amount:f}" for name, amount in money.items()}
    row |= {f"{IDENTIFIER}{name}": spelled for name, spelled in event.identifiers.items()}
    said = msgspec.json.encode(event.properties).decode() if event.properties else None
    time = None if event.time is None else event.time.astimezone(UTC).replace(tzinfo=None)
    row |= {"event_id": entry.event_id, "time": time, "properties": said}
    if entry.session is not None:
        row[IDENTIFIER + SESSION] = f"{SESSION}:{entry.session}"
    return row
