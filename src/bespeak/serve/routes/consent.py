"""Consent: what a customer agreed to and refused, by purpose."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from bespeak.consent import PURPOSES, Purpose
from bespeak.errors import BadRequest
from bespeak.live import consented
from bespeak.serve import answers, consenting
from bespeak.serve.endpoint import Endpoint, path_value, shop_of
from bespeak.serve.parameters import NoQuery, body, query
from bespeak.serve.routes.customers import unknown_customer
from bespeak.serve.routes.events import intake_of
from bespeak.serve.routes.privacy import asker, people_of

LONGEST = 256
"""Characters of a customer_id, as of an event's identifier."""


class SayConsent(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """True to agree, false to refuse; a purpose that is not named stays as it is."""

    personalisation: bool | None = None
    training: bool | None = None
    marketing: bool | None = None

    @property
    def said(self) -> dict[Purpose, bool]:
        """Of the purposes that are named.

        raises : BadRequest where none is
        """
        found: dict[Purpose, bool] = {
            purpose: answer
            for purpose in PURPOSES
            if (answer := getattr(self, purpose)) is not None
        }
        if not found:
            raise BadRequest(
                "the body names no purpose", expected=f"true or false for {' or '.join(PURPOSES)}"
            )
        return found


async def see(request: Request) -> Response:
    query(request, NoQuery)
    shop, customer_id = shop_of(request), path_value(request, "customer_id")
    words = consenting.words_of(request, customer_id)
    if shop.erased(customer_id) or not (words or shop.knows(customer_id)):
        raise unknown_customer(customer_id)
    return answers.reply(answers.Consents(customer_id, consenting.said(shop, words)))


async def say(request: Request) -> Response:
    query(request, NoQuery)
    said, intake = (await body(request, SayConsent)).said, intake_of(request)
    heard = people_of(request).heard
    shop, customer_id = shop_of(request), path_value(request, "customer_id")
    # one whom nobody has heard of yet is taken at their word: they may have signed up just now
    if shop.erased(customer_id) or len(customer_id) > LONGEST:
        raise unknown_customer(customer_id)
    entry = consented(shop.actor(customer_id), said, time=datetime.now(UTC))
    await asyncio.wrap_future(intake.writer.append([entry]))
    await asyncio.to_thread(heard, customer_id, said, by=asker(request))
    words = consenting.words_of(request, customer_id)
    return answers.reply(answers.Consents(customer_id, consenting.said(shop, words)))


ENDPOINTS = (
    Endpoint(
        "/v1/customers/{customer_id:path}/consent", see, answers.Consents,
        "What a customer agreed to, by purpose", "Customers", refusals=(404, 422), opens="customer",
    ),
    Endpoint(
        "/v1/customers/{customer_id:path}/consent", say, answers.Consents,
        "Take what a customer agrees to or refuses; holds from the next request on", "Customers",
        body=SayConsent, method="PUT", refusals=(404, 422, 429, 503), opens="customer",
        scope="send",
    ),
)  # fmt: skip
