"""What is served now: swapped whole when a run has published something newer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bespeak.errors import BespeakError
from bespeak.serve.answers import Problem
from bespeak.serve.failures import problem
from bespeak.serve.probes import examine
from bespeak.serve.shop import Shop

Mark = tuple[int, int, int]


@dataclass
class Standing:
    """The open version; requests take it once, so a swap disturbs none of them."""

    shop: Shop
    opened_at: datetime
    problem: Problem | None = None
    """Why the latest version is not served; what stood before is."""


def standing(shop: Shop, problem: Problem | None = None) -> Standing:
    """`shop`, opened now."""
    return Standing(shop, datetime.now(UTC), problem)


def mark(path: Path) -> Mark | None:
    """What changes when `path` is replaced; None while it is not there."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


async def follow(
    now: Standing,
    open_shop: Callable[[], Shop],
    watched: Path,
    *,
    interval_s: float,
    seen: Mark | None = None,
) -> None:
    """Reopen whenever `watched` is replaced; runs until cancelled.

    The new version is opened and examined in a thread while the old one answers. One that is
    refused is tried again at the next change.

    seen : `mark(watched)` before what is served was opened; None: as it is now
    """
    seen = seen or mark(watched)
    while True:
        await asyncio.sleep(interval_s)
        found = mark(watched)
        if found is None or found == seen:
            continue
        seen = found
        attempt = asyncio.create_task(asyncio.to_thread(opened, open_shop, now.shop))
        await asyncio.wait({attempt})
        error = attempt.exception()
        if error is None:
            now.shop, now.opened_at, now.problem = attempt.result(), datetime.now(UTC), None
        else:
            # whatever is wrong with the new version, the old one is served and the watch goes on
            now.problem = said(error)
            logging.getLogger("bespeak.serve").error("kept the old version", exc_info=error)


def opened(open_shop: Callable[[], Shop], old: Shop | None = None) -> Shop:
    """A shop that has been examined: what is compiled or read at first use is so already.

    raises : as `open_shop` and `examine`
    """
    shop = open_shop()
    examine(shop, old)
    return shop


def opened_first(
    open_shop: Callable[[], Shop], open_before: Callable[[], Shop] | None
) -> tuple[Shop, Problem | None]:
    """What a server starts with: the newest version, or the one before with why it is not the
    newest.

    raises : the newest one's BespeakError where neither can be served
    """
    try:
        return opened(open_shop), None
    except BespeakError as error:
        if open_before is None:
            raise
        try:
            before = opened(open_before)
        except BespeakError:
            raise error from None
        logging.getLogger("bespeak.serve").error("opened the version before", exc_info=error)
        return before, said(error)


def said(error: BaseException) -> Problem:
    """Why a version is not served, for /health/ready."""
    if isinstance(error, BespeakError):
        return problem(error)
    return Problem(
        code=type(error).__name__,
        message="The newest version could not be opened; the one before is served.",
        next_step="Run `bespeak run` again; the server's log has the details.",
    )
