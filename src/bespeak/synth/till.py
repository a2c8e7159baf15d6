"""What tills print: receipts line by line, semicolons between, times on the shop's clock."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from bespeak.synth import people as who
from bespeak.synth.files import File, note, write_lines
from bespeak.synth.plan import Truths
from bespeak.synth.sheets import Chunk, Sheet, sheet
from bespeak.synth.spelling import (
    clocks,
    digits,
    joined,
    money,
    replaced,
    separated,
    spoken,
    where,
)
from bespeak.synth.visits import RETURN, TILL

STORES = 40
HEADER = "receipt;line;store;time;card;sku;kind;qty;unit_price;discount\n"
ILLEGIBLE = {"time": "31.11 25:61", "quantity": "l", "price": "1O.5O"}
RESETS = ("2000-01-0", "2079-12-0")
"""Where a till's clock begins again after its battery died; the day's last digit follows."""


def write_till(folder: Path, chunk: Chunk) -> File:
    """`till-00000.csv`: one chunk's receipts."""
    rows = sheet("till", TILL, chunk, 7)
    reset = rows.draw(14) < 0.0007
    columns = [*_receipt(rows, reset), _cards(rows), *_line(rows)]
    lines = separated(columns, ";")
    short = rows.spoilt.has("broken_line")
    if short.any():
        few = [column.filter(pa.array(short)) for column in columns[:5]]
        lines = replaced(lines, short, separated(few, ";"))
    name = f"till-{chunk.number:05d}.csv"
    return note(folder, name, rows.spoilt, write_lines(folder, name, HEADER, lines), skewed=reset)


def _receipt(rows: Sheet, reset: Truths) -> list[Any]:
    """Receipt, line, store, time; a line that was sent again does not say the store."""
    near = rows.person * 7 + (rows.draw(15) < 0.15)  # their own store, or the next one
    again = rows.spoilt.has("same_key_duplicate")
    time = clocks(rows.moment // 60 * 60, rows.chunk.plan.days)
    return [
        rows.orders("T", 12),
        spoken(rows.chunk.rows.place[rows.at] + 1),
        where(~again, digits(near % STORES + 1, 3, "S")),
        _illegible(rows, "time", where(reset, _wrong(rows), time)),
    ]


def _wrong(rows: Sheet) -> Any:
    """What a clock says that began again."""
    minute = rows.moment % 86_400 // 60
    begins = pa.array(RESETS).take(pa.array(rows.visit % 2))
    day = joined(begins, spoken(rows.moment % 9 + 1))
    return joined(day, " ", digits(minute // 60, 2), ":", digits(minute % 60, 2), ":00")


def _line(rows: Sheet) -> list[Any]:
    """Item, sale or refund, pieces, price, discount."""
    spoilt, back = rows.spoilt, rows.kind == RETURN
    quantity, price = rows.quantities(), rows.prices()
    signed = spoken(np.where(back | spoilt.has("negative"), -quantity, quantity))
    pieces = where(~spoilt.has("missing", "quantity"), signed)
    return [
        rows.items,
        pa.array(["sale", "refund"]).take(pa.array(back.astype(np.int8))),
        _illegible(rows, "quantity", pieces),
        _illegible(rows, "price", where(~spoilt.has("missing", "price"), money(price))),
        money(rows.chunk.rows.discount[rows.at]),
    ]


def _cards(rows: Sheet) -> Any:
    """The loyalty card, if they have one and show it; the cashier's own for a few without."""
    shown = rows.chunk.people.card[rows.person] & (rows.draw(12) < 0.93)
    staff = ~shown & (rows.draw(13) < 0.02)
    return where(shown, who.cards(rows.person), where(staff, pa.scalar(who.SHARED_CARD)))


def _illegible(rows: Sheet, column: str, texts: Any) -> Any:
    """Cells that nobody can read."""
    mask = rows.spoilt.has("unparsable", column)
    return replaced(texts, mask, pa.array([ILLEGIBLE[column]] * int(mask.sum()), pa.string()))
