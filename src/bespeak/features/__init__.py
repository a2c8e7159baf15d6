"""Behaviour in numbers, as it stood at one instant: feature tables of customers and items.

What needs an engine is in `tables`: a server, which brings features up to date event by event, has
none.
"""

from __future__ import annotations

from bespeak.features.families import declared, describe
from bespeak.features.kinds import first_level
from bespeak.features.live import Live, State

__all__ = ["Live", "State", "declared", "describe", "first_level"]
