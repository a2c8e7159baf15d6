"""Tasks: runs that this server starts, with their state and log."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from bespeak.errors import NotReady
from bespeak.schedule import Why
from bespeak.serve import answers
from bespeak.serve.endpoint import Endpoint, path_value
from bespeak.serve.parameters import Limit, NoQuery, query
from bespeak.tasks import State, Tasks, Trouble


class ShownTask(msgspec.Struct, frozen=True):
    """One run, from when it was asked for to its end."""

    id: str
    why: Annotated[
        Why,
        msgspec.Meta(
            description="What started it: `asked` by somebody, by the schedule (`every`, `at`,"
            " `after_events`), or as the `retry` of one that failed."
        ),
    ]
    state: State
    attempt: int
    asked: datetime
    started: datetime | None
    ended: datetime | None
    seconds: float | None
    step: str | None
    changed: Annotated[
        bool | None, msgspec.Meta(description="Whether it made a new version; null until it ends.")
    ]
    problem: Trouble | None


class TaskList(msgspec.Struct, frozen=True):
    """The latest tasks, the newest first."""

    tasks: list[ShownTask]


class WholeTask(ShownTask, frozen=True):
    """One task with the last lines of its log."""

    log: list[str]


class ListTasks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many."""

    limit: Limit = 20


class SeeTask(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much of the log."""

    lines: Annotated[
        int, msgspec.Meta(ge=0, le=1000, description="Last lines of the log, 0 to 1000.")
    ] = 50


async def see_all(request: Request) -> Response:
    asked = query(request, ListTasks)
    tasks: Tasks | None = request.app.state.tasks
    latest = [] if tasks is None else tasks.latest()[: asked.limit]
    return answers.reply(TaskList([ShownTask(**task.shown()) for task in latest]))


async def see(request: Request) -> Response:
    asked = query(request, SeeTask)
    tasks = _tasks(request)
    task = tasks.find(path_value(request, "task_id"))
    return answers.reply(WholeTask(**task.shown(), log=tasks.lines(task, asked.lines)))


async def start(request: Request) -> Response:
    query(request, NoQuery)
    return answers.reply(ShownTask(**_tasks(request).queue("asked").shown()), 202)


def _tasks(request: Request) -> Tasks:
    """The workspace's tasks.

    raises : NotReady on a server that was started without them
    """
    found: Tasks | None = request.app.state.tasks
    if found is None:
        raise NotReady("this server starts no runs", next_step="Start it with `bespeak serve`.")
    return found


ENDPOINTS = (
    Endpoint(
        "/v1/tasks", see_all, TaskList, "Runs that the server started, the newest first", "Tasks",
        query=ListTasks,
    ),
    Endpoint(
        "/v1/tasks", start, ShownTask,
        "Start a run now, beside the server; the one that waits already, if there is one", "Tasks",
        method="POST", status=202, refusals=(422, 503), scope="manage",
    ),
    Endpoint(
        "/v1/tasks/{task_id}", see, WholeTask, "One run, with the last lines of its log", "Tasks",
        query=SeeTask, refusals=(404, 422, 503),
    ),
)  # fmt: skip
