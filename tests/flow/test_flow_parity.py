"""The whole flow on Spark beside the whole flow on DuckDB: the same, thing by thing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import seven_channels as world

from bespeak import flow
from bespeak.engines import Spark
from bespeak.errors import ConfigInvalid
from bespeak.flow.comparing import Comparison, compare_workspaces
from bespeak.workspace import Workspace


@pytest.fixture(scope="module")
def both(
    seven: world.Seven, tmp_path_factory: pytest.TempPathFactory, spark_session: Spark
) -> tuple[Workspace, Workspace]:
    """The seven channels, run on each engine."""
    del spark_session  # it is there, so the flow uses it
    here, there = seven.workspace, Workspace(tmp_path_factory.mktemp("parity") / "spark")
    shutil.copytree(here.root / "raw", there.root / "raw")
    for name in (".secret", "bespeak.toml"):
        shutil.copy(here.root / name, there.root)
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
        for key in ("record/sources/till", "record/identities", "features/customers"):
            assert workspace.get(key).manifest["engine"] == engine
        read = workspace.under("stage/till")[0]
        assert read.manifest["engine"] is None, "text is read by Python, on whichever engine"


def test_what_spark_can_not_read_is_refused_before_anything_runs(tmp_path: Path) -> None:
    world.build(tmp_path / "raw")
    config = world.CONFIG.replace('"%d.%m.%Y %H:%M"', '"%d.%m.%Y week %U"', 1)
    (tmp_path / "bespeak.toml").write_text(config, encoding="utf-8")
    with pytest.raises(ConfigInvalid, match=r"till.*%U"):
        flow.run(Workspace(tmp_path), engine="spark")
    assert not (tmp_path / "record").exists() and not (tmp_path / "stage").exists()
