"""A history brought up to date: what happened since the interactions were counted.

One event counts here what it would count there (see `interactions`), up to the decay of the time
that has passed, which is the same for all and so changes no rank.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from bespeak.columns import DISMISS, RESTORE
from bespeak.compiled import brief, sealed
from bespeak.recommend.histories import NO_TIME, UNIT, Histories
from bespeak.recommend.interactions import DAY, faded_to


class Since(NamedTuple):
    """One event about an item; time in microseconds since 1970."""

    item_id: str
    type: str
    time: int


@dataclass(frozen=True)
class Counting:
    """What an event counts, as the workspace's interactions were counted.

    weights        : event type -> what one event counts; a type that is not named counts nothing
    half_life_days : after which it counts half; None for never
    """

    weights: Mapping[str, float]
    half_life_days: float | None

    def of(self, event: Since, as_of: int | None) -> int:
        """Millionths; more than the weight where the event is later than what `as_of` fades to."""
        weight = self.weights.get(event.type, 0.0)
        if weight <= 0:
            return 0
        if self.half_life_days is not None and as_of is not None:
            # an hour of a wrong clock is no matter; a century must not overflow
            whole = faded_to(as_of, self.half_life_days)
            days = min((event.time - whole) / DAY, 30 * self.half_life_days)
            weight *= 2.0 ** (days / self.half_life_days)
        return max(round(weight * UNIT), 1)


COLUMNS = (np.int32, np.int64, np.int32, np.int64, np.int64, np.bool_)
"""Of items, weights, times, first and last time, and whether they were bought."""
OTHER, PURCHASE, DISMISSED, RESTORED = range(4)
KINDS = MappingProxyType({"purchase": PURCHASE, DISMISS: DISMISSED, RESTORE: RESTORED})


def brought_up_to_date(
    history: Histories,
    events: Sequence[Since],
    places: Sequence[int],
    counting: Counting,
    as_of: int | None,
) -> Histories:
    """One row with `events` in it, without what was dismissed since.

    A return waits for the next count, which knows the quantities.

    history : one row
    places  : each event's item among the model's, -1 where it has none, which counts nothing
    """
    told = [
        (place, counting.of(event, as_of), KINDS.get(event.type, OTHER), event.time)
        for event, place in zip(events, places, strict=True)
        if place >= 0
    ]
    room = len(history.indices) + len(told)
    made: tuple[Any, ...] = tuple(np.empty(room, kind) for kind in COLUMNS)
    had = sealed(
        history.indices, history.weights, history.times, history.first_time, history.last_time,
        history.bought,
    )  # fmt: skip
    size = _merged(had, np.array(told, np.int64).reshape(-1, 4), made)
    items, weights, times, first, last, bought = (column[:size] for column in made)
    indptr = np.array([0, size])
    return Histories(indptr, items, weights, times, first, last, bought, history.groups)


@brief
def _merged(had: tuple[Any, ...], told: Any, made: tuple[Any, ...]) -> int:
    """Fill `made` with the history as it is now; how many items it has.

    had, made : (items, weights, times, first_time, last_time, bought)
    told      : rows of (item, what it counts, kind, time), oldest first
    """
    items, weights, times, first, last, bought = made
    size, room = len(had[0]), len(items)
    # when each was last wanted, and when last dismissed
    wanted, dismissed = np.full(room, NO_TIME), np.full(room, NO_TIME)
    items[:size], weights[:size], times[:size] = had[0], had[1], had[2]
    first[:size], last[:size], bought[:size] = had[3], had[4], had[5]
    wanted[:size] = had[4]
    for row in range(len(told)):
        at = np.searchsorted(items[:size], told[row, 0])
        if at == size or items[at] != told[row, 0]:
            _inserted(made, wanted, dismissed, at, size, told[row, 0])
            size += 1
        _counted(made, wanted, dismissed, at, told[row])
    kept = 0
    for at in range(size):
        # it has a weight, and the last word on it is no dismissal
        if weights[at] > 0 and (dismissed[at] == NO_TIME or dismissed[at] < wanted[at]):
            items[kept], weights[kept], times[kept] = items[at], weights[at], times[at]
            first[kept], last[kept], bought[kept] = first[at], last[at], bought[at]
            kept += 1
    return kept


@brief
def _inserted(
    made: tuple[Any, ...], wanted: Any, dismissed: Any, at: int, size: int, item: int
) -> None:
    """An item that counts nothing yet, at its place among the first `size`."""
    items, weights, times, first, last, bought = made
    for later in range(size, at, -1):
        items[later], weights[later] = items[later - 1], weights[later - 1]
        times[later], bought[later] = times[later - 1], bought[later - 1]
        first[later], last[later] = first[later - 1], last[later - 1]
        wanted[later], dismissed[later] = wanted[later - 1], dismissed[later - 1]
    items[at], weights[at], times[at], bought[at] = item, 0, 0, False
    first[at] = last[at] = wanted[at] = dismissed[at] = NO_TIME


@brief
def _counted(made: tuple[Any, ...], wanted: Any, dismissed: Any, at: int, told: Any) -> None:
    """One event of the item at that place."""
    _, weights, times, first, last, bought = made
    counts, kind, time = told[1], told[2], told[3]
    if counts:
        weights[at] += counts
        purchase = kind == PURCHASE
        # purchases make the times, where there is one; else the other events do
        if purchase and not bought[at]:
            times[at], first[at], last[at], bought[at] = 0, NO_TIME, NO_TIME, True
        if purchase == bought[at] and time != last[at]:
            times[at] += 1
            first[at] = time if first[at] == NO_TIME else min(first[at], time)
            last[at] = max(last[at], time)
    if kind == DISMISSED:
        dismissed[at] = max(dismissed[at], time)
    elif counts or kind == RESTORED:
        wanted[at] = max(wanted[at], time)


def hidden(before: Collection[str], events: Sequence[Since], counting: Counting) -> set[str]:
    """The items that are not to be offered, since their customer's last word was `dismiss`.

    before : as of the last count
    events : since then
    """
    if not before and not any(event.type == DISMISS for event in events):
        return set()
    last: dict[str, tuple[int, bool]] = {}
    for event in events:
        dismissed = event.type == DISMISS
        if dismissed or event.type == RESTORE or counting.of(event, None):
            said = (event.time, dismissed)  # at the same instant, a dismissal prevails
            last[event.item_id] = max(last.get(event.item_id, said), said)
    still = {item for item in before if item not in last}
    return still | {item for item, (_, dismissed) in last.items() if dismissed}
