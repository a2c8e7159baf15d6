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
    drop_copies,
    row_of,
    without,
)
from bespeak.live.event import (
    Entry,
    Event,
    Events,
    Identify,
    Permit,
    Wrong,
    check,
    consented,
    identifiers_of,
    impression,
)
from bespeak.live.log import Admit, Held, Kept, Lately, Log, Seen, Shown, everybody
from bespeak.live.opening import FILE_NAME, open_log
from bespeak.live.postgres import PostgresLog
from bespeak.live.sqlite import SQLiteLog

__all__ = [
    "CHANGES",
    "COLUMNS",
    "FILE_NAME",
    "IDENTIFIER",
    "Admit",
    "Change",
    "Copy",
    "Entry",
    "Event",
    "Events",
    "Held",
    "Identify",
    "Kept",
    "KeptChange",
    "Lately",
    "Log",
    "Permit",
    "PostgresLog",
    "SQLiteLog",
    "Seen",
    "Shown",
    "Writer",
    "Wrong",
    "check",
    "consented",
    "copies",
    "copy_changes",
    "copy_new",
    "drop_copies",
    "everybody",
    "identifiers_of",
    "impression",
    "open_log",
    "row_of",
    "without",
]
