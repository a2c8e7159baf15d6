"""Items: find one, see one, and what goes with it."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from bespeak.errors import NotFound
from bespeak.serve import answers, assortment
from bespeak.serve.assortment import UNCHANGED, Changes
from bespeak.serve.endpoint import Endpoint, grant_of, path_value, shop_of
from bespeak.serve.intake import Intake
from bespeak.serve.parameters import Count, InStock, Limit, NoQuery, Search, query
from bespeak.serve.shop import Filters

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
    """How many, and of what."""

    k: Count = 10
    in_stock: InStock = "yes"


def changes_of(request: Request, last: int | None = None) -> Changes:
    """What changed of the catalogue since the version that answers this request.

    last : the log's last change, where the caller has just seen it
    """
    intake: Intake | None = request.app.state.intake
    return UNCHANGED if intake is None else intake.changes(shop_of(request).changed, last)


def described(request: Request, item_id: str) -> dict[str, Any] | None:
    """An item as it is now; None where nobody knows it."""
    row = shop_of(request).snapshot.items.one(item_id)
    return assortment.described(item_id, row, changes_of(request))


async def find(request: Request) -> Response:
    asked = query(request, ListItems)
    rows, total = _found_now(request, asked.q, asked.limit)
    counted = not grant_of(request).visitor
    return answers.reply(answers.ItemsFound([_found(row, counted) for row in rows], total))


async def see(request: Request) -> Response:
    query(request, NoQuery)
    item_id = path_value(request, "item_id")
    row = described(request, item_id)
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
    if described(request, item_id) is None:
        raise unknown_item(item_id)
    filters = Filters(in_stock=asked.in_stock == "yes")
    found = shop.similar(item_id, k=asked.k, filters=filters, changes=changes_of(request))
    return answers.reply(found)


def _found_now(request: Request, asked: str, limit: int) -> tuple[list[dict[str, Any]], int]:
    """Rows of the snapshot as they are now, then what has come since."""
    snapshot, changes = shop_of(request).snapshot, changes_of(request)
    rows, total = snapshot.find_items(asked, limit)
    now = [assortment.described(row["item_id"], row, changes) for row in rows]
    come = [
        assortment.described(item_id, None, changes)
        for item_id in sorted(changes) if snapshot.items.one(item_id) is None
    ]  # fmt: skip
    words = asked.lower().split()
    new = [row for row in come if row is not None and all(word in _text(row) for word in words)]
    return [*(row for row in now if row is not None), *new][:limit], total + len(new)


def _text(row: dict[str, Any]) -> str:
    """What a search looks into."""
    told = (row[name] for name in ("item_id", "title", "category", "brand"))
    return " ".join(text for text in told if text).lower()


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
