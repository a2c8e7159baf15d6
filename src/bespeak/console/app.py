"""The console as an ASGI application: five pages, their scripts, and the chart library."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from bespeak import pages
from bespeak.console.charts import Bundle

HERE = Path(__file__).parent
PAGES = ("overview", "customers", "segments", "data", "recommendations")

Answer = Callable[[Request], object]


def called(model: str, language: str) -> str:
    """What pages call a model."""
    return pages.texts(HERE / "texts")[language].get(f"model.{model}", model)


def create_app(cache: Path | None = None) -> Starlette:
    """The pages, to be mounted at /console beside the API.

    cache : a folder for the built chart library; None keeps it in memory
    """
    texts, bundle = pages.texts(HERE / "texts"), Bundle(cache)
    static = pages.Static.of(HERE / "static", texts)
    shell = pages.template(HERE / "templates" / "shell.html")

    def page(name: str, module: str) -> Callable[[Request], Response]:
        def respond(request: Request) -> Response:
            language = pages.language_of(request)
            html = shell.render(
                page=name, module=module, pages=PAGES, version=static.version, language=language,
                vega=bundle.version, text=texts[language].__getitem__,
                other=pages.other_than(language),
            )  # fmt: skip
            answer = HTMLResponse(html, headers={"vary": "accept-language, cookie"})
            pages.remember_language(request, answer, path="/console")
            return answer

        return respond

    async def vega(_: Request) -> Response:
        script = await run_in_threadpool(bundle.script)
        return Response(script, media_type="text/javascript", headers=pages.KEPT)

    return Starlette(
        routes=[
            Route("/", page("overview", "overview")),
            *(Route(f"/{name}", page(name, name)) for name in PAGES),
            Route("/sign-in", page("sign-in", "sign-in")),
            Route("/recommendations/report", page("recommendations", "report")),
            Route("/customers/{customer_id:path}", page("customers", "customer")),
            Route("/vega.js", vega),
            Route("/static/{version}/texts/{language}.json", pages.said(texts)),
            Route("/static/{version}/{name:path}", static.respond),
        ]
    )
