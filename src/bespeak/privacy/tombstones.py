"""Who was erased, as keyed hashes: enough to keep them out, too little to know who they were.

One file of the workspace, with a mark for each identifier of each person erased, in the order of
the hashes, so that nothing tells which belong together or when they came.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bespeak.errors import ArtifactCorrupt
from bespeak.live import Entry, identifiers_of
from bespeak.privacy.keyed import Keyed
from bespeak.workspace import Workspace, digest, write_atomically

FILE = "tombstones.json"
LOCK = ".tombstones.lock"


@dataclass(frozen=True)
class Marks:
    """The marks as they stood at one moment.

    carried_out : digest of the marks under which the last whole run was made
    """

    keyed: Keyed
    marks: frozenset[str]
    carried_out: str

    def __len__(self) -> int:
        return len(self.marks)

    @property
    def digest(self) -> str:
        """Names these marks, among a step's inputs."""
        return digest(sorted(self.marks)) if self.marks else ""

    @property
    def pending(self) -> bool:
        """Whether files of the last run may still hold somebody who was erased since."""
        return self.digest != self.carried_out

    def among(self, identifiers: Iterable[str]) -> set[str]:
        """Those of `identifiers` (`namespace:value`) that were erased."""
        if not self.marks:
            return set()
        return {one for one in identifiers if self.keyed.of(one) in self.marks}

    def hold(self, identifiers: Iterable[str]) -> bool:
        """Whether any of `identifiers` was erased."""
        return bool(self.marks) and any(self.keyed.of(one) in self.marks for one in identifiers)


class Tombstones:
    """The marks on disk, which any process may add to; read again when they have changed."""

    def __init__(self, root: Path, secret: bytes) -> None:
        self._root, self._path = root, root / FILE
        self._keyed = Keyed(secret, "tombstone")
        self._read: tuple[object, Marks] = (None, Marks(self._keyed, frozenset(), ""))

    def now(self) -> Marks:
        """What is marked at this moment; a look at the file's time where nothing has changed.

        raises : ArtifactCorrupt; nobody is let back in by a file that can't be read
        """
        try:
            seen = os.stat(self._path)  # noqa: PTH116 - asked for every list, at half the cost
        except FileNotFoundError:
            return Marks(self._keyed, frozenset(), "")
        stamp = (seen.st_ino, seen.st_mtime_ns, seen.st_size)
        known, marks = self._read
        if stamp != known:
            marks = self._load()
            self._read = stamp, marks
        return marks

    def add(self, identifiers: Iterable[str]) -> int:
        """Mark `identifiers`, durably; how many were not marked yet."""
        with self._alone():
            before = self.now()
            wanted = before.marks | {self._keyed.of(one) for one in identifiers}
            if wanted != before.marks:
                self._save(wanted, before.carried_out)
        return len(wanted) - len(before.marks)

    def carried_out(self, marks: Marks) -> None:
        """A whole run was made under `marks`, and what was made before it is gone."""
        with self._alone():
            now = self.now()
            if now.carried_out != marks.digest:
                self._save(now.marks, marks.digest)

    def admit(self, entries: Sequence[Entry]) -> Sequence[Entry]:
        """The entries that carry no identifier of anybody erased."""
        marks = self.now()
        if not marks:
            return entries
        return [one for one in entries if not marks.hold(identifiers_of(one))]

    def _load(self) -> Marks:
        try:
            said: dict[str, Any] = json.loads(self._path.read_text(encoding="utf-8"))
            return Marks(self._keyed, frozenset(said["marks"]), str(said["carried_out"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ArtifactCorrupt(
                f"{self._path}: can't be read, so nobody can tell who was erased",
                next_step="Restore that file from a backup.",
            ) from error

    def _save(self, marks: Collection[str], carried_out: str) -> None:
        said = {"marks": sorted(marks), "carried_out": carried_out}
        write_atomically(self._path, json.dumps(said, indent=0).encode())

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Others wait, for the moment that it takes."""
        with (self._root / LOCK).open("w") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield


def tombstones(workspace: Workspace) -> Tombstones:
    """The workspace's."""
    return Tombstones(workspace.root, workspace.secret())
