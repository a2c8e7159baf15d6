"""From an error to an answer: one table of statuses, one shape, never a traceback."""

from __future__ import annotations

import errno
import logging
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from types import MappingProxyType

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from bespeak import errors
from bespeak.serve.answers import Problem, Refusal, reply
from bespeak.serve.metrics import Metrics

STATUS: Mapping[type[errors.BespeakError], int] = MappingProxyType(
    {
        kind: kind.status
        for kind in (
            errors.BespeakError, errors.ConfigInvalid, errors.SourceMissing,
            errors.SourceUnreadable, errors.MappingImpossible, errors.ColumnMissing,
            errors.NotFound, errors.BadRequest, errors.NotReady, errors.WorkspaceBusy,
            errors.ArtifactCorrupt, errors.EngineUnavailable, errors.AddressTaken,
            errors.LogUnavailable, errors.DiskUnavailable, errors.Busy,
            errors.KeyMissing, errors.NotAllowed, errors.VersionRefused,
        )
    }
)  # fmt: skip
"""Error class -> HTTP status; errors.py says them, this is the table that the API documents."""

LATER: Mapping[type[errors.BespeakError], str] = MappingProxyType(
    {
        errors.Busy: "1", errors.LogUnavailable: "2", errors.DiskUnavailable: "10",
        errors.NotReady: "10",
    }
)  # fmt: skip
"""Error class -> the seconds after which to ask again, where that may help."""


OF_THE_DISK = frozenset(
    {errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EPERM, errno.EIO}
)
"""What the system calls a disk that is full, or that may not be written."""


def status(error: errors.BespeakError) -> int:
    """The status of the error's class, or of the nearest class that it comes from."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def problem(error: errors.BespeakError) -> Problem:
    """The error as the API says it."""
    return Problem(type(error).__name__, str(error), error.found, error.expected, error.next_step)


async def on_bespeak_error(_: Request, error: Exception) -> Response:
    """One of our errors: its own status and words."""
    if not isinstance(error, errors.BespeakError):
        raise error
    answer = reply(Refusal(problem(error)), status(error))
    wait_s = next((wait for kind, wait in LATER.items() if isinstance(error, kind)), None)
    if wait_s is not None:
        answer.headers["retry-after"] = wait_s
    if isinstance(error, errors.KeyMissing):
        answer.headers["www-authenticate"] = "Bearer"
    return answer


async def on_http_error(request: Request, error: Exception) -> Response:
    """The router's errors: no such address, or the wrong method."""
    if not isinstance(error, HTTPException):
        raise error
    hint = "See /docs for every address."
    said = Problem(
        code=HTTPStatus(error.status_code).phrase.title().replace(" ", ""),
        message=f"{request.method} {request.url.path[:200]}: {error.detail}. {hint}",
        next_step=hint,
    )
    answer = reply(Refusal(said), error.status_code)
    answer.headers.update(error.headers or {})
    return answer


async def on_os_error(request: Request, error: Exception) -> Response:
    """A file that could not be written for the disk's sake is said to be so; else it is a bug."""
    if not isinstance(error, OSError) or error.errno not in OF_THE_DISK:
        return await on_bug(request, error)
    logging.getLogger("bespeak.serve").error("a file can't be written: %s", error)
    said = errors.DiskUnavailable(
        f"a file of the workspace can't be written: {error.strerror}",
        next_step="See to the disk's space and rights, and ask again.",
    )
    return await on_bespeak_error(request, said)


HANDLERS: Mapping[type[Exception], Callable[[Request, Exception], Awaitable[Response]]] = (
    MappingProxyType(
        {
            errors.BespeakError: on_bespeak_error,
            HTTPException: on_http_error,
            OSError: on_os_error,
        }
    )
)
"""What an endpoint may raise -> what is said of it; anything else is `on_bug`."""


async def on_bug(request: Request, error: Exception) -> Response:
    """Anything else is our mistake: said plainly here, in full in the server's log."""
    metrics: Metrics = request.app.state.metrics
    logging.getLogger("bespeak.serve").error(
        "%s %s failed", request.method, metrics.path_of(request.scope), exc_info=error
    )
    said = Problem(
        code="Internal",
        message="The server met a mistake of its own.",
        next_step="The server's log has the details; please report it.",
    )
    return reply(Refusal(said), 500)
