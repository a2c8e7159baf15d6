"""Events as they happen: checked, kept durably, each once, and read back at once."""

from __future__ import annotations

from bespeak.live.changes import Change, KeptChange
from bespeak.live.commit import Writer
from bespeak.live.copies import (
    CHANGES,
    COLUMNS,
    IDENTIFIER,
    Copy,
    copies,
    copy_changes,
    copy_new,
)
from bespeak.live.event import Entry, Event, Events, Identify, Permit, Wrong, check, impression
from bespeak.live.log import Kept, Log, Seen
from bespeak.live.opening import FILE_NAME, open_log
from bespeak.live.postgres import PostgresLog
from bespeak.live.sqlite import SQLiteLog

__all__ = [
    "CHANGES",
    "COLUMNS",
    "FILE_NAME",
    "IDENTIFIER",
    "Change",
    "Copy",
    "Entry",
    "Event",
    "Events",
    "Identify",
    "Kept",
    "KeptChange",
    "Log",
    "Permit",
    "PostgresLog",
    "SQLiteLog",
    "Seen",
    "Writer",
    "Wrong",
    "check",
    "copies",
    "copy_changes",
    "copy_new",
    "impression",
    "open_log",
]
