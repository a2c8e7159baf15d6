"""One run in a process of its own: `python -m bespeak.training.work WORKSPACE TASK`.

It gives way to the server (low priority), says in its task what it is at, and ends when its
standard input does: then nobody waits for it any more.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
import traceback
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from bespeak import flow
from bespeak.errors import BespeakError, WorkspaceBusy
from bespeak.tasks import FOLDER, Task, Tasks, Trouble
from bespeak.training.beside import BUSY
from bespeak.workspace import Workspace

NICENESS = 10
SAY_EVERY_S = 0.5


class Diary:
    """What a run says of itself: each step that made something in the log, the present one in the
    task."""

    def __init__(self, tasks: Tasks, task: Task, log: logging.Logger) -> None:
        self._tasks, self._log, self._said = tasks, log, 0.0
        self.task = task

    def set(self, **changes: object) -> None:
        """Change the task, for everybody to see."""
        self.task = msgspec.structs.replace(self.task, **changes)
        self._tasks.write(self.task)

    def tell(self, step: flow.Step) -> None:
        """As a run's `tell`."""
        if step.state == "done":
            rows = "" if step.rows is None else f", {step.rows} rows"
            self._log.info("%s %s: %.1f s%s", step.stage, step.name, step.seconds, rows)
        now = time.monotonic()
        if step.state == "running" and now - self._said >= SAY_EVERY_S:
            self._said = now
            self.set(step=f"{step.stage} {step.name}")


def work(workspace: Workspace, name: str) -> int:
    """Do the task; its record says how it went. Returns the exit status."""
    tasks = Tasks(workspace.root / FOLDER)
    task = tasks.find(name)
    with tasks.hold(task) as log:
        diary = Diary(tasks, task, log)
        diary.set(state="running", started=datetime.now(UTC))
        log.info("run started (%s, attempt %d)", task.why, task.attempt)
        try:
            outcome = flow.run(workspace, tell=diary.tell)
        except WorkspaceBusy:
            log.info("another run holds the workspace; waiting for it")
            diary.set(state="queued", started=None, step=None)
            return BUSY
        except BaseException as error:
            trouble = _trouble(error, log)
            diary.set(state="failed", ended=datetime.now(UTC), problem=trouble)
            if isinstance(error, BespeakError):
                return 1
            raise  # a bug: told in full in the server's log, and by its kind in the task's
        log.info("run ended: %s", "a new version" if outcome.changed else "nothing had changed")
        diary.set(state="done", ended=datetime.now(UTC), changed=outcome.changed)
    return 0


def _trouble(error: BaseException, log: logging.Logger) -> Trouble:
    """What a reader may know of it: our own errors in their words, others by kind and place."""
    kind = type(error).__name__
    if isinstance(error, BespeakError):
        log.info("run failed: %s: %s", kind, error)
        return Trouble(kind, str(error))
    for frame in traceback.extract_tb(error.__traceback__):
        log.info("  %s:%s in %s", Path(frame.filename).name, frame.lineno, frame.name)
    log.info("run failed: %s", kind)
    return Trouble(kind, "a mistake of bespeak's own; the server's log has it in full")


def _end_with_input() -> None:
    """Wait for the end of standard input, then end this process and all that it started."""
    while os.read(0, 1024):
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)


def main() -> None:
    """Do one task."""
    root, name = sys.argv[1:]
    os.nice(NICENESS)
    threading.Thread(target=_end_with_input, daemon=True).start()
    raise SystemExit(work(Workspace(Path(root)), name))


if __name__ == "__main__":
    main()
