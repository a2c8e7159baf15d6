"""The customers: what kind each is, when they are around, and the identifiers they go by."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bespeak.synth.plan import Floats, Plan, Truths, Whole, mixed, share_of
from bespeak.synth.segments import CATEGORIES, SEGMENTS
from bespeak.synth.spelling import digits, hexes, joined

Small = NDArray[np.int8]

COOKIES, DEVICES, ACCOUNTS = 3, 2, 2
"""The most of each that one person has."""
OFFICE = 1_500
"""One office in so many customers."""
SHARED_EMAIL, SHARED_PHONE, SHARED_CARD = "noreply@example.com", "+86 138 0000 0000", "629999999999"
"""What staff type where a form wants something; the card is the cashier's own."""
GUEST_EMAIL = "guest@example.com"

_SURNAMES = (
    "wang", "li", "zhang", "liu", "chen", "yang", "zhao", "huang", "zhou", "wu", "xu", "sun", "ma",
    "zhu", "hu", "guo", "he", "lin", "gao", "luo",
)  # fmt: skip
_GIVEN = (
    "wei", "fang", "na", "min", "jing", "lei", "jun", "yong", "jie", "juan", "tao", "ming", "chao",
    "xia", "ping", "gang", "hui", "ying", "hua", "anna", "ben", "carla", "david", "emma", "felix",
    "grace", "henry", "iris", "jack", "kate", "leo", "mia", "noah", "olivia", "paul", "rose",
)  # fmt: skip
_HOSTS = ("example.com", "example.org", "example.net", "mail.example.com", "post.example.cn")
CITIES = ("上海", "北京", "广州", "深圳", "杭州", "成都", "武汉", "南京", "西安", "苏州")


@dataclass(frozen=True)
class People:
    """One entry per customer; `person` is the place in these arrays."""

    plan: Plan
    segment: Small
    weight: Floats
    """Relative number of visits while around."""
    first: NDArray[np.float32]
    """Day from which the customer is around."""
    last: NDArray[np.float32]
    favourite: Small
    second: Small
    """Two categories the customer prefers."""
    member: Truths
    """Has an account, and so stands in the customer file."""
    card: Truths
    cookies: Small
    devices: Small
    double: Truths
    """Has a forgotten second account, with the same phone."""
    borrows: Truths
    """Uses the device of the person before, of the same household, now and then."""
    placeholder_email: Truths
    placeholder_phone: Truths

    @cached_property
    def reach(self) -> Floats:
        """Cumulative weight: where a random number falls tells whose visit it is."""
        return np.cumsum(self.weight)

    @cached_property
    def seen(self) -> dict[str, NDArray[np.uint8]]:
        """Per namespace, person and ordinal: whether a row names it, and beside another of theirs.

        Filled while the events are made; every worker only ever writes ones.
        """
        sizes = {"cookie": COOKIES, "device": DEVICES, "email": ACCOUNTS}
        return {
            name: np.zeros((len(self.segment), size, 2), np.uint8) for name, size in sizes.items()
        }


def populate(plan: Plan) -> People:
    """The customers of a world, drawn in one go: some sixty bytes each."""
    chance, n = plan.chance(1), plan.customers
    segment = chance.choice(len(SEGMENTS), n, p=[kind.share for kind in SEGMENTS]).astype(np.int8)
    first, last = _around(chance, segment, plan.days)
    member = chance.random(n) < _of(segment, "member")
    favourite, second = _tastes(chance, segment)
    eager = np.array([kind.channels[1] > 0.5 for kind in SEGMENTS])[segment]
    return People(
        plan=plan,
        segment=segment,
        weight=_of(segment, "visits") * chance.lognormal(0.0, 0.22, n),
        first=first,
        last=last,
        favourite=favourite,
        second=second,
        member=member,
        card=member & (chance.random(n) < _of(segment, "card")),
        cookies=np.where(member, chance.choice(3, n, p=[0.6, 0.3, 0.1]) + 1, 1).astype(np.int8),
        devices=np.where(
            member & (eager | (chance.random(n) < 0.5)), 1 + (chance.random(n) < 0.2), 0
        ).astype(np.int8),
        double=member & (chance.random(n) < 0.005),
        borrows=_borrowers(chance, member),
        placeholder_email=member & _some(chance, n),
        placeholder_phone=member & _some(chance, n),
    )


def _of(segment: Small, field: str) -> Floats:
    return np.array([getattr(kind, field) for kind in SEGMENTS], dtype=np.float64)[segment]


