"""How time and memory grow with the events: made-up shops through bespeak on DuckDB, and by hand.

    python -m benchmarks.growth [--events 1e6 --events 1e7] [--folder DIR [--reuse]] [--plot FILE]
                               [--memory 2GB] [--json FILE] [--write]

Collect, prepare, features and interactions. Limits: 8 GB of memory at 100 M events, time growing
by at most the power 1.1 of the events, collect and prepare within 1.5 times the SQL of
`shop_by_hand`, which runs on the same files in the same run with the same threads and memory
(`workspace.memory`). Both must account for the same rows. Segments are found on the way, since the
flow does; their time stands apart.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import vl_convert

from benchmarks import machine, shop_by_hand
from bespeak import flow
from bespeak.workspace import Workspace

SIZES = (1_000_000, 10_000_000)
STAGES = ("collect", "prepare", "features", "interactions", "segments")
MEMORY_MB, EXPONENT, RATIO = 8_000, 1.1, 1.5
WRITTEN = Path(__file__).with_suffix(".md")


@dataclass(frozen=True)
class Measured:
    """One size."""

    events: int
    rows: int
    raw_mb: float
    seconds: dict[str, float]
    """Stage (and interactions) -> wall-clock seconds."""
    slowest: list[tuple[str, float]]
    peak_mb: float
    by_hand: float
    by_hand_mb: float | None
    same: bool
    """Whether both accounts have the same rows."""

    @property
    def total(self) -> float:
        return sum(self.seconds[stage] for stage in STAGES[:-1])

    @property
    def ratio(self) -> float:
        return (self.seconds["collect"] + self.seconds["prepare"]) / self.by_hand


class _Reached(Exception):
    """Interactions stand: there is nothing more to measure."""


# -- in processes of their own ---------------------------------------------------------------------


def run_flow(shop: Path, report: Path) -> None:
    """The flow up to the interactions; wall-clock seconds and the account to `report`."""
    seconds, steps = dict.fromkeys(STAGES, 0.0), []
    last = time.perf_counter()

    def tell(step: flow.Step) -> None:
        nonlocal last
        if step.state == "running":
            return
        now = time.perf_counter()
        stage = "interactions" if step.name == "interactions" else step.stage
        seconds[stage] += now - last
        last = now
        steps.append((f"{step.stage} {step.name}", step.seconds))
        if stage == "interactions":
            raise _Reached

    with suppress(_Reached):
        flow.run(Workspace(shop), engine="duckdb", tell=tell)
    report.write_text(json.dumps({"seconds": seconds, "steps": steps, "account": _account(shop)}))


def _account(shop: Path) -> shop_by_hand.Account:
    found = {}
    for path in (shop / "record" / "sources").glob("*/*/manifest.json"):
        said = json.loads(path.read_text("utf-8"))["account"]
        turned_away = sum(said["quarantined"].values())
        numbers = {name: said[name] for name in ("rows_in", "kept", "merged")}
        found[said["source"]] = {**numbers, "quarantined": turned_away}
    return found


def run_by_hand(shop: Path, report: Path) -> None:
    """The SQL; its seconds and account to `report`."""
    chosen = Workspace(shop).config().workspace
    with tempfile.TemporaryDirectory(dir=shop) as scratch:
        seconds, account = shop_by_hand.prepare(
            shop, Path(scratch) / "out", memory=chosen.memory,
            threads=chosen.threads or os.cpu_count() or 1,
        )  # fmt: skip
    report.write_text(json.dumps({"seconds": seconds, "account": account}))


def _apart(what: str, shop: Path) -> tuple[dict[str, Any], float]:
    """What a child of this program reports, and its peak memory (MB), its own children's too."""
    report = shop / f"{what}.json"
    _, peak = machine.timed_family(
        [sys.executable, "-m", "benchmarks.growth", f"--{what}", str(shop)], every=0.1
    )
    said: dict[str, Any] = json.loads(report.read_text("utf-8"))
    report.write_text(json.dumps({**said, "peak_mb": peak}))
    return said, peak


