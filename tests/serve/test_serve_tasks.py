"""Tasks over HTTP: asked for, listed, seen with their log."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from asking import Ask, ask_of

from bespeak.serve import Shop, create_app
from bespeak.tasks import Tasks, Trouble


@pytest.fixture
def tasks(tmp_path: Path) -> Tasks:
    return Tasks(tmp_path / "tasks")


@pytest.fixture
def asked(shop: Shop, tasks: Tasks) -> Ask:
    return ask_of(create_app(shop, tasks=tasks))


def test_a_run_that_is_asked_for_waits_once(asked: Ask) -> None:
    assert asked("/v1/tasks").json() == {"tasks": []}
    first = asked("/v1/tasks", method="POST")
    again = asked("/v1/tasks", method="POST")
    assert (first.status, again.status) == (202, 202)
    assert first.json() == again.json()
    assert first.json()["state"] == "queued" and first.json()["seconds"] is None
    assert asked("/v1/tasks").json() == {"tasks": [first.json()]}


def test_a_task_is_seen_with_the_end_of_its_log(asked: Ask, tasks: Tasks) -> None:
    task = tasks.queue("every")
    with tasks.hold(task) as log:
        for number in range(9):
            log.info("step %d", number)
    now, why = datetime.now(UTC), Trouble("SourceMissing", "no orders.csv")
    tasks.write(msgspec.structs.replace(task, state="failed", started=now, ended=now, problem=why))
    found = asked(f"/v1/tasks/{task.id}?lines=2").json()
    assert [line[-6:] for line in found["log"]] == ["step 7", "step 8"]
    assert found["problem"] == {"code": "SourceMissing", "message": "no orders.csv"}
    assert (found["state"], found["why"], found["attempt"]) == ("failed", "every", 1)


@pytest.mark.parametrize("name", ["..%2f..%2fetc", "none", "20260101T000000000000-0000"])
def test_what_is_no_task_is_not_found(asked: Ask, name: str) -> None:
    assert asked(f"/v1/tasks/{name}").status == 404


def test_a_server_without_tasks_says_so(shop: Shop) -> None:
    ask = ask_of(create_app(shop))
    assert ask("/v1/tasks").json() == {"tasks": []}
    refused = ask("/v1/tasks", method="POST")
    assert refused.status == 503 and "bespeak serve" in refused.json()["error"]["next_step"]
