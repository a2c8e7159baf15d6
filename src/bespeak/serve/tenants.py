"""Several workspaces behind one address: whose a request is follows from its key.

Each is an application of its own, with its own keys, log and version. All that is shared is the
port, so nothing of one can be read through another; and no address says which is meant.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import HTTPConnection
from starlette.routing import Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bespeak.errors import BadRequest
from bespeak.serve.admission import Admission

SIGN_IN = "/v1/access/sign-in"
"""Where the key stands in the body."""
KEY_BYTES = 4_096
"""Of a body that may hold a key; a longer one holds none."""


@dataclass(frozen=True)
class Tenant:
    """One workspace, open."""

    app: ASGIApp
    admission: Admission

    def knows(self, asked: HTTPConnection) -> bool:
        """Whether the request's key, or its sign-in, is one of this workspace."""
        return self.admission.holds(asked)


class Tenants:
    """The application of all of them; one without a key that holds is answered by the first, which
    refuses it as it would any stranger."""

    def __init__(self, tenants: Sequence[Tenant]) -> None:
        self._tenants = tenants
        self._lives = Router(lifespan=self._living)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lives(scope, receive, send)
            return
        asked = HTTPConnection(scope)
        if scope["path"] == SIGN_IN and scope.get("method") == "POST":
            content, receive = await _read(receive)
            tenant = self._with_key(_key_in(content))
        elif scope.get("method") == "OPTIONS":
            tenant = self._of_origin(asked.headers.get("origin", ""))
        else:
            tenant = next((one for one in self._tenants if one.knows(asked)), None)
        await (tenant or self._tenants[0]).app(scope, receive, send)

    def _with_key(self, text: str) -> Tenant | None:
        return next((one for one in self._tenants if one.admission.keyring.find(text)), None)

    def _of_origin(self, origin: str) -> Tenant | None:
        """A browser asks without a key whether a page of this origin may ask at all."""
        return next((one for one in self._tenants if origin in one.admission.origins), None)

    @contextlib.asynccontextmanager
    async def _living(self, _: Any) -> AsyncIterator[None]:
        async with contextlib.AsyncExitStack() as stack:
            for tenant in self._tenants:
                await stack.enter_async_context(_alive(tenant.app))
            yield


def check_apart(named: Sequence[tuple[str, Admission]]) -> None:
    """raises : BadRequest where it could not be told whose a request is"""
    seen: dict[str, str] = {}
    for name, admission in named:
        keys = [key.id for key in admission.keyring.all()]
        if not keys:
            raise BadRequest(
                f"workspace `{name}` has no key, and beside another it needs one",
                next_step="Make it with `bespeak key create --secret -w` and its folder.",
            )
        shared = next((seen[key] for key in keys if key in seen), None)
        if shared is not None:
            raise BadRequest(
                f"workspaces `{shared}` and `{name}` share a key, so a request may be of either",
                next_step="Revoke that key in one of them, and make another.",
            )
        seen |= dict.fromkeys(keys, name)
    names = [name for name, _ in named]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise BadRequest(
            f"two workspaces are called `{twice}`, and their metrics could not be told apart",
            next_step="Change `workspace.name` in one bespeak.toml.",
        )


@contextlib.asynccontextmanager
async def _alive(app: ASGIApp) -> AsyncIterator[None]:
    """The application's own start and end, around the block."""
    told: asyncio.Queue[Message] = asyncio.Queue()
    heard: asyncio.Queue[Message] = asyncio.Queue()

    async def live() -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
        await app(scope, told.get, heard.put)

    task = asyncio.create_task(live())
    await told.put({"type": "lifespan.startup"})
    await heard.get()
    try:
        yield
    finally:
        await told.put({"type": "lifespan.shutdown"})
        await task


async def _read(receive: Receive) -> tuple[bytes, Receive]:
    """The beginning of a body, and what gives all of it again to who is to answer."""
    messages: list[Message] = []
    content = b""
    while len(content) <= KEY_BYTES:
        message = await receive()
        messages.append(message)
        content += message.get("body", b"")
        if not message.get("more_body", False):
            break

    async def again() -> Message:
        return messages.pop(0) if messages else await receive()

    return content, again


def _key_in(content: bytes) -> str:
    """The key that a sign-in names; nothing where it names none."""
    try:
        said = json.loads(content)
    except (ValueError, RecursionError):
        return ""
    key = said.get("key") if isinstance(said, dict) else None
    return key.strip() if isinstance(key, str) else ""
