"""What a website exports: Parquet of cookies, with an account or an address where one was given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from bespeak.synth import people as who
from bespeak.synth.files import File, note, write_parquet
from bespeak.synth.people import COOKIES
from bespeak.synth.plan import Truths, Whole, share_of
from bespeak.synth.sheets import EPOCH_S, Chunk, Sheet, sheet
from bespeak.synth.spelling import hexes, where
from bespeak.synth.visits import PURCHASE, VIEW, WEB

OWN, KIOSK, WORK = range(3)
"""Whose browser it is: their own, a shop's, or one that colleagues share."""
EVENTS = ("product_view", "add_to_cart", "purchase")


def write_web(folder: Path, chunk: Chunk) -> File:
    """`web-00000.parquet`: what one chunk's visitors did on the website."""
    rows = sheet("web", WEB, chunk, 5)
    name = f"web-{chunk.number:05d}.parquet"
    table = pa.table({**_when(rows), **_who(rows), **_what(rows)})
    return note(folder, name, rows.spoilt, write_parquet(folder, name, table))


def _when(rows: Sheet) -> dict[str, Any]:
    """A row that was sent again comes some seconds later under the same id."""
    again = rows.spoilt.has("same_key_duplicate")
    late = np.where(again, rows.chance.integers(2, 40, len(rows)), 0)
    moment = (EPOCH_S + rows.moment + late) * 1_000_000
    moment += (rows.number(52) % np.uint64(1_000)).astype(np.int64) * 1_000
    return {
        "event_id": rows.event_ids(51),
        "ts": pa.array(moment).cast(pa.timestamp("us", "UTC")),
    }


def _who(rows: Sheet) -> dict[str, Any]:
    """Cookie and session; the account from where it is known; the address of an order."""
    people, person = rows.chunk.people, rows.person
    ordinal, browser = _cookies_of(rows), _browser(rows)
    signed = _signed(rows, ordinal) | (browser == KIOSK)
    guest, ordered = ~people.member[person], rows.kind == PURCHASE
    nameless = guest & (rows.draw(3) < 0.03)
    mailed = ordered & ~people.placeholder_email[person] & ~nameless
    _remember(rows, ordinal, browser == OWN, signed | mailed)
    people.seen["email"][person[mailed & guest], 0] = 1
    kiosks = who.kiosks(rows.shop_device(who.shared_count(rows.chunk.plan)))
    elsewhere = where(
        browser == WORK, who.offices(person // who.OFFICE), who.cookies(person, ordinal)
    )
    placeholder = where(nameless & ordered, pa.scalar(who.GUEST_EMAIL))
    return {
        "cookie": where(browser == KIOSK, kiosks, elsewhere),
        "session": hexes(rows.own, 16),
        "account": where(signed, who.accounts(person, rows.account)),
        "email": where(mailed, who.emails(person, rows.account), placeholder),
    }


def _what(rows: Sheet) -> dict[str, Any]:
    """The event, its item, and what an order says of pieces and money."""
    spoilt, ordered = rows.spoilt, rows.kind == PURCHASE
    quantity, price = rows.quantities(), rows.prices()
    discount = rows.chunk.rows.discount[rows.at]
    return {
        "event": pa.array(EVENTS).take(pa.array(rows.kind)),
        "item_id": where(~spoilt.has("missing", "item_id"), rows.items),
        "quantity": pa.array(quantity, mask=rows.kind == VIEW).cast(pa.int32()),
        "unit_price": pa.array(price / 100, mask=spoilt.has("missing", "price")),
        "discount": pa.array(discount / 100, mask=~ordered),
        "order_id": where(ordered, rows.orders("W")),
    }


def _browser(rows: Sheet) -> Whole:
    """Where members sign in: mostly on their own browser, now and then on one of many people."""
    member, draw = rows.chunk.people.member[rows.person], rows.draw(2)
    work = member & who.colleagues(rows.person) & (draw > 0.8)
    return np.where(member & (draw < 0.01), KIOSK, np.where(work, WORK, OWN))


def _cookies_of(rows: Sheet) -> Whole:
    """Which of their cookies each visit shows: the first until it is lost, then the next."""
    people, person = rows.chunk.people, rows.person
    span = np.maximum(people.last[person] - people.first[person], 1.0)
    day = rows.chunk.visits.start[rows.visit] / 86_400
    count = people.cookies[person].astype(np.int64)
    passed = (day - people.first[person]) / span
    ordinal: Whole = np.clip((passed * count).astype(np.int64), 0, count - 1)
    return ordinal


def _signed(rows: Sheet, ordinal: Whole) -> Truths:
    """Rows that say the account: most browsers remember it, at once or a little later."""
    remembers = share_of(rows.person * COOKIES + ordinal, 9) < 0.95
    likely = np.where(remembers, 0.95, 0.3)
    since = np.where(rows.draw(5) < 0.75, 0, 2)
    place = rows.chunk.rows.place[rows.at]
    chosen = rows.draw(4) < likely
    return np.asarray(rows.chunk.people.member[rows.person] & chosen & (place >= since))


def _remember(rows: Sheet, ordinal: Whole, own: Truths, linked: Truths) -> None:
    """For the truth: the cookies that some row names, and those beside another identifier."""
    seen, person = rows.chunk.people.seen["cookie"], rows.person
    seen[person[own], ordinal[own], 0] = 1
    both = own & linked
    seen[person[both], ordinal[both], 1] = 1
