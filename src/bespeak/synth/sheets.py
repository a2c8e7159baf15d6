"""The rows of one file as they will stand there, before they are spelt."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bespeak.synth.catalogue import item_ids
from bespeak.synth.dirt import Spoilt, spoil
from bespeak.synth.people import People, Small
from bespeak.synth.plan import OFFSET_S, START, Floats, Plan, Truths, Whole, mixed, share_of
from bespeak.synth.spelling import digits, hexes
from bespeak.synth.visits import RETURN, TILL, VIEW, Rows, Visits

EPOCH_S = int(np.datetime64(START, "s").astype(np.int64)) - OFFSET_S
"""Seconds from 1970 (UTC) to the shop's first midnight."""
FEW, MANY = 25, 40_000
"""Pieces that somebody typed by mistake: from more than anybody takes to a number on a label."""
SLIPS = (0.01, 0.1, 10.0, 100.0)
"""What a decimal point in another place makes of a price."""


@dataclass(frozen=True)
class Chunk:
    """What happened in one chunk, on all channels."""

    number: int
    plan: Plan
    people: People
    visits: Visits
    rows: Rows


@dataclass(frozen=True)
class Sheet:
    """One channel's rows of one chunk, copies included, in the order of the file.

    at : for each row of the file, its place in the chunk's `Rows`
    """

    chunk: Chunk
    chance: np.random.Generator
    spoilt: Spoilt
    at: Whole

    def __len__(self) -> int:
        return len(self.at)

    @cached_property
    def visit(self) -> Whole:
        visit: Whole = self.chunk.rows.visit[self.at]
        return visit

    @cached_property
    def person(self) -> Whole:
        person: Whole = self.chunk.visits.person[self.visit]
        return person

    @cached_property
    def own(self) -> NDArray[np.uint64]:
        """The number of each row's visit, from which its choices follow."""
        own: NDArray[np.uint64] = self.chunk.visits.own[self.visit]
        return own

    @cached_property
    def kind(self) -> Small:
        kind: Small = self.chunk.rows.kind[self.at]
        return kind

    @cached_property
    def moment(self) -> Whole:
        """Seconds since the shop's first midnight."""
        moment: Whole = self.chunk.rows.at[self.at]
        return moment

    @cached_property
    def account(self) -> Whole:
        """Which of their accounts is used: the forgotten one in three visits of ten."""
        return (self.chunk.people.double[self.person] & (self.draw(1) < 0.3)).astype(np.int64)

    @cached_property
    def items(self) -> Any:
        return item_ids(self.chunk.rows.item[self.at])

    def draw(self, salt: int) -> Floats:
        """A visit's own point in [0, 1)."""
        return share_of(self.own, salt)

    def number(self, salt: int) -> NDArray[np.uint64]:
        """A number of the row's own, never twice in a world; a copy has that of its original."""
        return mixed(self.chunk.number * 2**32 + self.at, salt)

    def orders(self, letter: str, count: int = 16) -> Any:
        """An order's or receipt's number: the visit's."""
        return digits((self.own % np.uint64(10**count)).astype(np.int64), count, letter)

    def event_ids(self, salt: int) -> Any:
        return hexes(self.number(salt), 16)

    def shop_device(self, count: int) -> Whole:
        """Which of the shops' own devices a visit would come from."""
        return self.own.astype(np.int64) % count

    def quantities(self) -> Whole:
        """Pieces as they were typed."""
        exponent = self.chance.uniform(np.log(FEW), np.log(MANY), len(self))
        many = np.rint(np.exp(exponent)).astype(np.int64)
        wild = self.spoilt.has("outlier", "quantity")
        return np.where(wild, many, self.chunk.rows.quantity[self.at])

    def prices(self) -> Whole:
        """Hundredths as they were typed."""
        usual = self.chunk.rows.price[self.at]
        moved = np.rint(usual * self.chance.choice(SLIPS, len(self))).astype(np.int64)
        return np.where(self.spoilt.has("outlier", "price"), np.maximum(moved, 1), usual)


def sheet(source: str, channel: int, chunk: Chunk, salt: int) -> Sheet:
    """The rows of one channel in order of time, with what goes wrong with them.

    salt : names the channel's own random numbers
    """
    kept = np.flatnonzero(chunk.visits.channel[chunk.rows.visit] == channel)
    sound = kept[np.argsort(chunk.rows.at[kept], kind="stable")]
    kind = chunk.rows.kind[sound]
    chance = chunk.plan.chance(salt, chunk.number)
    pieces, spared = _can_be_wrong(channel, kind)
    spoilt = spoil(source, chance, len(sound), pieces=pieces, spared=spared)
    return Sheet(chunk, chance, spoilt, sound[spoilt.take])


def _can_be_wrong(channel: int, kind: Small) -> tuple[Truths, Truths]:
    """Rows with a quantity; and refunds, which are left alone."""
    return kind != VIEW, (kind == RETURN) if channel == TILL else np.zeros(len(kind), dtype=bool)
