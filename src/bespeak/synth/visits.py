"""One chunk of what customers did: visits drawn in time, then the rows of each visit."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from bespeak.synth.catalogue import Catalogue
from bespeak.synth.people import People, Small
from bespeak.synth.plan import START, Floats, Plan, Truths, Whole, busyness, share_of
from bespeak.synth.segments import CATEGORIES, SEGMENTS

WEB, APP, TILL, MAIL = range(4)
VIEW, CART, PURCHASE, RETURN = range(4)
QUANTITIES = np.cumsum(
    [0.52, 0.26, 0.09, 0.05, 0.03, 0.02, 0.01, 0.007, 0.004, 0.003, 0.002, 0.002, *[0.00025] * 8]
)
"""Pieces in a line, from 1 to 20: a school, a restaurant."""


@dataclass(frozen=True)
class Visits:
    """One entry per visit, in order of time."""

    person: Whole
    channel: Small
    start: Whole
    """Seconds since the shop's first midnight, on its clock."""
    size: Whole
    """Rows."""
    buys: Truths
    """An online visit that ends in an order."""
    own: NDArray[np.uint64]
    """A number of the visit's own, for choices that concern all of its rows."""

    def __len__(self) -> int:
        return len(self.person)


@dataclass(frozen=True)
class Rows:
    """One entry per row, visit by visit.

    visit    : place in `Visits`
    place    : place among the rows of its visit, from 0
    kind     : VIEW, CART, PURCHASE or RETURN
    at       : seconds since the shop's first midnight
    price    : hundredths a piece
    discount : hundredths off the line
    """

    visit: Whole
    place: Whole
    kind: Small
    at: Whole
    item: Whole
    quantity: Whole
    price: Whole
    discount: Whole


