"""Past histories in their order, with an index from each item to the newest that hold it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bespeak.compiled import sealed
from bespeak.recommend.histories import Histories, Index, Whole, compressed
from bespeak.recommend.mathematics import order
from bespeak.recommend.texts import load_arrays, save_arrays

_ARRAYS: Mapping[str, type[np.generic]] = {
    "indptr": np.int64,
    "members": np.int32,
    "first": np.int16,
    "last": np.int16,
    "factors": np.int32,
    "starts": np.int64,
    "entries": np.int32,
    "row_of": np.int32,
    "having": np.int32,
}


@dataclass(frozen=True, eq=False)
class Past:
    """Row r has the items `members[indptr[r]:indptr[r + 1]]`; row 0 is the newest.

    first, last     : int16, the first and last place of each entry in its row
    factors         : int32 a row, how much it counts
    starts, entries : per item, the entries that hold it, of the newest rows only
    row_of          : int32, the row of each entry
    having          : int32, past histories that hold each item, all of them
    """

    indptr: Whole
    members: Index
    first: NDArray[np.int16]
    last: NDArray[np.int16]
    factors: Index
    starts: Whole
    entries: Index
    row_of: Index
    having: Index

    @classmethod
    def of(
        cls, histories: Histories, items: int, parameters: order.OrderParameters, newest: int
    ) -> Past:
        """Order the rows by age and their items by place.

        newest : an item's index names at most this many rows
        """
        used = histories.latest(parameters.longest_history)
        rows, ages = order.newest_first(used)
        past = used.take(rows)
        first, last = past.places()
        return cls(
            past.indptr, past.indices, first.astype(np.int16), last.astype(np.int16),
            order.factors(past.lengths, ages, parameters), *_index(past.indices, items, newest),
            past.rows.astype(np.int32),
            np.bincount(past.indices, minlength=items).astype(np.int32),
        )  # fmt: skip

    def find(self, items: Index, first: Whole, last: Whole) -> int:
        """The newest row of just these items at just these places; -1: there is none.

        items       : ascending
        first, last : the places of each, see `Histories.places`
        """
        if not len(items):
            return -1
        for row in self.row_of[self.members == items[0]].tolist():
            at = slice(int(self.indptr[row]), int(self.indptr[row + 1]))
            same = np.array_equal(self.members[at], items)
            same = same and np.array_equal(self.first[at], first)
            if same and np.array_equal(self.last[at], last):
                return int(row)
        return -1

    def without(self, row: int, newest: int) -> Past:
        """The same with nothing of one row left in it.

        newest : as `of` takes it
        """
        items, kept = len(self.having), self.row_of != row
        members, rows = self.members[kept], self.row_of[kept]
        lengths = np.delete(np.diff(self.indptr), row)
        return Past(
            np.concatenate([[0], np.cumsum(lengths)]), members, self.first[kept], self.last[kept],
            np.delete(self.factors, row), *_index(members, items, newest),
            (rows - (rows > row)).astype(np.int32),
            np.bincount(members, minlength=items).astype(np.int32),
        )  # fmt: skip

    def memory(self, parameters: order.OrderParameters, own: int) -> tuple[Any, ...]:
        """As order_kernels.py reads it.

        own : see `order.own_weight`
        """
        after, before = order.nearness(parameters)
        return (
            sealed(self.indptr, self.members, self.first, self.last, self.factors),
            sealed(self.starts, self.entries, self.row_of),
            (*sealed(after, before), own),
        )

    def indexed(self) -> Any:
        """Per entry, whether the index names it."""
        named = np.zeros(len(self.members), np.bool_)
        named[self.entries] = True
        return sealed(named)[0]

    def save(self, folder: Path) -> None:
        """One .npy a column."""
        save_arrays(folder, self, _ARRAYS)

    @classmethod
    def load(cls, folder: Path) -> Past:
        """What `save` wrote, mapped.

        raises : ArtifactCorrupt
        """
        arrays = load_arrays(folder, _ARRAYS)
        return cls(**arrays)


def _index(members: Index, items: int, newest: int) -> tuple[Whole, Index]:
    """starts, entries: per item, the entries that hold it, of at most `newest` rows."""
    by_item = np.argsort(members, kind="stable")  # within an item: the newest rows first
    starts = compressed(members.astype(np.int64), items)
    place = np.arange(len(by_item)) - starts[members[by_item]]
    kept = by_item[place < newest]
    return compressed(members[kept].astype(np.int64), items), kept.astype(np.int32)
