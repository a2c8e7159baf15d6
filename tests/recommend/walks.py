"""Sessions for tests, as a session file would give them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bespeak.recommend.evaluating.files import Rows, interactions_of, summed
from bespeak.recommend.histories import UNIT, Histories, Interactions
from bespeak.recommend.texts import Ids

APART = 1000


def sessions(lists: Sequence[Sequence[str]]) -> Interactions:
    """A session a list, the oldest first; an item stands where its place in the list is."""
    entries = [
        (f"s{row:05d}", item, row * APART + place)
        for row, items in enumerate(lists)
        for place, item in enumerate(items)
    ]
    names, items, times = zip(*entries, strict=True)
    return interactions_of(
        Rows(names, items, np.array(times, np.int64), np.ones(len(times)), timed=True)
    )


def asked(items: Ids, lists: Sequence[Sequence[str]]) -> Histories:
    """Present histories of known items, each in the order of its list."""
    rows = np.repeat(np.arange(len(lists)), [len(each) for each in lists])
    places = np.concatenate([np.arange(len(each)) for each in lists])
    wanted = np.array([items.find(item) for each in lists for item in each], np.int64)
    return summed(rows, wanted, len(lists), places, np.full(len(rows), UNIT), timed=True)
