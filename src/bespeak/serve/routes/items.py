"""Items: find one, see one, and what goes with it."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from bespeak.errors import NotFound
from bespeak.serve import answers
from bespeak.serve.endpoint import Endpoint, grant_of, path_value, shop_of
from bespeak.serve.parameters import Count, Limit, NoQuery, Search, query

ABOUT = frozenset(
    {
        "item_id", "title", "category", "brand", "price", "available", "is_product", "events",
        "customers", "time", "search",
    }
)  # fmt: skip


class ListItems(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A search: every word must be in an item's id, title, category or brand."""

    q: Search = ""
    limit: Limit = 20


class ListSimilar(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many."""

    k: Count = 10


async def find(request: Request) -> Response:
    asked = query(request, ListItems)
    rows, total = shop_of(request).snapshot.find_items(asked.q, asked.limit)
    counted = not grant_of(request).visitor
    return answers.reply(answers.ItemsFound([_found(row, counted) for row in rows], total))


async def see(request: Request) -> Response:
    query(request, NoQuery)
    item_id = path_value(request, "item_id")
    row = shop_of(request).snapshot.items.one(item_id)
    if row is None:
        raise unknown_item(item_id)
    about = {key: value for key, value in row.items() if key not in ABOUT and value is not None}
    found = _found(row, not grant_of(request).visitor)
    return answers.reply(
        answers.Item(
            item_id, found.title, found.category, found.brand, found.price, row["available"],
            found.is_product, about, found.events, found.customers,
        )
    )  # fmt: skip


async def similar(request: Request) -> Response:
    asked = query(request, ListSimilar)
    shop, item_id = shop_of(request), path_value(request, "item_id")
    if shop.snapshot.items.one(item_id) is None:
        raise unknown_item(item_id)
    return answers.reply(shop.similar(item_id, k=asked.k))


def unknown_item(item_id: str) -> NotFound:
    return NotFound(
        f"there is no item `{item_id[:80]}`", next_step="Look one up with /v1/items?q=."
    )


def _found(row: dict[str, Any], counted: bool) -> answers.ItemFound:
    """counted : whether how often it is bought is for who asks"""
    price = row["price"]
    return answers.ItemFound(
        item_id=row["item_id"],
        title=row["title"],
        category=row["category"],
        brand=row["brand"],
        price=None if price is None else float(price),
        is_product=row["is_product"],
        events=row["events"] if counted else None,
        customers=row["customers"] if counted else None,
    )


ENDPOINTS = (
    Endpoint(
        "/v1/items", find, answers.ItemsFound, "Find items by words", "Items", query=ListItems,
        opens="visitor",
    ),
    Endpoint(
        "/v1/items/{item_id:path}/similar", similar, answers.SimilarItems,
        "Items that go with this one", "Items", query=ListSimilar, refusals=(404, 422),
        opens="visitor",
    ),
    Endpoint(
        "/v1/items/{item_id:path}", see, answers.Item, "One item", "Items", refusals=(404, 422),
        opens="visitor",
    ),
)  # fmt: skip
