"""When a run is due, and that it ends: `python -m bespeak.training.trainer WORKSPACE`.

Light, for it stands beside every server: it reads a few small files a second and the event log's
last position now and then. All that it decides follows from what is on disk, so that a server
that starts again goes on where the last one stopped.
"""

from __future__ import annotations

import fcntl
import logging
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import msgspec

from bespeak import live, schedule
from bespeak.config import Config
from bespeak.errors import BespeakError, WorkspaceBusy
from bespeak.ledger import past_runs
from bespeak.schedule import Known, Why
from bespeak.tasks import DIED, FOLDER, Task, Tasks, Trouble
from bespeak.training import beside
from bespeak.workspace import Workspace

WORK = "bespeak.training.work"
LOOK_S = 1.0
EVENTS_EVERY_S = 10.0
"""How often the event log is asked how far it is."""
LOG = logging.getLogger("bespeak.training")

TOO_LONG = "it took longer than train.limit, {limit}, and was ended"
STOPPED = Trouble("Stopped", "the server that started it was stopped")


@dataclass
class Running:
    """A run at work."""

    task: Task
    process: subprocess.Popen[bytes]
    until: float
    """On the monotonic clock."""


class Trainer:
    """Starts what is due in one workspace, one run at a time. Call `look` now and then."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._tasks = Tasks(workspace.root / FOLDER)
        self._config = workspace.config()
        self._wrong = ""
        self._running: Running | None = None
        self._position, self._asked = 0, -EVENTS_EVERY_S
        for task in self._tasks.latest():
            if task.problem == DIED:
                self._tasks.write(task)  # said once for all

    def look(self) -> None:
        """See to the run at work, or start one if one is due."""
        if self._running is not None:
            self._see_to(self._running)
            return
        self._read_config()
        past = self._tasks.latest()
        waiting = [task for task in past if task.state == "queued"]
        if not waiting:
            again = self._due(past)
            if again is None:
                return
            why, attempt = again
        if not _free(self._workspace):
            return  # a run started by hand; when it has ended, this one may not be due any more
        self._start(waiting[-1] if waiting else self._tasks.queue(why, attempt=attempt))

    @property
    def idle(self) -> bool:
        """Whether no run is at work that it has started."""
        return self._running is None

    def stop(self) -> None:
        """End the run at work, and say so."""
        if self._running is not None:
            beside.kill(self._running.process)
            self._conclude(self._running, STOPPED)
            self._running = None

    def _read_config(self) -> None:
        """bespeak.toml as it is now; a wrong one is said once, and the last good one holds."""
        try:
            self._config, self._wrong = self._workspace.config(), ""
        except BespeakError as error:
            if str(error) != self._wrong:
                self._wrong = str(error)
                LOG.warning("the schedule stays as it was: %s", error)

    def _due(self, past: list[Task]) -> tuple[Why, int] | None:
        """Why a run should start now and its number among the attempts, or None.

        While a rollback stands, only who asks for a run gets one: by itself it would soon publish
        what somebody has just taken back.
        """
        if self._workspace.state().undone is not None:
            return None
        now, train = datetime.now(UTC), self._config.train
        last = past[0] if past else None
        begun, taken = self._last_run()
        if last is not None and last.state == "failed" and not _since(last, begun):
            if last.attempt <= train.retries:
                rested = (last.ended or last.asked) + schedule.pause(last.attempt)
                return ("retry", last.attempt + 1) if now >= rested else None
            begun, taken = last.started or last.asked, max(taken, last.position)
        events = self._events() - taken if train.after_events is not None else 0
        zone = self._config.workspace.timezone
        why = schedule.due(train, Known(begun, events), now=now, zone=zone)
        return None if why is None else (why, 1)

    def _last_run(self) -> tuple[datetime | None, int]:
        """When the last run that ended well began, and the event log's position that it took in."""
        run = next(iter(past_runs(self._workspace)), None)
        if run is None:
            return None, 0
        return datetime.fromisoformat(run["at"]), int(run.get("taken", 0))

    def _events(self) -> int:
        """The event log's last position, as of a few seconds ago."""
        if time.monotonic() - self._asked >= EVENTS_EVERY_S:
            self._asked = time.monotonic()
            try:
                self._position = _position(self._workspace.root, self._config)
            except BespeakError as error:
                LOG.warning("events can't be counted: %s", error)
        return self._position

    def _start(self, task: Task) -> None:
        if self._config.train.after_events is not None:
            task = msgspec.structs.replace(task, position=self._events())
            self._tasks.write(task)
        process = beside.start(WORK, str(self._workspace.root), task.id)
        limit = schedule.limit_of(self._config.train)
        self._running = Running(task, process, time.monotonic() + limit.total_seconds())

    def _see_to(self, running: Running) -> None:
        """Note that the run has ended, or end it when its time is up."""
        over = time.monotonic() > running.until
        if running.process.poll() is None and not over:
            return
        beside.kill(running.process)  # and what it may have left of its group
        limit = Trouble("TimeLimit", TOO_LONG.format(limit=self._config.train.limit))
        self._conclude(running, limit if over else DIED)
        self._running = None
        self._tasks.sweep()

    def _conclude(self, running: Running, problem: Trouble) -> None:
        """Say why a run failed whose process did not say so itself."""
        found = self._tasks.find(running.task.id)
        never_began = found.state == "queued" and problem is not STOPPED
        if running.process.returncode != beside.BUSY and (found.problem == DIED or never_began):
            now = datetime.now(UTC)
            self._tasks.write(
                msgspec.structs.replace(found, state="failed", ended=now, problem=problem)
            )


def _since(task: Task, begun: datetime | None) -> bool:
    """Whether a run that ended well began after the task did."""
    return begun is not None and begun > (task.started or task.asked)


def _free(workspace: Workspace) -> bool:
    """Whether nobody runs in the workspace now."""
    try:
        with workspace.lock():
            return True
    except WorkspaceBusy:
        return False


def _position(root: Path, config: Config) -> int:
    """The last position of the workspace's event log; 0 without one."""
    path, chosen = root / live.FILE_NAME, config.live
    if chosen.database is None and not path.exists():
        return 0
    log = live.open_log(path, database=chosen.database, schema=chosen.schema)
    try:
        return log.last()
    finally:
        log.close()


def _ended(_: int, __: object) -> None:
    raise SystemExit(0)


def main() -> None:
    """Look until standard input ends; a second trainer of one workspace waits for the first."""
    signal.signal(signal.SIGTERM, _ended)
    workspace = Workspace(Path(sys.argv[1]))
    trainer, door, wrong = None, None, ""
    try:
        while not select.select([0], [], [], LOOK_S)[0]:
            try:
                door = door or _door(workspace.root / FOLDER)
                if trainer is None and _mine(door):
                    trainer = Trainer(workspace)
                if trainer is not None:
                    trainer.look()
                wrong = ""
            except OSError as error:  # a disk that is full or read-only may be well again
                if str(error) != wrong:
                    wrong = str(error)
                    LOG.error("no run can be seen to until the disk can be written: %s", error)
    finally:
        if trainer is not None:
            trainer.stop()


def _door(folder: Path) -> IO[bytes]:
    """The file whose lock says who trains; it stays open as long as the process lives."""
    folder.mkdir(exist_ok=True)
    return (folder / ".trainer").open("wb")


def _mine(stream: IO[bytes]) -> bool:
    """Whether this process is the one that trains; the system lets go when it ends."""
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


if __name__ == "__main__":
    main()
