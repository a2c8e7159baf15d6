"""A live server's figures beside their limits, and beside a bare answer of the same size.

    python -m benchmarks.live [--only NAME …] [--workspace DIR] [--seconds 10] [--json] [--write]

A made-up shop of 40,981 items is built once in DIR (the working folder's `live-shop`) by
`bespeak synth` and `bespeak run`, made dense (see dense.py: 200 neighbours an item, histories of 15
to 50 items), and served by `bespeak serve` with two workers. The load is `wrk`
(https://github.com/wg/wrk), on the same machine. Each group of figures has a server started for it,
on an event log that is emptied first, and every request carries a secret key.

A list is of any customer, with its reasons, of a category, from a price, without two items; it goes
by what its customer did since the last run, which is one to three events in the log, and it is
logged as shown.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote

from benchmarks import machine
from benchmarks.dense import make_dense
from benchmarks.live_server import Server, free_port, serving
from bespeak import access, serve
from bespeak.recommend import Interactions
from bespeak.workspace import SNAPSHOT, Workspace

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
class Figure:
    """One measured number; `limit` in words, `met` None where nothing is asked of it."""

    name: str
    found: str
    limit: str
    met: bool | None
    remark: str = ""


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


def lists(place: Place) -> list[Figure]:
    """Lists at full load, at half of it, and beside arriving events."""
    with served(place) as server:
        customer = place.customers.read_text(encoding="utf-8").split("\n", 1)[0]
        size = len(server.ask("GET", f"/v1/customers/{customer}/recommendations?k=10")[1])
        lately(server, place)
        load(server.port, place, "lists")  # each worker has answered a few thousand by then
        full = load(server.port, place, "lists")
        pause = 2e3 * CONNECTIONS / per_second(full) - full["p50_ms"] / 2
        half = load(server.port, place, "lists", pause_ms=pause)
        with arriving(server, place, per_s=1_000):
            beside = load(server.port, place, "lists")
    with bare(size) as port:
        alone = load(port, place, "lists")
    share, rate = per_second(full) / per_second(alone), per_second(full)
    return [
        Figure("lists a second", f"{rate:,.0f}", "at least 4,000", rate >= 4_000),
        Figure(
            "… of a bare answer of that size", f"{share:.1%}", "at least 12 %", share >= 0.12,
            f"bare: {per_second(alone):,.0f}/s of {size} bytes",
        ),
        Figure(
            "… p99 at half that load", f"{half['p99_ms']:.1f} ms", "at most 15 ms",
            half["p99_ms"] <= 15, f"at {per_second(half):,.0f}/s",
        ),
        Figure(
            "… with 1,000 events/s arriving", f"{per_second(beside):,.0f}", "at least 3,000",
            per_second(beside) >= 3_000,
        ),
    ]  # fmt: skip


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


def events(place: Place) -> list[Figure]:
    """Events in batches and one by one, each answered when it is on disk."""
    with served(place) as server:
        many = load(server.port, place, "events", 100, connections=16)
        wal = max((path.stat().st_size for path in place.workspace.glob("live.db-wal")), default=0)
    with served(place) as server:
        single = load(server.port, place, "events", 1)
    rate = per_second(many) * 100
    return [
        Figure("events a second, by hundreds", f"{rate:,.0f}", "at least 20,000", rate >= 20_000),
        Figure(
            "… p99", f"{many['p99_ms']:.0f} ms", "at most 150 ms", many["p99_ms"] <= 150,
            "from 16 connections",
        ),
        Figure("… write-ahead log", f"{wal / 1e6:.0f} MB", "at most 64 MB", wal <= 64e6),
        Figure(
            "events a second, one by one", f"{per_second(single):,.0f}", "at least 3,000",
            per_second(single) >= 3_000,
        ),
        Figure(
            "… p99", f"{single['p99_ms']:.0f} ms", "at most 50 ms", single["p99_ms"] <= 50,
            f"from {CONNECTIONS} connections",
        ),
    ]  # fmt: skip


def fresh(place: Place, trials: int = 10_000) -> list[Figure]:
    """Whether the next request, on any worker, goes by an event that was just acknowledged."""
    items = place.items.read_text(encoding="utf-8").split()[:40]
    with served(place) as server:
        ways = [HTTPConnection("127.0.0.1", server.port, timeout=30) for _ in range(8)]
        key, stale = place.headers, 0
        wanted = [_listed(ways[0], {"items": [item]}, key) for item in items]
        for trial in range(trials):
            session, at = str(uuid.uuid4()), trial % len(items)
            told = {"type": "view", "session_id": session, "item_id": items[at]}
            _ask(ways[trial % 8], "/v1/events", told, key)
            other = ways[(trial * 3 + 1) % 8]
            stale += _listed(other, {"session_id": session}, key) != wanted[at]
    return [Figure("stale lists after an event", f"{stale} of {trials:,}", "none", stale == 0)]


def _listed(way: HTTPConnection, asked: Mapping[str, Any], headers: Mapping[str, str]) -> list[str]:
    said = json.loads(_ask(way, "/v1/recommendations", asked, headers))
    return [said["fallback"], *(item["item_id"] for item in said["items"])]


def _ask(
    way: HTTPConnection, path: str, asked: Mapping[str, Any], headers: Mapping[str, str]
) -> bytes:
    way.request("POST", path, json.dumps(asked), headers)
    answer = way.getresponse()
    content = answer.read()
    if answer.status != 200:
        raise SystemExit(f"{path}: status {answer.status}: {content[:300]!r}")
    return content


def start(place: Place) -> list[Figure]:
    """From the command to the first answer, and from the signal to the end."""
    server = Server(place.workspace, place.workspace / "serve.log")
    server.start()
    server.stop()
    warm = []
    for _ in range(3):
        warm.append(server.start())
        server.stop()
    ends = [_stopped_after(server, wait) for wait in (0.0, 0.3, 1.0, 2.0, 4.0)]
    with served(place) as busy:
        load(busy.port, place, "lists")
        ends.append(busy.stop())
    return [
        Figure("start to ready, warm", f"{min(warm):.1f} s", "at most 2 s", min(warm) <= 2),
        Figure("stop, at any moment", f"{max(ends):.1f} s", "at most 5 s", max(ends) <= 5),
    ]


def _stopped_after(server: Server, wait: float) -> float:
    """Seconds that it took to end, asked so long after its start."""
    with server.log.open("ab") as said:
        command = serving(server.workspace, 0)
        server.process = subprocess.Popen(command, stdout=said, stderr=said)
    time.sleep(wait)
    return server.stop()


def memory(place: Place) -> list[Figure]:
    """What the largest worker holds after a load: alone, and with its part of shared pages."""
    with served(place) as server:
        load(server.port, place, "lists")
        load(server.port, place, "events", 100, connections=16)
        found = [_rollup(pid) for pid in server.workers()]
    private = max(one["Private_Clean"] + one["Private_Dirty"] for one in found) / 1e3
    whole = max(one["Rss"] for one in found) / 1e3
    return [
        Figure("worker's private memory", f"{private:.0f} MB", "at most 150 MB", private <= 150),
        Figure("… with shared pages", f"{whole:.0f} MB", "at most 400 MB", whole <= 400,
               f"{len(found)} workers"),
    ]  # fmt: skip


def _rollup(pid: int) -> dict[str, int]:
    """kB by kind, as Linux says it."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
    return {line.split(":")[0]: int(line.split()[1]) for line in lines}


