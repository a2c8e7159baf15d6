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
from bespeak.serve.shop import Shop

Mark = tuple[int, int, int]


@dataclass
class Standing:
    """The open version; requests take it once, so a swap disturbs none of them."""

    shop: Shop
    opened_at: datetime
    problem: Problem | None = None
    """Why the latest version could not be opened; what stood before is still served."""


def standing(shop: Shop) -> Standing:
    """`shop`, opened now."""
    return Standing(shop, datetime.now(UTC))


def mark(path: Path) -> Mark | None:
    """What changes when `path` is replaced; None while it is not there."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


async def follow(
    now: Standing, open_shop: Callable[[], Shop], watched: Path, *, interval_s: float
) -> None:
    """Reopen whenever `watched` is replaced; runs until cancelled.

    The new version is opened in a thread while the old one answers. One that can't be opened is
    tried again at the next change.
    """
    seen = mark(watched)
    while True:
        await asyncio.sleep(interval_s)
        found = mark(watched)
        if found is None or found == seen:
            continue
        seen = found
        attempt = asyncio.create_task(asyncio.to_thread(opened, open_shop))
        await asyncio.wait({attempt})
        error = attempt.exception()
        if error is None:
            now.shop, now.opened_at, now.problem = attempt.result(), datetime.now(UTC), None
        else:
            # whatever is wrong with the new version, the old one is served and the watch goes on
            now.problem = _said(error)
            logging.getLogger("bespeak.serve").error("kept the old version", exc_info=error)


def opened(open_shop: Callable[[], Shop]) -> Shop:
    """A shop that has answered once: what is compiled or read at first use is so already."""
    shop = open_shop()
    first = shop.snapshot.customers.rows.slice(0, 1).to_pylist()
    if first:
        customer_id = first[0]["customer_id"]
        shop.recommend(customer_id=customer_id, items=(), k=10, repeat=None)
    return shop


def _said(error: BaseException) -> Problem:
    if isinstance(error, BespeakError):
        return problem(error)
    return Problem(
        code=type(error).__name__,
        message="The newest version could not be opened; the one before is served.",
        next_step="Run `bespeak run` again; the server's log has the details.",
    )