def _around(
    chance: np.random.Generator, segment: Small, days: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """From which day to which each customer comes: some joined later, the lapsed left early."""
    n = len(segment)
    first = np.where(chance.random(n) < 0.6, 0.0, chance.random(n) * 0.35) * days
    early = np.array([kind.active == "early" for kind in SEGMENTS])[segment]
    first = np.where(early, first * 0.4, first)
    last = np.where(early, (0.40 + 0.15 * chance.random(n)) * days, float(days))
    return first.astype(np.float32), last.astype(np.float32)


def _tastes(chance: np.random.Generator, segment: Small) -> tuple[Small, Small]:
    """Two categories each, by the segment's weights."""
    weights = np.array([kind.tastes for kind in SEGMENTS], dtype=np.float64)
    reach = np.cumsum(weights / weights.sum(axis=1, keepdims=True), axis=1)
    drawn = []
    for _ in range(2):
        u = chance.random(len(segment))
        taste = (u[:, None] >= reach[segment]).sum(axis=1)
        drawn.append(np.minimum(taste, len(CATEGORIES) - 1).astype(np.int8))
    return drawn[0], drawn[1]


def _borrowers(chance: np.random.Generator, member: Truths) -> Truths:
    """Three in a thousand share a device with the person before them."""
    borrows = chance.random(len(member)) < 0.003
    borrows[1:] &= member[:-1]
    borrows[:1] = False
    return np.asarray(borrows & member)


def _some(chance: np.random.Generator, n: int) -> Truths:
    """The few for whom a placeholder was typed: more than one person can be, or none."""
    few = max(n // 300, 30) if n >= 400 else 0
    chosen = np.zeros(n, dtype=bool)
    chosen[chance.choice(n, few, replace=False)] = True
    return chosen


# -- identifiers: functions of the person, so that nothing need be kept ----------------------------


def accounts(person: Whole, ordinal: Whole) -> Any:
    """`A` and nine digits, in no order."""
    return digits((person * 2 + ordinal) * 387_420_489 % 10**9, 9, "A")


def phones(person: Whole) -> Any:
    """Eleven digits that begin with 13."""
    return digits((person * 282_475_249 + 17) % 10**9, 9, "13")


def cards(person: Whole) -> Any:
    """Twelve digits that begin with 62."""
    return digits((person * 40_353_607 + 9) % 10**10, 10, "62")


def emails(person: Whole, ordinal: Whole) -> Any:
    """given.surname and number at one of a few hosts; all different."""
    own = mixed(person, 3)
    given = pa.array(_GIVEN).take(pa.array(own % np.uint64(len(_GIVEN))))
    surname = pa.array(_SURNAMES).take(pa.array((own >> np.uint64(20)) % np.uint64(len(_SURNAMES))))
    host = pa.array(_HOSTS).take(pa.array((own >> np.uint64(40)) % np.uint64(len(_HOSTS))))
    number = pa.array(person * 2 + ordinal).cast(pa.string())
    return joined(given, ".", surname, number, "@", host)


def cookies(person: Whole, ordinal: Whole) -> Any:
    return hexes(mixed(person * COOKIES + ordinal, 5), 16)


def devices(person: Whole, ordinal: Whole) -> Any:
    return hexes(mixed(person * DEVICES + ordinal, 6), 16, "d-")


def tablets(number: Whole) -> Any:
    """The shops' own devices, on which staff sign customers in."""
    return hexes(mixed(number, 7), 16, "d-")


def kiosks(number: Whole) -> Any:
    """Browsers that stand in the shops."""
    return hexes(mixed(number, 8), 16)


def offices(number: Whole) -> Any:
    """Browsers that a few colleagues share, who sign in and out."""
    return hexes(mixed(number, 10), 16)


def colleagues(person: Whole) -> Truths:
    """Whether a customer is one of the three to twelve who share an office's browser."""
    group = person // OFFICE
    return np.asarray(person % OFFICE < 3 + np.floor(10 * share_of(group, 15)))


def shared_count(plan: Plan) -> int:
    """How many tablets, and how many kiosks, the shops have."""
    return max(1, plan.customers // 2_500)


def clock_error(person: Whole, ordinal: Whole) -> Whole:
    """Seconds by which a device's clock is wrong: hours for a few, years for fewer."""
    own = share_of(person * DEVICES + ordinal, 11)
    size = share_of(person * DEVICES + ordinal, 12)
    hours = (np.floor(size * 20).astype(np.int64) - 10) * 3_600
    hours = np.where(hours >= 0, hours + 7_200, hours - 3_600)
    years = np.where(size < 0.7, -(12 + np.floor(size * 10)), 14 + np.floor(size * 10))
    far = (years * 365.25 * 86_400).astype(np.int64)
    return np.where(own < 0.001, far, np.where(own < 0.004, hours, 0))
