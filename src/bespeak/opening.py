"""The workspace's event log, as everybody opens it: closed to who was erased."""

from __future__ import annotations

from bespeak import live
from bespeak.config import Config
from bespeak.privacy import tombstones
from bespeak.workspace import Workspace

COPIES = "live"
"""Folder of the log's copies in a workspace; also what the source is called."""


def open_log(workspace: Workspace, config: Config) -> live.Log:
    """The workspace's event log; it is made if it is not there.

    raises : LogUnavailable; EngineUnavailable without the extra that it needs
    """
    chosen, admit = config.live, tombstones(workspace).admit
    return live.open_log(
        workspace.root / live.FILE_NAME, database=chosen.database, schema=chosen.schema, admit=admit
    )
