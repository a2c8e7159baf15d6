"""What one person agreed to, asked and told without a server: for commands and for an export."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

from bespeak import live, privacy, serve
from bespeak.consent import Purpose, Words, latest
from bespeak.errors import NotFound
from bespeak.opening import open_log
from bespeak.workspace import SNAPSHOT, Workspace

Document = dict[str, Any]


def see(workspace: Workspace, customer_id: str) -> Document:
    """What holds for a customer at this moment, by purpose.

    returns : customer_id, consent (purpose -> allowed, said, since)
    raises  : NotFound
    """
    config = workspace.config()
    with closing(open_log(workspace, config)) as log:
        visitors = _visitors(workspace, customer_id)
        words = words_of(workspace, customer_id, visitors, log)
        if not words and not (_snapshot_knows(workspace, customer_id) or log.of(visitors)):
            raise unknown(customer_id)
    return {"customer_id": customer_id, "consent": said(workspace, words)}


def say(
    workspace: Workspace, customer_id: str, told: Mapping[Purpose, bool], *, by: str
) -> Document:
    """Take what a customer agrees to or refuses; servers go by it from their next request on.

    by      : who told, for the audit log
    returns : as `see`
    raises  : NotFound for who was erased; LogUnavailable
    """
    config = workspace.config()
    visitors = _visitors(workspace, customer_id)
    with closing(open_log(workspace, config)) as log:
        entry = live.consented(_actor(workspace, visitors), told, time=datetime.now(UTC))
        log.append([[entry]], time.time_ns() // 1_000)
    heard(workspace, customer_id, told, by=by)
    return see(workspace, customer_id)


def heard(workspace: Workspace, customer_id: str, told: Mapping[Purpose, bool], *, by: str) -> None:
    """Note in the audit log what a customer agreed to or refused."""
    about = {str(purpose): agreed for purpose, agreed in told.items()}
    privacy.audit(workspace).add("consent", by=by, customer=customer_id, **about)


def allows(workspace: Workspace, customer_id: str, purpose: Purpose) -> bool:
    """Whether a customer's data may be used for this, at this moment."""
    config = workspace.config()
    with closing(open_log(workspace, config)) as log:
        visitors = _visitors(workspace, customer_id)
        words = words_of(workspace, customer_id, visitors, log)
    return config.privacy.allows(purpose, words)


def words_of(
    workspace: Workspace, customer_id: str, visitors: Collection[str], log: live.Log
) -> Words:
    """All that a person said, the latest of each purpose.

    visitors : every identifier of theirs
    """
    published = workspace.find(SNAPSHOT)
    known = () if published is None else _opened(workspace).consent_of(customer_id).values()
    return latest([*known, *(one.word for one in log.consents(visitors))])


def said(workspace: Workspace, words: Words) -> Document:
    """What holds for each purpose: allowed, said (or by default), since (ISO time, or null)."""
    return {
        purpose: {
            "allowed": held.allowed,
            "said": held.said,
            "since": None if held.since is None else held.since.isoformat(timespec="seconds"),
        }
        for purpose, held in workspace.config().privacy.holds(words).items()
    }


def _opened(workspace: Workspace) -> serve.Snapshot:
    return serve.Snapshot.open(workspace.get(SNAPSHOT).path)


def _snapshot_knows(workspace: Workspace, customer_id: str) -> bool:
    return workspace.find(SNAPSHOT) is not None and _opened(workspace).has_customer(customer_id)


def _visitors(workspace: Workspace, customer_id: str) -> list[str]:
    """Every identifier of a customer, as the log spells them.

    raises : NotFound for who was erased
    """
    primary = workspace.config().identity.primary
    found: list[str] = []
    if workspace.find(SNAPSHOT) is not None:
        found = _opened(workspace).identities.of(customer_id)["actor"].to_pylist()
    found = found or [f"{namespace}:{customer_id}" for namespace in primary]
    if privacy.tombstones(workspace).now().hold(found):
        raise unknown(customer_id)
    return found


def _actor(workspace: Workspace, visitors: list[str]) -> str:
    names = tuple(f"{name}:" for name in workspace.config().identity.primary)
    return next((one for one in visitors if one.startswith(names)), visitors[0])


def unknown(customer_id: str) -> NotFound:
    """Nobody is called so, or nobody any more."""
    return NotFound(
        f"there is no customer `{customer_id[:80]}`",
        next_step="Look one up with /v1/customers?q=, or in the console.",
    )
