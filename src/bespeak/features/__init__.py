"""Behaviour in numbers, as it stood at one instant: feature tables of customers and items."""

from __future__ import annotations

from bespeak.features.families import describe
from bespeak.features.tables import customers, items, latest

__all__ = ["customers", "describe", "items", "latest"]
