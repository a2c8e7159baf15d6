"""The whole flow on Spark beside the whole flow on DuckDB: the same, thing by thing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow.dataset as ds
import pytest
import seven_channels as world
from small_shop import tell, view

from bespeak import consenting, flow, ledger, people
from bespeak.engines import Spark
from bespeak.errors import ConfigInvalid
from bespeak.flow.comparing import Comparison, compare_workspaces
from bespeak.workspace import Workspace

ERASED, REFUSES = "7", "8"
KEYS = ("record/sources/till", "record/identities", "record/consent", "features/customers")
MADE = ("stage", "record", "features", "artifacts", "current.json")
"""All that a run makes."""


@pytest.fixture(scope="module")
def both(
    seven: world.Seven, tmp_path_factory: pytest.TempPathFactory, spark_session: Spark
) -> tuple[Workspace, Workspace]:
    """The seven channels and a log of events, run on each engine, after one person was erased and
    another refused to be learned from."""
    del spark_session  # it is there, so the flow uses it
    folder = tmp_path_factory.mktemp("parity")
    here, there = Workspace(folder / "duckdb"), Workspace(folder / "spark")
    shutil.copytree(seven.workspace.root, here.root)
    tell(here, view("e1", "s1", "SKU-001", customer="9"), view("e2", "s2", customer=ERASED))
    people.erase(here, ERASED, by="test")
    consenting.say(here, REFUSES, {"training": False}, by="test")
    shutil.copytree(here.root, there.root, ignore=shutil.ignore_patterns(*MADE))
    flow.run(here)
    flow.run(there, engine="spark")
    return here, there


@pytest.fixture(scope="module")
def compared(both: tuple[Workspace, Workspace]) -> Comparison:
    return compare_workspaces(*both)


@pytest.mark.slow
def test_every_table_array_and_document_is_the_same(compared: Comparison) -> None:
    assert [thing.name for thing in compared.found if not thing.same] == []
    names = {thing.name for thing in compared.found}
    assert {
        "record/sources/till/events", "record/sources/till/quarantine", "record/identities",
        "features/customers", "features/items", "features/interactions",
        "artifacts/segments/kmeans", "artifacts/segments/rfm",
    } <= names  # fmt: skip


@pytest.mark.slow
def test_a_manifest_says_which_engine_computed(both: tuple[Workspace, Workspace]) -> None:
    for workspace, engine in zip(both, ("duckdb", "spark"), strict=True):
        for key in KEYS:
            assert workspace.get(key).manifest["engine"] == engine
        read = workspace.under("stage/till")[0]
        assert read.manifest["engine"] is None, "text is read by Python, on whichever engine"


@pytest.mark.slow
def test_the_same_people_are_left_out(both: tuple[Workspace, Workspace]) -> None:
    here, there = (people.carried_out(workspace) for workspace in both)
    assert here == there
    assert not here["pending"] and set(here["erased"]) >= {"crm", "till", "web", "mail"}
    for workspace in both:
        assert workspace.get("record/consent").manifest["left_out"] == 1
        for key in ("features/customers", "features/interactions"):
            assert workspace.get(key).manifest["refused_training"] == 1, key
        rows = ds.dataset(workspace.get("features/customers").path / "rows").to_table()
        assert {ERASED, REFUSES}.isdisjoint(rows["customer_id"].to_pylist())
        (live,) = [one for one in ledger.status(workspace, recount=True)["account"]
                   if one["source"] == "live"]  # fmt: skip
        assert live["rows_in"] == live["kept"] > 0


def test_what_spark_can_not_read_is_refused_before_anything_runs(tmp_path: Path) -> None:
    world.build(tmp_path / "raw")
    config = world.CONFIG.replace('"%d.%m.%Y %H:%M"', '"%d.%m.%Y week %U"', 1)
    (tmp_path / "bespeak.toml").write_text(config, encoding="utf-8")
    with pytest.raises(ConfigInvalid, match=r"till.*%U"):
        flow.run(Workspace(tmp_path), engine="spark")
    assert not (tmp_path / "record").exists() and not (tmp_path / "stage").exists()
