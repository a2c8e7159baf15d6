"""What most customers chose lately: the baseline, and what a list is filled up with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import msgspec
import numpy as np

from bespeak.recommend.base import (
    EVER,
    LATELY,
    Parameters,
    Ranked,
    Why,
    Whys,
    check_asked,
    check_block,
)
from bespeak.recommend.histories import (
    NO_TIME,
    UNIT,
    Flags,
    Histories,
    Index,
    Interactions,
    Whole,
    compressed,
    read_json,
    write_json,
)
from bespeak.recommend.texts import Ids, load_arrays, save_arrays

DAY = 86_400_000_000
HEAD = 512
"""Items, most popular first, among which a list is looked for before all are."""

_ARRAYS: Mapping[str, type[np.generic]] = {
    "score": np.int64,
    "order": np.int32,
    "order_ever": np.int32,
    "recent": np.int32,
    "ever": np.int32,
    "group_indptr": np.int64,
    "group_items": np.int32,
    "group_score": np.int64,
    "group_recent": np.int32,
}


class PopularParameters(Parameters, frozen=True):
    """Over which days and whom to count."""

    window_days: Annotated[float, msgspec.Meta(ge=0)] = 28.0
    """Customers count who had the item this lately; 0 counts them all. Without times, all."""
    half_life_days: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    """A customer who had it last this long ago counts half; 0: all count the same."""
    by: str = ""
    """Count apart for each label of this kind (`segment`, `place`) where histories carry one."""
    least_customers: Annotated[int, msgspec.Meta(ge=1)] = 20
    """A label with fewer customers than this gets the list of all."""


@dataclass(frozen=True, eq=False)
class Popular:
    """Counts of customers per item. Score: millionths of customers in the window; ties and the
    rest go by customers ever (less than one customer in all), then by item id.

    order, order_ever : items, best first: by score; by customers ever
    recent, ever      : customers who had the item in the window; at all
    group_*           : the same by label, compressed, only items some customer of it had lately
    """

    name: ClassVar[str] = "popular"

    items: Ids
    parameters: PopularParameters
    timed: bool
    """Whether times were known, so that the window means something."""
    labels: Ids
    score: Whole
    order: Index
    order_ever: Index
    recent: Index
    ever: Index
    group_indptr: Whole
    group_items: Index
    group_score: Whole
    group_recent: Index

    @property
    def unit(self) -> float:
        return float(UNIT)

    def scores(self, histories: Histories) -> Whole:
        check_block(len(histories), len(self.items))
        labels = self._labels(histories)
        found = np.zeros((len(histories), len(self.items)), np.int64)
        for label in np.unique(labels).tolist():
            found[labels == label] = self._score(label)
        return found

    def scores_at(self, histories: Histories, items: Index) -> Whole:
        """See `base.Pointed`."""
        labels, found = self._labels(histories), np.zeros(items.shape, np.int64)
        for label in np.unique(labels).tolist():
            rows = labels == label
            found[rows] = self._score(label)[items[rows]]
        return np.where(items >= 0, found, 0)

    def recommend(
        self,
        histories: Histories,
        k: int,
        *,
        exclude: Histories | None = None,
        allow: Flags | None = None,
    ) -> Ranked:
        check_asked(k, histories, exclude, allow)
        items = np.full((len(histories), min(k, len(self.items))), -1, np.int32)
        scores = np.zeros(items.shape, np.int64)
        labels = self._labels(histories)
        enough = k + (0 if exclude is None else int(exclude.lengths.max(initial=0)))
        for label in np.unique(labels).tolist():
            order, score = self._order(label, allow, enough), self._score(label)
            rows = np.flatnonzero(labels == label)
            for row in rows.tolist():
                out = None if exclude is None else exclude.indices[exclude.row(row)]
                chosen = _first(order, k, out)
                items[row, : len(chosen)] = chosen
            scores[rows] = np.where(items[rows] >= 0, score[items[rows]], 0)
        return Ranked(items, scores, (items >= 0).sum(axis=1))

    def why(self, history: Histories, items: Index) -> list[Why]:
        label = int(self._labels(history)[0])
        days = (self.parameters.window_days or None) if self.timed else None
        found = []
        for item in items.tolist():
            at = self._in_group(label, item)
            if at >= 0:
                count, group = int(self.group_recent[at]), self.labels[label]
                found.append(Why("popular", customers=count, days=days, group=group))
            elif label < 0 and self.recent[item]:
                found.append(Why("popular", customers=int(self.recent[item]), days=days))
            else:
                found.append(Why("popular", customers=int(self.ever[item])))
        return found

    def whys(self, histories: Histories, items: Index) -> Whys:
        kinds = np.where(items < 0, -1, EVER).astype(np.int8)
        windowed = self.timed and self.parameters.window_days > 0
        labels = self._labels(histories)
        for label in np.unique(labels).tolist() if windowed else ():
            lately = self.recent > 0
            if label >= 0:
                lately = np.zeros(len(self.items), np.bool_)
                entries = slice(int(self.group_indptr[label]), int(self.group_indptr[label + 1]))
                lately[self.group_items[entries]] = True
            rows = (labels == label)[:, None]
            kinds[rows & (items >= 0) & lately[items]] = LATELY
        return Whys(kinds, np.full(items.shape, -1, np.int32))

    def save(self, folder: Path) -> None:
        self.items.save(folder, "items")
        self.labels.save(folder, "labels")
        save_arrays(folder, self, _ARRAYS)
        about = {"timed": self.timed, "parameters": msgspec.to_builtins(self.parameters)}
        write_json(folder / "model.json", about)

    @classmethod
    def load(cls, folder: Path) -> Popular:
        """What `save` wrote, mapped.

        raises : ArtifactCorrupt
        """
        about = read_json(folder / "model.json")
        arrays = load_arrays(folder, _ARRAYS)
        parameters = msgspec.convert(about["parameters"], PopularParameters)
        items, labels = Ids.load(folder, "items"), Ids.load(folder, "labels")
        return cls(items, parameters, about["timed"], labels, **arrays)

    def _labels(self, histories: Histories) -> Index:
        """Each row's position in `labels`, -1 where the list of all is meant."""
        groups = histories.groups.get(self.parameters.by)
        if groups is None or not len(self.labels):
            return np.full(len(histories), -1, np.int32)
        used = np.unique(groups.of_row[groups.of_row >= 0])
        places = np.full(len(groups.names) + 1, -1, np.int32)  # the last one stands for "none"
        places[used] = [self.labels.find(groups.names[label]) for label in used.tolist()]
        return places[groups.of_row]

    def _order(self, label: int, allow: Flags | None, enough: int) -> Index:
        """The items that may be listed, best first: `enough` of them at least, if there are."""
        order = self.order
        if label >= 0:
            first = self.group_items[self.group_indptr[label] : self.group_indptr[label + 1]]
            seen = np.zeros(len(self.items), np.bool_)
            seen[first] = True
            order = np.concatenate([first, self.order_ever[~seen[self.order_ever]]])
        return order if allow is None else _leading(order, allow, enough)

    def _score(self, label: int) -> Whole:
        """Of every item, for one label: of those that its customers had lately, and the rest."""
        if label < 0:
            return self.score
        entries = slice(int(self.group_indptr[label]), int(self.group_indptr[label + 1]))
        score = _below_one(self.ever)
        score[self.group_items[entries]] = self.group_score[entries]
        return score

    def _in_group(self, label: int, item: int) -> int:
        if label < 0:
            return -1
        start, end = int(self.group_indptr[label]), int(self.group_indptr[label + 1])
        found = np.flatnonzero(self.group_items[start:end] == item)
        return start + int(found[0]) if len(found) else -1


