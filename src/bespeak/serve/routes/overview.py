"""The overview: the flow, totals, sales by day, data health; and what the features mean."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from bespeak.serve import answers
from bespeak.serve.endpoint import Endpoint, shop_of
from bespeak.serve.parameters import NoQuery, query


async def see(request: Request) -> Response:
    query(request, NoQuery)
    shop = shop_of(request)
    return answers.reply({**shop.snapshot.overview, "stages": shop.stages, "runs": shop.runs})


async def features(request: Request) -> Response:
    query(request, NoQuery)
    return answers.reply(shop_of(request).snapshot.meanings)


ENDPOINTS = (
    Endpoint("/v1/overview", see, answers.Overview, "The workspace at a glance", "Workspace"),
    Endpoint(
        "/v1/features", features, answers.Features, "What the numbers of a customer mean",
        "Customers",
    ),
)  # fmt: skip
