"""What the live server makes of a disk that is full, read-only, or has another's hand on it."""

from __future__ import annotations

import contextlib
import json
import resource
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from benchmarks.live_server import Load, Server
from benchmarks.shop_of_faults import Seen, account, items_of, until_ready


def no_space(shop: Path) -> Seen:
    """Files that can't grow, as on a full disk; then room again."""
    server = Server(shop, shop / "serve.log")
    server.start()
    load = Load(server, items_of(server))
    with load.running():
        time.sleep(1)
    before = dict(load.statuses)
    for worker in server.workers():
        resource.prlimit(worker, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    with load.running():
        time.sleep(3)
    refused = load.statuses.get(503, 0)
    listed = server.ask("POST", "/v1/recommendations", {"session_id": "s1"})[0]
    full = len(load.acknowledged)
    for worker in server.workers():
        unbounded = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(worker, resource.RLIMIT_FSIZE, unbounded)
    with load.running():
        time.sleep(2)
    server.stop()
    missing, twice = account(shop, load.acknowledged)
    others = sum(n for status, n in load.statuses.items() if status not in {200, 503})
    said = (
        f"{before.get(200, 0)} requests answered before, {refused} refused with 503 while full, a"
        f" list answered {listed} meanwhile, {len(load.acknowledged) - full:,} events taken"
        f" afterwards without a restart; {missing} of {len(load.acknowledged):,} missing, {twice}"
        " twice"
    )
    holds = refused > 0 and listed == 200 and len(load.acknowledged) > full
    return Seen(
        "no space", "no file may grow for 3 s", said, holds and missing == twice == others == 0
    )


def locked(shop: Path) -> Seen:
    """Another program holds the log for longer than the server waits."""
    server = Server(shop, shop / "serve.log")
    server.start()
    holder = sqlite3.connect(shop / "live.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    started = time.perf_counter()
    event = {"type": "view", "session_id": "s1", "item_id": items_of(server)[0]}
    status = server.ask("POST", "/v1/events", event)[0]
    waited = time.perf_counter() - started
    listed = server.ask("POST", "/v1/recommendations", {"session_id": "s1"})[0]
    holder.execute("ROLLBACK")
    holder.close()
    after = server.ask("POST", "/v1/events", event)[0]
    server.stop()
    said = f"{status} after {waited:.1f} s, a list {listed} meanwhile; afterwards {after}"
    return Seen(
        "locked log", "by another process", said, (status, listed, after) == (503, 200, 200)
    )


def spoilt(shop: Path) -> Seen:
    """A log that is no database any more, and what the server says of it."""
    log = shop / "live.db"
    if not log.exists():  # as of a shop whose server has never been started
        first = Server(shop, shop / "serve.log")
        first.start()
        event = {"type": "view", "session_id": "s1", "item_id": items_of(first)[0]}
        first.ask("POST", "/v1/events", event)
        first.stop()
    content = log.read_bytes()
    log.write_bytes(b"\0" * 4096 + content[4096:])
    said = ""
    try:
        server = Server(shop, shop / "spoilt.log")
        server.start()
        server.stop()
    except SystemExit as error:
        said = str(error)
    finally:
        log.write_bytes(content)
    holds = "live.db" in said and "Traceback" not in said
    return Seen("spoilt log", "its first page zeroed", " ".join(said.split())[:200], holds)


class NotHere(Exception):
    """This machine has no way to bring the fault about."""


@contextlib.contextmanager
def frozen(folder: Path) -> Iterator[None]:
    """Nothing under `folder` can be written, not even by who has it open, nor anything be added.

    By the file system's own mark, which root heeds too. But for the log's shared index, which is
    memory that is mapped.

    raises : NotHere where the mark can't be set, or does not keep out who has a file open
    """
    _check_freezing(folder)
    marked = [folder, *(one for one in folder.rglob("*") if one.suffix != ".db-shm")]
    try:
        _mark("+i", *marked)
        yield
    finally:
        _mark("-i", *marked)


def _check_freezing(folder: Path) -> None:
    with tempfile.NamedTemporaryFile(dir=folder, buffering=0) as probe:
        try:
            _mark("+i", Path(probe.name))
            probe.write(b"x")
        except (FileNotFoundError, subprocess.CalledProcessError) as error:
            raise NotHere(
                "chattr can't mark files here; it needs rights and a file system"
            ) from error
        except OSError:
            return
        finally:
            with contextlib.suppress(FileNotFoundError, subprocess.CalledProcessError):
                _mark("-i", Path(probe.name))
    raise NotHere("this file system lets who has a file open go on writing to it")


def _mark(sign: str, *paths: Path) -> None:
    subprocess.run(["chattr", sign, *map(str, paths)], check=True, capture_output=True)


def read_only(shop: Path) -> Seen:
    """A disk that turns read-only under a server that has written nothing yet; a start on such a
    disk; and a disk that is as before.

    raises : NotHere
    """
    server = Server(shop, shop.parent / "read-only.log")
    server.start()
    load = Load(server, items_of(server))
    with frozen(shop):
        turned, told = _while_read_only(server, load)
        server.kill()
        server.start()
        begun, _ = _while_read_only(server, load)
    back_s = until_ready(server)
    refused = load.statuses.get(503, 0)
    with load.running():
        time.sleep(1)
    begun = begun and _run_begins(server)
    server.stop()
    missing, twice = account(shop, load.acknowledged)
    odd = set(load.statuses) - {200, 503}
    said = (
        f"{told}; {'the same' if begun else 'NOT the same'} of a server started meanwhile; ready"
        f" {back_s:.1f} s after it could write, {len(load.acknowledged):,} events taken"
        f" and a run begun; {refused} refused before; {missing} missing, {twice} twice"
    )
    holds = turned and begun and bool(load.acknowledged) and missing == twice == 0 and not odd
    return Seen("read-only disk", "every file and folder of the workspace", said, holds)


def _run_begins(server: Server) -> bool:
    """Whether a run that is asked for is seen to within a quarter of a minute."""
    asked = json.loads(server.ask("POST", "/v1/tasks")[1])["id"]
    for _ in range(150):
        if json.loads(server.ask("GET", f"/v1/tasks/{asked}")[1])["state"] != "queued":
            return True
        time.sleep(0.1)
    return False


def _while_read_only(server: Server, load: Load) -> tuple[bool, str]:
    """Whether each is answered as it should be: what writes is refused, lists are given, and the
    state is said; and in words."""
    asked = {"session_id": "s1"}
    with load.running():
        time.sleep(0.5)
    status, headers, _ = server.answer("POST", "/v1/events", {"type": "view", **asked})
    wait = headers.get("retry-after")
    (one,) = json.loads(server.ask("GET", "/v1/customers?limit=1")[1])["customers"]
    who = f"/v1/customers/{quote(one['customer_id'], safe='')}"
    writes = (("DELETE", who), ("POST", "/v1/tasks"), ("GET", f"{who}/export"))
    others = [server.ask(method, path)[0] for method, path in writes]
    state = json.loads(server.ask("GET", "/health/ready")[1])["status"]
    listed = sum(server.ask("POST", "/v1/recommendations", asked)[0] == 200 for _ in range(20))
    chart = server.ask("GET", "/console/vega.js")[0]
    said = (
        f"an event {status} with Retry-After {wait}; an erasure, a run and an export"
        f" {', '.join(map(str, others))}; `{state}`; {listed} of 20 lists, and a page's charts"
        f" {chart}"
    )
    wanted = (503, {503}, "degraded", 20, 200)
    return (status, set(others), state, listed, chart) == wanted and wait is not None, said
