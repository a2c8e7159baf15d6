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
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import numpy

from benchmarks import machine
from benchmarks.live_load import (
    CONNECTIONS,
    Place,
    arriving,
    bare,
    build,
    forget_files,
    lately,
    load,
    per_second,
    served,
    swapping,
    write_ids,
)
from benchmarks.live_server import Server, serving
from bespeak import access

LOAD = """
One machine carries the server and the load. 200 neighbours an item, drawn by chance, which is the
worst that they can be for a cache; histories of 15 to 50 items. Each list is asked for with a
secret key, a category, a least price and two items left out; it goes by one to three events of its
customer since the last run, says a reason an item, and is logged as shown. The bare answer is of
the same size, by Starlette on the same server, in the same minute: where other programs took part
of the two cores, as the load average above tells, the share of it says more than the rate.
"""


@dataclass(frozen=True)
class Figure:
    """One measured number; `limit` in words, `met` None where nothing is asked of it."""

    name: str
    found: str
    limit: str
    met: bool | None
    remark: str = ""


def lists(place: Place) -> list[Figure]:
    """Lists at full load, at half of it, and beside arriving events."""
    with served(place) as server:
        customer = place.customers.read_text(encoding="utf-8").split("\n", 1)[0]
        status, said = server.ask("GET", f"/v1/customers/{customer}/recommendations?k=10")
        if status != 200:
            raise SystemExit(f"a list was answered with {status}: {said[:300]!r}")
        size = len(said)
        lately(server, place)
        load(server.port, place, "lists")  # each worker has answered a few thousand by then
        spent = _spent_s(server)
        full = load(server.port, place, "lists")
        each = (_spent_s(server) - spent) / full["requests"]
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
            "… processor time of one", f"{each * 1e6:,.0f} µs", "", None, "all threads of a worker"
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
    forget_files(place.workspace, Path(numpy.__file__).parents[1], Path(os.__file__).parent)
    cold = server.start()
    server.stop()
    ends = [_stopped_after(server, wait) for wait in (0.0, 0.3, 1.0, 2.0, 4.0)]
    with served(place) as busy:
        load(busy.port, place, "lists")
        ends.append(busy.stop())
    return [
        Figure("start to ready, warm", f"{min(warm):.1f} s", "at most 2 s", min(warm) <= 2),
        Figure(
            "… cold", f"{cold:.1f} s", "at most 5 s", cold <= 5,
            "files of the workspace and of Python out of the page cache, but for what other"
            " processes held mapped",
        ),
        Figure("stop, at any moment", f"{max(ends):.1f} s", "at most 5 s", max(ends) <= 5),
    ]  # fmt: skip


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
        private = _private(server)
    whole = max(one["Rss"] for one in found) / 1e3
    return [
        Figure("worker's private memory", f"{private:.0f} MB", "at most 150 MB", private <= 150),
        Figure("… with shared pages", f"{whole:.0f} MB", "at most 400 MB", whole <= 400,
               f"{len(found)} workers"),
    ]  # fmt: skip


def swap(place: Place) -> list[Figure]:
    """Lists at half load while versions are opened, examined and swapped in, one after another."""
    with served(place) as server:
        lately(server, place)
        full = load(server.port, place, "lists")
        pause = 2e3 * CONNECTIONS / per_second(full) - full["p50_ms"] / 2
        calm = load(server.port, place, "lists", pause_ms=pause)
        opened = json.loads(server.ask("GET", "/health/ready")[1])["opened_at"]
        with swapping(place, every_s=place.seconds / 4):
            busy = load(server.port, place, "lists", pause_ms=pause)
        if json.loads(server.ask("GET", "/health/ready")[1])["opened_at"] <= opened:
            raise SystemExit("no version was swapped in")
    return [
        Figure(
            "… p99 while versions are swapped in", f"{busy['p99_ms']:.1f} ms",
            "at most double", busy["p99_ms"] <= 2 * calm["p99_ms"],
            f"{calm['p99_ms']:.1f} ms before, at {per_second(calm):,.0f}/s",
        ),
        Figure("… requests that failed meanwhile", f"0 of {busy['requests']:,}", "none", True),
    ]  # fmt: skip


def flat(place: Place) -> list[Figure]:
    """Private memory before and after a million events and as many requests, or as many as there
    is time for: ten loads of each."""
    found, most_s = [], 10 * place.seconds
    with served(place) as server:
        for what, one, wanted in (("events", [100], 1_000_000), ("lists", [], 1_000_000)):
            load(server.port, place, what, *one, connections=16)
            before, done, until = _private(server), 0.0, time.monotonic() + most_s
            while done < wanted and time.monotonic() < until:
                done += load(server.port, place, what, *one, connections=16)["requests"] * sum(
                    one or [1]
                )
            found.append(_held(f"{done:,.0f} {what}", before, _private(server)))
    return found


def _held(over: str, before: float, after: float) -> Figure:
    """Flat: what is remembered of items and texts is bounded, and filled after a while."""
    found = f"{before:.0f} to {after:.0f} MB"
    return Figure(f"private memory over {over}", found, "flat", after <= before + 15)


def _private(server: Server) -> float:
    """MB that the largest worker holds alone."""
    found = [_rollup(pid) for pid in server.workers()]
    return max(one["Private_Clean"] + one["Private_Dirty"] for one in found) / 1e3


def _spent_s(server: Server) -> float:
    """Seconds of processor time that the workers have taken so far."""
    ticks = 0
    for pid in server.workers():
        said = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
        user, system = said.rpartition(")")[2].split()[11:13]
        ticks += int(user) + int(system)
    return ticks / os.sysconf("SC_CLK_TCK")


def _rollup(pid: int) -> dict[str, int]:
    """kB by kind, as Linux says it."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
    return {line.split(":")[0]: int(line.split()[1]) for line in lines}


MEASURES: Mapping[str, Callable[[Place], list[Figure]]] = {
    "lists": lists, "swap": swap, "events": events, "fresh": fresh, "start": start,
    "memory": memory, "flat": flat,
}  # fmt: skip


def taken(workspace: Path, names: list[str], seconds: int) -> list[Figure]:
    """All figures asked for."""
    if shutil.which("wrk") is None:
        raise SystemExit("this needs wrk, the load generator: https://github.com/wg/wrk")
    build(workspace)
    with tempfile.TemporaryDirectory() as folder:
        customers, items, categories = (
            Path(folder) / name for name in ("customers", "items", "categories")
        )
        (workspace / "keys.json").unlink(missing_ok=True)  # those of earlier measurements
        key = access.Keyring(workspace).create("secret")[1]
        place = Place(workspace, customers, items, categories, key, seconds)
        write_ids(place)
        return [figure for name in names for figure in MEASURES[name](place)]


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
        f"{machine.table(['figure', 'found', 'limit', 'met', ''], rows)}\n{LOAD}"
    )
    print(text)
    if given.write:
        Path(__file__).with_name("live.md").write_text(f"# A live server\n\n{text}", "utf-8")


if __name__ == "__main__":
    main()
