"""A way to ask an application without a network."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote

from starlette.types import ASGIApp


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


Ask = Callable[..., Answer]


def ask_of(app: ASGIApp) -> Ask:
    """A function that asks `app` as a browser on this machine would."""

    def ask(
        target: str, *, method: str = "GET", body: bytes = b"", host: str = "127.0.0.1:8000",
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> Answer:  # fmt: skip
        path, _, query = target.partition("?")
        given = [(name.encode(), value.encode()) for name, value in headers.items()]
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
            "scheme": "http", "path": unquote(path), "raw_path": path.encode(),
            "query_string": query.encode(), "root_path": "", "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 8000), "headers": [(b"host", host.encode()), *given],
            "state": {},
        }  # fmt: skip
        sent: list[Any] = []
        waiting = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Any:
            if not waiting:
                await asyncio.Event().wait()  # the asker stays until it is answered
            return waiting.pop()

        async def send(message: Any) -> None:
            sent.append(message)

        try:
            asyncio.run(app(scope, receive, send))
        except RuntimeError:
            if not sent:  # the application answers, then lets a bug through to the server's log
                raise
        start = sent[0]
        headers = {key.decode(): value.decode() for key, value in start["headers"]}
        return Answer(start["status"], headers, b"".join(m.get("body", b"") for m in sent[1:]))

    return ask
