"""The same workspaces on DuckDB and on Spark on this machine, and whether they come out equal.

    python -m benchmarks.parity [--world journey] [--world retail] [--world synth]
                                [--data FOLDER] [--events 1000000] [--only STAGE]
                                [--keep FOLDER] [--write]

Limits: every table equal row by row (floats to 1e-9, all else exact); one changed value is found.
`retail` reads FOLDER/online_retail/online_retail.parquet. Memory is that of all processes together.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import machine
from bespeak.start import demo_workspace

RETAIL = """
[workspace]
name = "Online retail"
currency = "GBP"
timezone = "Europe/London"

[[sources]]
name = "invoices"
channel = "web"
files = ["{data}/online_retail/online_retail.parquet"]
identifiers = {{ customer = "CustomerID" }}
items = {{ title = "Description" }}
customers = {{ country = "Country" }}

[sources.columns]
type = {{ expression = "case when InvoiceNo like 'C%' then 'return' else 'purchase' end" }}
order_id = "InvoiceNo"
item_id = "StockCode"
quantity = {{ expression = "case when InvoiceNo like 'C%' then -Quantity else Quantity end" }}
price = "UnitPrice"
time = "InvoiceDate"
"""
ENGINES = ("duckdb", "spark")
WRITTEN = Path(__file__).with_suffix(".md")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--world", action="append", choices=["journey", "retail", "synth"])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--only", help="go up to this stage")
    parser.add_argument("--keep", type=Path, help="leave the workspaces here")
    parser.add_argument("--write", action="store_true", help=f"add the table to {WRITTEN.name}")
    given = parser.parse_args()
    worlds = given.world or ["journey", "synth", *(["retail"] if given.data else [])]
    print(f"DuckDB and Spark on the same workspaces, {machine.described()}\n", flush=True)
    rows = []
    with tempfile.TemporaryDirectory() as made:
        for world in worlds:
            root = (given.keep or Path(made)) / world
            rows.append(measured(world, root, given))
            print(f"  {world} done", flush=True)
            if given.keep is None:
                shutil.rmtree(root)
    header = ["world", "rows in", "DuckDB s", "MB", "Spark s", "MB", "equal things", "same",
              "one value changed"]  # fmt: skip
    table = machine.table(header, rows)
    print("\n" + table)
    if given.write:
        written(table)


def written(table: str) -> None:
    """The table below those of earlier runs, each under its machine and date."""
    about = (__doc__ or "").strip()
    text = f"# DuckDB and Spark, the same workspaces\n\n{about}\n"
    if WRITTEN.exists():
        text = WRITTEN.read_text("utf-8")
    WRITTEN.write_text(f"{text}\n## {machine.described()}\n\n{table}\n", encoding="utf-8")


def measured(world: str, root: Path, given: argparse.Namespace) -> list[object]:
    """One line of the table."""
    first, second = (root / engine for engine in ENGINES)
    root.mkdir(parents=True, exist_ok=True)
    build(world, first, given)
    second.mkdir(exist_ok=True)
    cells: list[object] = []
    for engine, folder in zip(ENGINES, (first, second), strict=True):
        if folder is second:
            for name in ("bespeak.toml", ".secret"):
                shutil.copy(first / name, second)
            if (first / "raw").is_dir() and not (second / "raw").exists():
                (second / "raw").symlink_to(first / "raw")
        command = [machine.bespeak(), "run", "-w", str(folder), "--engine", engine, "--json"]
        command += ["--only", given.only] if given.only else []
        seconds, peak = machine.timed_family(command)
        cells += [f"{seconds:.0f}", f"{peak:,.0f}"]
    status, found = compared(first, second)
    same = sum(thing["same"] for thing in found["things"])
    rows = subprocess.run(
        [machine.bespeak(), "status", "-w", str(first), "--json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    account = json.loads(rows.stdout)["account"]
    total = sum(line["rows_in"] for line in account)
    verdict = (
        "yes"
        if status == 0
        else "NO: " + ", ".join(thing["name"] for thing in found["things"] if not thing["same"])
    )
    return [world, f"{total:,}", *cells, f"{same} of {len(found['things'])}", verdict,
            control(first, second)]  # fmt: skip


def build(world: str, folder: Path, given: argparse.Namespace) -> None:
    """A workspace that has not run."""
    if (folder / "bespeak.toml").exists():
        return
    if world == "journey":
        demo_workspace(folder)
    elif world == "retail":
        folder.mkdir(parents=True)
        text = RETAIL.format(data=given.data.resolve())
        (folder / "bespeak.toml").write_text(text, encoding="utf-8")
    else:
        events = str(given.events)
        customers = str(max(200, given.events // 50))
        made = ["synth", "--events", events, "--customers", customers, "--out", str(folder)]
        subprocess.run([machine.bespeak(), *made, "--json"], check=True, stdout=subprocess.DEVNULL)


def compared(first: Path, second: Path, *options: str) -> tuple[int, dict[str, Any]]:
    """Exit status and document of `bespeak compare`."""
    command = [machine.bespeak(), "compare", str(first), str(second), "--json", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, json.loads(done.stdout)


def control(first: Path, second: Path) -> str:
    """One value of one row of the second's events, changed: what comparing them says then."""
    file = next(second.glob("record/sources/*/*/events/**/*.parquet"))
    whole = pq.read_table(file, partitioning=None)
    at = whole.column_names.index("device")
    device = whole["device"].to_pylist()
    device[len(device) // 2] = "changed"
    pq.write_table(whole.set_column(at, "device", pa.array(device, pa.string())), file)
    status, found = compared(first, second, "--only", "record/events")
    differing = sum(int(str(thing["differing"])) for thing in found["things"])
    pq.write_table(whole, file)
    return f"exit status {status}, {differing} row differs"


if __name__ == "__main__":
    main()
