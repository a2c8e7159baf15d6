"""The storefront as an ASGI application: four pages, their scripts, and no data of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from bespeak import pages

HERE = Path(__file__).parent


@dataclass(frozen=True)
class About:
    """What the pages say of the shop.

    currency  : of its prices, ISO 4217
    namespace : the identifier that names its customers
    """

    name: str
    currency: str
    namespace: str


def create_app(about: About) -> Starlette:
    """The pages, to be mounted at /store beside the API."""
    texts = pages.texts(HERE / "texts")
    static = pages.Static.of(HERE / "static", texts)
    shell = pages.template(HERE / "templates" / "shell.html")

    def page(name: str) -> Callable[[Request], Response]:
        def respond(request: Request) -> Response:
            language = pages.language_of(request)
            html = shell.render(
                page=name, about=about, version=static.version, language=language,
                text=texts[language].__getitem__, other=pages.other_than(language),
            )  # fmt: skip
            answer = HTMLResponse(html, headers={"vary": "accept-language, cookie"})
            pages.remember_language(request, answer, path="/store")
            return answer

        return respond

    return Starlette(
        routes=[
            Route("/", page("home")),
            Route("/basket", page("basket")),
            Route("/search", page("search")),
            Route("/item/{item_id:path}", page("item")),
            Route("/static/{version}/texts/{language}.json", pages.said(texts)),
            Route("/static/{version}/{name:path}", static.respond),
        ]
    )
