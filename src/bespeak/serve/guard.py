"""What every request must be and every answer must carry, around the whole application."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bespeak.serve.answers import Problem, Refusal, reply

LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})

POLICY = "; ".join(
    (
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:",
        "font-src 'self'", "connect-src 'self'", "base-uri 'none'", "form-action 'self'",
        "frame-ancestors 'none'",
    )
)  # fmt: skip
"""No script or style but files of our own: text from a shop's data can't become either."""

HEADERS: Mapping[bytes, bytes] = MappingProxyType(
    {
        b"content-security-policy": POLICY.encode(),
        b"x-content-type-options": b"nosniff",
        b"x-frame-options": b"DENY",
        b"referrer-policy": b"no-referrer",
        b"cross-origin-opener-policy": b"same-origin",
        b"cross-origin-resource-policy": b"same-origin",
        b"permissions-policy": b"camera=(), geolocation=(), microphone=()",
        b"cache-control": b"no-store",
    }
)
OURS = tuple(HEADERS.items())


class Guard:
    """Refuses a foreign Host header where no keys keep strangers out; adds the security headers.

    A page elsewhere can point its own host name at 127.0.0.1 and so read what listens there; its
    requests still carry that name, so they are turned away.
    """

    def __init__(self, app: ASGIApp, *, here_only: bool = True) -> None:
        self.app, self._here_only = app, here_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = _with_ours(message.get("headers", []))
            await send(message)

        answer = self.app
        if self._here_only:
            host = next((value for key, value in scope["headers"] if key == b"host"), b"")
            answer = answer if is_loopback(host.decode("latin-1")) else _refused(host)
        await answer(scope, receive, send_guarded)


def is_loopback(host: str) -> bool:
    """Whether a Host header names this machine: `localhost:8000`, `127.0.0.1`, `[::1]:80`."""
    found = re.fullmatch(r"(\[.*\]|::1|[^:]*)(?::\d+)?", host)
    return found is not None and found.group(1).lower() in LOOPBACK


def _with_ours(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    named = {key.lower() for key, _ in headers}
    if named.isdisjoint(HEADERS):
        return [*headers, *OURS]
    return [*headers, *((key, value) for key, value in OURS if key not in named)]


def _refused(host: bytes) -> ASGIApp:
    said = Problem(
        code="MisdirectedRequest",
        message="This server answers on this machine only, and the Host header names another.",
        found=host.decode("latin-1")[:80],
        expected="localhost or 127.0.0.1",
        next_step="Open it as http://127.0.0.1 with its port.",
    )
    return reply(Refusal(said), 421)
