"""How often: bursts are short, rates even, strangers forgotten."""

from __future__ import annotations

import pytest

from bespeak.access import Limits
from bespeak.access.limits import KNOWN


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_rate_holds_after_a_short_burst(clock: Clock) -> None:
    limits = Limits(clock)
    assert sum(limits.wait_s("a", 10.0) == 0 for _ in range(100)) == 20
    passed = 0
    for _ in range(1_000):
        clock.now += 0.01
        passed += limits.wait_s("a", 10.0) == 0
    assert 99 <= passed <= 101  # ten seconds


def test_one_does_not_wait_for_another(clock: Clock) -> None:
    limits = Limits(clock)
    while limits.wait_s("a", 1.0) == 0:
        pass
    assert limits.wait_s("b", 1.0) == 0


def test_how_long_to_wait_is_said_rightly(clock: Clock) -> None:
    limits = Limits(clock)
    while limits.wait_s("a", 0.5) == 0:
        pass
    clock.now += limits.wait_s("a", 0.5) + 1e-6
    assert limits.wait_s("a", 0.5) == 0


def test_memory_is_bounded(clock: Clock) -> None:
    limits = Limits(clock)
    for number in range(KNOWN + 500):
        limits.wait_s(str(number), 1.0)
    assert len(limits._left) == KNOWN
