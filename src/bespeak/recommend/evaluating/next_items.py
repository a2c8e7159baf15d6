"""The newest sessions as a test: from each start of a session, what came next."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bespeak.errors import BadRequest
from bespeak.recommend.evaluating.files import summed
from bespeak.recommend.evaluating.splits import Held
from bespeak.recommend.histories import UNIT, Histories, Interactions
from bespeak.recommend.mathematics.order import newest_first


def carve_newest(interactions: Interactions, share: float) -> tuple[Interactions, Held]:
    """Interactions without their newest rows, and those rows as prefixes and targets.

    share  : how many of the rows that hold anything
    raises : BadRequest unless 0 < share < 1
    """
    if not 0 < share < 1:
        raise BadRequest("share", found=str(share), expected="more than 0 and less than 1")
    histories = interactions.histories
    rows, _ = newest_first(histories)
    newest = np.sort(rows[: max(round(len(rows) * share), 1)])
    test = np.zeros(len(histories), np.bool_)
    test[newest] = True
    known = replace(interactions, histories=histories.where(~test[histories.rows]))
    return replace(known, stored=None), next_of(histories.take(newest))


def next_of(histories: Histories) -> Held:
    """Every start of every row, and the item that came next.

    An item comes at its first place in the row, and once more at its last.
    """
    first, last = histories.places()
    again = last > first
    rows = np.concatenate([histories.rows, histories.rows[again]])
    places = np.concatenate([first, last[again]])
    items = np.concatenate([histories.indices, histories.indices[again]])
    order = np.lexsort((items, places, rows))
    rows, places, items = rows[order], places[order], items[order]
    starts = np.flatnonzero(np.diff(rows, prepend=-1))
    before = np.arange(len(rows)) - np.repeat(starts, np.diff(np.append(starts, len(rows))))
    asked = np.flatnonzero(before)
    lengths = before[asked]
    prefix = np.repeat(np.arange(len(asked)), lengths)
    at = np.arange(len(prefix)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    at += np.repeat(asked - lengths, lengths)
    worth = np.full(len(at), UNIT)
    known = summed(prefix, items[at].astype(np.int64), len(asked), places[at], worth, timed=True)
    nobody = np.full(len(asked), -1, np.int32)
    return Held(nobody, np.arange(len(asked) + 1), items[asked].astype(np.int32), known)
