"""Who may ask for what: keys of a workspace, tokens for its customers, and how often."""

from __future__ import annotations

from bespeak.access.keys import SCOPES, Key, Keyring, Kind, Scope
from bespeak.access.limits import Limits
from bespeak.access.tokens import sign, whose

__all__ = ["SCOPES", "Key", "Keyring", "Kind", "Limits", "Scope", "sign", "whose"]
