"""How often: a bucket of tokens each for who asks, filled at an even rate."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

BURST_S = 2.0
"""Seconds' worth of requests that may come at once."""
KNOWN = 10_000
"""Who is remembered; the one heard of longest ago is forgotten first."""


class Limits:
    """Requests per second, for each of many; within one process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, who: str, per_second: float) -> float:
        """0 where `who` may go on, which counts as a request; else the seconds until they may."""
        now, most = self._clock(), max(1.0, per_second * BURST_S)
        left, at = self._left.pop(who, (most, now))
        left = min(most, left + (now - at) * per_second)
        allowed = left >= 1.0
        self._left[who] = (left - 1.0 if allowed else left, now)
        if len(self._left) > KNOWN:
            self._left.popitem(last=False)
        return 0.0 if allowed else (1.0 - left) / per_second
