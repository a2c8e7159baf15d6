"""Run the server on this machine: claim the port, say the address, stop when asked.

The application lives in worker processes, which Granian supervises and restarts if one dies; they
share the port and, mapped, the artifacts. This process only waits.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import threadpoolctl
from granian import Granian
from granian.constants import Interfaces
from starlette.types import ASGIApp

from bespeak.errors import AddressTaken, BadRequest, BespeakError, EngineUnavailable
from bespeak.serve.admission import Admission
from bespeak.serve.app import Reload, create_app
from bespeak.serve.guard import is_loopback
from bespeak.serve.intake import Intake
from bespeak.serve.journal import Form, keep
from bespeak.serve.shop import Shop
from bespeak.serve.standing import mark, opened_first
from bespeak.serve.tenants import Tenant, Tenants, check_apart
from bespeak.tasks import Tasks

PATIENCE_S = 10
"""How long the first answer may take once a worker says that it is open."""
TURN_S = 0.001
"""How long another thread of a worker may hold up the one that answers: that which opens a new
version computes for a tenth of a second, and a request lets go of the interpreter many times."""
ENDING_S = 4
"""How long requests under way may take to end when the server is asked to stop."""


@dataclass(frozen=True)
class Site:
    """What a worker builds its application from; it must be picklable where processes spawn."""

    open_shop: Callable[[], Shop]
    open_intake: Callable[[], Intake] | None
    make_console: Callable[[], ASGIApp] | None
    make_store: Callable[[], ASGIApp] | None
    admission: Admission | None
    watched: Path | None
    interval_s: float = 1.0
    tasks: Tasks | None = None
    open_before: Callable[[], Shop] | None = None
    log: Form = "none"
    several: bool = False
    """Whether other workers answer beside it."""
    tenant: str | None = None
    """What it is called, where others are served beside it."""


def serve(  # noqa: PLR0913 - each is a part of a server
    open_shop: Callable[[], Shop],
    *,
    admission: Admission | None = None,
    host: str = "127.0.0.1",
    port: int = 8000,
    workers: int = 1,
    open_intake: Callable[[], Intake] | None = None,
    make_console: Callable[[], ASGIApp] | None = None,
    make_store: Callable[[], ASGIApp] | None = None,
    watched: Path | None = None,
    interval_s: float = 1.0,
    tasks: Tasks | None = None,
    open_before: Callable[[], Shop] | None = None,
    log: Form = "none",
    tell: Callable[[str], None] = print,
) -> None:
    """Serve until Ctrl-C or SIGTERM; `tell` gets the address once it answers.

    open_shop    : opens the newest version; called in each worker, first at once and
                   again whenever `watched` has been replaced
    admission    : who may ask for what; without it or keys, everybody on this machine
    port         : 0 takes a free one
    workers      : processes that answer, each with a shop and a log of its own
    open_intake  : opens the event log, in each worker; without it, no events are taken
    make_console : makes the pages to mount at /console, in each worker
    make_store   : those at /store
    tasks        : runs to show and to ask for
    open_before  : opens the version before, to start with where the newest can't be served
    log          : how requests and mistakes are told of on standard error
    raises       : BadRequest if others can reach `host` and there are no keys; AddressTaken if the
                   port is in use;
                   the BespeakError that opening raised at first
    """
    site = Site(
        open_shop, open_intake, make_console, make_store, admission, watched, interval_s, tasks,
        open_before, log,
    )  # fmt: skip
    serve_sites([site], host=host, port=port, workers=workers, tell=tell)


def serve_sites(
    sites: Sequence[Site],
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    workers: int = 1,
    tell: Callable[[str], None] = print,
) -> None:
    """Serve one workspace, or several at one address; which of them a request is for follows from
    its key, so that each of several must have one.

    raises : as `serve`; BadRequest where keys or names can't tell several apart
    """
    doors = [(site.tenant or "", site.admission) for site in sites if site.admission is not None]
    wanted = all(door.wanted for _, door in doors) and len(doors) == len(sites)
    if len(sites) > 1:
        check_apart(doors)
    if not is_loopback(host) and not wanted:
        raise BadRequest(
            "without keys, the server listens on this machine only",
            found=f"host `{host}`",
            expected="127.0.0.1, localhost or ::1",
            next_step="Make a key with `bespeak key create`.",
        )
    address = "127.0.0.1" if host.lower() == "localhost" else host.strip("[]")
    chosen = claim(address, port)
    heard, worker_says = multiprocessing.Pipe(duplex=False)
    closed = [
        replace(
            site, several=workers > 1,
            admission=None if site.admission is None else replace(site.admission, open=not wanted),
        )
        for site in sites
    ]  # fmt: skip
    server: Any = Granian(
        "bespeak", address=address, port=chosen, interface=Interfaces.ASGI, log_enabled=False,
        workers=workers, respawn_failed_workers=True, workers_kill_timeout=ENDING_S,
    )  # fmt: skip
    failures: list[BespeakError] = []

    def listen() -> None:
        for _ in range(workers):
            failure = heard.recv()
            if failure is not None:
                failures.append(failure)
                server.signal_handler_interrupt()
                return
        if _answers(address, chosen):
            tell(f"http://{f'[{address}]' if ':' in address else address}:{chosen}")

    threading.Thread(target=listen, daemon=True).start()
    _run(server, partial(_application, closed, worker_says))
    if failures:
        raise failures[0]


def _run(server: Any, loader: Callable[[], ASGIApp]) -> None:
    """Supervise the worker until it is asked to stop; the signals are then as they were."""
    asked = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {name: signal.getsignal(name) for name in asked}
    try:
        server.serve(target_loader=loader, wrap_loader=False)
    except SystemExit as error:
        if not server.interrupt_signal:
            raise EngineUnavailable(
                "the server's process died twice in a few seconds",
                next_step="What it printed above says why.",
            ) from error
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


def _application(sites: Sequence[Site], say: Connection) -> ASGIApp:
    """The application, in the worker; says `None` when it is open, or why it could not be."""
    # what the parent does on these signals is not for its child, which is told to end by SIGTERM
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    keep(sites[0].log)
    try:
        opened = [_opened(site) for site in sites]
    except BespeakError as error:
        say.send(error)
        raise SystemExit(1) from error
    # one request is small: threads of the numeric libraries would only wait for each other
    threadpoolctl.threadpool_limits(limits=1)
    sys.setswitchinterval(TURN_S)
    app = opened[0]
    if len(sites) > 1:
        doors = [site.admission for site in sites if site.admission is not None]
        app = Tenants([Tenant(one, door) for one, door in zip(opened, doors, strict=True)])
    # what is there now stays: to go through all of it again and again would halt requests for 0.1 s
    gc.collect()
    gc.freeze()
    say.send(None)
    return app


def _opened(site: Site) -> ASGIApp:
    """The application of one workspace.

    raises : the BespeakError that opening raised
    """
    seen = None if site.watched is None else mark(site.watched)
    shop, problem = opened_first(site.open_shop, site.open_before)
    intake = None if site.open_intake is None else site.open_intake()
    reload = None
    if site.watched is not None:
        reload = Reload(site.watched, site.open_shop, site.interval_s, seen)
    console = None if site.make_console is None else site.make_console()
    store = None if site.make_store is None else site.make_store()
    return create_app(
        shop, console, store, reload=reload, intake=intake, admission=site.admission,
        tasks=site.tasks, problem=problem, log=site.log,
        worker=str(os.getpid()) if site.several else None, tenant=site.tenant,
    )  # fmt: skip


def _end_with_parent() -> None:
    """A worker whose supervisor was killed would hold port and log, and nobody could stop it."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


def claim(address: str, port: int) -> int:
    """The port, which is free; if it is 0, a free one.

    Asked before the server starts, because its workers share their port on purpose: two servers
    would answer in turns.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            if error.errno in {errno.EADDRINUSE, errno.EACCES}:
                raise AddressTaken(
                    f"port {port} on {address} can't be had: {error.strerror}",
                    next_step=f"Stop what uses it, or choose another: --port {port % 60_000 + 1}.",
                ) from error
            raise
        return int(probe.getsockname()[1])


def _answers(address: str, port: int) -> bool:
    """Wait until the port takes connections; False if it does not within ten seconds."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        with contextlib.suppress(ConnectionRefusedError):
            socket.create_connection((address, port), timeout=1).close()
            return True
        time.sleep(0.02)
    return False
