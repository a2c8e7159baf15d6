"""Identifiers: one spelling each, and a keyed hash where they are personal.

The same rules stand here twice, as a column's expression and for one value, because a person who
asks for a customer by e-mail must find what the engine hashed; a test holds the two together.
"""

from __future__ import annotations

import re

import ibis
import ibis.expr.types as ir

from bespeak.columns import PERSONAL_NAMESPACES
from bespeak.privacy import Keyed


def identifier(namespace: str, value: str, secret: bytes) -> str | None:
    """`namespace:value` as the record spells it; None if nothing is left of `value`.

    secret : the workspace's; personal values are hashed under it (nested SHA-256, 128 bits kept)
    """
    shown = _tidy_value(namespace, value.strip())
    if not shown:
        return None
    if namespace not in PERSONAL_NAMESPACES:
        return f"{namespace}:{shown}"
    return f"{namespace}:{_keyed(secret).of(f'{namespace}:{shown}')}"


def identifiers(namespace: str, shown: ir.Value, secret: bytes) -> ir.Value:
    """`identifier` for a column of trimmed text."""
    named = ibis.literal(f"{namespace}:")
    if namespace not in PERSONAL_NAMESPACES:
        return named + shown
    return named + _keyed(secret).column(named + _tidy(namespace, shown))


def _keyed(secret: bytes) -> Keyed:
    return Keyed(secret, "identifier")


def _tidy_value(namespace: str, value: str) -> str:
    if namespace not in PERSONAL_NAMESPACES:
        return value
    if namespace == "phone":
        return re.sub("^00", "", re.sub("[^0-9]", "", value))
    if namespace == "card":
        return re.sub("[ -]", "", value.lower())
    if namespace == "email":  # an address has no inner space
        return value.lower()
    return re.sub(r"[ \t\r\n]+", " ", value.lower())


def _tidy(namespace: str, shown: ir.Value) -> ir.Value:
    if namespace == "phone":
        return shown.re_replace("[^0-9]", "").re_replace("^00", "").nullif("")
    if namespace == "card":
        return shown.lower().re_replace("[ -]", "").nullif("")
    if namespace == "email":
        return shown.lower()
    return shown.lower().re_replace(r"[ \t\r\n]+", " ")
