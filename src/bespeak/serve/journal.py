"""A line for each request, and for each mistake, on standard error: for people, or for programs.

A line names the address as the documentation has it, never what stood in its place: no customer, no
item, no query, no header.
"""

from __future__ import annotations

import logging
import re
import secrets
import sys
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bespeak.errors import BespeakError

Form = Literal["none", "text", "json"]
HEADER = b"x-request-id"
_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
Line = dict[str, Any]


def told(app: ASGIApp, form: Form, path_of: Callable[[Scope], str]) -> ASGIApp:
    """`app`, with a line for each request; `none` leaves it as it is.

    A request that brings an x-request-id keeps it, any other gets one; the answer carries it too.

    path_of : the address of a request that has been answered, as the documentation has it
    """
    if form == "none":
        return app

    async def telling(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        status, started = 500, time.perf_counter()
        request_id = _request_id(scope)

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", []), (HEADER, request_id)]
            await send(message)

        try:
            await app(scope, receive, noted)
        finally:
            ms = round((time.perf_counter() - started) * 1000, 2)
            said = {"method": scope["method"], "path": path_of(scope), "status": status, "ms": ms}
            _write(form, "info", {**said, "request_id": request_id.decode()})

    return telling


class Journal(logging.Handler):
    """What bespeak's own loggers say, in the same form as the requests."""

    def __init__(self, form: Form) -> None:
        super().__init__()
        self._form = form

    def emit(self, record: logging.LogRecord) -> None:
        said = {"logger": record.name, "message": record.getMessage()}
        if record.exc_info and record.exc_info[1] is not None:
            said["error"] = _mistake(record.exc_info[1])
        _write(self._form, record.levelname.lower(), said)


def keep(form: Form) -> None:
    """Have bespeak's loggers of this process write in that form; `none` leaves them be."""
    if form != "none":
        log = logging.getLogger("bespeak")
        log.handlers = [Journal(form)]
        log.propagate = False


def _mistake(error: BaseException) -> str:
    """Its kind and the places it came through; its words only if they are ours, for others may
    quote what a customer sent."""
    kind = type(error).__name__
    if isinstance(error, BespeakError):
        return f"{kind}: {error}"
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{Path(one.filename).name}:{one.lineno} {one.name}" for one in frames]
    return " < ".join([kind, *reversed(places)])


def _request_id(scope: Scope) -> bytes:
    given = next((value for key, value in scope["headers"] if key == HEADER), b"")
    found: bytes = given if _ID.fullmatch(given) else secrets.token_hex(8).encode()
    return found


def _write(form: Form, level: str, said: Line) -> None:
    """One line, whole: other processes write to the same place."""
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"
    if form == "json":
        line = msgspec.json.encode({"time": now, "level": level, **said})
    else:
        line = " ".join([now, level, *(str(value) for value in said.values())]).encode()
    sys.stderr.buffer.write(line + b"\n")
    sys.stderr.buffer.flush()
