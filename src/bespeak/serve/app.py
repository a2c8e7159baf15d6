"""The HTTP application: the endpoints, their documentation, the console, and what guards them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import msgspec
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp

from bespeak.serve import docs
from bespeak.serve.admission import CUSTOMER, Admission
from bespeak.serve.answers import Problem
from bespeak.serve.direct import Direct
from bespeak.serve.endpoint import routes
from bespeak.serve.failures import HANDLERS, on_bug
from bespeak.serve.guard import Guard
from bespeak.serve.intake import Intake
from bespeak.serve.journal import Form, told
from bespeak.serve.metrics import Metrics
from bespeak.serve.openapi import document, shown
from bespeak.serve.routes import ENDPOINTS
from bespeak.serve.shop import Shop
from bespeak.serve.standing import Mark, Standing, follow, standing
from bespeak.tasks import Tasks

BODY = 1_048_576
"""Bytes of the largest request: a thousand events, told at length."""


MODULE = MappingProxyType(
    {
        "access-control-allow-origin": "*", "cross-origin-resource-policy": "cross-origin",
        "cache-control": "public, max-age=600",
    }
)  # fmt: skip
"""The module for a shop's pages may be loaded by any page."""


@dataclass(frozen=True)
class Reload:
    """How to find out that there is something newer, and open it.

    watched   : a file that is replaced when a run has published (the workspace's current.json)
    open_shop : opens the newest version; may take a while, runs in a thread
    seen      : `mark` of `watched` before what is served was opened; by default, as it is now
    """

    watched: Path
    open_shop: Callable[[], Shop]
    interval_s: float = 1.0
    seen: Mark | None = None


def create_app(  # noqa: PLR0913 - each is a part of a server
    shop: Shop,
    console: ASGIApp | None = None,
    store: ASGIApp | None = None,
    *,
    reload: Reload | None = None,
    intake: Intake | None = None,
    admission: Admission | None = None,
    tasks: Tasks | None = None,
    problem: Problem | None = None,
    log: Form = "none",
    worker: str | None = None,
    tenant: str | None = None,
) -> Guard:
    """The server as an ASGI application, guarded all around.

    console : mounted at /console, where / leads; without it, / leads to /docs
    store   : the shop to play with, mounted at /store
    reload  : without it, `shop` is served as long as the server runs
    intake  : where events go; closed when the server stops; without it, none are taken
    admission : who may ask for what; without it, everybody on this machine for anything
    tasks   : runs to show and to ask for; without them, there are none
    problem : why `shop` is not the newest version
    log     : how each request is told of on standard error
    worker  : which of several processes this is; its metrics say so
    tenant  : which of several workspaces this is, likewise
    """
    now = standing(shop, problem)
    addresses = routes(ENDPOINTS)
    known = {one.endpoint: shown(one.path) for one in addresses}
    metrics = Metrics(known, intake, worker, tenant)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with _following(now, reload):
            yield
        if intake is not None:
            await asyncio.to_thread(intake.close)

    app = Starlette(
        routes=[
            *_pages(console, metrics, admission),
            *(_at("/store", store) if store is not None else ()),
        ],
        exception_handlers={**HANDLERS, Exception: on_bug},
        middleware=[Middleware(Direct, routes=addresses)],
        lifespan=lifespan,
        max_body_size=BODY,
    )
    app.router.redirect_slashes = False
    app.state.standing, app.state.intake, app.state.metrics = now, intake, metrics
    app.state.admission, app.state.tasks = admission, tasks
    # outermost, so that even a failure's answer carries the headers
    counted = told(metrics.around(app), log, metrics.path_of)
    if admission is None:
        return Guard(counted)
    return Guard(_across(counted, admission.origins), here_only=admission.open)


def _across(app: ASGIApp, origins: Sequence[str]) -> ASGIApp:
    """`app`, that pages of these origins may ask."""
    if not origins:
        return app
    return CORSMiddleware(
        app, allow_origins=origins, allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=["authorization", "content-type", "content-encoding", CUSTOMER],
        expose_headers=["retry-after"], max_age=600,
    )  # fmt: skip


@contextlib.asynccontextmanager
async def _following(now: Standing, reload: Reload | None) -> AsyncIterator[None]:
    if reload is None:
        yield
        return
    task = asyncio.create_task(
        follow(
            now, reload.open_shop, reload.watched, interval_s=reload.interval_s, seen=reload.seen
        )
    )
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def _pages(
    console: ASGIApp | None, metrics: Metrics, admission: Admission | None
) -> list[BaseRoute]:
    """What is no noun of the API: its documentation, the console, and the metrics."""
    openapi = document(ENDPOINTS)
    as_json, as_html = msgspec.json.encode(openapi), docs.page(openapi)

    async def openapi_json(_: Request) -> Response:
        return Response(as_json, media_type="application/json")

    async def docs_page(_: Request) -> Response:
        return docs.respond(as_html)

    async def docs_style(_: Request) -> Response:
        return FileResponse(docs.PAGES / "docs.css", media_type="text/css")

    async def module(_: Request) -> Response:
        return FileResponse(docs.PAGES / "bespeak.js", media_type="text/javascript", headers=MODULE)

    async def monitored(request: Request) -> Response:
        if admission is not None:
            admission.admit(request, "secret", "read")
        return metrics.shown()

    async def home(request: Request) -> Response:
        asked = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse("/docs" if console is None else f"/console/{asked}", 307)

    pages: list[BaseRoute] = [
        Route("/openapi.json", openapi_json), Route("/docs", docs_page),
        Route("/docs.css", docs_style), Route("/", home), Route("/bespeak.js", module),
        Route("/metrics", monitored),
    ]  # fmt: skip
    if console is not None:
        pages += _at("/console", console)
    return pages


def _at(path: str, app: ASGIApp) -> list[BaseRoute]:
    """An application under a path, which may be asked for without its last slash."""

    async def inside(request: Request) -> Response:
        asked = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"{path}/{asked}", 307)

    return [Route(path, inside), Mount(path, app=app)]
