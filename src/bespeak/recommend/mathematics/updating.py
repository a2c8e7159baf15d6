"""Models of counted pairs brought up to date: what changed histories touch is counted anew.

A pair's sum, and so its similarity, is as it was unless a history that holds either item changed.
So the lists of touched items are counted anew, from the histories that hold them, and of the other
lists only the touched neighbours are replaced. All that is summed is whole numbers: the model is
that of a fit from nothing, entry by entry, and the work is that of the touched items.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bespeak.compiled import sealed
from bespeak.recommend.base import even_parts, on_all_cores
from bespeak.recommend.histories import Flags, Histories, Index, Interactions, Whole, compressed
from bespeak.recommend.mathematics import near, update_kernels
from bespeak.recommend.mathematics.item_lists import ItemLists
from bespeak.recommend.mathematics.measure import ItemKnnParameters, Measure, sizes_of, squares
from bespeak.recommend.mathematics.near import Entries, Filled, Near
from bespeak.recommend.texts import Ids

WORTH = 0.5
"""Beyond this share of the whole work, a fit from nothing is the simpler way, and as quick."""
OF_ALL = frozenset({"tfidf", "bm25"})
"""Weightings by which every weight depends on every history."""


@dataclass(frozen=True, eq=False)
class Changed:
    """What is not as it was.

    customers : how many, those who came or went among them
    places    : int32, of each item as it was among those there are now; -1: gone
    items     : of each item there is now, whether a history that holds it, or held it, changed
    """

    customers: int
    places: Index
    items: Flags


@dataclass(frozen=True, eq=False)
class Updated:
    """A model brought up to date, what had changed, and how many lists were counted anew for it."""

    lists: Near
    customers: int
    items: int


def updated(
    model: ItemLists, counts: ItemKnnParameters, before: Interactions, now: Interactions
) -> Updated | None:
    """What `near.nearest` finds in `now`, from what it found in `before`; None where all changed.

    model  : lists counted by `counts` in `before`
    counts : None is returned for weightings that are in OF_ALL, too, and where units of whole
             numbers have changed, or the touched items have more than WORTH of the work
    """
    if counts.weighting in OF_ALL:
        return None
    change = changed(before, now)
    entries, measure = _measured(now, counts)
    if not _same_units(measure, _measured(before, counts)[1]) or model.scale != measure.scale:
        return None
    ways = entries.both_ways(measure.values(entries.weights, entries.lengths))
    work, asked = near.work_of(*ways), np.flatnonzero(change.items).astype(np.int32)
    if work[asked].sum() > WORTH * work.sum():
        return None
    norms = near.norms_of(measure, counts)
    anew, told = _anew(model, change, (ways, norms), asked, work[asked], counts.neighbours)
    lists = _mended(model, change, (ways, norms), anew, told, counts.neighbours)
    return Updated(Near(measure, entries.cut, *lists), change.customers, len(asked))


def changed(before: Interactions, now: Interactions) -> Changed:
    """Whose histories differ, in what counting looks at, and which items those hold or held."""
    places, rows = _places(before.items, now.items), _places(before.customers, now.customers)
    old, new = before.histories, now.histories
    there = np.flatnonzero(rows >= 0)
    differs = np.zeros(len(there), np.bool_)
    update_kernels.differ(
        _columns(old), _columns(new), sealed(there, rows[there]), sealed(places)[0], differs
    )
    old_rows, new_rows = np.ones(len(old), np.bool_), np.ones(len(new), np.bool_)
    old_rows[there], new_rows[rows[there]] = differs, differs
    items = np.zeros(len(now.items), np.bool_)
    items[new.indices[new_rows[new.rows]]] = True
    held = places[old.indices[old_rows[old.rows]]]
    items[held[held >= 0]] = True
    gone, fresh = int((rows < 0).sum()), int(new_rows.sum())
    return Changed(gone + fresh, places, items)


def _places(before: Ids, now: Ids) -> Index:
    """Where each id of before stands now; -1: nowhere."""
    if before.same(now):
        return np.arange(len(now), dtype=np.int32)
    found = pc.index_in(before.arrow(), value_set=now.arrow())
    places: Index = pc.fill_null(found, pa.scalar(-1, pa.int32())).to_numpy()
    return places


def _columns(histories: Histories) -> tuple[Any, ...]:
    return sealed(histories.indptr, histories.indices, histories.weights, histories.last_time)


def _measured(interactions: Interactions, counts: ItemKnnParameters) -> tuple[Entries, Measure]:
    """What is counted, and how; as `near.nearest` has it."""
    entries = Entries.of(interactions, counts.longest_history, counts.weighting)
    sizes = sizes_of(squares(entries.used.indices, entries.weights, entries.count))
    return entries, Measure.of(sizes, counts)


def _same_units(one: Measure, two: Measure) -> bool:
    """Whether both make the same whole numbers of the same weights and sums."""
    return one.scale == two.scale and np.array_equal(one.factors, two.factors)


def _anew(
    model: ItemLists,
    change: Changed,
    counted: tuple[Any, Any],
    asked: Index,
    work: Whole,
    width: int,
) -> tuple[Any, Any]:
    """The lists of touched items; and, by item that is not, what those are to it."""
    count = len(change.items)
    shape = len(asked), min(width, count)
    lists = np.empty(shape, np.int32), np.empty(shape, np.int64), np.empty(shape, np.int32)
    marked, bounds = sealed(asked)[0], sealed(change.items, _least(model, change, shape[1]))

    def one(part: slice) -> Any:
        some: Any = tuple(column[part] for column in lists)
        return update_kernels.counted_anew(*counted, marked, bounds, (part.start, part.stop), some)

    parts = on_all_cores(one, even_parts(work))
    parts = parts or [one(slice(0, 0))]
    sizes, others, *told = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(others, kind="stable")
    indptr = compressed(others[order].astype(np.int64), count)
    place = np.full(count, -1, np.int32)
    place[asked] = np.arange(len(asked), dtype=np.int32)
    return sealed(place, sizes, *lists), sealed(indptr, *(column[order] for column in told))


def _least(model: ItemLists, change: Changed, width: int) -> Index:
    """Per item there is now: what its list, if it may have been cut, ended with; 0: all matters."""
    full = np.flatnonzero(np.diff(model.indptr) >= width)
    ends = model.similarity[model.indptr[full + 1] - 1]
    found = np.zeros(len(change.items), np.int32)
    kept = change.places[full] >= 0
    found[change.places[full][kept]] = ends[kept]
    return found


def _mended(
    model: ItemLists,
    change: Changed,
    counted: tuple[Any, Any],
    anew: tuple[Any, ...],
    told: tuple[Any, ...],
    width: int,
) -> Filled:
    """Every list, from the old ones and what is new."""
    before = np.full(len(change.items), -1, np.int32)
    there = np.flatnonzero(change.places >= 0).astype(np.int32)
    before[change.places[there]] = there
    old = sealed(
        model.indptr, model.neighbours, model.similarity, model.common, before, change.places
    )
    work = np.full(len(change.items), width, np.int64)
    return near.filled(
        lambda span, found: update_kernels.mended(*counted, old, anew, told, span, found),
        work, width,
    )  # fmt: skip
