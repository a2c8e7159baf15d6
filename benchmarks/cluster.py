"""A flow on a real Spark cluster of this machine, with and without a worker killed half-way.

A made-up shop goes through the flow three times: on DuckDB, on a master and two workers of one core
each, and on another such cluster, one of whose workers is killed together with its executor while
the sources are being prepared. All three must come to the same result.

    python -m benchmarks.cluster [--events 20000] [--customers 1000] [--only STAGE]
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks import machine, spark_cluster
from bespeak.flow.comparing import compare_workspaces
from bespeak.synth import Plan, synthesise
from bespeak.workspace import Workspace


def main() -> None:
    """Run all three and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--customers", type=int, default=1_000)
    parser.add_argument("--only", help="the last stage to run")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        plan = Plan(given.customers, given.customers // 4, given.events, 365, 7)
        synthesise(plan, root / "duckdb")
        stages = ["--only", given.only] if given.only else []
        rows = [
            ("DuckDB", *_on_duckdb(root, stages)),
            ("Spark, two workers", *_on_spark(root, "whole", stages, kill=False)),
            ("Spark, one of them killed", *_on_spark(root, "killed", stages, kill=True)),
        ]
        print(machine.described())
        print(f"\n{given.events:,} events of {given.customers:,} customers\n")
        print(machine.table(["flow", "seconds", "killed after", "against DuckDB's"], rows))


def _on_duckdb(root: Path, stages: list[str]) -> tuple[str, str, str]:
    command = [machine.bespeak(), "run", "--json", "-w", str(root / "duckdb"), *stages]
    seconds = spark_cluster.run(command, root / "duckdb.log")
    return f"{seconds:.0f}", "", ""


def _on_spark(root: Path, name: str, stages: list[str], *, kill: bool) -> tuple[str, str, str]:
    first, place = root / "duckdb", root / name
    shutil.copytree(first / "raw", place / "raw")
    shutil.copy(first / ".secret", place)
    command = [machine.bespeak(), "run", "--engine", "spark", "--json", "-w", str(place), *stages]
    with spark_cluster.cluster(root / f"{name}-cluster") as made:
        text = (first / "bespeak.toml").read_text("utf-8") + spark_cluster.config(made)
        (place / "bespeak.toml").write_text(text, encoding="utf-8")
        print(f"{made.master}: {', '.join(sorted(made.workers))}", flush=True)
        said, log = "", root / f"{name}.log"
        if kill:
            seconds, killed = spark_cluster.run_and_kill(made, command, log, when=_prepared(place))
            said = f"{killed.after_s:.0f} s, {killed.tasks} tasks"
            print(f"killed {killed.worker} after {said}", flush=True)
        else:
            seconds = spark_cluster.run(command, log)
        for worker, state in made.states().items():
            print(f"{worker}: {state}, {made.workers[worker].tasks()} tasks", flush=True)
    found = compare_workspaces(Workspace(first), Workspace(place))
    differing = [each.name for each in found.found if not each.same]
    return f"{seconds:.0f}", said, "equal" if found.equal else f"differs: {', '.join(differing)}"


def _prepared(place: Path) -> Callable[[], bool]:
    """Whether half of the sources are prepared."""
    names = [source.name for source in Workspace(place).config().sources]
    folder = place / "record" / "sources" / names[len(names) // 2 - 1]
    return lambda: any(folder.glob("[!.]*/manifest.json"))


if __name__ == "__main__":
    main()
