"""What a list leaves out where it may not repeat: what its customer has bought."""

from __future__ import annotations

import numpy as np

from bespeak.recommend.histories import Histories
from bespeak.recommend.interactions import DAY

LATELY = DAY
"""What was looked at so short before the last count, or since, stays off the list: the visitor has
it before their eyes."""
RETURNING = 3
"""Of all else that was looked at and not bought, so many items may come back: those that count
most. A model that rates a customer's own items highly would offer nothing else."""


def owned(histories: Histories, *, buys: bool, as_of: int | None) -> Histories:
    """The part of each history that may not be on its list again.

    buys    : whether purchases are known at all; where none are, what was seen is all that somebody
              can have, and every item of a history stays off
    as_of   : of the last count; microseconds since 1970, or None where no time is known
    returns : the same rows; what was bought, what was looked at lately, and all but RETURNING of
              what was looked at before that
    """
    if not buys:
        return histories
    returning = ~histories.bought
    if as_of is not None:
        returning &= histories.last_time < as_of - LATELY
    at = np.flatnonzero(returning)
    if not len(at):
        return histories
    out = np.ones(len(histories.indices), np.bool_)
    out[histories.heaviest_of(at, RETURNING)] = False
    return histories.where(out)
