"""The API's addresses, each straight to its endpoint.

Starlette's router stands behind three layers, each with a request and a `send` of its own: for what
is one function of a request, they took a tenth of a list's time. What is around all of them stays
Starlette's: the limit of a body, and the answer to a mistake of ours.
"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from bespeak.serve.endpoint import Handler
from bespeak.serve.failures import HANDLERS


class Direct:
    """A middleware that answers what one of the routes matches, the first that does; all else goes
    to the application behind it."""

    def __init__(self, app: ASGIApp, routes: Sequence[Route]) -> None:
        self._app = app
        self._routes = [
            (route.path.partition("{")[0], route.path_regex, route.endpoint) for route in routes
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path = scope["path"]
            for start, pattern, endpoint in self._routes:
                if path.startswith(start) and (found := pattern.match(path)) is not None:
                    scope["endpoint"], scope["path_params"] = endpoint, found.groupdict()
                    answer = await _answered(Request(scope, receive), endpoint)
                    await answer(scope, receive, send)
                    return
        await self._app(scope, receive, send)


async def _answered(request: Request, endpoint: Handler) -> Response:
    """The endpoint's answer, or what is said of the error that it raised."""
    try:
        return await endpoint(request)
    except tuple(HANDLERS) as error:
        said = next(say for kind, say in HANDLERS.items() if isinstance(error, kind))
        return await said(request, error)
