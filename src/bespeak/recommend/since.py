"""A history brought up to date: what happened since the interactions were counted.

One event counts here what it would count there (see `interactions`), up to the decay of the time
that has passed, which is the same for all and so changes no rank.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bespeak.columns import DISMISS, RESTORE
from bespeak.recommend.histories import NO_TIME, UNIT, Histories
from bespeak.recommend.interactions import DAY


@dataclass(frozen=True)
class Since:
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
        """Millionths; more than the weight where the event is later than `as_of`."""
        weight = self.weights.get(event.type, 0.0)
        if weight <= 0:
            return 0
        if self.half_life_days is not None and as_of is not None:
            # an hour of a wrong clock is no matter; a century must not overflow
            days = min((event.time - as_of) / DAY, 30 * self.half_life_days)
            weight *= 2.0 ** (days / self.half_life_days)
        return max(round(weight * UNIT), 1)


@dataclass
class _Had:
    """One item of the history."""

    weight: int = 0
    times: int = 0
    first: int = NO_TIME
    last: int = NO_TIME
    bought: bool = False
    wanted: int = NO_TIME
    dismissed: int = NO_TIME

    @property
    def counts(self) -> bool:
        """Whether it has a weight, and the last word on it is no dismissal."""
        return self.weight > 0 and not (NO_TIME < self.dismissed >= self.wanted)

    def add(self, event: Since, counts: int) -> None:
        """Purchases make the times, where there is one; else the other events do."""
        self.weight += counts
        purchase = event.type == "purchase"
        if purchase and not self.bought:
            self.times, self.first, self.last, self.bought = 0, NO_TIME, NO_TIME, True
        if purchase == self.bought and event.time != self.last:
            self.times += 1
            self.first = event.time if self.first == NO_TIME else min(self.first, event.time)
            self.last = max(self.last, event.time)


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
    had = {
        int(item): _Had(int(weight), int(times), int(first), int(last), bool(bought), int(last))
        for item, weight, times, first, last, bought in zip(
            history.indices, history.weights, history.times, history.first_time,
            history.last_time, history.bought, strict=True,
        )
    }  # fmt: skip
    for event, place in zip(events, places, strict=True):
        if place < 0:
            continue
        one, counts = had.setdefault(int(place), _Had()), counting.of(event, as_of)
        if counts:
            one.add(event, counts)
        if event.type == DISMISS:
            one.dismissed = max(one.dismissed, event.time)
        elif counts or event.type == RESTORE:
            one.wanted = max(one.wanted, event.time)
    found = sorted((item, one) for item, one in had.items() if one.counts)
    return replace(
        history,
        indptr=np.array([0, len(found)], np.int64),
        indices=np.array([item for item, _ in found], np.int32),
        weights=np.array([one.weight for _, one in found], np.int64),
        times=np.array([one.times for _, one in found], np.int32),
        first_time=np.array([one.first for _, one in found], np.int64),
        last_time=np.array([one.last for _, one in found], np.int64),
        bought=np.array([one.bought for _, one in found], np.bool_),
    )


def hidden(before: Iterable[str], events: Sequence[Since], counting: Counting) -> set[str]:
    """The items that are not to be offered, since their customer's last word was `dismiss`.

    before : as of the last count
    events : since then
    """
    last: dict[str, tuple[int, bool]] = {}
    for event in events:
        dismissed = event.type == DISMISS
        if dismissed or event.type == RESTORE or counting.of(event, None):
            said = (event.time, dismissed)  # at the same instant, a dismissal prevails
            last[event.item_id] = max(last.get(event.item_id, said), said)
    still = {item for item in before if item not in last}
    return still | {item for item, (_, dismissed) in last.items() if dismissed}
