"""Session files: what was looked at in order, a session a row, and what came next.

Train : Parquet with one list of items a row, the oldest session first; or with a time column too,
        the instant at which each session began.
Test  : Parquet with `prefix`, a list of items in order, and `target`, the item that came next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bespeak.errors import ColumnMissing, SourceMissing, SourceUnreadable
from bespeak.recommend.evaluating.files import NAMES, cell, micros, summed
from bespeak.recommend.evaluating.splits import Held
from bespeak.recommend.histories import UNIT, Histories, Index, Interactions, Whole
from bespeak.recommend.interactions import ranked_ids
from bespeak.recommend.texts import Ids

PREFIX, TARGET = "prefix", "target"
APART = 1_000_000
"""Sessions without a time begin this many microseconds apart, and have an item each microsecond."""
LONGEST = APART
"""No session may have more items."""


@dataclass(frozen=True, eq=False)
class Lists:
    """A list column, checked.

    rows, places : of every item: its row, and where it stands in its list
    items        : what the items are called
    """

    rows: Whole
    places: Whole
    items: pa.Array
    count: int


def is_sessions(path: Path) -> bool:
    """Whether a file is Parquet with a column of lists, so that its rows are sessions."""
    if not path.is_file() or path.suffix.lower() not in {".parquet", ".pq"}:
        return False
    return any(_listed(field.type) for field in _opened(path).schema_arrow)


def read_sessions(path: Path) -> Interactions:
    """The sessions of a train file, each a history, in the order in which they began.

    Times within a session are places: without a time column they say the order and nothing else,
    and `as_of` is None.
    raises : SourceMissing; ColumnMissing; SourceUnreadable, naming the file and the row
    """
    file = _opened(path)
    lists = [field.name for field in file.schema_arrow if _listed(field.type)]
    if len(lists) != 1:
        raise ColumnMissing(
            f"{path}: it is not told which column holds the sessions",
            found=_columns(file.schema_arrow), expected="exactly one column of lists of items",
            next_step="Leave the other columns out.",
        )  # fmt: skip
    timed = next((name for name in NAMES["time"] if name in file.schema_arrow.names), None)
    table = file.read(columns=[*lists, *([timed] if timed else [])])
    sessions = _lists(path, table, lists[0])
    items, of_item = ranked_ids(pa.chunked_array([sessions.items]))
    begun = np.arange(sessions.count) * APART
    if timed is not None:
        cells = enumerate(table[timed].to_pylist(), start=1)
        begun = np.array([cell(path, row, "time", at, micros) for row, at in cells], np.int64)
    times = begun[sessions.rows] + sessions.places
    histories = _histories(sessions, of_item, times)
    names = Ids.of(f"{row:012d}" for row in range(1, sessions.count + 1))
    return Interactions(names, items, histories, int(times.max()) + 1 if timed else None)


def read_prefixes(path: Path, train: Interactions) -> Held:
    """What is known of each session of a test file, and the one item that is to be foretold.

    Items that the train file lacks are left out of prefixes; as a target, such an item counts and
    is never hit.
    raises : as `read_sessions`
    """
    file = _opened(path)
    for name in (PREFIX, TARGET):
        if name not in file.schema_arrow.names:
            raise ColumnMissing(
                f"{path}: there is no column `{name}`", found=_columns(file.schema_arrow),
                expected=f"`{PREFIX}`, a list of items in order, and `{TARGET}`, the next item",
                next_step="Rename or add the column.",
            )  # fmt: skip
    table = file.read(columns=[PREFIX, TARGET])
    prefixes = _lists(path, table, PREFIX)
    wanted = _positions(_ids(path, table[TARGET].combine_chunks(), TARGET, None), train)
    known = _positions(prefixes.items, train)
    kept = known >= 0
    left = Lists(prefixes.rows[kept], prefixes.places[kept], prefixes.items, prefixes.count)
    histories = _histories(left, known[kept].astype(np.int64), left.places)
    nobody = np.full(len(wanted), -1, np.int32)
    return Held(nobody, np.arange(len(wanted) + 1), wanted, histories)


def _histories(lists: Lists, of_item: Whole, times: Whole) -> Histories:
    worth = np.full(len(of_item), UNIT)
    return summed(lists.rows, of_item, lists.count, times, worth, timed=True)


def _positions(names: pa.Array, train: Interactions) -> Index:
    """Where each name stands among the items of the training part; -1: nowhere."""
    if not len(names):
        return np.zeros(0, np.int32)
    things, of_item = ranked_ids(pa.chunked_array([names]))
    places: Index = train.items.find_all(list(things))[of_item]
    return places


def _opened(path: Path) -> pq.ParquetFile:
    if not path.is_file():
        raise SourceMissing(f"{path}: there is no such file", next_step="Check the path.")
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise SourceUnreadable(f"{path}: not readable as Parquet") from error


def _listed(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )


def _columns(schema: pa.Schema) -> str:
    return ", ".join(f"{field.name} ({field.type})" for field in schema)[:200]


def _lists(path: Path, table: pa.Table, name: str) -> Lists:
    """A column of lists, each of them of at least one item and none too long."""
    kind = table.schema.field(name).type
    if not _listed(kind):
        raise SourceUnreadable(
            f"{path}, {name}", found=str(kind), expected="a list of items in every row"
        )
    if not len(table):
        raise SourceUnreadable(f"{path}: there is no row in it", expected="a session a row")
    column = table[name].combine_chunks().cast(pa.large_list(kind.value_type))
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy().astype(np.int64)
    _refuse(path, name, lengths < 1, "no item", "at least one item")
    _refuse(path, name, lengths > LONGEST, "a longer list", f"at most {LONGEST} items")
    rows = np.repeat(np.arange(len(lengths)), lengths)
    places = np.arange(len(rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return Lists(rows, places, _ids(path, column.flatten(), name, rows), len(lengths))


def _ids(path: Path, values: pa.Array, name: str, rows: Whole | None) -> pa.Array:
    """Items as texts, none of them missing.

    rows : the row of every value, where a row has several
    """
    kind = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
    if not (
        pa.types.is_integer(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind)
    ):
        raise SourceUnreadable(
            f"{path}, {name}", found=str(values.type), expected="whole numbers or texts as items",
            next_step="Cast the column.",
        )  # fmt: skip
    texts = pc.utf8_trim_whitespace(values.cast(kind).cast(pa.large_string()))
    empty = pc.fill_null(pc.equal(texts, ""), True).to_numpy(zero_copy_only=False)
    at = np.flatnonzero(empty)
    if len(at):
        _refuse(path, name, _marked(at[:1] if rows is None else rows[at[:1]]), "nothing", "an item")
    return texts


def _marked(rows: Sequence[int] | Whole) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    marked = np.zeros(int(max(rows)) + 1, np.bool_)
    marked[rows] = True
    return marked


def _refuse(path: Path, name: str, bad: np.ndarray[tuple[int], np.dtype[np.bool_]], found: str,
            expected: str) -> None:  # fmt: skip
    """Name the first bad row, if there is one."""
    if bad.any():
        raise SourceUnreadable(
            f"{path}, row {int(np.argmax(bad)) + 1}, {name}", found=found, expected=expected,
            next_step="Mend that row, or leave it out.",
        )  # fmt: skip
