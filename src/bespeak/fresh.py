"""New ids that stand in the order of their making."""

from __future__ import annotations

import random
import time


def fresh_id() -> str:
    """25 hex digits that nobody has had: microseconds since 1970, then 48 random bits.

    Ids made one after the other are neighbours in an index, so that keeping many touches few of its
    pages; wholly random ones touch a page each, which a log must then write. They are no secret:
    what nobody may guess is made by `secrets` alone. (Python seeds `random` anew in each process.)
    """
    return f"{time.time_ns() // 1_000:013x}{random.getrandbits(48):012x}"
