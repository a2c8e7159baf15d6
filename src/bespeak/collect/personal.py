"""Identifiers of a column: one spelling each, and a keyed hash where they are personal.

`privacy.identifier` has the same rules for one value, because a person who asks for a customer by
e-mail must find what the engine hashed; a test holds the two together.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from bespeak.columns import PERSONAL_NAMESPACES
from bespeak.privacy import Keyed


def identifiers(namespace: str, shown: ir.Value, secret: bytes) -> ir.Value:
    """`privacy.identifier` for a column of trimmed text."""
    named = ibis.literal(f"{namespace}:")
    if namespace not in PERSONAL_NAMESPACES:
        return named + shown
    return named + _keyed(secret).column(named + _tidy(namespace, shown))


def _keyed(secret: bytes) -> Keyed:
    return Keyed(secret, "identifier")


def _tidy(namespace: str, shown: ir.Value) -> ir.Value:
    if namespace == "phone":
        return shown.re_replace("[^0-9]", "").re_replace("^00", "").nullif("")
    if namespace == "card":
        return shown.lower().re_replace("[ -]", "").nullif("")
    if namespace == "email":
        return shown.lower()
    return shown.lower().re_replace(r"[ \t\r\n]+", " ")
