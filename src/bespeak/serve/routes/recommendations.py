"""Recommendations: for a customer, or for any history."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from bespeak.serve import answers
from bespeak.serve.endpoint import Endpoint, path_value, shop_of
from bespeak.serve.parameters import Count, NoQuery, body, query
from bespeak.serve.routes.customers import unknown_customer
from bespeak.serve.routes.items import unknown_item

Repeat = Annotated[
    Literal["auto", "yes", "no"],
    msgspec.Meta(
        description="Whether the list may hold what the history holds; `auto` is the workspace's"
        " choice."
    ),
]


class ForCustomer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long a list, and whether it may repeat."""

    k: Count = 10
    repeat: Repeat = "auto"


class History(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody had, oldest first. An empty history is a newcomer's."""

    items: Annotated[
        list[str], msgspec.Meta(max_length=1000, description="Item ids, oldest first.")
    ]
    k: Count = 10
    repeat: Repeat = "auto"


async def for_customer(request: Request) -> Response:
    asked = query(request, ForCustomer)
    shop, customer_id = shop_of(request), path_value(request, "customer_id")
    if not shop.snapshot.has_customer(customer_id):
        raise unknown_customer(customer_id)
    return answers.reply(
        shop.recommend(customer_id=customer_id, items=(), k=asked.k, repeat=_choice(asked.repeat))
    )


async def for_history(request: Request) -> Response:
    query(request, NoQuery)
    asked = await body(request, History)
    shop = shop_of(request)
    for item_id in asked.items:
        if shop.snapshot.items.one(item_id) is None:
            raise unknown_item(item_id)
    return answers.reply(
        shop.recommend(customer_id=None, items=asked.items, k=asked.k, repeat=_choice(asked.repeat))
    )


def _choice(repeat: str) -> bool | None:
    return {"yes": True, "no": False}.get(repeat)


ENDPOINTS = (
    Endpoint(
        "/v1/customers/{customer_id:path}/recommendations", for_customer,
        answers.Recommendations, "What to offer one customer, and why", "Recommendations",
        query=ForCustomer, refusals=(404, 422),
    ),
    Endpoint(
        "/v1/recommendations", for_history, answers.Recommendations,
        "What to offer somebody with this history", "Recommendations", body=History,
        method="POST", refusals=(404, 422),
    ),
)  # fmt: skip
