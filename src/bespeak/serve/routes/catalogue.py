"""The catalogue, changed at any moment: the next list of any worker goes by it."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType
from starlette.requests import Request
from starlette.responses import Response

from bespeak import live
from bespeak.errors import BadRequest
from bespeak.serve import answers, receiving
from bespeak.serve.endpoint import Endpoint, path_value
from bespeak.serve.parameters import NoQuery, body, query
from bespeak.serve.routes.events import intake_of
from bespeak.serve.routes.items import described, unknown_item

PRICE_BELOW = 10**14
ID_MOST = 256

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=1_000)]
Category = Annotated[
    str,
    msgspec.Meta(
        min_length=1, max_length=400, description="Its path, like `Drinks > Tea`, from above."
    ),
]
Price = Annotated[
    Decimal, msgspec.Meta(description="In the workspace's currency: a number, or a decimal text.")
]
Available = Annotated[bool, msgspec.Meta(description="Whether it is in stock.")]
Id = Annotated[str, msgspec.Meta(min_length=1, max_length=ID_MOST)]


class ItemPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What changes of an item; what is left out stays as it was."""

    title: Text | UnsetType = UNSET
    category: Category | UnsetType = UNSET
    brand: Text | UnsetType = UNSET
    price: Price | UnsetType = UNSET
    available: Available | UnsetType = UNSET


class ItemWhole(ItemPart, frozen=True, forbid_unknown_fields=True):
    """An item on sale, in stock unless it says otherwise; what else is left out stays as it was."""

    available: Available = True


class NamedItem(ItemWhole, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One item of a batch."""

    item_id: Id


class Items(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A batch of items."""

    items: Annotated[list[NamedItem], msgspec.Meta(min_length=1, max_length=1_000)]


_decode = msgspec.json.Decoder(NamedItem).decode
_TYPES = re.compile(r"^Expected `(?P<expected>[^`]*)`.*got `(?P<found>[^`]*)`$")


async def put(request: Request) -> Response:
    query(request, NoQuery)
    item_id, item = path_value(request, "item_id"), await body(request, ItemWhole)
    return await _kept(request, [_sound(item_id, {**_said(item), "sold": True})])


async def patch(request: Request) -> Response:
    query(request, NoQuery)
    item_id, said = _known(request), _said(await body(request, ItemPart))
    if not said:
        raise BadRequest("nothing is to change", expected=", ".join(ItemPart.__struct_fields__))
    return await _kept(request, [_sound(item_id, said)])


async def delete(request: Request) -> Response:
    query(request, NoQuery)
    return await _kept(request, [live.Change(_known(request), {"sold": False})])


async def send(request: Request) -> Response:
    query(request, NoQuery)
    checked = [_checked(raw, at) for at, raw in enumerate(await receiving.items(request))]
    found = [one for one in checked if isinstance(one, live.Change)]
    errors = [one for one in checked if isinstance(one, answers.EventError)]
    if found:
        return await _kept(request, found, errors)
    problem = answers.Problem(
        "BadRequest", f"None of the {len(errors)} items can be taken",
        found=errors[0].found, expected=errors[0].expected, next_step="See `errors`, and /docs.",
    )  # fmt: skip
    return answers.reply(answers.NoEventTaken(problem, errors), 422)


async def _kept(
    request: Request, changes: Sequence[live.Change], errors: Sequence[answers.EventError] = ()
) -> Response:
    """Answer when they are on disk."""
    log = intake_of(request).log
    await asyncio.to_thread(log.change, changes, time.time_ns() // 1_000)
    return answers.reply(answers.ItemsTaken(len(changes), list(errors)))


def _known(request: Request) -> str:
    """raises : NotFound for an item that neither the last run nor a change since knows"""
    item_id = path_value(request, "item_id")
    if described(request, item_id) is None:
        raise unknown_item(item_id)
    return item_id


def _checked(raw: bytes, index: int) -> live.Change | answers.EventError:
    """One item of a batch, or the first thing that is wrong with it."""
    try:
        item = _decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        said, _, field = str(error).partition(" - at `$.")
        parts = _TYPES.match(said)
        found, expected = (parts["found"], parts["expected"]) if parts else ("no item", said)
        return answers.EventError(index, field.rstrip("`"), found, expected)
    except RecursionError:
        return answers.EventError(index, "", "nested too deeply", "an item")
    item_id, item_said = item.item_id, _said(item)
    wrong = _wrong(item_id, item_said)
    if wrong is not None:
        return answers.EventError(index, *wrong)
    return live.Change(item_id, {**_spelled(item_said), "sold": True})


def _sound(item_id: str, said: dict[str, Any]) -> live.Change:
    """The change, where nothing is wrong with it.

    raises : BadRequest, naming the key
    """
    wrong = _wrong(item_id, said)
    if wrong is not None:
        field, found, expected = wrong
        raise BadRequest(f"key `{field}` can't be that", found=found, expected=expected)
    return live.Change(item_id, _spelled(said))


def _wrong(item_id: str, said: dict[str, Any]) -> tuple[str, str, str] | None:
    """Field, found and expected of what no type can tell."""
    if not item_id.strip() or len(item_id) > ID_MOST:
        return "item_id", f"{len(item_id)} characters", f"1 to {ID_MOST}, not all of them blank"
    for name, value in {"item_id": item_id, **said}.items():
        if isinstance(value, str) and "\0" in value:
            return name, "a NUL character", "text without one"
    price: Decimal | None = said.get("price")
    if price is not None and not (price.is_finite() and 0 <= price < PRICE_BELOW):
        return "price", str(price)[:40], "an amount from 0 to 10^14"
    return None


def _spelled(said: dict[str, Any]) -> dict[str, Any]:
    """As the log keeps it: amounts as decimal text."""
    return {name: f"{v:f}" if isinstance(v, Decimal) else v for name, v in said.items()}


def _said(item: ItemPart) -> dict[str, Any]:
    """The fields that were given."""
    given = {name: getattr(item, name) for name in ItemWhole.__struct_fields__}
    return {name: value for name, value in given.items() if value is not UNSET}


ENDPOINTS = (
    Endpoint(
        "/v1/items", send, answers.ItemsTaken, "Create or change many items", "Items", body=Items,
        method="POST", refusals=(413, 415, 422, 503), scope="send",
    ),
    Endpoint(
        "/v1/items/{item_id:path}", put, answers.ItemsTaken, "Create or change an item", "Items",
        body=ItemWhole, method="PUT", refusals=(413, 422, 503), scope="send",
    ),
    Endpoint(
        "/v1/items/{item_id:path}", patch, answers.ItemsTaken,
        "Change an item's price, stock or description", "Items", body=ItemPart, method="PATCH",
        refusals=(404, 413, 422, 503), scope="send",
    ),
    Endpoint(
        "/v1/items/{item_id:path}", delete, answers.ItemsTaken, "Sell an item no longer", "Items",
        method="DELETE", refusals=(404, 422, 503), scope="send",
    ),
)  # fmt: skip
