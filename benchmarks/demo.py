"""The demo, from raw files to published artifacts, and again with nothing changed.

    python -m benchmarks.demo [--times 3]

Limits: at most 60 s and 4 GB the first time, 3 s the second (two cores).
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

from benchmarks import machine


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=3)
    times = parser.parse_args().times
    first, again = [], []
    for _ in range(times):
        with tempfile.TemporaryDirectory() as folder:
            command = [
                machine.bespeak(),
                "demo",
                str(Path(folder) / "demo"),
                "--no-serve",
                "--json",
            ]
            first.append(machine.timed(command))
            again.append(machine.timed(command))
    print(f"Complete Journey demo, {machine.described()}, median of {times}\n")
    rows = []
    for name, runs, limit in (("raw files to artifacts", first, 60), ("nothing changed", again, 3)):
        seconds = statistics.median(second for second, _ in runs)
        peak = max(memory for _, memory in runs)
        rows.append([name, f"{seconds:.1f}", limit, f"{seconds / limit:.2f}", f"{peak:,.0f}"])
    print(machine.table(["run", "seconds", "limit", "ratio", "peak MB"], rows))


if __name__ == "__main__":
    main()
