"""What a mail server logs: newsletters sent, opened and clicked, by address."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from bespeak.synth import people as who
from bespeak.synth.files import File, note, write_lines
from bespeak.synth.sheets import Chunk, sheet
from bespeak.synth.spelling import clocks, joined, replaced, separated, spoken, where
from bespeak.synth.visits import MAIL

HEADER = "email,campaign,event,time\n"
EVENTS = ("sent", "opened", "clicked")


def write_mail(folder: Path, chunk: Chunk) -> File:
    """`mail-00000.csv`: one chunk's messages; times carry their offset."""
    rows = sheet("mail", MAIL, chunk, 8)
    spoilt = rows.spoilt
    first = np.zeros(len(rows), np.int64)
    week = chunk.visits.start[rows.visit] // (7 * 86_400)
    time = joined(clocks(rows.moment, chunk.plan.days, "T"), "+08:00")
    bad = spoilt.has("unparsable", "time")
    columns = [
        where(~spoilt.has("missing", "actor"), who.emails(rows.person, first)),
        joined("news-", spoken(week + 1)),
        pa.array(EVENTS).take(pa.array(np.minimum(chunk.rows.place[rows.at], 2))),
        replaced(time, bad, pa.array(["yesterday"] * int(bad.sum()), pa.string())),
    ]
    name = f"mail-{chunk.number:05d}.csv"
    return note(folder, name, spoilt, write_lines(folder, name, HEADER, separated(columns, ",")))
