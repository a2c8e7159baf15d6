"""How fits grow with the interactions, and what a catalogue of a million items takes.

    python -m benchmarks.catalogue [--interactions 1e6 --interactions 4e6 ...] [--items 50000]
                                   [--large 1e6] [--models graph item_knn] [--json FILE] [--write]

A made-up world: each customer has a history of 25 interactions on average, nine tenths of them in
four of 200 kinds of items, where an item's popularity falls as one over its place. First the same
catalogue (`--items`) with ever more customers, then one of `--large` items (0: none) with the most
interactions. Each fit and its thousand single lists run in a process of their own.
Limits: time of fit grows by at most the power 1.1 of the interactions; the large catalogue is
fitted and served within 12 GB.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import machine
from bespeak import recommend
from bespeak.recommend.answering.served import list_ms
from bespeak.recommend.histories import NO_TIME, UNIT, Histories
from bespeak.recommend.texts import Ids

SIZES = (1_000_000, 4_000_000, 16_000_000)
ITEMS, LARGE = 50_000, 1_000_000
MODELS = ("graph", "item_knn")
LENGTH, KINDS, TASTES, LOYAL = 25, 200, 4, 0.9
"""Of a history on average; of items; of a customer; how much of a history is of those."""
EXPONENT, MEMORY_MB = 1.1, 12_000
ASKED, K = 1000, 20
WRITTEN = Path(__file__).with_suffix(".md")


@dataclass(frozen=True)
class Measured:
    """One fit."""

    model: str
    interactions: int
    customers: int
    items: int
    fit_s: float
    pairs: int
    list_ms: float
    batch_s: float
    """For the lists of ASKED customers at once."""
    peak_mb: float
    world_mb: float
    """Of the same process before it fitted anything."""


def world(interactions: int, items: int, seed: int = 7) -> recommend.Interactions:
    """Who has what; the same for the same numbers."""
    draw = np.random.default_rng(seed)
    customers = max(interactions // LENGTH, 1)
    lengths = draw.poisson(draw.gamma(2.0, LENGTH / 2, customers)) + 1
    rows = np.repeat(np.arange(customers, dtype=np.int64), lengths)
    tastes = draw.integers(0, KINDS, (customers, TASTES))
    chosen = tastes[rows, draw.integers(0, TASTES, len(rows))]
    loyal = draw.random(len(rows)) < LOYAL
    kinds = np.where(loyal, chosen, draw.integers(0, KINDS, len(rows)))
    each = max(items // KINDS, 1)
    places = np.floor(np.exp(draw.random(len(rows)) * math.log(each + 1))).astype(np.int64) - 1
    pairs = np.unique(rows * items + np.minimum(kinds + places * KINDS, items - 1))
    rows, members = pairs // items, (pairs % items).astype(np.int32)
    indptr = np.zeros(customers + 1, np.int64)
    np.cumsum(np.bincount(rows, minlength=customers), out=indptr[1:])
    count = len(members)
    unknown = np.full(count, NO_TIME)
    histories = Histories(
        indptr, members, np.full(count, UNIT), np.ones(count, np.int32), unknown, unknown,
        np.zeros(count, np.bool_),
    )  # fmt: skip
    return recommend.Interactions(_ids("c", customers), _ids("i", items), histories, None)


def _ids(letter: str, count: int) -> Ids:
    return Ids.of(f"{letter}{at:09d}" for at in range(count))


def run_one(model: str, interactions: int, items: int, report: Path) -> None:
    """Fit, answer one by one and at once; figures to `report`."""
    recommend.fit(model, world(2_000, 200)).recommend(Histories.empty(1), K)  # compiled by now
    known = world(interactions, items)
    before = machine.own_peak_mb()
    started = time.perf_counter()
    fitted = recommend.fit(model, known)
    fit_s = time.perf_counter() - started
    drawn = np.random.default_rng(3).integers(0, len(known.histories), ASKED)
    asked = known.histories.take(drawn)
    one = list_ms(fitted, asked, K)
    started = time.perf_counter()
    fitted.recommend(asked, K, exclude=asked)
    batch_s = time.perf_counter() - started
    said = Measured(
        model, len(known.histories.indices), len(known.customers), items, fit_s,
        int(recommend_pairs(fitted)), one, batch_s, machine.own_peak_mb(), before,
    )  # fmt: skip
    report.write_text(json.dumps(asdict(said)))


def recommend_pairs(model: Any) -> int:
    """Entries of the lists that a model is."""
    found: int = model.said()["pairs"]
    return found


def measure(model: str, interactions: int, items: int) -> Measured:
    """As `run_one`, in a process of its own."""
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.json"
        machine.timed(
            [sys.executable, "-m", "benchmarks.catalogue", "--one", model, str(interactions),
             str(items), str(report)]
        )  # fmt: skip
        return Measured(**json.loads(report.read_text("utf-8")))


def exponents(found: Sequence[Measured]) -> list[str]:
    """Of each model: between one size and the next, the power by which the time of fit grew."""
    lines = []
    for model in sorted({one.model for one in found}):
        sizes = [one for one in found if one.model == model]
        smallest = min(one.items for one in sizes)
        grown = [one for one in sizes if one.items == smallest]
        for one, two in pairwise(sorted(grown, key=lambda each: each.interactions)):
            power = math.log(two.fit_s / one.fit_s) / math.log(two.interactions / one.interactions)
            lines.append(
                f"- {model}, from {one.interactions:,} to {two.interactions:,} interactions: time"
                f" of fit grows by the power {power:.2f} (limit {EXPONENT})"
            )
    return lines


def told(found: Sequence[Measured], load: str) -> str:
    """The table and the exponents."""
    header = ["model", "interactions", "customers", "items", "pairs kept", "fit s",
              "one list ms", f"{ASKED:,} at once s", "peak MB", "of it the data"]  # fmt: skip
    rows = [
        [
            one.model, f"{one.interactions:,}", f"{one.customers:,}", f"{one.items:,}",
            f"{one.pairs:,}", f"{one.fit_s:.1f}", f"{one.list_ms:.3f}", f"{one.batch_s:.2f}",
            f"{one.peak_mb:,.0f}", f"{one.world_mb:,.0f}",
        ]
        for one in found
    ]  # fmt: skip
    limit = ["limit", "", "", "", "", f"exponent {EXPONENT}", "1", "", f"{MEMORY_MB:,}", ""]
    table = machine.table(header, [*rows, limit])
    return "\n".join([f"{machine.described()}; {load}\n", table, "", *exponents(found)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--interactions", type=float, action="append", help="1e6, 4e6, 16e6")
    parser.add_argument("--items", type=float, default=ITEMS)
    parser.add_argument("--large", type=float, default=LARGE, help="items of the large catalogue")
    parser.add_argument("--models", nargs="+", default=MODELS)
    parser.add_argument("--json", type=Path, help="write the figures, and add to those there")
    parser.add_argument("--write", action="store_true", help=f"write {WRITTEN.name}")
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one is not None:
        model, interactions, items, path = given.one
        run_one(model, int(interactions), int(items), Path(path))
    else:
        report(given)


def report(given: argparse.Namespace) -> None:
    """Measure each size of each model; print, and write what was asked for."""
    found: dict[tuple[str, int, int], Measured] = {}
    if given.json is not None and given.json.exists():
        for one in json.loads(given.json.read_text("utf-8")):
            told_of = Measured(**one)
            found[told_of.model, round(told_of.interactions, -5), told_of.items] = told_of
    sizes, load = sorted(map(round, given.interactions or SIZES)), [os.getloadavg()[0]]
    wanted = [(size, round(given.items)) for size in sizes]
    if given.large:
        wanted.append((sizes[-1], round(given.large)))
    for model in given.models:
        for interactions, items in wanted:
            one = measure(model, interactions, items)
            found[model, round(one.interactions, -5), items] = one
            load.append(os.getloadavg()[0])
            if given.json is not None:
                given.json.write_text(json.dumps([asdict(each) for each in found.values()]))
    shown = told(list(found.values()), "load average " + ", ".join(f"{x:.1f}" for x in load))
    print(shown)
    if given.write:
        about = (__doc__ or "").strip()
        WRITTEN.write_text(f"# Growth of fits, and a large catalogue\n\n{about}\n\n{shown}\n",
                           encoding="utf-8")  # fmt: skip


if __name__ == "__main__":
    main()
