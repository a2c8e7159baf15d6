"""Data: what came in, what became of every row, and examples of what did not get in."""

from __future__ import annotations

from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from bespeak.serve import answers
from bespeak.serve.endpoint import Endpoint, shop_of
from bespeak.serve.parameters import NoQuery, query


async def see(request: Request) -> Response:
    query(request, NoQuery)
    shop = shop_of(request)
    data = shop.snapshot.data
    if shop.pending:
        # nobody can tell whose row it was, and it may be that of somebody who was erased
        shown = [replace(row, found=None, raw=None) for row in data.quarantine]
        data = replace(data, quarantine=shown)
    return answers.reply(data)


ENDPOINTS = (
    Endpoint("/v1/data", see, answers.Data, "Sources, accounts and quarantine", "Workspace"),
)
