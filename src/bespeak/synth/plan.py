"""What world is asked for, and how its events fall into chunks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from bespeak.errors import BadRequest

Whole = NDArray[np.int64]
Floats = NDArray[np.float64]
Truths = NDArray[np.bool_]

START = date(2024, 1, 1)
"""The shop's first day; never the wall clock, so that the same arguments give the same bytes."""
ZONE = "Asia/Shanghai"
OFFSET_S = 8 * 3600
"""The zone's clocks are ahead of UTC by so much, all year."""
CHUNK = 500_000
"""Events of one chunk, which one worker holds in memory."""
LIMITS = {
    "customers": (10, 200_000_000),
    "items": (40, 9_000_000),
    "events": (100, 20_000_000_000),
    "days": (7, 3_650),
    "seed": (0, 2**63 - 1),
}


@dataclass(frozen=True)
class Plan:
    """A world: how many customers, items, events and days, and which one of all such worlds.

    raises : BadRequest, naming the argument and its range
    """

    customers: int
    items: int
    events: int
    days: int
    seed: int = 7

    def __post_init__(self) -> None:
        for name, (low, high) in LIMITS.items():
            given = getattr(self, name)
            if not low <= given <= high:
                raise BadRequest(
                    f"--{name}: out of range",
                    found=f"{given:,}",
                    expected=f"a whole number from {low:,} to {high:,}",
                )

    @property
    def chunks(self) -> int:
        """A chunk becomes a file of each channel; small worlds have several files too."""
        return max(-(-self.events // CHUNK), min(4, self.events // 500), 1)

    def events_of(self, chunk: int) -> int:
        """Events of one chunk; they add up to `events`."""
        return self.events * (chunk + 1) // self.chunks - self.events * chunk // self.chunks

    def chance(self, *what: int) -> np.random.Generator:
        """The random numbers of one part of the world, whoever draws them and when."""
        return np.random.Generator(np.random.SFC64([self.seed, *what]))

    @property
    def end(self) -> date:
        """The day after the last."""
        return START + timedelta(days=self.days)


def busyness(plan: Plan) -> Floats:
    """Cumulative share of all visits by the end of each day: a year's seasons, growth, peaks."""
    day = np.arange(plan.days)
    dates = np.datetime64(START) + day
    of_year = (dates - dates.astype("datetime64[Y]")).astype(np.int64)
    season = 1 + 0.18 * np.cos(2 * np.pi * (of_year - 345) / 365.25)
    growth = 1 + 0.25 * day / 365
    peaks = (
        1
        + 1.6 * np.exp(-(((of_year - 315) / 2.0) ** 2))
        + 0.7 * np.exp(-(((of_year - 169) / 2.5) ** 2))
    )  # the sales of November and June
    total = np.cumsum(season * growth * peaks)
    return np.asarray(total / total[-1], dtype=np.float64)


def mixed(numbers: Whole | NDArray[np.uint64], salt: int) -> NDArray[np.uint64]:
    """A bijection of 64-bit numbers that looks random.

    source : Steele, Lea & Flood (2014), the finaliser of SplitMix64
    """
    step = np.uint64((0x9E3779B97F4A7C15 * (2 * salt + 1)) % 2**64)
    with np.errstate(over="ignore"):
        z = numbers.astype(np.uint64) + step
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def share_of(numbers: Whole | NDArray[np.uint64], salt: int) -> Floats:
    """A number's own point in [0, 1): the same wherever it is asked for."""
    return np.asarray((mixed(numbers, salt) >> np.uint64(11)) * 2.0**-53, dtype=np.float64)