MEASURES: Mapping[str, Callable[[Place], list[Figure]]] = {
    "lists": lists, "events": events, "fresh": fresh, "start": start, "memory": memory,
}  # fmt: skip


def taken(workspace: Path, names: list[str], seconds: int) -> list[Figure]:
    """All figures asked for."""
    if shutil.which("wrk") is None:
        raise SystemExit("this needs wrk, the load generator: https://github.com/wg/wrk")
    build(workspace)
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / name for name in ("customers", "items", "categories")]
        (workspace / "keys.json").unlink(missing_ok=True)  # those of earlier measurements
        place = Place(workspace, *files, access.Keyring(workspace).create("secret")[1], seconds)
        _write_ids(place)
        return [figure for name in names for figure in MEASURES[name](place)]


def _write_ids(place: Place) -> None:
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=MEASURES, default=list(MEASURES))
    parser.add_argument("-w", "--workspace", type=Path, default=Path("live-shop"))
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", action="store_true", help="into benchmarks/live.md")
    given = parser.parse_args()
    found = taken(given.workspace, given.only, given.seconds)
    if given.json:
        print(json.dumps([asdict(figure) for figure in found], indent=1))
        return
    said = {True: "yes", False: "no", None: ""}
    rows = [[one.name, one.found, one.limit, said[one.met], one.remark] for one in found]
    busy = f"load average {os.getloadavg()[0]:.1f}"
    text = (
        f"{machine.described()}, {busy}\n\n"
        f"{machine.table(['figure', 'found', 'limit', 'met', ''], rows)}\n"
    )
    print(text)
    if given.write:
        Path(__file__).with_name("live.md").write_text(f"# A live server\n\n{text}", "utf-8")


if __name__ == "__main__":
    main()
