"""For whom, for what and when lists are good: the same figures, by parts of a test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bespeak.errors import BadRequest
from bespeak.recommend.base import Ranked
from bespeak.recommend.evaluating import metrics
from bespeak.recommend.evaluating.splits import Held
from bespeak.recommend.histories import Flags, Histories, Interactions
from bespeak.recommend.interactions import DAY, moment

BY = ("activity", "popularity", "time")
"""What figures can be told apart by; `time` where the test has times, groups of customers beside
them."""
ALL = "all"
"""Everything that there is to tell apart by."""
SPANS = (1, 7, 28, 91, 364)
"""Whole days of a part of time: the least that makes few parts."""
GROUPS = 12
"""Groups of customers that are told apart; what more there are count as one."""
PARTS = 13
"""Parts of time at most, but where even years are more."""


@dataclass(frozen=True, eq=False)
class Slice:
    """A part of a test.

    by    : what parts it and its like
    name  : what it is of, in words
    code  : the same for programs: new, having, head, torso, tail, cold, group, others, none, days
    wanted: which test items count
    about : what goes with the code: low and high (having), items (head, torso, tail, cold),
            label (group), groups (others: how many), since and until (days: the first and the
            last of them)
    """

    by: str
    name: str
    code: str
    wanted: Flags
    about: Mapping[str, Any] = field(default_factory=dict)


def slices(by: Sequence[str], train: Interactions, held: Held, asked: Histories) -> list[Slice]:
    """The parts of a test, those without a test item left out.

    by     : `activity`, thirds of the customers by how much they have, new ones apart;
             `popularity`, the items that make the first, second and last third of what is known,
             items that nobody has apart; `time`, days or weeks of the test; a kind of groups that
             customers are known by; `all`: all of these that there are
    asked  : the history of each row of `held`
    raises : BadRequest where customers are not known by `by`, or no time is known
    """
    named = [each for one in by for each in (_telling(held, asked) if one == ALL else [one])]
    found = [part for one in dict.fromkeys(named) for part in _parts(one, train, held, asked)]
    return [part for part in found if part.wanted.any()]


def figures(
    parts: Sequence[Slice], ranked: Ranked, held: Held, items: int, k: int, *, seed: int
) -> list[dict[str, Any]]:
    """recall@k and ndcg@k of each part with their intervals, over the customers it has.

    returns : by, slice (in words), code, what goes with it, customers, pairs (test items), figures
    """
    found = []
    for part in parts:
        rows = np.unique(held.rows[part.wanted])
        lists = Ranked(ranked.items[rows], ranked.scores[rows], ranked.own[rows])
        values = metrics.accuracy(lists, held.where(part.wanted), items, k)
        kept = {name: values[name] for name in (f"recall@{k}", f"ndcg@{k}")}
        row: dict[str, Any] = {"by": part.by, "slice": part.name, "code": part.code, **part.about}
        row |= {"customers": len(rows), "pairs": int(part.wanted.sum())}
        for name, span in metrics.intervals(kept, seed=seed).items():
            row |= {name: float(kept[name].mean()), f"{name}_ci": list(span)}
        found.append(row)
    return found


def _known(held: Held, asked: Histories) -> list[str]:
    timed = [] if held.times is None else ["time"]
    return ["activity", "popularity", *timed, *sorted(asked.groups)]


def _telling(held: Held, asked: Histories) -> list[str]:
    """What is known, but for groups that nobody is in."""
    empty = {kind for kind, group in asked.groups.items() if not len(group.names)}
    return [one for one in _known(held, asked) if one not in empty]


def _parts(by: str, train: Interactions, held: Held, asked: Histories) -> Iterator[Slice]:
    known = _known(held, asked)
    if by not in known:
        raise BadRequest(
            "by", found=by[:40], expected=", ".join([*known, ALL]),
            next_step="Segments and places are known in a workspace, not in files. For `time` the"
            " test file needs a column of times.",
        )  # fmt: skip
    if by == "activity":
        return _by_activity(held, asked)
    if by == "popularity":
        return _by_popularity(train, held)
    return _by_time(held) if by == "time" else _by_group(by, held, asked)


def _by_activity(held: Held, asked: Histories) -> Iterator[Slice]:
    lengths = asked.lengths
    known = np.sort(lengths[lengths > 0])
    yield Slice("activity", "new customers", "new", (lengths == 0)[held.rows])
    if not len(known):
        return
    cuts = known[[-(-len(known) // 3) - 1, -(-2 * len(known) // 3) - 1]].tolist()
    bounds = [(1, cuts[0]), (cuts[0] + 1, cuts[1]), (cuts[1] + 1, int(known[-1]))]
    for low, high in bounds:
        many = f"{low} items" if low == high else f"{low} to {high} items"
        said = "1 item" if low == high == 1 else many
        wanted = ((lengths >= low) & (lengths <= high))[held.rows]
        yield Slice("activity", said, "having", wanted, {"low": low, "high": high})


def _by_popularity(train: Interactions, held: Held) -> Iterator[Slice]:
    having = np.bincount(train.histories.indices, minlength=len(train.items))
    order = np.argsort(-having, kind="stable")
    before = np.cumsum(having[order]) - having[order]
    third = np.empty(len(having), np.int64)
    third[order] = np.minimum(3 * before // max(int(having.sum()), 1), 2)
    of_item = np.where(having > 0, third, 3)
    # an item that is nowhere in what is known is -1, and so the last one
    of_entry = np.append(of_item, 3)[held.items]
    counts = np.bincount(of_item, minlength=4).tolist()
    for at, code in enumerate(("head", "torso", "tail")):
        name = f"{code}: {counts[at]:,} items"
        yield Slice("popularity", name, code, of_entry == at, {"items": counts[at]})
    yield Slice("popularity", "items nobody has", "cold", of_entry == 3)


def _by_time(held: Held) -> Iterator[Slice]:
    """Days, weeks, or spans of four weeks and more, from the day of the first test item on."""
    if held.times is None or not len(held.times):
        return
    days = held.times // DAY
    first, last = int(days.min()), int(days.max())
    span = next((span for span in SPANS if (last - first) // span < PARTS), SPANS[-1])
    for start in range(first, last + 1, span):
        end = min(start + span - 1, last)
        since, until = (moment(day * DAY).date().isoformat() for day in (start, end))
        name = since if start == end else f"{since} to {until}"
        wanted = (days >= start) & (days <= end)
        yield Slice("time", name, "days", wanted, {"since": since, "until": until})


def _by_group(by: str, held: Held, asked: Histories) -> Iterator[Slice]:
    """The groups that hold most of the test, and the others as one."""
    group = asked.groups[by]
    of_entry = group.of_row[held.rows]
    sizes = np.bincount(of_entry[of_entry >= 0], minlength=len(group.names))
    order = np.argsort(-sizes, kind="stable")
    most, others = sorted(order[:GROUPS].tolist()), order[GROUPS:]
    for label in most:
        name = group.names[label]
        yield Slice(by, name, "group", of_entry == label, {"label": name})
    count = int((sizes[others] > 0).sum())
    yield Slice(by, f"{count:,} others", "others", np.isin(of_entry, others), {"groups": count})
    yield Slice(by, "none", "none", of_entry < 0)
