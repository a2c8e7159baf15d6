"""Which log a workspace has."""

from __future__ import annotations

from pathlib import Path

from bespeak.live.log import Admit, Log, everybody
from bespeak.live.postgres import PostgresLog
from bespeak.live.sqlite import SQLiteLog

FILE_NAME = "live.db"
"""Of the log, in the workspace's folder."""


def open_log(path: Path, *, database: str | None, schema: str, admit: Admit = everybody) -> Log:
    """The log in `database`, or else in the SQLite file at `path`, which is made at need.

    admit  : who may be kept: see `Log`
    raises : LogUnavailable; EngineUnavailable without the extra that it needs
    """
    if database is None:
        return SQLiteLog(path, admit=admit)
    return PostgresLog(database, schema=schema, admit=admit)
