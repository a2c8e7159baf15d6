"""Segments: how the customers divide, and who is in which."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from bespeak.errors import NotFound
from bespeak.serve import answers
from bespeak.serve.endpoint import Endpoint, path_value, shop_of
from bespeak.serve.parameters import Limit, NoQuery, query
from bespeak.serve.routes.customers import utc
from bespeak.serve.snapshot import Snapshot


class ListMembers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many."""

    limit: Limit = 50


async def find(request: Request) -> Response:
    query(request, NoQuery)
    return answers.reply(shop_of(request).snapshot.segments)


async def members(request: Request) -> Response:
    asked = query(request, ListMembers)
    shop = shop_of(request)
    snapshot = shop.snapshot
    kind, segment_id = path_value(request, "kind"), path_value(request, "segment")
    segment = _segment(snapshot, kind, segment_id)
    rows = snapshot.members.of(f"{kind}/{segment_id}")
    customers = [
        answers.Member(
            customer_id=row["customer_id"],
            name=row["name"],
            events=row["events"],
            value=None if row["value"] is None else float(row["value"]),
            last_seen=utc(row["last_seen"]),
        )
        for row in rows.slice(0, asked.limit).to_pylist()
        if not shop.erased(row["customer_id"])
    ]
    return answers.reply(answers.Members(kind, segment, customers, rows.num_rows))


def _segment(snapshot: Snapshot, kind: str, segment_id: str) -> answers.Segment:
    for grouping in snapshot.segments.groupings:
        for segment in grouping.segments:
            if (grouping.kind, segment.id) == (kind, segment_id):
                return segment
    raise NotFound(
        f"there is no segment `{kind[:40]}/{segment_id[:40]}`",
        next_step="See /v1/segments for all of them.",
    )


ENDPOINTS = (
    Endpoint(
        "/v1/segments", find, answers.Segments, "Every way the customers divide", "Segments"
    ),
    Endpoint(
        "/v1/segments/{kind}/{segment:path}", members, answers.Members,
        "The customers of one segment, those who spend most first", "Segments",
        query=ListMembers, refusals=(404, 422),
    ),
)  # fmt: skip
