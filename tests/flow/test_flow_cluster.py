"""The flow on a real cluster, one of whose workers dies half-way: the same result."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
import seven_channels as world

from bespeak.flow.comparing import compare_workspaces
from bespeak.workspace import Workspace

pytest.importorskip("pyspark")
from benchmarks import spark_cluster

BESPEAK = str(Path(sys.executable).with_name("bespeak"))
LAST = "features"
"""How far it goes: what an engine computes; the models after it are the same code's."""


@pytest.mark.slow
def test_a_worker_killed_in_the_middle_of_a_run_changes_nothing(
    seven: world.Seven, tmp_path: Path
) -> None:
    here, there = seven.workspace.root, tmp_path / "spark"
    shutil.copytree(here / "raw", there / "raw")
    shutil.copy(here / ".secret", there)

    def half_way() -> bool:
        """The third of seven sources is prepared: from here on rows are lost with a worker."""
        return any((there / "record" / "sources" / "till").glob("[!.]*/manifest.json"))

    command = [BESPEAK, "run", "--engine", "spark", "--only", LAST, "--json", "-w", str(there)]
    with spark_cluster.cluster(tmp_path / "cluster") as made:
        text = world.CONFIG + spark_cluster.config(made)
        (there / "bespeak.toml").write_text(text, encoding="utf-8")
        log = tmp_path / "log"
        _, killed = spark_cluster.run_and_kill(made, command, log, when=half_way)
        states, told = made.states(), made.told()
        after = {name: node.tasks() for name, node in made.workers.items()}

    survivor = next(name for name in made.workers if name != killed.worker)
    assert states == {killed.worker: "DEAD", survivor: "ALIVE"}
    assert [app["state"] for app in told["completedapps"]] == ["FINISHED"]
    assert killed.tasks > 0 and after[killed.worker] == killed.tasks
    assert after[survivor] > killed.tasks, "the other one went on alone"
    steps = json.loads(log.read_text("utf-8"))["steps"]
    later = [step["name"] for step in steps if step["stage"] == "prepare"][3:]
    united = ["identities", "items", "customers", "exposures", "consent"]
    assert later == ["web", "app", "mail", "social", *united]
    found = compare_workspaces(
        Workspace(here), Workspace(there), only=["record", "features/customers", "features/items"]
    )
    assert found.equal, [each.name for each in found.found if not each.same]
    record = {key for key in Workspace(there).current() if key.startswith(("record", "features"))}
    engines = {Workspace(there).get(key).manifest["engine"] for key in record}
    assert len(record) >= 12 and engines == {"spark"}