def fit_popular(interactions: Interactions, parameters: PopularParameters) -> Popular:
    """Count customers per item, in the window and ever, of all and by label."""
    histories, count = interactions.histories, len(interactions.items)
    timed = interactions.as_of is not None and bool((histories.last_time != NO_TIME).any())
    worth = _worth(histories, parameters, interactions.as_of if timed else None)
    ever = np.bincount(histories.indices, minlength=count).astype(np.int32)
    score = _sum(histories.indices, worth, count) + _below_one(ever)
    labels, entries, group = _groups(histories, parameters, worth > 0)
    pairs = group * count + histories.indices[entries]
    distinct, first = np.unique(pairs, return_inverse=True)
    total = _sum(first, worth[entries], len(distinct)) + _below_one(ever)[distinct % count]
    order = np.lexsort((distinct % count, -total, distinct // count))
    return Popular(
        items=interactions.items, parameters=parameters, timed=timed, labels=labels,
        score=score, order=_descending(score), order_ever=_descending(ever.astype(np.int64)),
        recent=np.bincount(histories.indices[worth > 0], minlength=count).astype(np.int32),
        ever=ever,
        group_indptr=compressed(distinct[order] // count, len(labels)),
        group_items=(distinct[order] % count).astype(np.int32),
        group_score=total[order],
        group_recent=np.bincount(first, minlength=len(distinct))[order].astype(np.int32),
    )  # fmt: skip


def _leading(order: Index, allow: Flags, enough: int) -> Index:
    """The items of `order` that are allowed, from its head alone where that holds enough."""
    size = HEAD
    while True:
        head = order[:size]
        found: Index = head[allow[head]]
        if len(found) >= enough or size >= len(order):
            return found
        size *= 8


def _first(order: Index, k: int, out: Index | None) -> Index:
    """The first k of `order` that are not in `out`, which holds each item once, ascending."""
    if out is None or not len(out):
        return order[:k]
    head = order[: k + len(out)]
    at = np.minimum(np.searchsorted(out, head), len(out) - 1)
    kept: Index = head[out[at] != head][:k]
    return kept


def _worth(histories: Histories, parameters: PopularParameters, as_of: int | None) -> Whole:
    """What each entry's customer counts for its item, in millionths: 0 outside the window."""
    worth = np.full(len(histories.indices), UNIT, np.int64)
    if as_of is None:
        return worth
    known = histories.last_time != NO_TIME
    age_days = np.where(known, as_of - np.where(known, histories.last_time, 0), 0) / DAY
    if parameters.half_life_days:
        worth = np.maximum(1, np.rint(UNIT * np.exp2(-age_days / parameters.half_life_days)))
    inside = known & (age_days <= (parameters.window_days or np.inf))
    return np.where(inside, worth, 0).astype(np.int64)


def _groups(
    histories: Histories, parameters: PopularParameters, counted: Flags
) -> tuple[Ids, Whole, Whole]:
    """Labels with enough customers; the entries that count for one of them; its position."""
    groups = histories.groups.get(parameters.by)
    if groups is None:
        none = np.zeros(0, np.int64)
        return Ids.of([]), none, none
    sizes = np.bincount(groups.of_row[groups.of_row >= 0], minlength=len(groups.names))
    enough = np.flatnonzero(sizes >= parameters.least_customers)
    places = np.full(len(groups.names) + 1, -1, np.int64)
    places[enough] = np.arange(len(enough))
    of_entry = places[groups.of_row][histories.rows]
    entries = np.flatnonzero(counted & (of_entry >= 0))
    return Ids.of(groups.names[label] for label in enough.tolist()), entries, of_entry[entries]


def _sum(places: Any, values: Whole, count: int) -> Whole:
    """Exact sums of whole numbers by place; bincount would sum them as floats."""
    total = np.zeros(count, np.int64)
    np.add.at(total, places, values)
    return total


def _below_one(ever: Index) -> Whole:
    """Customers ever, scaled to less than one customer of the window and at least a millionth."""
    most = max(int(ever.max(initial=0)), 1)
    return np.maximum(1, ever.astype(np.int64) * (UNIT - 1) // most)


def _descending(score: Whole) -> Index:
    return np.argsort(-score, kind="stable").astype(np.int32)
