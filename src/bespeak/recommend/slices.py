"""For whom and for what lists are good: the same figures, by kinds of customers or of items."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bespeak.errors import BadRequest
from bespeak.recommend import metrics
from bespeak.recommend.base import Ranked
from bespeak.recommend.histories import Flags, Histories, Interactions
from bespeak.recommend.splits import Held

BY = ("activity", "popularity")
"""What figures can be told apart by wherever there are any; groups of customers beside them."""


@dataclass(frozen=True, eq=False)
class Slice:
    """A part of a test.

    name  : what it is of, in words
    wanted: which test items count
    """

    name: str
    wanted: Flags


def slices(by: str, train: Interactions, held: Held, asked: Histories) -> list[Slice]:
    """The parts of a test, those without a test item left out.

    by     : `activity`, thirds of the customers by how much they have, new ones apart;
             `popularity`, the items that make the first, second and last third of what is known,
             items that nobody has apart; or a kind of groups that customers are known by
    asked  : the history of each row of `held`
    raises : BadRequest where customers are not known by `by`
    """
    if by == "activity":
        found = _by_activity(held, asked)
    elif by == "popularity":
        found = _by_popularity(train, held)
    elif by in asked.groups:
        found = _by_group(by, held, asked)
    else:
        raise BadRequest(
            "by", found=by[:40], expected=", ".join([*BY, *sorted(asked.groups)]),
            next_step="Segments and places are known in a workspace, not in files.",
        )  # fmt: skip
    return [one for one in found if one.wanted.any()]


def figures(
    parts: list[Slice], ranked: Ranked, held: Held, items: int, k: int, *, seed: int
) -> list[dict[str, Any]]:
    """recall@k and ndcg@k of each part with their intervals, over the customers it has."""
    found = []
    for part in parts:
        rows = np.unique(held.rows[part.wanted])
        lists = Ranked(ranked.items[rows], ranked.scores[rows], ranked.own[rows])
        values = metrics.accuracy(lists, held.where(part.wanted), items, k)
        kept = {name: values[name] for name in (f"recall@{k}", f"ndcg@{k}")}
        row: dict[str, Any] = {"slice": part.name, "customers": len(rows)}
        for name, span in metrics.intervals(kept, seed=seed).items():
            row |= {name: float(kept[name].mean()), f"{name}_ci": list(span)}
        found.append(row)
    return found


def _by_activity(held: Held, asked: Histories) -> Iterator[Slice]:
    lengths = asked.lengths
    known = np.sort(lengths[lengths > 0])
    yield Slice("new customers", (lengths == 0)[held.rows])
    if not len(known):
        return
    cuts = known[[-(-len(known) // 3) - 1, -(-2 * len(known) // 3) - 1]].tolist()
    bounds = [(1, cuts[0]), (cuts[0] + 1, cuts[1]), (cuts[1] + 1, int(known[-1]))]
    for low, high in bounds:
        many = f"{low} items" if low == high else f"{low} to {high} items"
        said = "1 item" if low == high == 1 else many
        yield Slice(said, ((lengths >= low) & (lengths <= high))[held.rows])


def _by_popularity(train: Interactions, held: Held) -> Iterator[Slice]:
    having = np.bincount(train.histories.indices, minlength=len(train.items))
    order = np.argsort(-having, kind="stable")
    before = np.cumsum(having[order]) - having[order]
    third = np.empty(len(having), np.int64)
    third[order] = np.minimum(3 * before // max(int(having.sum()), 1), 2)
    of_item = np.where(having > 0, third, 3)
    # an item that is nowhere in what is known is -1, and so the last one
    of_entry = np.append(of_item, 3)[held.items]
    counts: Mapping[int, int] = dict(enumerate(np.bincount(of_item, minlength=4).tolist()))
    for at, name in enumerate(("head", "torso", "tail")):
        yield Slice(f"{name}: {counts[at]:,} items", of_entry == at)
    yield Slice("items nobody has", of_entry == 3)


def _by_group(by: str, held: Held, asked: Histories) -> Iterator[Slice]:
    group = asked.groups[by]
    for label, name in enumerate(group.names):
        yield Slice(name, (group.of_row == label)[held.rows])
    yield Slice("none", (group.of_row < 0)[held.rows])
