"""What the declarations name: kinds of events, parts of the day, levels of a category."""

from __future__ import annotations

from bespeak.columns import EVENT_TYPES
from bespeak.features.declare import DAY, Condition, Is

HOUR = DAY // 24
PARTS = ("night", "morning", "afternoon", "evening")
"""Six hours each, from midnight."""
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
UNDONE = ("adjust", "send", "impression")
"""Types of event that are no doing of the customer."""
FEE = "fee"
"""The type that a purchase or return of what is no product (postage, a bank fee) gets here."""

PURCHASES = ("purchase",)
PURCHASE: Condition = Is("type", PURCHASES)
RETURN: Condition = Is("type", ("return",))
ACTION: Condition = Is("type", tuple(kind for kind in EVENT_TYPES if kind not in UNDONE))

WEIGHT_ONE = 1_000_000
"""Decay weights are whole millionths, so that their sums don't depend on order."""
LEVELS = " > "
"""Parts the levels of a category's path; features speak of the first."""


def first_level(path: str | None) -> str | None:
    """The category that features speak of, of a category's path."""
    return None if path is None else path.split(LEVELS)[0]
