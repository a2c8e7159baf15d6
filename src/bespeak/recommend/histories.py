"""Who had what: the frozen values that models are fitted on and asked with."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bespeak.errors import ArtifactCorrupt, NotReady
from bespeak.recommend.texts import Ids, load_array, load_arrays, misfit, save_arrays

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from bespeak.engines import Engine

UNIT = 1_000_000
"""Weights are whole millionths, so that no rank depends on the order of a sum."""

NO_TIME = np.iinfo(np.int64).min
"""Where a source says no time."""

Whole = NDArray[np.int64]
Index = NDArray[np.int32]
Flags = NDArray[np.bool_]

_COLUMNS: Mapping[str, type[np.generic]] = {
    "indptr": np.int64,
    "indices": np.int32,
    "weights": np.int64,
    "times": np.int32,
    "first_time": np.int64,
    "last_time": np.int64,
    "bought": np.bool_,
}


@dataclass(frozen=True, eq=False)
class Groups:
    """A label per row: a segment, a usual place.

    names : the labels
    of_row: int32, the position of each row's label in `names`, -1 where it has none
    """

    names: Ids
    of_row: Index

    @classmethod
    def of(cls, labels: Sequence[str | None]) -> Groups:
        names = Ids.sorted_from(label for label in labels if label is not None)
        place = {name: index for index, name in enumerate(names)}
        return cls(names, np.array([-1 if x is None else place[x] for x in labels], np.int32))


@dataclass(frozen=True, eq=False)
class Histories:
    """Rows of items, compressed: row r is `indices[indptr[r]:indptr[r + 1]]`, ascending, each once.

    weights    : int64, millionths, at least 1: how much each item counts, decayed to `as_of`
    times      : int32, how many times (distinct instants, or rows where no time is known)
    first_time : int64, microseconds since 1970, or NO_TIME
    last_time  : the same
    bought     : whether those times are purchases; else other events, or nobody knows
    groups     : kind -> label per row, where the caller knows some
    """

    indptr: Whole
    indices: Index
    weights: Whole
    times: Index
    first_time: Whole
    last_time: Whole
    bought: Flags
    groups: Mapping[str, Groups] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.indptr) - 1

    @property
    def lengths(self) -> Whole:
        """How many items each row has."""
        return np.diff(self.indptr)

    @property
    def rows(self) -> Whole:
        """The row of every entry."""
        return np.repeat(np.arange(len(self)), self.lengths)

    def row(self, at: int) -> slice:
        """Where one row stands."""
        return slice(int(self.indptr[at]), int(self.indptr[at + 1]))

    def take(self, rows: Whole | Index) -> Histories:
        """Some rows, in the order asked for; -1 gives an empty one."""
        if not len(self):  # nobody is known, so nobody can be asked for
            return Histories.empty(len(rows))
        if len(rows) == 1 and rows[0] >= 0:
            return self._only(int(rows[0]))
        known = np.where(rows < 0, 0, rows)
        starts = self.indptr[known]
        lengths = np.where(rows < 0, 0, self.indptr[known + 1] - starts)
        indptr = np.zeros(len(rows) + 1, np.int64)
        np.cumsum(lengths, out=indptr[1:])
        entries = np.arange(indptr[-1]) + np.repeat(starts - indptr[:-1], lengths)
        return self._of(indptr, entries, rows)

    def where(self, kept: Flags) -> Histories:
        """The same rows with only the entries that are true in `kept`."""
        running = np.zeros(len(kept) + 1, np.int64)
        np.cumsum(kept, out=running[1:])
        return self._of(running[self.indptr], np.flatnonzero(kept), np.arange(len(self)))

    def heaviest(self, limit: int) -> Histories:
        """At most `limit` entries a row: by weight, then the latest, then by item id."""
        return self._foremost(limit, -self.weights, -self.last_time)

    def latest(self, limit: int) -> Histories:
        """At most `limit` entries a row: the latest, then by weight, then by item id."""
        return self._foremost(limit, ~self.last_time, -self.weights)  # ~: no time is the oldest

    def _foremost(self, limit: int, first: Whole, second: Whole) -> Histories:
        """At most `limit` entries a row: the least `first`, then `second`, then by item id."""
        if len(self.indices) <= limit:
            return self
        long = self.lengths > limit
        if not long.any():
            return self
        kept = ~np.repeat(long, self.lengths)
        at = np.flatnonzero(~kept)  # entries of long rows only: they are few, and sorting is dear
        kept[self._first_of(at, limit, first, second)] = True
        return self.where(kept)

    def heaviest_of(self, entries: Whole, limit: int) -> Whole:
        """Of some entries (ascending), at most `limit` a row, in the order of `heaviest`."""
        return self._first_of(entries, limit, -self.weights, -self.last_time)

    def _first_of(self, entries: Whole, limit: int, first: Whole, second: Whole) -> Whole:
        rows = np.searchsorted(self.indptr, entries, side="right") - 1
        order = np.lexsort((self.indices[entries], second[entries], first[entries], rows))
        place = np.arange(len(entries)) - np.searchsorted(rows, rows)
        found: Whole = entries[order[place < limit]]
        return found

    def places(self) -> tuple[Whole, Whole]:
        """Where each entry stands in its row's order: its first and its last place, from 0.

        Each instant at which something of the row happened first or last is a place, the oldest
        is 0; what has the same instant has the same place, so without times all is 0.
        """
        count, rows = len(self.indices), np.concatenate([self.rows, self.rows])
        times = np.concatenate([self.first_time, self.last_time])
        order = np.lexsort((times, rows))
        new_row = np.diff(rows[order], prepend=-1) != 0
        steps = np.cumsum((np.diff(times[order], prepend=NO_TIME) != 0) & ~new_row)
        starts = steps[new_row]
        found = np.empty(2 * count, np.int64)
        found[order] = steps - starts[np.cumsum(new_row) - 1]
        return found[:count], found[count:]

    def find(self, items: Index) -> Whole:
        """Where each of `items` stands, a line a row: a place in `indices`, or -1."""
        count = np.int64(max(self.indices.max(initial=0), items.max(initial=0))) + 1
        keys = self.rows * count + self.indices
        wanted = np.arange(len(self))[:, None] * count + items
        places = np.minimum(np.searchsorted(keys, wanted), max(len(keys) - 1, 0))
        if not len(keys):
            return np.full(items.shape, -1, np.int64)
        return np.where((items >= 0) & (keys[places] == wanted), places, -1)

    def _only(self, row: int) -> Histories:
        """One row, by views of what is there already."""
        at = self.row(row)
        groups = {
            kind: Groups(group.names, group.of_row[row : row + 1])
            for kind, group in self.groups.items()
        }
        return Histories(
            np.array([0, at.stop - at.start]), self.indices[at], self.weights[at], self.times[at],
            self.first_time[at], self.last_time[at], self.bought[at], groups,
        )  # fmt: skip

    def _of(self, indptr: Whole, entries: Whole, rows: Whole | Index) -> Histories:
        groups = {
            kind: Groups(group.names, np.where(rows < 0, -1, group.of_row[rows]).astype(np.int32))
            for kind, group in self.groups.items()
        }
        return Histories(
            indptr, self.indices[entries], self.weights[entries], self.times[entries],
            self.first_time[entries], self.last_time[entries], self.bought[entries], groups,
        )  # fmt: skip

    @classmethod
    def empty(cls, rows: int) -> Histories:
        """Rows without an item."""
        return cls.of_lists([[]] * rows)

    @classmethod
    def of_lists(cls, lists: Sequence[Sequence[int] | Index]) -> Histories:
        """One row a list of item positions; an item named twice weighs twice. Times are unknown."""
        counted = [sorted(Counter(int(item) for item in items).items()) for items in lists]
        pairs = np.array([pair for row in counted for pair in row], np.int64).reshape(-1, 2)
        indptr = np.zeros(len(lists) + 1, np.int64)
        np.cumsum([len(row) for row in counted], out=indptr[1:])
        unknown = np.full(len(pairs), NO_TIME)
        return cls(
            indptr, pairs[:, 0].astype(np.int32), pairs[:, 1] * UNIT, pairs[:, 1].astype(np.int32),
            unknown, unknown, np.zeros(len(pairs), np.bool_),
        )  # fmt: skip

    def save(self, folder: Path) -> None:
        """One .npy a column; equal histories give equal bytes."""
        save_arrays(folder, self, _COLUMNS)
        for kind, group in self.groups.items():
            group.names.save(folder, f"group.{kind}")
            np.save(folder / f"group.{kind}.npy", group.of_row)

    @classmethod
    def load(cls, folder: Path, kinds: Sequence[str] = ()) -> Histories:
        """What `save` wrote, mapped.

        raises : ArtifactCorrupt where a file is missing or does not fit the others
        """
        columns = load_arrays(folder, _COLUMNS)
        entries = {len(columns[name]) for name in _COLUMNS if name != "indptr"}
        if not len(columns["indptr"]) or entries != {int(columns["indptr"][-1])}:
            raise misfit(folder)
        groups = {
            kind: Groups(
                Ids.load(folder, f"group.{kind}"),
                load_array(folder, f"group.{kind}", np.int32),
            )
            for kind in kinds
        }
        if any(len(group.of_row) != len(columns["indptr"]) - 1 for group in groups.values()):
            raise misfit(folder)
        return cls(**columns, groups=groups)


@dataclass(frozen=True, eq=False)
class Stored:
    """The rows of some interactions, where they are.

    table  : as `interactions` gives it
    counts : whether models that can be are to be fitted there, since memory may not hold the work
    """

    engine: Engine
    table: ir.Table
    counts: bool


@dataclass(frozen=True, eq=False)
class Interactions:
    """Every known customer's history, as of one instant.

    customers : row r of `histories` is customer r
    items     : item i of `histories` is item i; positions follow the ids' order
    as_of     : microseconds since 1970, exclusive; None where no time is known
    stored    : the same as an engine's rows, where the caller has them
    """

    customers: Ids
    items: Ids
    histories: Histories
    as_of: int | None
    stored: Stored | None = None

    @cached_property
    def buys(self) -> bool:
        """Whether anything is known to be bought."""
        return bool(self.histories.bought.any())

    def with_groups(self, kind: str, labels: Mapping[str, str]) -> Interactions:
        """The same, each customer labelled: customer_id -> segment, say."""
        group = Groups.of([labels.get(customer) for customer in self.customers])
        groups = {**self.histories.groups, kind: group}
        return replace(self, histories=replace(self.histories, groups=groups))

    def save(self, folder: Path) -> None:
        """Arrays and a small JSON; equal interactions give equal bytes."""
        self.customers.save(folder, "customers")
        self.items.save(folder, "items")
        self.histories.save(folder)
        about = {"as_of": self.as_of, "groups": sorted(self.histories.groups)}
        write_json(folder / "interactions.json", about)

    @classmethod
    def load(cls, folder: Path) -> Interactions:
        """What `save` wrote, mapped: opening it costs nothing per customer.

        raises : ArtifactCorrupt where files are missing or do not fit each other
        """
        about = read_json(folder / "interactions.json")
        histories = Histories.load(folder, about["groups"])
        customers, items = Ids.load(folder, "customers"), Ids.load(folder, "items")
        if len(customers) != len(histories):
            raise misfit(folder)
        return cls(customers, items, histories, about["as_of"])


def compressed(rows: Whole, count: int) -> Whole:
    """indptr of entries that are ordered by row."""
    indptr = np.zeros(count + 1, np.int64)
    np.cumsum(np.bincount(rows, minlength=count), out=indptr[1:])
    return indptr


def row_sums(values: Whole | Index, indptr: Whole) -> Whole:
    """The sum of each row's entries; 0 for an empty row."""
    running = np.concatenate([[0], np.cumsum(values)])
    found: Whole = np.diff(running[indptr])
    return found


def rebuy_share(interactions: Interactions) -> float:
    """Of all occasions on which somebody had an item, the share that were not their first.

    raises : NotReady where nobody has anything
    """
    occasions = int(interactions.histories.times.sum())
    if not occasions:
        raise NotReady("there are no interactions", next_step="Add events, and run again.")
    return 1 - len(interactions.histories.indices) / occasions


def write_json(path: Path, about: Mapping[str, Any]) -> None:
    """`about` with its keys in order, so that equal values give equal bytes."""
    path.write_text(json.dumps(about, sort_keys=True, indent=1, ensure_ascii=False), "utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """What `write_json` wrote.

    raises : ArtifactCorrupt
    """
    try:
        about: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ArtifactCorrupt(
            f"{path}: can't be read", next_step="Delete that folder and run `bespeak run` again."
        ) from error
    return about