def visit_shop(plan: Plan, people: People, chunk: int) -> Visits:
    """The visits of one chunk; their sizes add up to its events."""
    chance, wanted = plan.chance(3, chunk), plan.events_of(chunk)
    parts: list[Visits] = []
    rows = 0
    while rows < wanted:
        parts.append(_some_visits(plan, people, chance, chunk, (wanted - rows) // 4 + 64))
        rows += int(parts[-1].size.sum())
    fields = Visits.__dataclass_fields__
    together = {name: np.concatenate([getattr(part, name) for part in parts]) for name in fields}
    ends = np.cumsum(together["size"])
    kept = int(np.searchsorted(ends, wanted)) + 1
    together = {name: values[:kept] for name, values in together.items()}
    together["size"][-1] -= ends[kept - 1] - wanted
    order = np.argsort(together["start"], kind="stable")
    return Visits(**{name: values[order] for name, values in together.items()})


def _some_visits(
    plan: Plan, people: People, chance: np.random.Generator, chunk: int, count: int
) -> Visits:
    share = (chunk + chance.random(count)) / plan.chunks
    day = np.searchsorted(busyness(plan), share).clip(0, plan.days - 1)
    person = _visitors(people, chance, day)
    segment = people.segment[person]
    channel = _channels(people, chance, person, segment)
    second = _seconds(chance, segment, channel)
    size = _sizes(chance, segment, channel)
    likely = np.array([kind.buys for kind in SEGMENTS])[segment]
    return Visits(
        person=person,
        channel=channel,
        start=day * 86_400 + second,
        size=size,
        buys=(channel <= APP) & (size >= 3) & (chance.random(count) < likely),
        own=chance.integers(0, 2**63, count, dtype=np.uint64),
    )


def _visitors(people: People, chance: np.random.Generator, day: Whole) -> Whole:
    """Who comes on each of these days: drawn by weight, again until they are around that day."""
    person = np.zeros(len(day), np.int64)
    open_ = np.arange(len(day))
    ease = _ease()
    weekend = (day + START.weekday()) % 7 >= 5
    for attempt in range(40):
        drawn = np.searchsorted(people.reach, chance.random(len(open_)) * people.reach[-1])
        person[open_] = drawn
        here = (people.first[drawn] <= day[open_]) & (day[open_] < people.last[drawn])
        easy = ease[people.segment[drawn], weekend[open_].astype(np.intp)]
        stays = here & (chance.random(len(open_)) < easy)
        open_ = open_[~stays] if attempt < 39 else open_[:0]
        if not len(open_):
            break
    return person


@cache
def _ease() -> Floats:
    """Segment by whether it is a weekend: how readily a visit falls there, at most 1."""
    weekend = np.array([kind.weekend for kind in SEGMENTS])
    both = np.stack([np.ones(len(SEGMENTS)), weekend], axis=1)
    return np.asarray(both / both.max(axis=1, keepdims=True), dtype=np.float64)


def _channels(people: People, chance: np.random.Generator, person: Whole, segment: Small) -> Small:
    """Where each visit happens; who lacks an app or an account goes to the website."""
    reach = np.cumsum([kind.channels for kind in SEGMENTS], axis=1)
    u = chance.random(len(person))
    channel = (u[:, None] >= reach[segment]).sum(axis=1).clip(0, MAIL).astype(np.int8)
    no_app = (channel == APP) & (people.devices[person] == 0) & ~people.borrows[person]
    no_mail = (channel == MAIL) & (~people.member | people.placeholder_email)[person]
    return np.where(no_app | no_mail, np.int8(WEB), channel)


def _seconds(chance: np.random.Generator, segment: Small, channel: Small) -> Whole:
    """Time of day: around the segment's hours; a till is open from eight to ten."""
    hours = np.array([kind.hours for kind in SEGMENTS])
    which = chance.integers(0, hours.shape[1], len(segment))
    hour = hours[segment, which] + chance.normal(0.0, 1.3, len(segment))
    hour = np.where(channel == TILL, np.clip(hour, 8.0, 21.9), np.mod(hour, 24.0))
    hour = np.where(channel == MAIL, 9.0 + 2.0 * chance.random(len(segment)), hour)
    second: Whole = np.clip(hour * 3600, 0, 86_399).astype(np.int64)
    return second


def _sizes(chance: np.random.Generator, segment: Small, channel: Small) -> Whole:
    """Rows of each visit: online and at the till by the segment's basket, a message 1 to 3."""
    online = np.array([kind.basket for kind in SEGMENTS])[segment]
    lines = np.array([kind.lines for kind in SEGMENTS])[segment]
    mean = np.where(channel == TILL, lines, online)
    size = 1 + np.floor(-(mean - 0.5) * np.log1p(-chance.random(len(segment)))).astype(np.int64)
    mail = 1 + (chance.random(len(segment)) < 0.35) + (chance.random(len(segment)) < 0.12)
    return np.where(channel == MAIL, mail, np.minimum(size, 60))


# -- rows ------------------------------------------------------------------------------------------


def act(plan: Plan, people: People, catalogue: Catalogue, visits: Visits, chunk: int) -> Rows:
    """What happens in each visit, row by row."""
    chance = plan.chance(4, chunk)
    visit = np.repeat(np.arange(len(visits)), visits.size)
    begin = np.cumsum(visits.size) - visits.size
    place = np.arange(len(visit)) - begin[visit]
    channel, buys = visits.channel[visit], visits.buys[visit]
    bought = np.maximum(1, visits.size // 4)[visit]
    left = visits.size[visit] - place
    ordered = buys & (left <= bought)
    carted = buys & (left <= 2 * bought) & ~ordered
    till = channel == TILL
    kind = np.where(ordered | till, PURCHASE, np.where(carted, CART, VIEW)).astype(np.int8)
    kind[(kind == VIEW) & ~buys & (chance.random(len(visit)) < 0.06) & (channel <= APP)] = CART
    returned = np.array([each.returns for each in SEGMENTS])[people.segment[visits.person[visit]]]
    kind[till & (chance.random(len(visit)) < returned)] = RETURN
    at = _moments(chance, visits, visit, begin, channel)
    item = _chosen(people, catalogue, chance, visits.person[visit], at // 86_400)
    rows = np.arange(len(visit))
    item[carted] = item[rows[carted] - bought[carted]]  # what is carted was looked at before
    item[ordered] = item[rows[ordered] - bought[ordered]]  # what is ordered was carted before
    price = catalogue.price(item, at // 86_400)
    quantity = 1 + np.searchsorted(QUANTITIES, chance.random(len(visit))).clip(0, 19)
    quantity[ordered] = quantity[rows[ordered] - bought[ordered]]
    return Rows(
        visit, place, kind, at, item, quantity.astype(np.int64), price,
        _discounts(people, chance, visits.person[visit], price * quantity),
    )  # fmt: skip


def _moments(
    chance: np.random.Generator, visits: Visits, visit: Whole, begin: Whole, channel: Small
) -> Whole:
    """A till prints all lines at once; online a row follows the other within a minute or so."""
    pause = np.where(channel == MAIL, 1_800.0, 38.0)
    pause = np.where(channel == TILL, 0.0, pause)
    step = np.ceil(-pause * np.log1p(-chance.random(len(visit)))).astype(np.int64)
    passed = np.cumsum(step)
    at: Whole = visits.start[visit] + passed - passed[begin][visit]
    return at


def _chosen(
    people: People, catalogue: Catalogue, chance: np.random.Generator, person: Whole, day: Whole
) -> Whole:
    """The item of each row: one the person always has, or of a favourite category, or any."""
    n, segment = len(person), people.segment[person]
    month = ((day + 15) // 30.44).astype(np.int64) % 12
    u = chance.random(n)
    category = np.where(u < 0.58, people.favourite[person], people.second[person])
    any_ = np.flatnonzero(u >= 0.84)
    season = _seasons()[month[any_]]
    category[any_] = (chance.random(len(any_))[:, None] >= season[:, :-1]).sum(axis=1)
    point = chance.random(n)
    habit = chance.random(n) < np.array([kind.repeats for kind in SEGMENTS])[segment]
    ordinal = np.minimum(np.floor(-3.0 * np.log1p(-chance.random(n))), 11).astype(np.int64)
    usual = share_of(person * 12 + ordinal, 41)
    category = np.where(
        habit, np.where(ordinal % 3 < 2, people.favourite[person], people.second[person]), category
    )
    return catalogue.popular(category, np.where(habit, usual, point))


@cache
def _seasons() -> Floats:
    """Month by category, cumulative: gardens in spring, coats and gifts in winter."""
    base = np.array([share for _, _, share, _ in CATEGORIES])
    month = np.arange(12)[:, None]
    peak = np.array([0, 6, 6, 5, 9, 10, 10, 10, 5, 3])
    strength = np.array([0.1, 0.2, 0.3, 0.1, 0.2, 0.2, 0.4, 0.4, 0.4, 0.8])
    weight = base * (1 + strength * np.cos(2 * np.pi * (month - peak) / 12))
    return np.asarray(np.cumsum(weight / weight.sum(axis=1, keepdims=True), axis=1))


def _discounts(people: People, chance: np.random.Generator, person: Whole, value: Whole) -> Whole:
    """A tenth to four tenths off, for some lines; bargain hunters find more of them."""
    likely = np.array([kind.bargains for kind in SEGMENTS])[people.segment[person]]
    off = chance.random(len(person)) < likely
    part = np.round(0.1 + 0.3 * chance.random(len(person)), 1)
    return np.where(off, np.floor(value * part), 0).astype(np.int64)
