"""Runs beside a server: real processes on a little workspace."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from little import configure

from bespeak import live, shop
from bespeak.tasks import Task, Tasks
from bespeak.training import beside
from bespeak.training.trainer import Trainer
from bespeak.workspace import Workspace


@pytest.fixture
def workspace(once: Path, tmp_path: Path) -> Workspace:
    subprocess.run(["cp", "-a", f"{once}/.", str(tmp_path)], check=True)
    return Workspace(tmp_path)


@pytest.fixture
def tasks(workspace: Workspace) -> Iterator[Tasks]:
    yield shop.open_tasks(workspace)


@contextmanager
def hanging(workspace: Workspace) -> Iterator[None]:
    """The event log held by somebody: a run waits ten seconds for it before it gives up."""
    shop.open_intake(workspace).close()
    with closing(sqlite3.connect(workspace.root / live.FILE_NAME, isolation_level=None)) as held:
        held.execute("BEGIN IMMEDIATE")
        yield


def until(holds: Callable[[], bool], trainer: Trainer | None = None) -> None:
    for _ in range(600):
        if trainer is not None:
            trainer.look()
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError("it never became so")


def state(tasks: Tasks) -> str:
    found = tasks.latest()
    return found[0].state if found else ""


def ago(tasks: Tasks, minutes: int) -> Task:
    """The latest task as if it had ended so long ago."""
    task = tasks.latest()[0]
    assert task.ended is not None
    old = msgspec.structs.replace(task, ended=task.ended - timedelta(minutes=minutes))
    tasks.write(old)
    return old


def test_a_run_starts_after_so_many_events_and_not_again(
    workspace: Workspace, tasks: Tasks
) -> None:
    configure(workspace.root, "after_events = 3")
    opened = shop.open_intake(workspace)
    raw = b'{"type": "view", "session_id": "s1", "item_id": "i1"}'
    entries = [live.check(raw, 0, datetime.now(UTC), opened.identify) for _ in range(3)]
    opened.writer.append([one for one in entries if isinstance(one, live.Entry)]).result()
    opened.close()
    trainer = Trainer(workspace)
    with workspace.lock():  # as a run by hand would
        trainer.look()
        trainer.look()
    assert tasks.latest() == []
    until(lambda: state(tasks) == "done", trainer)
    (task,) = tasks.latest()
    assert (task.why, task.attempt, task.changed, task.problem) == ("after_events", 1, True, None)
    assert any("serve snapshot" in line for line in tasks.lines(task, 100))
    assert "run ended: a new version" in tasks.lines(task, 1)[0]
    assert shop.open_shop(workspace).taken == 3
    trainer = Trainer(workspace)
    trainer.look()
    assert len(tasks.latest()) == 1
    configure(workspace.root, 'every = "1m"')
    (workspace.root / "runs.json").unlink()  # as if the last run were long ago
    workspace.rollback()
    trainer.look()
    assert len(tasks.latest()) == 1, "the schedule rests while a rollback stands"


def test_a_run_that_fails_is_tried_again_so_many_times(workspace: Workspace, tasks: Tasks) -> None:
    configure(workspace.root, 'every = "1h"\nretries = 1')
    (workspace.root / "runs.json").unlink()
    (workspace.root / "orders3.csv").unlink()
    trainer = Trainer(workspace)
    until(lambda: state(tasks) == "failed", trainer)
    first = tasks.latest()[0]
    assert first.why == "every" and first.problem is not None
    assert first.problem.code == "SourceMissing" and "orders" in first.problem.message
    until(lambda: trainer.idle, trainer)
    trainer.look()
    assert len(tasks.latest()) == 1, "not before a minute has passed"
    ago(tasks, 2)
    trainer.look()
    second = tasks.latest()[0]
    assert (second.why, second.attempt) == ("retry", 2)
    trainer.stop()
    assert tasks.find(second.id).state == "queued", "the next server will start it"
    now = datetime.now(UTC)
    tasks.write(msgspec.structs.replace(second, state="failed", started=now, ended=now))
    ago(tasks, 50)
    trainer.look()
    assert len(tasks.latest()) == 2, "the retries are used up until the schedule comes round"


def test_a_run_that_takes_too_long_is_ended(workspace: Workspace, tasks: Tasks) -> None:
    configure(workspace.root, 'limit = "6s"')
    tasks.queue("asked")
    trainer = Trainer(workspace)
    with hanging(workspace):
        until(lambda: state(tasks) == "failed", trainer)
    problem = tasks.latest()[0].problem
    assert problem is not None and problem.code == "TimeLimit" and "6s" in problem.message
    with workspace.lock():
        pass  # it is gone, and its lock with it


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_outlives_a_trainer(
    workspace: Workspace, tasks: Tasks, how: signal.Signals
) -> None:
    tasks.queue("asked")
    process = beside.start("bespeak.training.trainer", str(workspace.root))
    with hanging(workspace):
        until(lambda: state(tasks) == "running")
        os.kill(process.pid, how)
        process.wait()
        until(lambda: state(tasks) == "failed")
    beside.kill(process)
    (task,) = tasks.latest()
    assert task.problem is not None
    assert task.problem.code == ("Died" if how == signal.SIGKILL else "Stopped")
    with workspace.lock():
        pass


def test_a_wrong_bespeak_toml_leaves_the_schedule_as_it_was(
    workspace: Workspace, tasks: Tasks, caplog: pytest.LogCaptureFixture
) -> None:
    trainer = Trainer(workspace)
    configure(workspace.root, 'every = "soon"')
    trainer.look()
    trainer.look()
    assert [record.message for record in caplog.records if "schedule" in record.message][1:] == []
    assert "train.every" in caplog.text and tasks.latest() == []
