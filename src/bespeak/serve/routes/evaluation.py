"""Evaluation: the honest table, and which model answers because of it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from bespeak.errors import NotFound
from bespeak.serve import answers
from bespeak.serve.endpoint import Endpoint, shop_of
from bespeak.serve.parameters import NoQuery, query


async def see(request: Request) -> Response:
    query(request, NoQuery)
    found = shop_of(request).snapshot.evaluation
    if found is None:
        raise NotFound(
            "this workspace has no evaluation yet", next_step="Run `bespeak run`, which makes one."
        )
    return answers.reply(found)


async def lists(request: Request) -> Response:
    query(request, NoQuery)
    return answers.reply(shop_of(request).snapshot.lists)


ENDPOINTS = (
    Endpoint(
        "/v1/lists", lists, answers.ListsShown, "What became of the lists that were shown",
        "Recommendations",
    ),
    Endpoint(
        "/v1/evaluation", see, answers.Evaluation, "How the models did", "Workspace",
        refusals=(404, 422),
    ),
)  # fmt: skip
