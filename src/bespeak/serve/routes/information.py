"""The slot for information: one fact of an item or none, as chance has it for a visit."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from bespeak.errors import NotReady
from bespeak.serve import answers, information
from bespeak.serve.endpoint import Endpoint, grant_of, path_value, shop_of
from bespeak.serve.parameters import query
from bespeak.serve.routes.items import unknown_item
from bespeak.serve.routes.recommendations import Session
from bespeak.serve.shop import Shop


class ForVisit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose visit."""

    session_id: Session


async def see(request: Request) -> Response:
    asked = query(request, ForVisit)
    shop, item_id = shop_of(request), path_value(request, "item_id")
    grant_of(request).session(asked.session_id)
    row = shop.snapshot.items.one(item_id)
    if row is None:
        raise unknown_item(item_id)
    facts = information.facts(row, _near(shop, item_id))
    chosen = information.chosen(facts, session_id=asked.session_id, item_id=item_id)
    return answers.reply(
        answers.Information(
            item_id, chosen.fact, chosen.kind, chosen.text, 1 / (len(facts) + 1), information.POLICY
        )
    )


def _near(shop: Shop, item_id: str) -> list[dict[str, object]]:
    """What goes best with the item; nothing where no model of that kind is fitted."""
    try:
        return list(shop.similar(item_id, k=1)["items"])
    except NotReady:
        return []


ENDPOINTS = (
    Endpoint(
        "/v1/items/{item_id:path}/information", see, answers.Information,
        "One fact of an item or none, as chance has it for this visit", "Items", query=ForVisit,
        refusals=(404, 422), opens="visitor",
    ),
)  # fmt: skip
