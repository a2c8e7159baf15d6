"""Events as they happen: checked, kept durably, each once, and read back at once."""

from __future__ import annotations

from bespeak.live.commit import Writer
from bespeak.live.copies import COLUMNS, IDENTIFIER, Copy, copies, copy_new, drop_copies, without
from bespeak.live.event import (
    Entry,
    Event,
    Events,
    Identify,
    Permit,
    Wrong,
    check,
    identifiers_of,
    impression,
)
from bespeak.live.log import Admit, Held, Kept, Log, Seen, everybody
from bespeak.live.opening import open_log
from bespeak.live.postgres import PostgresLog
from bespeak.live.sqlite import SQLiteLog

__all__ = [
    "COLUMNS",
    "IDENTIFIER",
    "Admit",
    "Copy",
    "Entry",
    "Event",
    "Events",
    "Held",
    "Identify",
    "Kept",
    "Log",
    "Permit",
    "PostgresLog",
    "SQLiteLog",
    "Seen",
    "Writer",
    "Wrong",
    "check",
    "copies",
    "copy_new",
    "drop_copies",
    "everybody",
    "identifiers_of",
    "impression",
    "open_log",
    "without",
]
