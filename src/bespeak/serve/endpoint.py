"""One endpoint: what answers, and all that /openapi.json says of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bespeak.serve.parameters import NoQuery
from bespeak.serve.shop import Shop

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Endpoint:
    """A path, its handler and its types.

    path : Starlette's; `{id:path}` lets an id hold a slash
    """

    path: str
    handler: Handler
    answer: type[msgspec.Struct]
    summary: str
    tag: str
    query: type[msgspec.Struct] = NoQuery
    body: type[msgspec.Struct] | None = None
    method: str = "GET"
    refusals: tuple[int, ...] = (422,)
    status: int = 200
    """Of the answer, where all went well."""

    def route(self) -> Route:
        return Route(self.path, self.handler, methods=[self.method])


def shop_of(request: Request) -> Shop:
    """The version that answers this request, whatever is opened meanwhile."""
    shop: Shop = request.app.state.standing.shop
    return shop


def path_value(request: Request, name: str) -> str:
    """A part of the path, as text."""
    value: Any = request.path_params[name]
    return str(value)
