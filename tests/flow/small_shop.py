"""What tests of flows with an event log share: what a page tells, and settings that run quickly."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import msgspec

from bespeak import shop
from bespeak.live import Entry, check
from bespeak.workspace import Workspace

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
"""When events come in, by the server's clock."""
QUICK_SEGMENTS = """
[segments]
bootstrap = 2
k_max = 3
"""
QUICK = f"""
[recommend]
models = ["popular", "item_knn"]
{QUICK_SEGMENTS}
"""
"""For a config: little is fitted where no test looks at what was."""


@contextmanager
def intake(workspace: Workspace) -> Iterator[Any]:
    opened = shop.open_intake(workspace)
    try:
        yield opened
    finally:
        opened.close()


def tell(workspace: Workspace, *told: dict[str, Any] | Entry, now: datetime = NOW) -> int:
    """Events as a page sends them, and lists as the server logs them.

    returns : how many are new
    """
    with intake(workspace) as opened:
        entries = [
            one if isinstance(one, Entry)
            else check(msgspec.json.encode(one), 0, now, opened.identify)
            for one in told
        ]  # fmt: skip
        assert all(isinstance(one, Entry) for one in entries), entries
        new: int = opened.writer.append([one for one in entries if isinstance(one, Entry)]).result()
        return new


def view(event_id: str, session: str, item: str = "tea", **who: str) -> dict[str, Any]:
    return {"event_id": event_id, "type": "view", "session_id": session, "item_id": item,
            "identifiers": who}  # fmt: skip
