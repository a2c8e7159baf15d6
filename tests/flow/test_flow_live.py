"""What comes in live is in the next list at once, and in the record after the next run, once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
import pytest
from small_shop import NOW, QUICK, intake, tell, view

from bespeak import flow, ledger, shop
from bespeak.flow.taking import take
from bespeak.live import SQLiteLog, impression
from bespeak.privacy import tombstones
from bespeak.workspace import Workspace

CONFIG = """
[workspace]
name = "Small shop"
[[sources]]
name = "till"
channel = "till"
files = ["till.csv"]
identifiers = { customer = "who", email = "mail" }
columns = { type = { constant = "purchase" }, item_id = "what", time = "at" }
"""


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty customers; tea goes with milk, ink with pens."""
    root = tmp_path_factory.mktemp("live")
    lines = ["who,mail,what,at"]
    for number in range(40):
        pair = ("tea", "milk") if number % 2 else ("ink", "pens")
        for day, item in enumerate((*pair, pair[number % 3 == 0]), start=1 + number % 20):
            lines.append(f"c{number},c{number}@example.org,{item},2026-02-{day:02d}T10:00:00Z")
    (root / "till.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (root / "bespeak.toml").write_text(CONFIG + QUICK, encoding="utf-8")
    flow.run(Workspace(root))
    return root


def record(workspace: Workspace) -> list[dict[str, Any]]:
    folder = workspace.get("record/sources/live").path / "events"
    rows: list[dict[str, Any]] = ds.dataset(folder, partitioning=None).to_table().to_pylist()
    return sorted(rows, key=lambda row: str(row["event_id"]))


def people(workspace: Workspace) -> dict[str, str]:
    folder = workspace.get("record/identities").path / "rows"
    rows = ds.dataset(folder, partitioning=None).to_table().to_pylist()
    return {row["actor"]: row["customer_id"] for row in rows}


def test_a_run_takes_each_event_of_the_log_once(workspace: Workspace) -> None:
    tell(workspace, view("a", "s1"), view("b", "s2", "ink"))
    assert flow.run(workspace).changed
    assert [row["event_id"] for row in record(workspace)] == ["a", "b"]
    assert not flow.run(workspace).changed
    tell(workspace, view("b", "s2", "ink"), view("c", "s2", "pens"))
    flow.run(workspace)
    assert [row["event_id"] for row in record(workspace)] == ["a", "b", "c"]
    (line,) = [one for one in ledger.status(workspace, recount=True)["account"]
               if one["source"] == "live"]  # fmt: skip
    assert (line["rows_in"], line["kept"], line["merged"]) == (3, 3, 0)


def test_a_run_that_dies_after_copying_loses_and_doubles_nothing(workspace: Workspace) -> None:
    tell(workspace, view("a", "s1"))
    take(
        workspace, workspace.config(), tombstones(workspace).now()
    )  # and then the machine went down
    assert shop.open_shop(workspace).taken == 0
    assert flow.evaluate(workspace, models=["popular"], k=5, repeat=None)["models"]
    tell(workspace, view("b", "s1"))
    flow.run(workspace)
    assert [row["event_id"] for row in record(workspace)] == ["a", "b"]
    assert shop.open_shop(workspace).taken == 2


def test_who_logs_in_is_the_customer_that_the_files_know(workspace: Workspace) -> None:
    tell(workspace, view("a", "s1"), view("b", "s1", email="C1@example.org "))
    tell(workspace, view("c", "s2"))
    flow.run(workspace)
    found = people(workspace)
    assert found["session:s1"] == found["customer:c1"] == "c1"
    assert found["session:s2"] == "session:s2"


def test_a_customer_of_many_sessions_stays_one_person(workspace: Workspace) -> None:
    tell(workspace, *(view(f"e{at}", f"s{at}", customer="c1") for at in range(40)))
    flow.run(workspace)
    assert {people(workspace)[f"session:s{at}"] for at in range(40)} == {"c1"}


def test_what_a_run_has_taken_is_told_once_and_what_came_since_as_well(
    workspace: Workspace,
) -> None:
    tell(workspace, view("a", "s1", "ink", customer="c1"))
    flow.run(workspace)
    opened = shop.open_shop(workspace)
    log = SQLiteLog(workspace.root / "live.db")
    visitors = opened.visitors("c1")
    assert log.history(visitors, 9, after=opened.taken) == []
    # a session whose events the run has seen becomes theirs: they follow
    tell(workspace, view("b", "s9", "pens"))
    flow.run(workspace)
    taken = shop.open_shop(workspace).taken
    tell(workspace, view("c", "s9", "milk", customer="c1"))
    seen = [one.item_id for one in log.history(visitors, 9, after=taken)]
    assert seen == ["pens", "milk"]
    log.close()


def test_what_became_of_a_list_is_told_after_the_next_run(workspace: Workspace) -> None:
    shown = impression("r1", ["tea", "milk", "ink"], actor="customer:c2", session=None, time=NOW,
                       said={"model": "item_knn"})  # fmt: skip
    with intake(workspace) as opened:
        opened.writer.append([shown]).result()
    about = {"request_id": "r1", "identifiers": {"customer": "c2"}, "session_id": "s1"}
    tell(
        workspace,
        {"event_id": "a", "type": "click", "item_id": "milk", **about},
        {"event_id": "b", "type": "purchase", "item_id": "milk", **about},
        {"event_id": "c", "type": "click", "item_id": "pens", **about},
    )
    flow.run(workspace)
    opened = shop.open_shop(workspace).snapshot
    assert opened.lists.lists == 1
    places = [(p.position, p.shown, p.clicked, p.bought) for p in opened.lists.places]
    assert places == [(0, 1, 0, 0), (1, 1, 1, 1), (2, 1, 0, 0)]
    # what was shown is nobody's doing
    assert "impression" not in opened.history("c2")["type"].to_pylist()


def test_what_a_customer_dismissed_stays_hidden_after_the_next_run_until_taken_back(
    workspace: Workspace,
) -> None:
    about = {"session_id": "s1", "identifiers": {"customer": "c2"}}
    tell(workspace, {"event_id": "a", "type": "dismiss", "item_id": "tea", **about})
    flow.run(workspace)
    assert shop.open_shop(workspace).snapshot.hidden_from("c2") == ["tea"]
    tell(workspace, {"event_id": "b", "type": "restore", "item_id": "tea",
                     "time": "2026-03-01T13:00:00Z", **about})  # fmt: skip
    flow.run(workspace)
    assert shop.open_shop(workspace).snapshot.hidden_from("c2") == []


ANSWERING = """
import json, sys
from pathlib import Path
from bespeak.commands import serving
from bespeak.workspace import Workspace
from bespeak import console, shop, storefront
from bespeak.serve import create_app

workspace = Workspace(Path(sys.argv[1]))
opened, intake = shop.open_verified(workspace), shop.open_intake(workspace)
store = storefront.create_app(storefront.About("shop", "EUR", "customer"))
create_app(opened, console.create_app(), store, intake=intake)
assert opened.recommend(customer_id="c1", items=(), k=1, repeat=None)["items"]
intake.close()
print(json.dumps(sorted(sys.modules)))
"""
HEAVY = (
    "ibis", "pandas", "duckdb", "sqlglot", "sklearn", "joblib", "vl_convert", "pyarrow.dataset",
    "bespeak.cli", "bespeak.collect", "bespeak.engines", "bespeak.flow", "bespeak.prepare",
)  # fmt: skip


def test_a_server_answers_without_what_only_runs_need(workspace: Workspace) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ANSWERING, str(workspace.root)], check=True, capture_output=True
    )
    loaded = json.loads(done.stdout)
    assert "bespeak.shop" in loaded
    assert [name for name in loaded if name in HEAVY] == []
