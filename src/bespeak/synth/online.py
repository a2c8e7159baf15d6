"""What a website exports and what an app sends: Parquet of cookies, JSON lines of devices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from bespeak.synth import people as who
from bespeak.synth.catalogue import item_ids
from bespeak.synth.dirt import spoil
from bespeak.synth.files import File, note, write_lines, write_parquet
from bespeak.synth.people import COOKIES, DEVICES, People
from bespeak.synth.plan import OFFSET_S, START, Plan, Truths, Whole, mixed, share_of
from bespeak.synth.spelling import digits, hexes, joined, money, replaced, where
from bespeak.synth.visits import APP, CART, PURCHASE, VIEW, WEB, Rows, Visits

EPOCH_S = int(np.datetime64(START, "s").astype(np.int64)) - OFFSET_S
"""Seconds from 1970 (UTC) to the shop's first midnight."""
OWN, KIOSK, WORK = range(3)
WEB_EVENTS = ("product_view", "add_to_cart", "purchase")
APP_EVENTS = ("view", "cart", "purchase")


def of_channel(visits: Visits, rows: Rows, channel: int) -> Whole:
    """The rows of one channel, in order of time."""
    at = np.flatnonzero(visits.channel[rows.visit] == channel)
    return at[np.argsort(rows.at[at], kind="stable")]


def account_of(people: People, visits: Visits) -> Whole:
    """Which of their accounts each visitor uses: the forgotten one in three visits of ten."""
    return (people.double[visits.person] & (share_of(visits.own, 1) < 0.3)).astype(np.int64)


def event_ids(chunk: int, at: Whole, salt: int) -> pa.Array:
    """Sixteen hexadecimal digits, never twice in a world."""
    return hexes(mixed(np.int64(chunk) * 2**32 + at, salt), 16)


def order_ids(visits: Visits, visit: Whole, letter: str) -> pa.Array:
    return digits((visits.own[visit] % np.uint64(10**16)).astype(np.int64), 16, letter)


# -- web -------------------------------------------------------------------------------------------


