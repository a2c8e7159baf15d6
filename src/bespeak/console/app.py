"""The console as an ASGI application: five pages, their scripts, and the chart library."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Callable
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from bespeak.console import languages
from bespeak.console.charts import Bundle

HERE = Path(__file__).parent
STATIC = HERE / "static"
PAGES = ("overview", "customers", "segments", "data", "recommendations")
KEPT = {"cache-control": "public, max-age=31536000, immutable"}
"""For what carries its version in its address."""
YEAR_S = 31_536_000

Answer = Callable[[Request], object]


def create_app(cache: Path | None = None) -> Starlette:
    """The pages, to be mounted at /console beside the API.

    cache : a folder for the built chart library; None keeps it in memory
    """
    texts, bundle = languages.texts(), Bundle(cache)
    files = {path.relative_to(STATIC).as_posix(): path.read_bytes() for path in _static_files()}
    version = _digest([*files.values(), str(texts).encode()])
    shell = Environment(
        loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    ).get_template("shell.html")  # fmt: skip

    def page(name: str, module: str) -> Callable[[Request], Response]:
        def respond(request: Request) -> Response:
            language = languages.language_of(request)
            html = shell.render(
                page=name, module=module, pages=PAGES, version=version, language=language,
                vega=bundle.version, text=texts[language].__getitem__,
                other=next(other for other in languages.LANGUAGES if other != language),
            )  # fmt: skip
            answer = HTMLResponse(html, headers={"vary": "accept-language, cookie"})
            if request.query_params.get("lang") == language:
                answer.set_cookie(
                    languages.COOKIE, language, max_age=YEAR_S, samesite="strict", path="/console"
                )
            return answer

        return respond

    async def vega(_: Request) -> Response:
        script = await run_in_threadpool(bundle.script)
        return Response(script, media_type="text/javascript", headers=KEPT)

    def static(request: Request) -> Response:
        name = str(request.path_params["name"])
        if name not in files:
            return Response("no such file", 404, media_type="text/plain")
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        return Response(files[name], media_type=kind, headers=KEPT)

    def said(request: Request) -> Response:
        language = str(request.path_params["language"])
        if language not in texts:
            return Response("no such language", 404, media_type="text/plain")
        return JSONResponse(dict(texts[language]), headers=KEPT)

    return Starlette(
        routes=[
            Route("/", page("overview", "overview")),
            *(Route(f"/{name}", page(name, name)) for name in PAGES),
            Route("/sign-in", page("sign-in", "sign-in")),
            Route("/customers/{customer_id:path}", page("customers", "customer")),
            Route("/vega.js", vega),
            Route("/static/{version}/texts/{language}.json", said),
            Route("/static/{version}/{name:path}", static),
        ]
    )


def _static_files() -> list[Path]:
    return sorted(path for path in STATIC.rglob("*") if path.is_file())


def _digest(contents: list[bytes]) -> str:
    found = hashlib.sha256()
    for content in contents:
        found.update(content)
    return found.hexdigest()[:12]
