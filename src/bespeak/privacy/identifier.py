"""An identifier: one spelling, and a keyed hash where it is personal.

`collect.personal` has the same rules as a column's expression; a test holds the two together.
"""

from __future__ import annotations

import re

from bespeak.columns import PERSONAL_NAMESPACES
from bespeak.privacy.keyed import Keyed


def identifier(namespace: str, value: str, secret: bytes) -> str | None:
    """`namespace:value` as the record spells it; None if nothing is left of `value`.

    secret : the workspace's; personal values are hashed under it (nested SHA-256, 128 bits kept)
    """
    shown = _tidy_value(namespace, value.strip())
    if not shown:
        return None
    if namespace not in PERSONAL_NAMESPACES:
        return f"{namespace}:{shown}"
    return f"{namespace}:{Keyed(secret, 'identifier').of(f'{namespace}:{shown}')}"


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
