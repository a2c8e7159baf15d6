"""The smallest application that can answer: a fixed body, by Starlette; what a server costs alone.

BODY_BYTES=3000 granian --interface asgi --workers 2 benchmarks.bare:app
"""

from __future__ import annotations

import os

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

BODY = b"x" * int(os.environ.get("BODY_BYTES", "3000"))


async def answer(request: Request) -> Response:
    await request.body()
    return Response(BODY, media_type="application/json")


app = Starlette(routes=[Route("/{rest:path}", answer, methods=["GET", "POST"])])
