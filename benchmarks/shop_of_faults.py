"""What every fault starts from and is judged by: a small shop, and an account of its events."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from benchmarks.live_server import Server
from bespeak import flow, live
from bespeak.synth import Plan, synthesise
from bespeak.workspace import Workspace

QUICK = """
[recommend]
models = ["popular", "item_knn"]
[segments]
bootstrap = 2
k_max = 3
"""


@dataclass(frozen=True)
class Seen:
    """What one fault came to."""

    fault: str
    done: str
    seen: str
    holds: bool


def made(folder: Path) -> Path:
    """A small shop, run once, with no more models than it takes to be served."""
    synthesise(Plan(300, 150, 8_000, 60, 3), folder)
    with (folder / "bespeak.toml").open("a", encoding="utf-8") as config:
        config.write(QUICK)
    flow.run(Workspace(folder))
    return folder


def items_of(server: Server) -> list[str]:
    found = json.loads(server.ask("GET", "/v1/items?limit=100")[1])["items"]
    return [item["item_id"] for item in found]


def account(shop: Path, acknowledged: set[str]) -> tuple[int, int]:
    """Of the acknowledged events, how many the log lacks, and how many it has twice."""
    log = live.SQLiteLog(shop / live.FILE_NAME)
    found = counted(log)
    log.close()
    return sum(one not in found for one in acknowledged), sum(n > 1 for n in found.values())


def counted(log: live.Log) -> Counter[str]:
    """How often the log has each event."""
    found: Counter[str] = Counter()
    position = 0
    while batch := list(log.after(position, 10_000)):
        found.update(kept.entry.event_id for kept in batch)
        position = batch[-1].position
    return found


def until_ready(server: Server) -> float:
    """Seconds until the server said that all is well.

    raises : SystemExit after half a minute
    """
    started = time.perf_counter()
    while json.loads(server.ask("GET", "/health/ready")[1])["status"] != "ready":
        time.sleep(0.05)
        if time.perf_counter() - started > 30:
            raise SystemExit("the server did not find its database again within half a minute")
    return time.perf_counter() - started
