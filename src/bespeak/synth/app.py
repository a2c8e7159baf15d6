"""What an app's server logs: one JSON object a line, by device."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from bespeak.synth import people as who
from bespeak.synth.files import File, note, write_lines
from bespeak.synth.people import DEVICES
from bespeak.synth.plan import Truths, Whole
from bespeak.synth.sheets import EPOCH_S, Chunk, Sheet, sheet
from bespeak.synth.spelling import joined, money, replaced, spoken, where
from bespeak.synth.visits import APP, PURCHASE, VIEW

EVENTS = ("view", "cart", "purchase")
NO_PRICE = '"n/a?"'


def write_app(folder: Path, chunk: Chunk) -> File:
    """`app-00000.jsonl`: events in the order in which the server had them."""
    rows = sheet("app", APP, chunk, 6)
    holder, ordinal, tablet = _devices_of(rows)
    error = np.where(tablet, 0, who.clock_error(holder, ordinal))
    signed = (rows.draw(6) < 0.95) | tablet
    _remember(rows, holder, ordinal, ~tablet, signed)
    tablets = who.tablets(rows.shop_device(who.shared_count(chunk.plan)))
    account = joined(',"account":"', who.accounts(rows.person, rows.account), '"')
    lines = joined(
        '{"id":"', rows.event_ids(53), '"',
        *_times(rows, error),
        ',"device":"', where(tablet, tablets, who.devices(holder, ordinal)), '"',
        where(signed, account, ""),
        *_what(rows),
        "}\n",
    )  # fmt: skip
    name = f"app-{chunk.number:05d}.jsonl"
    size = write_lines(folder, name, "", _cut(lines, rows.spoilt.has("broken_line")))
    return note(folder, name, rows.spoilt, size, skewed=error != 0)


def _times(rows: Sheet, error: Whole) -> list[Any]:
    """The device's clock, which may be wrong, and the server's, in milliseconds."""
    own = rows.number(54)
    sent = (EPOCH_S + rows.moment) * 1_000 + (own % np.uint64(1_000)).astype(np.int64)
    received = sent + 120 + ((own >> np.uint64(20)) % np.uint64(4_000)).astype(np.int64)
    again = rows.spoilt.has("same_key_duplicate")
    received += np.where(again, rows.chance.integers(5_000, 60_000, len(rows)), 0)
    return [',"ts":', spoken(sent + error * 1_000), ',"received":', spoken(received)]


def _what(rows: Sheet) -> list[Any]:
    """The event and its item; what is not known has no key."""
    quantity, price = rows.quantities(), money(rows.prices())
    bad = rows.spoilt.has("unparsable", "price")
    shown = replaced(price, bad, pa.array([NO_PRICE] * int(bad.sum()), pa.string()))
    priced = ~rows.spoilt.has("missing", "price")
    order = joined(',"order":"', rows.orders("M"), '"')
    return [
        ',"event":"', pa.array(EVENTS).take(pa.array(rows.kind)),
        '","item":"', rows.items, '"',
        where(rows.kind != VIEW, joined(',"qty":', spoken(quantity)), ""),
        where(priced, joined(',"price":', shown), ""),
        where(rows.kind == PURCHASE, order, ""),
    ]  # fmt: skip


def _devices_of(rows: Sheet) -> tuple[Whole, Whole, Truths]:
    """Whose device each row came from, which of theirs, and whether it was a shop's tablet."""
    people, person = rows.chunk.people, rows.person
    neighbour = np.maximum(person - 1, 0)
    lent = people.borrows[person] & (people.devices[neighbour] > 0)
    lent &= (people.devices[person] == 0) | (rows.draw(9) < 0.3)
    half = (people.first[person] + people.last[person]) / 2
    day = rows.chunk.visits.start[rows.visit] / 86_400
    newer = ((people.devices[person] == DEVICES) & (day > half)).astype(np.int64)
    return np.where(lent, neighbour, person), np.where(lent, 0, newer), rows.draw(8) < 0.02


def _remember(rows: Sheet, holder: Whole, ordinal: Whole, own: Truths, signed: Truths) -> None:
    """For the truth: the devices that some row names, and those beside their holder's account."""
    seen = rows.chunk.people.seen["device"]
    seen[holder[own], ordinal[own], 0] = 1
    both = own & signed & (holder == rows.person)
    seen[holder[both], ordinal[both], 1] = 1


def _cut(lines: Any, broken: Truths) -> Any:
    """Some lines without their end, as after a crash."""
    if not broken.any():
        return lines
    whole = lines.filter(pa.array(broken)).to_pylist()
    cut = [line[: 30 + 7 * place % 60] + "\n" for place, line in enumerate(whole)]
    return replaced(lines, broken, pa.array(cut, pa.string()))
