"""What a person may ask of who holds their data: kept out once erased, and every act on record."""

from __future__ import annotations

from bespeak.privacy.audit import Act, Audit, audit
from bespeak.privacy.exports import erase_from_exports, exports, remember_export
from bespeak.privacy.identifier import identifier
from bespeak.privacy.keyed import Keyed
from bespeak.privacy.tombstones import Marks, Tombstones, tombstones

__all__ = [
    "Act",
    "Audit",
    "Keyed",
    "Marks",
    "Tombstones",
    "audit",
    "erase_from_exports",
    "exports",
    "identifier",
    "remember_export",
    "tombstones",
]
