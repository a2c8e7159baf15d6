"""What tills print and what mail servers log: text files with the clocks of their places."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from bespeak.synth import people as who
from bespeak.synth.catalogue import item_ids
from bespeak.synth.dirt import Spoilt, spoil
from bespeak.synth.files import File, note, write_lines
from bespeak.synth.online import _amounts, of_channel
from bespeak.synth.people import People
from bespeak.synth.plan import Plan, Truths, Whole, share_of
from bespeak.synth.spelling import (
    clocks,
    digits,
    joined,
    money,
    replaced,
    separated,
    where,
)
from bespeak.synth.visits import MAIL, RETURN, TILL, Rows, Visits

STORES = 40
TILL_HEADER = "receipt;line;store;time;card;sku;kind;qty;unit_price;discount\n"
MAIL_HEADER = "email,campaign,event,time\n"
MAIL_EVENTS = ("sent", "opened", "clicked")


def write_till(
    folder: Path, plan: Plan, people: People, visits: Visits, rows: Rows, chunk: int
) -> File:
    """`till-00000.csv`: receipts line by line, semicolons between, times on the shop's clock."""
    sound = of_channel(visits, rows, TILL)
    chance = plan.chance(7, chunk)
    spoilt = spoil("till", chance, len(sound), spared=rows.kind[sound] == RETURN)
    at = sound[spoilt.take]
    visit = rows.visit[at]
    reset = share_of(visits.own[visit], 14) < 0.0007
    quantity, price = _amounts(
        spoilt.has("outlier", "quantity"), spoilt.has("outlier", "price"), chance,
        rows.quantity[at], rows.price[at],
    )  # fmt: skip
    back = rows.kind[at] == RETURN
    minus = back | spoilt.has("negative")
    store = (visits.person[visit] * 7 + (share_of(visits.own[visit], 15) < 0.15)) % STORES
    time = clocks(rows.at[at] // 60 * 60, plan.days)
    begins = pa.array(["2000-01-0", "2079-12-0"]).take(pa.array(visit % 2))
    off = joined(begins, pa.array(rows.at[at] % 9 + 1).cast(pa.string()), pa.scalar(" "),
                 _clock(rows.at[at]))  # fmt: skip
    columns = [
        digits((visits.own[visit] % np.uint64(10**12)).astype(np.int64), 12, "T"),
        pa.array(rows.place[at] + 1).cast(pa.string()),
        where(~spoilt.has("same_key_duplicate"), digits(store + 1, 3, "S")),
        _bad(where(reset, off, time), spoilt, "time", "31.11 25:61"),
        _cards(people, visits, visit),
        item_ids(rows.item[at]),
        pa.array(["sale", "refund"]).take(pa.array(back.astype(np.int8))),
        _bad(
            where(~spoilt.has("missing", "quantity"), _signed(quantity, minus)),
            spoilt, "quantity", "l",
        ),
        _bad(where(~spoilt.has("missing", "price"), money(price)), spoilt, "price", "1O.5O"),
        money(rows.discount[at]),
    ]  # fmt: skip
    lines = separated(columns, ";")
    short = spoilt.has("broken_line")
    if short.any():
        few = [column.filter(pa.array(short)) for column in columns[:5]]
        lines = replaced(lines, short, separated(few, ";"))
    name = f"till-{chunk:05d}.csv"
    size = write_lines(folder, name, TILL_HEADER, lines)
    return note(folder, name, spoilt, size, skewed=reset)


def _clock(at: Whole) -> pa.Array:
    minute = at % 86_400 // 60
    return joined(digits(minute // 60, 2), ":", digits(minute % 60, 2), ":00")


def _signed(quantity: Whole, minus: Truths) -> pa.Array:
    return pa.array(np.where(minus, -quantity, quantity)).cast(pa.string())


def _bad(texts: pa.Array, spoilt: Spoilt, column: str, instead: str) -> pa.Array:
    """Cells that nobody can read."""
    mask = spoilt.has("unparsable", column)
    return replaced(texts, mask, pa.array([instead] * int(mask.sum()), pa.string()))


def _cards(people: People, visits: Visits, visit: Whole) -> pa.Array:
    """The loyalty card, if they have one and show it; the cashier's own for a few without."""
    person, own = visits.person[visit], visits.own[visit]
    shown = people.card[person] & (share_of(own, 12) < 0.93)
    staff = ~shown & (share_of(own, 13) < 0.02)
    return where(shown, who.cards(person), where(staff, pa.scalar(who.SHARED_CARD)))


def write_mail(
    folder: Path, plan: Plan, people: People, visits: Visits, rows: Rows, chunk: int
) -> File:
    """`mail-00000.csv`: newsletters sent, opened and clicked, by address."""
    sound = of_channel(visits, rows, MAIL)
    spoilt = spoil("mail", plan.chance(8, chunk), len(sound))
    at = sound[spoilt.take]
    visit = rows.visit[at]
    person = visits.person[visit]
    first = np.zeros(len(at), np.int64)
    week = visits.start[visit] // (7 * 86_400)
    time = joined(clocks(rows.at[at], plan.days, "T"), "+08:00")
    columns = [
        where(~spoilt.has("missing", "actor"), who.emails(person, first)),
        joined("news-", pa.array(week + 1).cast(pa.string())),
        pa.array(MAIL_EVENTS).take(pa.array(np.minimum(rows.place[at], 2))),
        _bad(time, spoilt, "time", "yesterday"),
    ]
    name = f"mail-{chunk:05d}.csv"
    size = write_lines(folder, name, MAIL_HEADER, separated(columns, ","))
    return note(folder, name, spoilt, size)
