"""One endpoint: what answers, and all that /openapi.json says of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bespeak.access import Scope
from bespeak.serve.admission import EVERYBODY, Admission, Grant, Opens
from bespeak.serve.parameters import NoQuery, check_nul
from bespeak.serve.shop import Shop

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Endpoint:
    """A path, its handler and its types.

    path  : Starlette's; `{id:path}` lets an id hold a slash
    opens : the least that opens it; `customer` is the token of the path's customer_id
    scope : what a secret key must have to open it
    """

    path: str
    handler: Handler
    answer: type[msgspec.Struct]
    summary: str
    tag: str
    query: type[msgspec.Struct] = NoQuery
    body: type[msgspec.Struct] | None = None
    method: str = "GET"
    status: int = 200
    """Of the answer when all is well."""
    refusals: tuple[int, ...] = (422,)
    opens: Opens = "secret"
    scope: Scope = "read"

    async def admitted(self, request: Request) -> Response:
        """The answer, to one who may have it."""
        customer_id: str | None = request.path_params.get("customer_id")
        door = admission_of(request)
        request.state.grant = (
            EVERYBODY if door is None else door.admit(request, self.opens, self.scope, customer_id)
        )
        return await self.handler(request)


def routes(endpoints: Iterable[Endpoint]) -> list[Route]:
    """One for each path, in the order of the endpoints.

    A path that lacks a method refuses it, whichever later path would match as well: to delete
    `…/c1/recommendations` is a mistake, and erases no customer of the name `c1/recommendations`.
    """
    paths: dict[str, dict[str, Endpoint]] = {}
    for one in endpoints:
        paths.setdefault(one.path, {})[one.method] = one
    found = [Route(path, _by_method(methods)) for path, methods in paths.items()]
    for route in found:
        route.methods = None  # all: the router would go on to the next path that takes the method
    return found


def _by_method(endpoints: Mapping[str, Endpoint]) -> Handler:
    allowed = sorted({*endpoints, *({"HEAD"} if "GET" in endpoints else ())})

    async def answer(request: Request) -> Response:
        endpoint = endpoints.get("GET" if request.method == "HEAD" else request.method)
        if endpoint is None:
            raise HTTPException(405, headers={"allow": ", ".join(allowed)})
        return await endpoint.admitted(request)

    return answer


def admission_of(request: Request) -> Admission | None:
    """The door of this server; None where it answers everybody."""
    found: Admission | None = request.app.state.admission
    return found


def grant_of(request: Request) -> Grant:
    """What this request may do."""
    found: Grant = request.state.grant
    return found


def shop_of(request: Request) -> Shop:
    """The version that answers this request, whatever is opened meanwhile."""
    shop: Shop = request.app.state.standing.shop
    return shop


def path_value(request: Request, name: str) -> str:
    """A part of the path, as text.

    raises : BadRequest where there is a NUL in it
    """
    value = str(request.path_params[name])
    check_nul({name: value}, "the path's")
    return value
