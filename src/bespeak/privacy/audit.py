"""Every act of an administrator, one line each, added and never changed.

A line names a customer by a keyed hash: who has the workspace's secret can ask whether somebody's
act is there, and nobody can read out whose it was.
"""

from __future__ import annotations

import fcntl
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from bespeak.errors import ArtifactCorrupt
from bespeak.privacy.keyed import Keyed
from bespeak.workspace import Workspace

FILE = "audit.jsonl"
Act = Literal[
    "erase", "export", "consent", "key made", "key rotated", "key revoked", "rollback", "config"
]


class Audit:
    """A file of JSON lines; several processes may add to it."""

    def __init__(self, path: Path, secret: bytes) -> None:
        self._path, self._keyed = path, Keyed(secret, "audit")

    def add(
        self, act: Act, *, by: str, customer: str | None = None, **about: str | int | bool
    ) -> dict[str, Any]:
        """Keep one act; it is on disk when this returns.

        by       : who did it, as the caller knows them: `command line`, or a key's public name
        customer : a customer_id; only its keyed hash is kept
        about    : counts and names of things, never a personal value
        returns  : the line
        """
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {"at": at, "act": act, "by": by}
        if customer is not None:
            line["customer"] = self.named(customer)
        line |= about
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
        with os.fdopen(os.open(self._path, flags, 0o600), "rb+", buffering=0) as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            # what a machine that went down left half is a line of its own
            size = os.fstat(stream.fileno()).st_size
            torn = size > 0 and os.pread(stream.fileno(), 1, size - 1) != b"\n"
            text = json.dumps(line, ensure_ascii=False)
            stream.write(("\n" if torn else "").encode() + f"{text}\n".encode())
            os.fsync(stream.fileno())
        return line

    def named(self, customer: str) -> str:
        """What the log calls a customer."""
        return self._keyed.of(customer)

    def lines(self) -> list[dict[str, Any]]:
        """Every act, oldest first.

        raises : ArtifactCorrupt for a line that is no JSON, unless it is one cut short
        """
        if not self._path.is_file():
            return []
        found = []
        for number, text in enumerate(self._path.read_text(encoding="utf-8").splitlines(), 1):
            try:
                found.append(json.loads(text))
            except ValueError as error:
                if not text.startswith('{"at"'):
                    raise ArtifactCorrupt(
                        f"{self._path}: line {number} is none of ours",
                        next_step="Compare the file with a backup: nothing but bespeak writes it.",
                    ) from error
                found.append({"at": None, "act": "cut short", "by": None})
        return found


def audit(workspace: Workspace) -> Audit:
    """The workspace's."""
    return Audit(workspace.root / FILE, workspace.secret())
