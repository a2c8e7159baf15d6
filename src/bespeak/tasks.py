"""Runs that a server starts: a folder for each, `tasks/ID/`, with its state and a bounded log.

Whoever works on a task holds a lock in its folder, which the system lets go when that process ends,
however it ends. So a task that says `running` while nobody holds it has died, and is shown as
failed.
"""

from __future__ import annotations

import fcntl
import logging
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, Literal

import msgspec

from bespeak.errors import NotFound
from bespeak.schedule import Why
from bespeak.workspace import write_atomically

FOLDER = "tasks"
KEPT = 50
"""Tasks that are remembered."""
LOG_BYTES = 128_000
"""Of a log file; a task has two at most."""
_ID = re.compile(r"[0-9]{8}T[0-9]{12}-[0-9a-f]{4}")
_RECORD, _LOG, _HELD = "task.json", "log.txt", ".held"

State = Literal["queued", "running", "done", "failed"]


class Trouble(msgspec.Struct, frozen=True):
    """Why a task failed; never a personal value."""

    code: str
    message: str


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """One run, from when it was asked for to its end. Times are UTC."""

    id: str
    why: Why
    state: State = "queued"
    attempt: int = 1
    """2 is the first retry."""
    asked: datetime
    started: datetime | None = None
    ended: datetime | None = None
    step: str | None = None
    """Stage and name of the step at work."""
    changed: bool | None = None
    """Whether it made a new version."""
    position: int = 0
    """Of the event log, when it started."""
    problem: Trouble | None = None

    @property
    def seconds(self) -> float | None:
        """How long it ran, or has run until now; None before it starts."""
        if self.started is None:
            return None
        until = self.ended or datetime.now(UTC)
        return round((until - self.started).total_seconds(), 2)

    def shown(self) -> dict[str, Any]:
        """What a reader sees of it: its fields but for the position, and the seconds."""
        told = (name for name in self.__struct_fields__ if name != "position")
        return {**{name: getattr(self, name) for name in told}, "seconds": self.seconds}


DIED = Trouble("Died", "its process ended without a word: killed, or out of memory")


@dataclass(frozen=True)
class Tasks:
    """The tasks of one workspace; any process may read and queue."""

    folder: Path

    def queue(self, why: Why, *, attempt: int = 1) -> Task:
        """A task that waits to be started: a new one, or the one that waits already."""
        self.folder.mkdir(exist_ok=True)
        with _locked(self.folder / ".queue"):
            waiting = next((task for task in self.latest() if task.state == "queued"), None)
            if waiting is not None:
                return waiting
            now = datetime.now(UTC)
            name = f"{now:%Y%m%dT%H%M%S%f}-{secrets.token_hex(2)}"
            (self.folder / name).mkdir()
            task = Task(id=name, why=why, attempt=attempt, asked=now)
            self.write(task)
            return task

    def latest(self) -> list[Task]:
        """Every task that is remembered, the newest first."""
        found = []
        for path in sorted(self.folder.glob(f"*/{_RECORD}"), reverse=True):
            with suppress(FileNotFoundError):  # forgotten between the two looks
                found.append(self._read(path.parent.name))
        return found

    def find(self, name: str) -> Task:
        """One task.

        raises : NotFound
        """
        if _ID.fullmatch(name) is None or not (self.folder / name / _RECORD).is_file():
            raise NotFound(
                f"there is no task `{name[:40]}`", next_step="See /v1/tasks, or `bespeak tasks`."
            )
        return self._read(name)

    def write(self, task: Task) -> None:
        """Remember the task as it is now."""
        write_atomically(self.folder / task.id / _RECORD, msgspec.json.encode(task))

    def lines(self, task: Task, limit: int) -> list[str]:
        """The last lines of the task's log."""
        found: list[str] = []
        for path in (self._log(task).with_name(f"{_LOG}.1"), self._log(task)):
            if path.is_file():
                found += path.read_text(encoding="utf-8", errors="replace").splitlines()
        return found[-limit:]

    @contextmanager
    def hold(self, task: Task) -> Iterator[logging.Logger]:
        """Work on a task; gives its log."""
        log = logging.getLogger(f"bespeak.tasks.{task.id}")
        log.setLevel(logging.INFO)
        log.propagate = False
        handler = RotatingFileHandler(
            self._log(task), maxBytes=LOG_BYTES, backupCount=1, encoding="utf-8"
        )
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%d %H:%M:%S%z"))
        log.addHandler(handler)
        try:
            with _locked(self.folder / task.id / _HELD):
                yield log
        finally:
            log.removeHandler(handler)
            handler.close()

    def sweep(self, keep: int = KEPT) -> None:
        """Forget the oldest of those that have ended."""
        ended = [task for task in self.latest() if task.state in {"done", "failed"}]
        for task in ended[keep:]:
            shutil.rmtree(self.folder / task.id, ignore_errors=True)

    def _log(self, task: Task) -> Path:
        return self.folder / task.id / _LOG

    def _read(self, name: str) -> Task:
        path = self.folder / name / _RECORD
        task = msgspec.json.decode(path.read_bytes(), type=Task)
        if task.state != "running" or self._held(name):
            return task
        # it may have ended between the two looks
        task = msgspec.json.decode(path.read_bytes(), type=Task)
        if task.state != "running":
            return task
        seen = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        return msgspec.structs.replace(task, state="failed", ended=seen, problem=DIED)

    def _held(self, name: str) -> bool:
        try:
            with (self.folder / name / _HELD).open("rb") as stream:
                fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except FileNotFoundError:
            return False
        return False


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold `path` alone; waits for who holds it."""
    with path.open("wb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
