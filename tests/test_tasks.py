"""A task is told by its folder: its state, its log, and whether anybody is still at it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from bespeak.errors import NotFound
from bespeak.tasks import KEPT, LOG_BYTES, Task, Tasks

WORKER = """
import sys, time
from datetime import UTC, datetime
from pathlib import Path
import msgspec
from bespeak.tasks import Tasks
tasks = Tasks(Path(sys.argv[1]))
task = tasks.latest()[0]
with tasks.hold(task):
    tasks.write(msgspec.structs.replace(task, state="running", started=datetime.now(UTC)))
    print("at work", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def tasks(tmp_path: Path) -> Tasks:
    return Tasks(tmp_path / "tasks")


def ended(tasks: Tasks, task: Task) -> Task:
    now = datetime.now(UTC)
    done = msgspec.structs.replace(task, state="done", started=now, ended=now, changed=True)
    tasks.write(done)
    return done


def test_a_workspace_without_tasks_has_none(tasks: Tasks) -> None:
    assert tasks.latest() == []


def test_what_is_asked_for_waits_and_is_there_once(tasks: Tasks) -> None:
    first = tasks.queue("asked")
    assert first.state == "queued" and first.seconds is None
    assert tasks.queue("every") == first
    assert tasks.latest() == [first] == [tasks.find(first.id)]
    done = ended(tasks, first)
    second = tasks.queue("every")
    assert [task.id for task in tasks.latest()] == [second.id, done.id]


def test_a_task_whose_process_is_killed_is_shown_as_failed(tasks: Tasks) -> None:
    tasks.queue("asked")
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(tasks.folder)], stdout=subprocess.PIPE, text=True
    )
    assert worker.stdout is not None and worker.stdout.readline().strip() == "at work"
    (running,) = tasks.latest()
    assert (running.state, running.problem) == ("running", None)
    assert running.seconds is not None
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    (died,) = tasks.latest()
    assert died.state == "failed" and died.ended is not None
    assert died.problem is not None and died.problem.code == "Died"


def test_a_log_keeps_its_last_lines_and_stays_small(tasks: Tasks) -> None:
    task = tasks.queue("asked")
    with tasks.hold(task) as log:
        for number in range(20_000):
            log.info("line %d", number)
    assert [line.split()[-1] for line in tasks.lines(task, 3)] == ["19997", "19998", "19999"]
    assert len(tasks.lines(task, 10**6)) < 10_000
    folder = tasks.folder / task.id
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 2 * LOG_BYTES + 1_000


@pytest.mark.parametrize("name", ["..", "../tasks", "", "20260101T000000000000-0000", "a" * 500])
def test_only_a_tasks_own_name_finds_it(tasks: Tasks, name: str) -> None:
    tasks.queue("asked")
    with pytest.raises(NotFound, match="there is no task"):
        tasks.find(name)


def test_the_oldest_are_forgotten_and_the_waiting_one_is_not(tasks: Tasks) -> None:
    made = [ended(tasks, tasks.queue("asked")) for _ in range(KEPT + 2)]
    waiting = tasks.queue("asked")
    tasks.sweep()
    kept = {task.id for task in tasks.latest()}
    assert kept == {waiting.id, *(task.id for task in made[2:])}
