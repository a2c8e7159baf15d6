"""Customers: find one, then see one whole."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from bespeak.errors import NotFound
from bespeak.live import Kept
from bespeak.serve import answers, consenting
from bespeak.serve.assortment import Changes
from bespeak.serve.endpoint import Endpoint, path_value, shop_of
from bespeak.serve.intake import Intake
from bespeak.serve.parameters import Limit, Search, query
from bespeak.serve.routes.items import changes_of
from bespeak.serve.shop import FeaturesNow, Shop
from bespeak.serve.snapshot import Snapshot

MOST = 100_000
"""Events of one customer since the last run that are read: who has more is no customer."""
ABOUT = frozenset(
    {"customer_id", "first_seen", "last_seen", "identifiers", "events", "orders", "value", "search"}
)


class ListCustomers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A search over ids, names and identifiers."""

    q: Search = ""
    limit: Limit = 20


class SeeCustomer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much of the history to send."""

    history: Annotated[
        int, msgspec.Meta(ge=0, le=1000, description="Latest events to send, 0 to 1000.")
    ] = 100


async def find(request: Request) -> Response:
    asked = query(request, ListCustomers)
    shop = shop_of(request)
    rows, total = shop.snapshot.find_customers(asked.q.strip(), asked.limit)
    known = [row for row in rows if not shop.erased(row["customer_id"])]
    return answers.reply(
        answers.CustomersFound([_found(row) for row in known], total - len(rows) + len(known))
    )


async def see(request: Request) -> Response:
    asked = query(request, SeeCustomer)
    shop, customer_id = shop_of(request), path_value(request, "customer_id")
    about = shop.snapshot.customers.one(customer_id)
    if about is None or shop.erased(customer_id):
        raise unknown_customer(customer_id)
    since = _since(request, shop, customer_id)
    # a long history takes a while, and other requests need not wait for it
    now = await run_in_threadpool(_features, shop, customer_id, since, changes_of(request))
    consent = consenting.said(shop, consenting.words_of(request, customer_id))
    return answers.reply(_customer(shop.snapshot, about, asked.history, now, len(since), consent))


def _since(request: Request, shop: Shop, customer_id: str) -> list[Kept]:
    """All that they did since the last run."""
    intake: Intake | None = request.app.state.intake
    if intake is None or shop.lately is None:
        return []
    return intake.log.since(shop.visitors(customer_id), MOST, after=shop.taken)


def _features(shop: Shop, customer_id: str, since: Sequence[Kept], changes: Changes) -> FeaturesNow:
    """What is known of them: now, where they did something since the last run."""
    if since and shop.lately is not None:
        return shop.lately(customer_id, since, moment=datetime.now(UTC), changes=changes)
    row = shop.snapshot.features.one(customer_id) or {}
    known = {name: value for name, value in row.items() if name != "customer_id"}
    return FeaturesNow(known, shop.snapshot.features_as_of)


def unknown_customer(customer_id: str) -> NotFound:
    return NotFound(
        f"there is no customer `{customer_id[:80]}`",
        next_step="Look one up with /v1/customers?q=.",
    )


def _found(row: dict[str, Any]) -> answers.CustomerFound:
    return answers.CustomerFound(
        customer_id=row["customer_id"],
        name=row["name"],
        events=row["events"],
        orders=row["orders"],
        value=_number(row["value"]),
        first_seen=utc(row["first_seen"]),
        last_seen=utc(row["last_seen"]),
        identifiers=row["identifiers"],
    )


def _customer(
    snapshot: Snapshot,
    about: dict[str, Any],
    latest: int,
    now: FeaturesNow,
    since: int,
    consent: dict[str, answers.ConsentSaid],
) -> answers.Customer:
    customer_id = about["customer_id"]
    history = snapshot.history(customer_id)
    names = {
        (grouping.kind, segment.id): segment.name
        for grouping in snapshot.segments.groupings
        for segment in grouping.segments
    }
    belongs = snapshot.memberships.of(customer_id).to_pylist()
    return answers.Customer(
        customer_id=customer_id,
        identities=[
            answers.Identity(row["namespace"], row["value"], row["evidence"])
            for row in snapshot.identities.of(customer_id).to_pylist()
        ],
        attributes={k: v for k, v in about.items() if k not in ABOUT and v is not None},
        features={name: plain(value) for name, value in now.values.items()},
        features_as_of=now.as_of,
        features_by_run=list(now.by_run),
        since=since,
        segments=[
            answers.SegmentName(
                row["kind"],
                row["segment"],
                names.get(
                    (row["kind"], row["segment"]), answers.Words(row["segment"], row["segment"])
                ),
            )
            for row in belongs
        ],
        consent=consent,
        history=_history(snapshot, history.slice(max(0, history.num_rows - latest)).to_pylist()),
        events=history.num_rows,
        as_of=snapshot.segments.as_of,
    )


def _history(snapshot: Snapshot, rows: list[dict[str, Any]]) -> list[answers.Happening]:
    """Events, latest first, each with its item's title."""
    named = {row["item_id"] for row in rows if row["item_id"] is not None}
    titles = {item_id: (snapshot.items.one(item_id) or {}).get("title") for item_id in named}
    return [
        answers.Happening(
            time=row["time"].replace(tzinfo=UTC),
            type=row["type"],
            item_id=row["item_id"],
            title=titles.get(row["item_id"]),
            quantity=row["quantity"],
            value=_number(row["value"]),
            channel=row["channel"],
            order_id=row["order_id"],
            place=row["place"],
        )
        for row in reversed(rows)
    ]


def utc(time: datetime | None) -> datetime | None:
    """A time of the record, which is UTC, saying so."""
    return None if time is None else time.replace(tzinfo=UTC)


def plain(value: Any) -> answers.Value:
    """A feature as JSON has it: text, number, yes or no; what is neither, as text."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    try:
        return float(value)
    except (TypeError, ValueError):
        return str(value)


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


ENDPOINTS = (
    Endpoint(
        "/v1/customers", find, answers.CustomersFound,
        "Find customers by id, name or identifier", "Customers", query=ListCustomers,
    ),
    Endpoint(
        "/v1/customers/{customer_id:path}", see, answers.Customer,
        "One customer: identities, history, features and segments", "Customers",
        query=SeeCustomer, refusals=(404, 422),
    ),
)  # fmt: skip
