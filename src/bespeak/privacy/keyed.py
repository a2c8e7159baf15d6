"""A keyed hash of a text, the same for one value and for a column of the engine.

Without the workspace's secret nobody can tell what was hashed by trying likely values.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis.expr.types as ir


DIGITS = 32
"""Hex digits that are kept: 128 bits."""


class Keyed:
    """Nested SHA-256 under two keys, made of the secret so that it never stands in a query."""

    def __init__(self, secret: bytes, purpose: str) -> None:
        """purpose : hashes of one purpose say nothing of those of another"""
        self._inner, self._outer = (
            hmac.new(secret, f"bespeak {purpose}, {part}".encode(), "sha256").hexdigest()
            for part in ("inner", "outer")
        )

    def of(self, text: str) -> str:
        """The hash of one text."""
        nested = hashlib.sha256(f"{self._inner}{text}".encode()).hexdigest()
        return hashlib.sha256(f"{self._outer}{nested}".encode()).hexdigest()[:DIGITS]

    def column(self, text: ir.Value) -> ir.Value:
        """The hashes of a column of text; null where that is."""
        import ibis

        nested = (ibis.literal(self._inner) + text).hexdigest("sha256")
        return (ibis.literal(self._outer) + nested).hexdigest("sha256").left(DIGITS)
