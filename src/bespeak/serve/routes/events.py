"""Events: what visitors do, taken as it happens."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response

from bespeak import live
from bespeak.errors import NotReady
from bespeak.serve import answers, receiving
from bespeak.serve.endpoint import Endpoint
from bespeak.serve.intake import Intake
from bespeak.serve.metrics import Metrics
from bespeak.serve.parameters import NoQuery, query


def intake_of(request: Request) -> Intake:
    """Where events go.

    raises : NotReady on a server that was started without a log
    """
    found: Intake | None = request.app.state.intake
    if found is None:
        raise NotReady("this server takes no events", next_step="Start it with `bespeak serve`.")
    return found


async def send(request: Request) -> Response:
    query(request, NoQuery)
    intake = intake_of(request)
    received = datetime.now(UTC)
    checked = [
        live.check(raw, index, received, intake.identify)
        for index, raw in enumerate(await receiving.events(request))
    ]
    checked = _of_nobody_erased(checked, intake)
    good = [one for one in checked if isinstance(one, live.Entry)]
    errors = [
        answers.EventError(one.index, one.field, one.found, one.expected)
        for one in checked
        if isinstance(one, live.Wrong)
    ]
    metrics: Metrics = request.app.state.metrics
    if not good:
        metrics.events(accepted=0, duplicate=0, refused=len(errors))
        return answers.reply(_none_taken(errors), 422)
    new = await asyncio.wrap_future(intake.writer.append(good))
    metrics.events(accepted=new, duplicate=len(good) - new, refused=len(errors))
    return answers.reply(answers.EventsTaken(new, len(good) - new, errors))


def _of_nobody_erased(
    checked: list[live.Entry | live.Wrong], intake: Intake
) -> list[live.Entry | live.Wrong]:
    """The same, with what is wrong with an event of somebody who was erased."""
    good = [one for one in checked if isinstance(one, live.Entry)]
    admitted = intake.admit(good)
    if len(admitted) == len(good):
        return checked
    kept = {id(one) for one in admitted}
    return [
        live.Wrong(index, "identifiers", "somebody who was erased", "a new session or identifier")
        if isinstance(one, live.Entry) and id(one) not in kept
        else one
        for index, one in enumerate(checked)
    ]


def _none_taken(wrong: list[answers.EventError]) -> answers.NoEventTaken:
    first = wrong[0]
    said = answers.Problem(
        "BadRequest",
        f"None of the {len(wrong)} events can be taken; of event {first.index}: `{first.field}`"
        if first.field
        else f"None of the {len(wrong)} events can be taken; the first is event {first.index}",
        found=first.found,
        expected=first.expected,
        next_step="See `errors`, and /docs.",
    )
    return answers.NoEventTaken(said, wrong)


ENDPOINTS = (
    Endpoint(
        "/v1/events", send, answers.EventsTaken,
        "Tell what visitors do; answers when it is durable", "Events",
        body=live.Events, method="POST", refusals=(413, 415, 422, 429, 503),
    ),
)  # fmt: skip
