"""Behaviour in numbers, as it stood at one instant: feature tables of customers and items."""

from __future__ import annotations

from bespeak.features.families import declared, describe
from bespeak.features.live import Live, State
from bespeak.features.tables import customers, first_level, items, latest

__all__ = [
    "Live", "State", "customers", "declared", "describe", "first_level", "items", "latest",
]  # fmt: skip
