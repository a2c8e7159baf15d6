"""A person's own data: all of it shown, or all of it erased."""

from __future__ import annotations

import asyncio

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from bespeak.errors import NotReady
from bespeak.serve import answers
from bespeak.serve.endpoint import Endpoint, grant_of, path_value, shop_of
from bespeak.serve.parameters import NoQuery, query
from bespeak.serve.routes.customers import unknown_customer
from bespeak.serve.shop import People


def asker(request: Request) -> str:
    """Who asked, as the audit log has it."""
    key = grant_of(request).key
    return "api" if key is None else f"key {key}"


def people_of(request: Request) -> People:
    """What can be done with a person's data.

    raises : NotReady on a server that was started over a snapshot alone
    """
    found = shop_of(request).people
    if found is None:
        raise NotReady(
            "this server holds no one's data", next_step="Start it with `bespeak serve`."
        )
    return found


async def erase(request: Request) -> Response:
    query(request, NoQuery)
    people, customer_id = people_of(request), path_value(request, "customer_id")
    if shop_of(request).erased(customer_id):
        raise unknown_customer(customer_id)
    done = await asyncio.to_thread(people.erase, customer_id, by=asker(request))
    return answers.reply(msgspec.convert(done, answers.Erased), 202)


async def export(request: Request) -> Response:
    query(request, NoQuery)
    people, customer_id = people_of(request), path_value(request, "customer_id")
    if shop_of(request).erased(customer_id):
        raise unknown_customer(customer_id)
    held = await asyncio.to_thread(people.export, customer_id, by=asker(request))
    return answers.reply(msgspec.convert(held, answers.Exported))


ENDPOINTS = (
    Endpoint(
        "/v1/customers/{customer_id:path}/export", export, answers.Exported,
        "All that is held of one person", "Customers", refusals=(404, 422, 503),
        scope="manage",
    ),
    Endpoint(
        "/v1/customers/{customer_id:path}", erase, answers.Erased,
        "Erase one person: at once from log and answers, and from all else by the next run",
        "Customers", method="DELETE", refusals=(404, 422, 503), status=202, scope="manage",
    ),
)  # fmt: skip
