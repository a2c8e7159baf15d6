"""What every set of pages shares: the reader's language, its texts, and files that never change."""

from __future__ import annotations

import hashlib
import json
import mimetypes
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

LANGUAGES = ("en", "zh")
COOKIE = "bespeak-language"
YEAR_S = 31_536_000
KEPT = MappingProxyType({"cache-control": f"public, max-age={YEAR_S}, immutable"})
"""For what carries its version in its address."""

Texts = Mapping[str, str]


def texts(folder: Path) -> Mapping[str, Texts]:
    """Language -> key -> text, from `folder`/en.json and zh.json."""
    return MappingProxyType(
        {
            language: json.loads((folder / f"{language}.json").read_text(encoding="utf-8"))
            for language in LANGUAGES
        }
    )


def said(texts: Mapping[str, Texts]) -> Callable[[Request], Response]:
    """Answers with the texts of the path's `language`."""

    def respond(request: Request) -> Response:
        language = str(request.path_params["language"])
        if language not in texts:
            return Response("no such language", 404, media_type="text/plain")
        return JSONResponse(dict(texts[language]), headers=KEPT)

    return respond


def template(path: Path) -> Template:
    """An HTML template in which every value is escaped, and none may be missing."""
    return Environment(
        loader=FileSystemLoader(path.parent), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    ).get_template(path.name)  # fmt: skip


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


def other_than(language: str) -> str:
    """The language to change to."""
    return next(other for other in LANGUAGES if other != language)


def remember_language(request: Request, answer: Response, *, path: str) -> None:
    """Keep the language that `?lang=` asked for, on the pages under `path`."""
    asked = request.query_params.get("lang")
    if asked in LANGUAGES:
        answer.set_cookie(COOKIE, asked, max_age=YEAR_S, samesite="strict", path=path)


@dataclass(frozen=True)
class Static:
    """The files of a folder, in memory; `version` changes with any of them."""

    files: Mapping[str, bytes]
    version: str

    @classmethod
    def of(cls, folder: Path, said: object = None) -> Static:
        """`said` : what else the version stands for."""
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
        found = hashlib.sha256(str(said).encode())
        for content in files.values():
            found.update(content)
        return cls(files, found.hexdigest()[:12])

    def respond(self, request: Request) -> Response:
        """The file that the path's `name` names."""
        name = str(request.path_params["name"])
        if name not in self.files:
            return Response("no such file", 404, media_type="text/plain")
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        return Response(self.files[name], media_type=kind, headers=KEPT)
