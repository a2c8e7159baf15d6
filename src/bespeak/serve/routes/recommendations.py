"""Recommendations: for a customer, or for any history."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from bespeak.columns import MODEL_ASKED, SESSION
from bespeak.errors import LogUnavailable, NotAllowed
from bespeak.live import Lately, Seen, impression
from bespeak.serve import answers, consenting
from bespeak.serve.caps import rested
from bespeak.serve.endpoint import Endpoint, grant_of, path_value, shop_of
from bespeak.serve.intake import Intake
from bespeak.serve.parameters import Count, InStock, NoQuery, body, query
from bespeak.serve.routes.customers import unknown_customer
from bespeak.serve.routes.items import changes_of, unknown_item
from bespeak.serve.setting import Setting
from bespeak.serve.shop import Filters, Recommend

LATEST = 200
"""Events of the log that one answer goes by; what came before is in the next snapshot."""

Repeat = Annotated[
    Literal["auto", "yes", "no"],
    msgspec.Meta(
        description="Whether the list may hold what was bought, or stands in `items`; `auto`"
        " is the workspace's choice."
    ),
]


Session = Annotated[
    str,
    msgspec.Meta(
        min_length=1, max_length=256, description="What its events told so far counts as well."
    ),
]


Category = Annotated[
    str,
    msgspec.Meta(
        max_length=400, description="Only of this category: its path, or the beginning of it."
    ),
]
Price = Annotated[float, msgspec.Meta(ge=0, description="In the workspace's currency, inclusive.")]
Excluded = Annotated[
    list[str], msgspec.Meta(max_length=1000, description="Item ids that may not be on the list.")
]


AskedModel = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=100,
        description="The fitted model to ask, instead of the one that is served, to try it; with a"
        " secret key only. What such a list shows is kept apart from the exposures.",
    ),
]


class ListTrending(Setting, frozen=True, forbid_unknown_fields=True):
    """How long a list, of what, and where it stands."""

    k: Count = 10
    exclude: Annotated[
        str,
        msgspec.Meta(
            max_length=20_000,
            description="Item ids that may not be on the list, by comma; ids with a comma in them"
            " go into the body of POST /v1/recommendations.",
        ),
    ] = ""
    category: Category | None = None
    price_from: Price | None = None
    price_to: Price | None = None
    in_stock: InStock = "yes"

    @property
    def filters(self) -> Filters:
        excluded = [item for item in self.exclude.split(",") if item]
        return Filters(
            excluded, self.category, self.price_from, self.price_to, in_stock=self.in_stock == "yes"
        )


class ForCustomer(ListTrending, frozen=True, forbid_unknown_fields=True):
    """How long a list, of what, and whether it may repeat."""

    repeat: Repeat = "auto"
    model: AskedModel | None = None


class History(Setting, frozen=True, forbid_unknown_fields=True):
    """What somebody had, and the session that they are in. An empty history is a newcomer's."""

    items: Annotated[
        list[str], msgspec.Meta(max_length=1000, description="Item ids, oldest first.")
    ] = msgspec.field(default_factory=list)
    session_id: Session | None = None
    k: Count = 10
    repeat: Repeat = "auto"
    exclude: Excluded = msgspec.field(default_factory=list)
    category: Category | None = None
    price_from: Price | None = None
    price_to: Price | None = None
    in_stock: InStock = "yes"
    model: AskedModel | None = None

    @property
    def filters(self) -> Filters:
        return Filters(
            self.exclude, self.category, self.price_from, self.price_to,
            in_stock=self.in_stock == "yes",
        )  # fmt: skip


async def for_customer(request: Request) -> Response:
    asked = query(request, ForCustomer)
    lists, moment = _lists(request, asked.model), asked.moment()
    shop, customer_id = shop_of(request), path_value(request, "customer_id")
    visitors = shop.visitors(customer_id)
    lately = _lately(request, visitors, after=shop.taken)
    told = None if lately is None else lately.seen
    if not told and not shop.knows(customer_id):
        if told is None:
            raise LogUnavailable(
                "whether there is such a customer can't be said while the event log can't be read",
                next_step="Ask again a little later.",
            )
        raise unknown_customer(customer_id)
    lately = lately or Lately()  # where the log can't be read, what a run knew holds
    words = consenting.words_after(shop.snapshot.consent_of(customer_id), lately.said)
    if consenting.refuses(request, "personalisation", words):
        anybodys = consenting.of_a_stranger(_anybodys(request, asked), customer_id)
        return _reply(anybodys, asked, live=told is not None)
    filters = asked.filters._replace(hidden=shop.snapshot.hidden_from(customer_id))
    filters, counted = rested(filters, shop.cap, request.app.state.intake, visitors, moment)
    answer = lists(
        customer_id=customer_id, items=(), k=asked.k, repeat=_choice(asked.repeat),
        since=told or (), filters=filters, changes=changes_of(request, lately.changed),
        label=asked.label,
    )  # fmt: skip
    if asked.shown == "yes":
        _shown(request, answer, asked, moment, actor=visitors[0])
    return _reply(answer, asked, live=told is not None and counted)


