"""Which language a reader gets, and every text in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from starlette.requests import Request

FOLDER = Path(__file__).parent / "texts"
LANGUAGES = ("en", "zh")
COOKIE = "bespeak-language"

Texts = Mapping[str, str]


def texts() -> Mapping[str, Texts]:
    """Language -> key -> text."""
    return MappingProxyType(
        {
            language: json.loads((FOLDER / f"{language}.json").read_text(encoding="utf-8"))
            for language in LANGUAGES
        }
    )


def language_of(request: Request) -> str:
    """`?lang=`, else what was chosen before, else what the browser prefers, else English."""
    asked = request.query_params.get("lang"), request.cookies.get(COOKIE)
    for language in asked:
        if language in LANGUAGES:
            return language
    return preferred(request.headers.get("accept-language", ""))


def preferred(header: str) -> str:
    """The best of our languages in an Accept-Language header: `zh-CN,zh;q=0.9,en;q=0.8` is zh."""
    best, found = 0.0, LANGUAGES[0]
    for part in header.split(","):
        tag, _, weight = part.strip().partition(";q=")
        try:
            liked = float(weight) if weight else 1.0
        except ValueError:
            continue
        language = tag.lower().split("-")[0]
        if language in LANGUAGES and liked > best:
            best, found = liked, language
    return found
