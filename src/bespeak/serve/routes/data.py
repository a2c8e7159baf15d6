"""Data: what came in, what became of every row, and examples of what did not get in."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from bespeak.serve import answers
from bespeak.serve.endpoint import Endpoint, shop_of
from bespeak.serve.parameters import NoQuery, query


async def see(request: Request) -> Response:
    query(request, NoQuery)
    return answers.reply(shop_of(request).snapshot.data)


ENDPOINTS = (
    Endpoint("/v1/data", see, answers.Data, "Sources, accounts and quarantine", "Workspace"),
)
