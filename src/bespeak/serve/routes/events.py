"""Events: what visitors do, taken as it happens."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response

from bespeak import live
from bespeak.errors import NotReady
from bespeak.serve import answers, receiving
from bespeak.serve.admission import Grant, unguessable
from bespeak.serve.endpoint import Endpoint, grant_of, shop_of
from bespeak.serve.intake import Intake
from bespeak.serve.metrics import Metrics
from bespeak.serve.parameters import NoQuery, query

RANDOM = "a random UUID, as crypto.randomUUID() makes it, since a public key came with it"
TOKEN = "the customer of the token in X-Bespeak-Customer, or a secret key"


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
    permit = _permit(request, grant_of(request), intake.identify)
    checked = [
        live.check(raw, index, received, intake.identify, permit)
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


def _permit(request: Request, grant: Grant, identify: live.Identify) -> live.Permit | None:
    """What a visitor may tell: of their own session, and of the customer that their token names."""
    if not grant.visitor:
        return None
    named = [] if grant.customer is None else shop_of(request).primary
    own = {identify(namespace, grant.customer or "") for namespace in named}

    def permit(event: live.Event, known: Mapping[str, str]) -> tuple[str, str, str] | None:
        if event.session_id is None or not unguessable(event.session_id):
            return "session_id", "one that can be guessed, or none", RANDOM
        # else a visitor could take the id of an event that the shop is about to send
        if event.event_id is not None and not unguessable(event.event_id):
            return "event_id", "one that can be guessed", RANDOM
        strange = next((name for name, spelled in known.items() if spelled not in own), None)
        if strange is not None:
            return f"identifiers.{strange}", "somebody that the request does not speak for", TOKEN
        return None

    return permit


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
        body=live.Events, method="POST", refusals=(413, 415, 422, 429, 503), opens="visitor",
        scope="send",
    ),
)  # fmt: skip