def write_web(
    folder: Path, plan: Plan, people: People, visits: Visits, rows: Rows, chunk: int
) -> File:
    """`web-00000.parquet`: what one chunk's visitors did on the website."""
    sound = of_channel(visits, rows, WEB)
    chance = plan.chance(5, chunk)
    spoilt = spoil("web", chance, len(sound), pieces=rows.kind[sound] != VIEW)
    at = sound[spoilt.take]
    visit, kind = rows.visit[at], rows.kind[at]
    person = visits.person[visit]
    late = np.where(spoilt.has("same_key_duplicate"), chance.integers(2, 40, len(at)), 0)
    moment = (EPOCH_S + rows.at[at] + late) * 1_000_000
    moment += (mixed(chunk * 2**32 + at, 52) % np.uint64(1000)).astype(np.int64) * 1_000
    ordinal = _cookies_of(people, visits)[visit]
    public = _public(people, visits)[visit]
    signed = _signed(people, visits, visit, rows.place[at], ordinal) | (public == KIOSK)
    guest = ~people.member[person]
    nameless = guest & (share_of(visits.own[visit], 3) < 0.03)
    mailed = (kind == PURCHASE) & ~people.placeholder_email[person] & ~nameless
    _remember(people, person, ordinal, public == OWN, signed | mailed)
    people.seen["email"][person[mailed & guest], 0] = 1
    cookie = where(
        public == KIOSK, who.kiosks(visits.own[visit].astype(np.int64) % who.shared_count(plan)),
        where(public == WORK, who.offices(person // who.OFFICE), who.cookies(person, ordinal)),
    )  # fmt: skip
    own = account_of(people, visits)[visit]
    quantity, price = _amounts(spoilt.has("outlier", "quantity"), spoilt.has("outlier", "price"),
                               chance, rows.quantity[at], rows.price[at])  # fmt: skip
    table = pa.table(
        {
            "event_id": event_ids(chunk, at, 51),
            "ts": pa.array(moment).cast(pa.timestamp("us", "UTC")),
            "cookie": cookie,
            "session": hexes(visits.own[visit], 16),
            "account": where(signed, who.accounts(person, own)),
            "email": where(
                mailed,
                who.emails(person, own),
                where(nameless & (kind == PURCHASE), pa.scalar(who.GUEST_EMAIL)),
            ),
            "event": pa.array(WEB_EVENTS).take(pa.array(kind)),
            "item_id": where(~spoilt.has("missing", "item_id"), item_ids(rows.item[at])),
            "quantity": pa.array(quantity, mask=kind == VIEW).cast(pa.int32()),
            "unit_price": pa.array(price / 100, mask=spoilt.has("missing", "price")),
            "discount": pa.array(rows.discount[at] / 100, mask=kind != PURCHASE),
            "order_id": where(kind == PURCHASE, order_ids(visits, visit, "W")),
        }
    )
    name = f"web-{chunk:05d}.parquet"
    return note(folder, name, spoilt, write_parquet(folder, name, table))


def _public(people: People, visits: Visits) -> Whole:
    """Whose browser each visit comes from: their own, a shop's, or one at work."""
    draw = share_of(visits.own, 2)
    member = people.member[visits.person]
    work = member & who.colleagues(visits.person) & (draw > 0.8)
    return np.where(member & (draw < 0.01), KIOSK, np.where(work, WORK, OWN))


def _cookies_of(people: People, visits: Visits) -> Whole:
    """Which of their cookies each visit shows: the first until it is lost, then the next."""
    person = visits.person
    span = np.maximum(people.last[person] - people.first[person], 1.0)
    passed = (visits.start / 86_400 - people.first[person]) / span
    count = people.cookies[person].astype(np.int64)
    ordinal: Whole = np.clip((passed * count).astype(np.int64), 0, count - 1)
    return ordinal


def _signed(people: People, visits: Visits, visit: Whole, place: Whole, ordinal: Whole) -> Truths:
    """Rows that say the account: most browsers remember it, at once or a little later."""
    person = visits.person[visit]
    remembers = share_of(person * COOKIES + ordinal, 9) < 0.95
    likely = np.where(remembers, 0.95, 0.3)
    since = np.where(share_of(visits.own[visit], 5) < 0.75, 0, 2)
    chosen = share_of(visits.own[visit], 4) < likely
    return np.asarray(people.member[person] & chosen & (place >= since))


def _remember(people: People, person: Whole, ordinal: Whole, own: Truths, linked: Truths) -> None:
    people.seen["cookie"][person[own], ordinal[own], 0] = 1
    both = own & linked
    people.seen["cookie"][person[both], ordinal[both], 1] = 1


def _amounts(
    wild: Truths, slipped: Truths, chance: np.random.Generator, quantity: Whole, price: Whole
) -> tuple[Whole, Whole]:
    """Pieces and prices as they were typed: too many pieces, a decimal point in another place."""
    exponent = chance.uniform(np.log(25), np.log(40_000), len(wild))
    many = np.rint(np.exp(exponent)).astype(np.int64)
    factor = chance.choice([0.01, 0.1, 10.0, 100.0], len(slipped))
    moved = np.maximum(np.rint(price * factor), 1).astype(np.int64)
    return np.where(wild, many, quantity), np.where(slipped, moved, price)


# -- app -------------------------------------------------------------------------------------------


def write_app(
    folder: Path, plan: Plan, people: People, visits: Visits, rows: Rows, chunk: int
) -> File:
    """`app-00000.jsonl`: events as the app's server logged them, one object a line."""
    sound = of_channel(visits, rows, APP)
    chance = plan.chance(6, chunk)
    spoilt = spoil("app", chance, len(sound), pieces=rows.kind[sound] != VIEW)
    at = sound[spoilt.take]
    visit, kind = rows.visit[at], rows.kind[at]
    person = visits.person[visit]
    holder, ordinal, tablet = _devices_of(people, visits, visit)
    error = np.where(tablet, 0, who.clock_error(holder, ordinal))
    signed = (share_of(visits.own[visit], 6) < 0.95) | tablet
    mine = ~tablet & (holder == person)
    people.seen["device"][holder[~tablet], ordinal[~tablet], 0] = 1
    people.seen["device"][person[mine & signed], ordinal[mine & signed], 1] = 1
    sent = (EPOCH_S + rows.at[at]) * 1_000 + (
        mixed(chunk * 2**32 + at, 54) % np.uint64(1000)
    ).astype(np.int64)
    received = sent + 120 + (mixed(chunk * 2**32 + at, 55) % np.uint64(4_000)).astype(np.int64)
    received += np.where(
        spoilt.has("same_key_duplicate"), chance.integers(5_000, 60_000, len(at)), 0
    )
    device = where(
        tablet, who.tablets(visits.own[visit].astype(np.int64) % who.shared_count(plan)),
        who.devices(holder, ordinal),
    )  # fmt: skip
    quantity, price = _amounts(spoilt.has("outlier", "quantity"), np.zeros(len(at), dtype=bool),
                               chance, rows.quantity[at], rows.price[at])  # fmt: skip
    account = joined(',"account":"', who.accounts(person, account_of(people, visits)[visit]), '"')
    bad = spoilt.has("unparsable", "price")
    shown = replaced(money(price), bad, pa.array(['"n/a?"'] * int(bad.sum()), pa.string()))
    lines = joined(
        '{"id":"', event_ids(chunk, at, 53),
        '","ts":', _whole(sent + error * 1_000), ',"received":', _whole(received),
        ',"device":"', device, '"',
        where(signed, account, ""),
        ',"event":"', pa.array(APP_EVENTS).take(pa.array(kind)),
        '","item":"', item_ids(rows.item[at]), '"',
        where(kind != VIEW, joined(',"qty":', _whole(quantity)), ""),
        where(~spoilt.has("missing", "price"), joined(',"price":', shown), ""),
        where(kind == PURCHASE, joined(',"order":"', order_ids(visits, visit, "M"), '"'), ""),
        "}\n",
    )  # fmt: skip
    name = f"app-{chunk:05d}.jsonl"
    size = write_lines(folder, name, "", _cut(lines, spoilt.has("broken_line")))
    return note(folder, name, spoilt, size, skewed=error != 0)


def _whole(numbers: Whole) -> pa.Array:
    return pa.array(numbers).cast(pa.string())


def _devices_of(people: People, visits: Visits, visit: Whole) -> tuple[Whole, Whole, Truths]:
    """Whose device each row came from, which of theirs, and whether it was a shop's tablet."""
    person = visits.person[visit]
    own = visits.own[visit]
    tablet = share_of(own, 8) < 0.02
    neighbour = np.maximum(person - 1, 0)
    lent = people.borrows[person] & (people.devices[neighbour] > 0)
    lent &= (people.devices[person] == 0) | (share_of(own, 9) < 0.3)
    half = (people.first[person] + people.last[person]) / 2
    newer = (people.devices[person] == DEVICES) & (visits.start[visit] / 86_400 > half)
    return (
        np.where(lent, neighbour, person),
        np.where(lent, 0, newer.astype(np.int64)),
        tablet,
    )


def _cut(lines: pa.Array, broken: Truths) -> pa.Array:
    """Some lines without their end, as after a crash."""
    if not broken.any():
        return lines
    whole = lines.filter(pa.array(broken)).to_pylist()
    cut = [line[: 30 + 7 * place % 60] + "\n" for place, line in enumerate(whole)]
    return replaced(lines, broken, pa.array(cut, pa.string()))


__all__ = ["CART", "write_app", "write_web"]