async def for_history(request: Request) -> Response:
    query(request, NoQuery)
    asked = await body(request, History)
    lists, moment = _lists(request, asked.model), asked.moment()
    shop, changes = shop_of(request), changes_of(request)
    for item_id in asked.items:
        if item_id not in changes and shop.snapshot.items.one(item_id) is None:
            raise unknown_item(item_id)
    session, told, filters, counted = asked.session_id, None, asked.filters, True
    if session is not None:
        grant_of(request).session(session)
        # all of it: the snapshot is not asked about sessions
        told = _told(request, [f"{SESSION}:{session}"], after=0)
        words = consenting.words_in(request, session)
        if consenting.refuses(request, "personalisation", words):
            anybodys = consenting.of_a_stranger(_anybodys(request, asked), None)
            return _reply(anybodys, asked, live=told is not None)
        whose = [f"{SESSION}:{session}"]
        filters, counted = rested(filters, shop.cap, request.app.state.intake, whose, moment)
    answer = lists(
        customer_id=None, items=asked.items, k=asked.k, repeat=_choice(asked.repeat),
        since=told or (), filters=filters, changes=changes, label=asked.label,
    )  # fmt: skip
    if session is not None and asked.shown == "yes":
        _shown(request, answer, asked, moment, session=session)
    return _reply(answer, asked, live=session is None or (told is not None and counted))


def _reply(answer: Mapping[str, Any], asked: ForCustomer | History, *, live: bool) -> Response:
    return answers.reply({**answer, MODEL_ASKED: asked.model, "live": live})


def _anybodys(request: Request, asked: ForCustomer | History) -> Mapping[str, Any]:
    """The list of who has no history, where it stands; it is not logged as shown to anybody."""
    return shop_of(request).recommend(
        customer_id=None, items=(), k=asked.k, repeat=_choice(asked.repeat), filters=asked.filters,
        changes=changes_of(request), label=asked.label,
    )  # fmt: skip


def _lists(request: Request, model: str | None) -> Recommend:
    """How the model that was asked for makes lists.

    raises : NotAllowed where a visitor asks for one; NotFound
    """
    if model is not None and grant_of(request).visitor:
        raise NotAllowed(
            "with a public key, nobody chooses the model",
            expected="a secret key",
            next_step="Try a model from your own server, or leave `model` out.",
        )
    return shop_of(request).lists_of(model)


async def trending(request: Request) -> Response:
    asked = query(request, ListTrending)
    asked.moment()
    return answers.reply(
        shop_of(request).trending(
            k=asked.k, filters=asked.filters, changes=changes_of(request), label=asked.label
        )
    )


def _lately(request: Request, visitors: list[str], *, after: int) -> Lately | None:
    """What these identifiers did and said since that position, to whichever worker; None where the
    log can't be read."""
    intake: Intake | None = request.app.state.intake
    return Lately() if intake is None else intake.lately(visitors, LATEST, after=after)


def _told(request: Request, visitors: list[str], *, after: int) -> list[Seen] | None:
    """What these identifiers did since that position, from whichever worker they were told to;
    None where the log can't be read."""
    intake: Intake | None = request.app.state.intake
    return intake.history(visitors, LATEST, after=after) if intake is not None else []


def _shown(
    request: Request,
    answer: Mapping[str, Any],
    setting: ForCustomer | History,
    moment: datetime,
    *,
    actor: str | None = None,
    session: str | None = None,
) -> None:
    """Log what was shown to whom, so that what they do about it can be told from the rest.

    Nobody waits for it: see what is promised of impressions in docs/decisions.
    """
    intake: Intake | None = request.app.state.intake
    if intake is None:
        return
    items = [item["item_id"] for item in answer["items"]]
    said = {name: answer[name] for name in ("model", "version", "fallback")}
    if setting.model is not None:
        said[MODEL_ASKED] = setting.model
    entry = impression(
        answer["request_id"], items, actor=actor, session=session, time=moment, said=said,
        place=setting.place, device=setting.device,
    )  # fmt: skip
    request.app.state.metrics.impression(logged=intake.writer.offer(entry))


def _choice(repeat: str) -> bool | None:
    return {"yes": True, "no": False}.get(repeat)


ENDPOINTS = (
    Endpoint(
        "/v1/customers/{customer_id:path}/recommendations", for_customer,
        answers.Recommendations, "What to offer one customer, and why", "Recommendations",
        query=ForCustomer, refusals=(404, 422, 503), opens="customer",
    ),
    Endpoint(
        "/v1/recommendations", for_history, answers.Recommendations,
        "What to offer somebody with this history", "Recommendations", body=History,
        method="POST", refusals=(404, 422), opens="visitor",
    ),
    Endpoint(
        "/v1/trending", trending, answers.Trending, "What most choose lately", "Recommendations",
        query=ListTrending, opens="visitor",
    ),
)  # fmt: skip
