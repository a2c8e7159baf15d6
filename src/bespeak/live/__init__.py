"""Events as they happen: checked, kept durably, each once, and read back at once."""

from __future__ import annotations

from bespeak.live.commit import Writer
from bespeak.live.copies import COLUMNS, IDENTIFIER, Copy, copies, copy_new
from bespeak.live.event import Entry, Event, Events, Identify, Permit, Wrong, check, impression
from bespeak.live.log import Kept, Log, Seen
from bespeak.live.opening import FILE_NAME, open_log
from bespeak.live.postgres import PostgresLog
from bespeak.live.sqlite import SQLiteLog

__all__ = [
    "COLUMNS",
    "FILE_NAME",
    "IDENTIFIER",
    "Copy",
    "Entry",
    "Event",
    "Events",
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
    "impression",
    "open_log",
]
