"""The truth, held to the raw files and to what the flow makes of them."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from bespeak import flow, ledger
from bespeak.synth import Plan, synthesise
from bespeak.workspace import Workspace

TINY = Plan(customers=450, items=80, events=30_000, days=60, seed=3)
Line = dict[str, Any]


class World:
    """A tiny world, its raw rows by file and number, and its truth."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made = synthesise(TINY, folder)
        self.rows = {file.name: raw(folder / "raw" / file.name) for file in self.made.files}
        self.dirt = pq.read_table(folder / "truth" / "dirt").to_pylist()

    def dirty(self, kind: str, column: str | None = None) -> list[tuple[str, int, Line]]:
        """File, row and content of the rows that the truth says have this fault."""
        return [
            (row["file"], row["row"], self.rows[row["file"]][row["row"]])
            for row in self.dirt
            if row["kind"] == kind and (column is None or row["column"] == column)
        ]


def raw(path: Path) -> dict[int, Line]:
    """Row number, as lineage counts it -> the row; a broken line as its text."""
    if path.suffix == ".parquet":
        return dict(enumerate(pq.read_table(path).to_pylist(), start=1))
    lines = path.read_text("utf-8").splitlines()
    if path.suffix == ".jsonl":
        return {at: parsed(line) for at, line in enumerate(lines, start=1)}
    mark = ";" if path.name.startswith("till") else ","
    header, *rest = csv.reader(lines, delimiter=mark)
    return {
        at: dict(zip(header, cells, strict=True)) if len(cells) == len(header) else {"_": cells}
        for at, cells in enumerate(rest, start=2)
    }


def parsed(line: str) -> Line:
    try:
        row: Line = json.loads(line)
    except json.JSONDecodeError:
        return {"_": line}
    return row


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("tiny") / "world")


def test_an_exact_duplicate_equals_a_row_before_it_and_nothing_else_does(world: World) -> None:
    copies = {(file, row) for file, row, _ in world.dirty("exact_duplicate")}
    found = set()
    for file, rows in world.rows.items():
        before: set[str] = set()
        for row, line in rows.items():
            text = json.dumps(line, default=str, sort_keys=True)
            if text in before:
                found.add((file, row))
            before.add(text)
    assert found == copies


def test_a_row_sent_again_has_the_key_of_a_row_before_it_and_differs(world: World) -> None:
    keys = {"web": "event_id", "app": "id", "crm": "account", "catalogue": "sku"}
    for file, row, line in world.dirty("same_key_duplicate"):
        source = file.partition("-")[0]
        names = ["receipt", "line"] if source == "till" else [keys[source]]
        key = [line[name] for name in names]
        alike = [
            other
            for at, other in world.rows[file].items()
            if max(row - 500, 0) < at < row and [other.get(name) for name in names] == key
        ]
        assert alike and line not in alike, (file, row)


FAULTS: dict[tuple[str, str | None], Callable[[Line], bool]] = {
    ("negative", "quantity"): lambda row: int(row["qty"]) < 0 and row["kind"] == "sale",
    ("broken_line", None): lambda row: list(row) == ["_"],
    ("missing", "item_id"): lambda row: row["item_id"] is None,
    ("missing", "city"): lambda row: row["city"] in {"", "N/A", "-"},
    ("missing", "actor"): lambda row: row["email"] == "",
    ("outlier", "quantity"): lambda row: int(row.get("qty") or row.get("quantity")) >= 25,
    ("unparsable", "birth_year"): lambda row: not row["birth_year"].isdigit(),
    ("unparsable", "quantity"): lambda row: not row["qty"].lstrip("-").isdigit(),
}


@pytest.mark.parametrize(("kind", "column"), FAULTS)
def test_rows_that_are_called_dirt_are_dirt(world: World, kind: str, column: str | None) -> None:
    found = world.dirty(kind, column)
    assert found
    assert all(FAULTS[kind, column](line) for _, _, line in found)


def test_sound_rows_are_sound(world: World) -> None:
    named = {(row["file"], row["row"]) for row in world.dirt}
    for file, rows in world.rows.items():
        for at, line in rows.items():
            if (file, at) in named:
                continue
            assert "_" not in line, (file, at)
            if file.startswith("till"):
                assert 1 <= abs(int(line["qty"])) <= 20 and float(line["unit_price"]) > 0
                assert line["time"][:4] == "2024" and line["store"]
            if file.startswith("web"):
                assert line["item_id"] and line["unit_price"] > 0


def test_identifiers_of_the_truth_stand_in_the_files_and_shared_ones_are_nobodys(
    world: World,
) -> None:
    truth = pq.read_table(world.folder / "truth" / "identifiers.parquet").to_pylist()
    named: dict[str, set[str]] = defaultdict(set)
    for file, rows in world.rows.items():
        for line in rows.values():
            for column, namespace in (("cookie", "cookie"), ("device", "device"),
                                      ("account", "customer"), ("email", "email")):  # fmt: skip
                if line.get(column) and not file.startswith("catalogue"):
                    named[namespace].add(line[column].lower())
    for row in truth:
        if row["person"] is not None and row["namespace"] in named:
            assert row["value"].lower() in named[row["namespace"]], row
    own = {(row["namespace"], row["value"]) for row in truth if row["person"] is not None}
    shared = {(row["namespace"], row["value"]) for row in truth if row["person"] is None}
    assert shared and not own & shared
    assert len(own) == sum(row["person"] is not None for row in truth)


def test_the_flow_reads_the_world_at_once_and_finds_its_dirt(world: World) -> None:
    workspace = Workspace(world.folder)
    flow.run(workspace, only="prepare")
    account = {line["source"]: line for line in ledger.status(workspace, recount=True)["account"]}
    for source, line in account.items():
        files = [file for file in world.made.files if file.source == source]
        placed = line["kept"] + line["merged"] + line["erased"] + sum(line["quarantined"].values())
        assert line["rows_in"] == placed == sum(file.rows for file in files), source
        copies = sum(
            rows for file in files for kind, rows in file.dirt.items() if "duplicate" in kind
        )
        assert line["merged"] == copies, source
    held = {row["reason"] for row in ledger.quarantined(workspace, source="till", limit=10_000)}
    assert {"ragged_row", "unparsable_time", "unparsable_number", "negative_quantity"} <= held
    events = workspace.get("record/sources/app").path / "events"
    flags = ds.dataset(events, partitioning=None).to_table(columns=["flags"])["flags"].to_pylist()
    wild = world.dirty("outlier", "quantity")
    assert any("quantity:outlier" in flag for flag in flags if flag) == any(
        file.startswith("app") for file, _, _ in wild
    )