def _by_hand(shop: Path, *, again: bool) -> tuple[dict[str, Any], float | None]:
    """As `_apart`; unless `again`, what an earlier run on this very shop has left is taken."""
    left = shop / "by-hand.json"
    if again or not left.exists():
        return _apart("by-hand", shop)
    said = json.loads(left.read_text("utf-8"))
    return said, said.get("peak_mb")


# -- all of it -------------------------------------------------------------------------------------


def measure(events: int, folder: Path, memory: str, *, again: bool = True) -> Measured:
    """Make the shop (unless it is there), run both with `memory` for the engine."""
    shop = folder / f"shop-{events}"
    if not (shop / "truth").exists():
        arguments = {"events": events, "customers": max(events // 50, 1), "items": 5000,
                     "days": 365, "seed": 7, "out": shop}  # fmt: skip
        said = [text for name, value in arguments.items() for text in (f"--{name}", str(value))]
        machine.timed([machine.bespeak(), "synth", *said])
    _set_memory(shop / "bespeak.toml", memory)
    for made in ("stage", "record", "features", "artifacts"):
        shutil.rmtree(shop / made, ignore_errors=True)
    (shop / ".digests.json").unlink(missing_ok=True)
    by_hand, by_hand_mb = _by_hand(shop, again=again)
    ours, peak = _apart("flow", shop)
    account = ours["account"]
    return Measured(
        events=events,
        rows=sum(source["rows_in"] for source in account.values()),
        raw_mb=sum(file.stat().st_size for file in (shop / "raw").iterdir()) / 1e6,
        seconds=ours["seconds"],
        slowest=sorted(ours["steps"], key=lambda step: -step[1])[:12],
        peak_mb=peak,
        by_hand=by_hand["seconds"],
        by_hand_mb=by_hand_mb,
        same=account == by_hand["account"],
    )


def _set_memory(file: Path, memory: str) -> None:
    text = re.sub(r"^memory = .*\n", "", file.read_text("utf-8"), flags=re.MULTILINE)
    file.write_text(
        text.replace("[workspace]\n", f'[workspace]\nmemory = "{memory}"\n', 1), encoding="utf-8"
    )


def exponents(found: Sequence[Measured]) -> list[tuple[int, int, float]]:
    """Between one size and the next: the power of the events by which the total time grew."""
    return [
        (one.events, two.events,
         math.log(two.total / one.total) / math.log(two.events / one.events))
        for one, two in pairwise(found)
    ]  # fmt: skip


def told(found: Sequence[Measured], load: str) -> str:
    """The table, the exponents, the slowest steps."""
    header = ["events", "rows in", "MB raw", *STAGES[:-1], "total s", "events/s", "peak MB",
              "by hand s", "its peak MB", "ratio", "segments s"]  # fmt: skip
    rows = [
        [
            f"{one.events:,}",
            f"{one.rows:,}",
            f"{one.raw_mb:,.0f}",
            *(f"{one.seconds[stage]:.1f}" for stage in STAGES[:-1]),
            f"{one.total:.1f}",
            f"{one.events / one.total:,.0f}",
            f"{one.peak_mb:,.0f}",
            f"{one.by_hand:.1f}",
            "not taken" if one.by_hand_mb is None else f"{one.by_hand_mb:,.0f}",
            f"{one.ratio:.2f}",
            f"{one.seconds['segments']:.1f}",
        ]
        for one in found
    ]
    limit = ["limit", *[""] * 7, f"exponent {EXPONENT}", f"{MEMORY_MB:,} at 100 M", "", "",
             f"{RATIO}", ""]  # fmt: skip
    grown = [f"- from {a:,} to {b:,} events: time grows by the power {x:.2f} (limit {EXPONENT})"
             for a, b, x in exponents(found)]  # fmt: skip
    slow = [f"{name} {seconds:.1f} s" for name, seconds in found[-1].slowest]
    same = all(one.same for one in found)
    return "\n".join(
        [
            f"{machine.described()}; {load}\n",
            machine.table(header, [*rows, limit]),
            "",
            *grown,
            f"- rows in, kept, merged and quarantined of every source, beside those of the SQL: "
            f"{'the same' if same else 'DIFFERENT'}",
            f"- the slowest steps at {found[-1].events:,} events: {', '.join(slow)}",
        ]
    )


def plot(found: Sequence[Measured], path: Path) -> None:
    """Seconds by events, both axes logarithmic, as SVG or PNG."""
    rows = []
    for one in found:
        prepared = one.seconds["collect"] + one.seconds["prepare"]
        for what, seconds in (
            ("collect to interactions", one.total),
            ("collect and prepare", prepared),
            ("the same by hand-written SQL", one.by_hand),
            ("limit: 1.5 times by hand", RATIO * one.by_hand),
        ):
            rows.append({"events": one.events, "seconds": round(seconds, 2), "what": what})
    axis = {"scale": {"type": "log"}, "type": "quantitative"}
    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "width": 480,
        "height": 320,
        "background": "white",
        "data": {"values": rows},
        "mark": {"type": "line", "point": True},
        "encoding": {
            "x": {"field": "events", **axis, "axis": {"format": "~s"}},
            "y": {"field": "seconds", **axis},
            "color": {"field": "what", "type": "nominal", "title": None},
            "strokeDash": {
                "condition": {"test": "indexof(datum.what, 'limit') == 0", "value": [4, 4]},
                "value": [],
            },
        },
    }
    if path.suffix == ".png":
        path.write_bytes(vl_convert.vegalite_to_png(spec, scale=2))
    else:
        path.write_text(vl_convert.vegalite_to_svg(spec), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=float, action="append", help="1e6 and 1e7 by default")
    parser.add_argument("--folder", type=Path, help="keep the shops there")
    parser.add_argument("--reuse", action="store_true", help="what --folder has of the SQL's runs")
    parser.add_argument("--memory", default="2GB", help="the engine's, at every size")
    parser.add_argument("--plot", type=Path, help="an SVG or PNG to write")
    parser.add_argument("--write", action="store_true", help=f"write {WRITTEN.name}")
    parser.add_argument("--json", type=Path, help="write the figures, and add to those there")
    parser.add_argument("--flow", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--by-hand", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.flow is not None:
        run_flow(given.flow, given.flow / "flow.json")
    elif given.by_hand is not None:
        run_by_hand(given.by_hand, given.by_hand / "by-hand.json")
    else:
        report(given)


def report(given: argparse.Namespace) -> None:
    """Measure every size, smallest first; print, and write what was asked for."""
    found, load = {}, [os.getloadavg()[0]]
    if given.json is not None and given.json.exists():
        for one in json.loads(given.json.read_text("utf-8")):
            found[one["events"]] = Measured(**one)
    for events in sorted(map(round, given.events or SIZES)):
        with tempfile.TemporaryDirectory() as scratch:
            folder = given.folder or Path(scratch)
            found[events] = measure(events, folder, given.memory, again=not given.reuse)
        load.append(os.getloadavg()[0])
        if given.json is not None:
            given.json.write_text(json.dumps([asdict(one) for one in found.values()]))
    ordered = [found[events] for events in sorted(found)]
    shown = told(
        ordered,
        f"memory of the engine {given.memory}; load average "
        + ", ".join(f"{one:.1f}" for one in load),
    )
    print(shown)
    if given.write:
        about = (__doc__ or "").strip()
        WRITTEN.write_text(f"# Growth on one machine\n\n{about}\n\n{shown}\n", encoding="utf-8")
    if given.plot is not None:
        plot(ordered, given.plot)


if __name__ == "__main__":
    main()
