"""What the live server survives: kills at random, no space, a locked log, nonsense by the thousand.

    python -m benchmarks.faults [--kills 200] [--requests 100000] [--only NAME] [--json]
        [--seed N] [--pieces FILE] [--write]

A small made-up shop, a real server, real signals. Each line says what was done and what was seen;
the exit status is 1 where something did not hold. A long campaign can go in pieces: each adds what
it saw to FILE, and `--write` writes all that is there.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from benchmarks import bad_requests, disk_faults, machine
from benchmarks.database import Database
from benchmarks.live_server import Load, Server
from benchmarks.shop_of_faults import Seen, account, counted, items_of, made, until_ready
from bespeak import live

WRITTEN = Path(__file__).with_suffix(".md")
GROWTH_MB = 64
"""What a server may grow by while it refuses nonsense."""
IN_A_ROW = 16
"""Requests by which each of two workers has answered one, but once in thirty thousand times."""


def kills(shop: Path, count: int, seed: int) -> Seen:
    """The server, or one worker of it, killed at random moments under load."""
    chance = random.Random(seed)
    server = Server(shop, shop / "serve.log")
    server.start()
    load, whole, waits = Load(server, items_of(server)), 0, []
    with load.running():
        for _ in range(count):
            time.sleep(chance.uniform(0.02, 0.8))
            if chance.random() < 0.5:
                whole += 1
                server.kill(alone=chance.random() < 0.5)
                waits.append(server.start())
            else:
                waits.append(_worker_killed(server, chance))
    load_s = server.stop()
    missing, twice = account(shop, load.acknowledged)
    said = (
        f"{len(load.acknowledged):,} events acknowledged, {missing} missing, {twice} twice; answers"
        f" again after {sorted(waits)[len(waits) // 2]:.1f} s (median), {max(waits):.1f} s at most;"
        f" {load.failures()} answers of 5xx; stopped in {load_s:.1f} s"
    )
    holds = bool(load.acknowledged) and missing == twice == 0
    return Seen("kill -9", f"{count} times ({whole} the whole server, else a worker)", said, holds)


def _worker_killed(server: Server, chance: random.Random) -> float:
    """Seconds until the server answered as before."""
    started = time.perf_counter()
    while not (before := server.workers()):
        if server.ended():  # after workers that died again and again within seconds
            return server.start()
        time.sleep(0.02)
    os.kill(chance.choice(before), signal.SIGKILL)
    while len(set(server.workers()) - set(before)) < 1 or not server.answers():
        time.sleep(0.02)
        if server.ended():  # as it does when a worker dies again and again within seconds
            return server.start()
        if time.perf_counter() - started > 60:
            raise SystemExit("a killed worker did not come back within a minute")
    return time.perf_counter() - started


def database_away(shop: Path) -> Seen:
    """PostgreSQL as the event log: it stops as in a crash, under load, and is started again."""
    settings = shop / "bespeak.toml"
    before = settings.read_text("utf-8")
    with tempfile.TemporaryDirectory(prefix="bespeak-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)  # the database runs as a user of its own
        with Database(Path(folder) / "db") as database:
            settings.write_text(f'{before}\n[live]\ndatabase = "{database.uri}"\n', "utf-8")
            try:
                return _database_away(shop, database)
            finally:
                settings.write_text(before, "utf-8")


def _database_away(shop: Path, database: Database) -> Seen:
    server = Server(shop, shop / "serve.log")
    server.start()
    load = Load(server, items_of(server))
    with load.running():
        time.sleep(1)
        taken = len(load.acknowledged)
        database.stop()
        time.sleep(1)
        refused, said = _while_away(server)
        away = len(load.acknowledged)
        database.start()
        back_s = until_ready(server)
        time.sleep(1)
    server.stop()
    log = live.PostgresLog(database.uri)
    found = counted(log)
    log.close()
    missing = sum(one not in found for one in load.acknowledged)
    twice = sum(count > 1 for count in found.values())
    after = len(load.acknowledged) - away
    odd = set(load.statuses) - {200, 503}
    said = (
        f"{taken:,} events taken before; {said}; ready {back_s:.1f} s after its start, {after:,}"
        f" more taken; {missing} of {len(load.acknowledged):,} missing, {twice} twice; answers"
        f" {dict(sorted(load.statuses.items()))}"
    )
    holds = refused and missing == twice == 0 and min(taken, after) > 0 and not odd
    return Seen("PostgreSQL away", "stopped at once under load, started again", said, holds)


def _while_away(server: Server) -> tuple[bool, str]:
    """Whether events are refused, lists answered and the state said; and in words."""
    asked = {"session_id": "s1"}
    state = json.loads(server.ask("GET", "/health/ready")[1])["status"]
    status, headers, _ = server.answer("POST", "/v1/events", {"type": "view", **asked})
    wait = headers.get("retry-after")
    lists = [server.ask("POST", "/v1/recommendations", asked) for _ in range(20)]
    listed = sum(answer == 200 and not json.loads(said)["live"] for answer, said in lists)
    said = (
        f"while away: `{state}`, an event {status} with Retry-After {wait}, {listed} of 20 lists"
        " answered without it"
    )
    return (state, status, listed) == ("degraded", 503, 20) and wait is not None, said


def nonsense(shop: Path, count: int, seed: int) -> Seen:
    """Requests that are malformed, huge, deeply nested, of wrong types and encodings."""
    server = Server(shop, shop / "serve.log")
    server.start()
    # what is loaded at first use is no growth: an export and an erasure bring the engine with them
    for _ in range(IN_A_ROW):  # whichever worker answers
        server.ask("GET", "/v1/customers/nobody/export")
    bad_requests.send(server.port, 500)
    before = _resident_mb(server)
    statuses = bad_requests.send(server.port, count, seed=seed)
    grown = _resident_mb(server) - before
    well = server.ask("POST", "/v1/recommendations", {"session_id": "s1"})[0]
    server.stop()
    shown = ", ".join(f"{status or 'closed'}: {n:,}" for status, n in sorted(statuses.items()))
    said = f"{shown}; memory grew by {grown:.0f} MB; a list afterwards: {well}"
    failed = sum(n for status, n in statuses.items() if status >= 500)
    holds = failed == 0 and well == 200 and grown < GROWTH_MB
    return Seen("bad requests", f"{sum(statuses.values()):,}", said, holds)


def floods(shop: Path) -> Seen:
    """Clients that are slow, or send no end of headers, beside one that is neither."""
    server = Server(shop, shop / "serve.log")
    server.start()
    with bad_requests.slow_clients(server.port, 200):
        answered = bad_requests.header_flood(server.port)
        times = []
        for _ in range(50):
            started = time.perf_counter()
            status = server.ask("POST", "/v1/recommendations", {"session_id": "s1"})[0]
            times.append((time.perf_counter() - started) * 1e3)
            if status != 200:
                break
    server.stop()
    said = (
        f"a list answered {status} in {sorted(times)[len(times) // 2]:.0f} ms (median); {answered}"
    )
    return Seen("slow clients", "200, and 100,000 headers", said, status == 200)


def _resident_mb(server: Server) -> float:
    pages = [Path(f"/proc/{pid}/statm").read_text("ascii").split()[1] for pid in server.workers()]
    return sum(map(int, pages)) * resource.getpagesize() / 1e6


def added(pieces: Path, found: list[Seen]) -> list[Seen]:
    """What earlier pieces saw, and this one; kept for the next."""
    earlier = json.loads(pieces.read_text("utf-8")) if pieces.exists() else []
    whole = [*(Seen(**one) for one in earlier), *found]
    pieces.write_text(json.dumps([asdict(one) for one in whole], indent=1), "utf-8")
    return whole


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=7, help="of what is left to chance")
    parser.add_argument("--pieces", type=Path, help="add to what earlier pieces saw")
    parser.add_argument("--only", help="one fault, by the name of its function")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", action="store_true", help=f"also write {WRITTEN.name}")
    given = parser.parse_args()
    faults: dict[str, Callable[[Path], Seen]] = {
        "kills": lambda shop: kills(shop, given.kills, given.seed),
        "no_space": disk_faults.no_space,
        "read_only": disk_faults.read_only,
        "locked": disk_faults.locked,
        "database_away": database_away,
        "spoilt": disk_faults.spoilt,
        "nonsense": lambda shop: nonsense(shop, given.requests, given.seed),
        "floods": floods,
    }
    if given.only is not None and given.only not in faults:
        parser.error(f"--only: one of {', '.join(faults)}")
    with tempfile.TemporaryDirectory() as folder:
        shop, found = made(Path(folder) / "shop"), []
        for name, fault in faults.items():
            if given.only in {None, name}:
                try:
                    found.append(fault(shop))
                except disk_faults.NotHere as error:
                    print(f"{name}: left out: {error}", file=sys.stderr, flush=True)
                    continue
                print(f"{name}: {found[-1].seen}", file=sys.stderr, flush=True)
    if given.pieces is not None:
        found = added(given.pieces, found)
    if given.json:
        print(json.dumps([asdict(one) for one in found], indent=1))
    rows = [(one.fault, one.done, one.seen, "yes" if one.holds else "NO") for one in found]
    text = f"{machine.described()}\n\n" + machine.table(["fault", "done", "seen", "holds"], rows)
    if not given.json:
        print(text)
    if given.write:
        title = (__doc__ or "").splitlines()[0]
        WRITTEN.write_text(
            f"# Faults\n\n{title}\n\n    python -m benchmarks.faults\n\n{text}\n", "utf-8"
        )
    sys.exit(0 if all(one.holds for one in found) else 1)


if __name__ == "__main__":
    main()
