"""The shop that live.py serves, and what is asked of its server."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote

from benchmarks import machine
from benchmarks.dense import make_dense
from benchmarks.live_server import Server, free_port
from bespeak import serve
from bespeak.recommend import Interactions
from bespeak.workspace import SNAPSHOT, Workspace, write_atomically

ITEMS, CUSTOMERS, EVENTS = 40_995, 20_000, 500_000
CONNECTIONS = 32
SETTINGS = """
[recommend]
models = ["popular", "item_knn"]
serve = "item_knn"
repeat = "no"

[serve]
workers = 2
"""


@dataclass(frozen=True)
class Place:
    """Where the figures are taken.

    customers, items, categories : files with a line for each, for the load
    key                          : a secret one
    """

    workspace: Path
    customers: Path
    items: Path
    categories: Path
    key: str
    seconds: int

    @property
    def headers(self) -> dict[str, str]:
        """Of a request with the key."""
        return {"authorization": f"Bearer {self.key}"}


def build(workspace: Path) -> None:
    """The made-up shop, by the commands that anybody would use; kept for the next time."""
    if (workspace / "current.json").is_file():
        return
    made = ["--items", ITEMS, "--customers", CUSTOMERS, "--events", EVENTS, "--out", workspace]
    machine.timed([machine.bespeak(), "synth", *map(str, made)])
    with (workspace / "bespeak.toml").open("a", encoding="utf-8") as config:
        config.write(SETTINGS)
    machine.timed([machine.bespeak(), "run", "-w", str(workspace), "--json"])
    make_dense(workspace)


def write_ids(place: Place) -> None:
    """Customers with a history, every item, and the widest categories, in no order."""
    workspace = Workspace(place.workspace)
    snapshot = serve.Snapshot.open(workspace.get(SNAPSHOT).path)
    known = Interactions.load(workspace.get("artifacts/histories").path)
    named = snapshot.items.rows["category"].unique().to_pylist()
    for path, ids in (
        # with an account: others, whose ids name a device or a cookie, come by that
        (place.customers, [one for one in known.customers if ":" not in one]),
        (place.items, snapshot.items.rows["item_id"].to_pylist()),
        (place.categories, sorted({quote(name.split(" > ")[0]) for name in named if name})),
    ):
        random.Random(7).shuffle(ids)
        path.write_text("\n".join(ids) + "\n", encoding="utf-8")


@contextmanager
def served(place: Place) -> Iterator[Server]:
    """A server on an empty log, up for the block."""
    for old in place.workspace.glob("live.db*"):
        old.unlink()
    server = Server(place.workspace, place.workspace / "serve.log", headers=place.headers)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def bare(size: int) -> Iterator[int]:
    """The port of a server of the same kind that answers with `size` bytes."""
    port = free_port()
    command = [
        sys.executable, "-m", "granian", "--interface", "asgi", "--workers", "2", "--port",
        str(port), "--no-log", "benchmarks.bare:app",
    ]  # fmt: skip
    process = subprocess.Popen(command, env={**os.environ, "BODY_BYTES": str(size)})
    try:
        _until_it_answers(port)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def _until_it_answers(port: int) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/")
            connection.getresponse().read()
        except OSError:
            time.sleep(0.05)
        else:
            return
        finally:
            connection.close()
    raise SystemExit("the bare server did not start")


def load(
    port: int, place: Place, *asked: object, pause_ms: float = 0, connections: int = CONNECTIONS
) -> Mapping[str, float]:
    """What wrk saw: requests, seconds, p50_ms, p99_ms, refused, broken.

    asked    : ("lists",), or ("events", how many in one request)
    pause_ms : a connection waits as long, on average, before its next request
    """
    what, *more = asked
    command = [
        "wrk", "-t2", f"-c{connections}", f"-d{place.seconds}s", "--timeout", "10s",
        "-s", str(Path(__file__).with_name("live.lua")), f"http://127.0.0.1:{port}", "--",
        what, place.key, pause_ms, place.customers, place.items, *(more or [place.categories]),
    ]  # fmt: skip
    done = subprocess.run([str(part) for part in command], check=True, capture_output=True)
    said = next(line for line in done.stdout.decode().splitlines() if line.startswith("JSON "))
    found: dict[str, float] = json.loads(said[5:])
    if found["refused"] or found["broken"]:
        raise SystemExit(f"the server did not answer all of it: {found}")
    return found


def per_second(found: Mapping[str, float]) -> float:
    return found["requests"] / found["seconds"]


def lately(server: Server, place: Place) -> None:
    """One to three events of every customer, since the last run."""
    customers = place.customers.read_text(encoding="utf-8").split()
    items = place.items.read_text(encoding="utf-8").split()
    chance = random.Random(5)
    told = [
        _view(customer, chance.choice(items))
        for customer in customers
        for _ in range(chance.randint(1, 3))
    ]
    chance.shuffle(told)
    for start in range(0, len(told), 500):
        status, said = server.ask("POST", "/v1/events", {"events": told[start : start + 500]})
        if status != 200:
            raise SystemExit(f"/v1/events: status {status}: {said[:300]!r}")


def _view(customer: str, item: str) -> dict[str, Any]:
    return {"type": "view", "identifiers": {"customer": customer}, "item_id": item}


@contextmanager
def arriving(server: Server, place: Place, *, per_s: int) -> Iterator[None]:
    """Events in batches of fifty, at an even pace, until the block ends."""
    ended = threading.Event()
    customers = place.customers.read_text(encoding="utf-8").split()
    items = place.items.read_text(encoding="utf-8").split()

    def tell() -> None:
        connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
        due = time.monotonic()
        for turn in range(1_000_000):
            told = [
                _view(customers[at * 31 % len(customers)], items[at * 7 % len(items)])
                for at in range(turn * 50, turn * 50 + 50)
            ]
            connection.request("POST", "/v1/events", json.dumps({"events": told}), place.headers)
            connection.getresponse().read()
            due += 50 / per_s
            if ended.wait(max(0.0, due - time.monotonic())):
                break
        connection.close()

    thread = threading.Thread(target=tell)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextmanager
def swapping(place: Place, *, every_s: float) -> Iterator[None]:
    """The state published again and again, so that each worker opens all of it anew."""
    ended, current = threading.Event(), place.workspace / "current.json"

    def publish() -> None:
        while not ended.wait(every_s):
            write_atomically(current, current.read_bytes())

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def forget_files(*folders: Path) -> None:
    """Have the system read them from disk the next time; it keeps what somebody has mapped."""
    for path in (path for folder in folders for path in folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            descriptor = os.open(path, os.O_RDONLY)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)
