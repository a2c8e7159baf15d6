"""How long the event log and its copies hold what a run has read."""

from __future__ import annotations

import math
import time
from contextlib import closing
from dataclasses import dataclass

from bespeak import live
from bespeak.config import Config
from bespeak.flow.publishing import SNAPSHOT
from bespeak.flow.taking import has_log
from bespeak.opening import COPIES, open_log
from bespeak.workspace import Workspace

DAY = 86_400_000_000
"""Microseconds."""


def read_up_to(workspace: Workspace) -> int:
    """The last position of the log that the current snapshot holds; 0 before the first run."""
    found = workspace.find(SNAPSHOT)
    return 0 if found is None else int(found.manifest.get("taken", 0))


def let_go(workspace: Workspace, config: Config, *, until: int) -> None:
    """Shorten the log and its copies to what `[live]` allows; the workspace must be locked.

    until : the position up to which every server's snapshot holds the events, so that none is
            missed: that of the run before, since servers take a moment to change to the newest
    """
    kept, now = config.live, time.time_ns() // 1_000
    if has_log(workspace, config) and until:
        with closing(open_log(workspace, config)) as log:
            log.drop(until, before=now - round(kept.keep_days * DAY))
            held = log.held()
            excess = held.bytes - kept.keep_mb * 1e6
            if excess > 0:
                log.drop(until, most=math.ceil(held.events * excess / held.bytes))
    if kept.keep_copies_days is not None:
        live.drop_copies(workspace.root / COPIES, now - round(kept.keep_copies_days * DAY))


@dataclass(frozen=True)
class Kept:
    """What stands in the log and in its copies."""

    log: live.Held | None
    copies: int
    copies_bytes: int


def kept(workspace: Workspace, config: Config) -> Kept:
    """What stands in the log, if there is one, and in its copies."""
    held = None
    if has_log(workspace, config):
        with closing(open_log(workspace, config)) as log:
            held = log.held()
    found = [copy.path.stat().st_size for copy in live.copies(workspace.root / COPIES)]
    return Kept(held, len(found), sum(found))
