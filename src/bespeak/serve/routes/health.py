"""Health: whether the process answers, and with what."""

from __future__ import annotations

from typing import Literal

from starlette.requests import Request
from starlette.responses import Response

from bespeak.serve import answers
from bespeak.serve.endpoint import Endpoint
from bespeak.serve.failures import problem
from bespeak.serve.intake import Intake
from bespeak.serve.parameters import NoQuery, query
from bespeak.serve.standing import Standing


async def live(request: Request) -> Response:
    query(request, NoQuery)
    return answers.reply(answers.Alive())


async def ready(request: Request) -> Response:
    query(request, NoQuery)
    now: Standing = request.app.state.standing
    intake: Intake | None = request.app.state.intake
    failing = None if intake is None else intake.writer.problem
    served: Literal["ready", "stale"] = "ready" if now.problem is None else "stale"
    return answers.reply(
        answers.Ready(
            status=served if failing is None else "degraded",
            name=now.shop.snapshot.overview["name"],
            version=now.shop.version,
            as_of=now.shop.snapshot.segments.as_of,
            opened_at=now.opened_at,
            problem=now.problem,
            log=None if failing is None else problem(failing),
        )
    )


ENDPOINTS = (
    Endpoint(
        "/health/live", live, answers.Alive, "Whether the process answers", "Health",
        opens="anybody",
    ),
    Endpoint(
        "/health/ready", ready, answers.Ready,
        "What is served; `stale` with the problem if a newer version could not be opened,"
        " `degraded` while the event log is out of use", "Health", opens="anybody",
    ),
)  # fmt: skip
