"""A run after which few customers changed counts only what they touch, and comes to the same."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_shop import QUICK

from bespeak import flow, recommend
from bespeak.artifacts import HISTORIES, MODELS
from bespeak.workspace import Workspace

CONFIG = f"""
[workspace]
name = "Small shop"
[[sources]]
name = "till"
files = ["till.csv"]
identifiers = {{ customer = "who" }}
columns = {{ type = {{ constant = "purchase" }}, item_id = "what", time = "at" }}
{QUICK}
"""
ITEM_KNN = f"{MODELS}/item_knn"


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty customers of six kinds, who buy nothing of another kind."""
    root = tmp_path_factory.mktemp("updated")
    lines = ["who,what,at"]
    for number in range(60):
        for step in range(4):
            item = f"kind{number % 6}-{(number + step * 3) % 7}"
            lines.append(f"c{number},{item},2026-02-{14 + step:02d}T10:00:00Z")
    (root / "till.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (root / "bespeak.toml").write_text(CONFIG, encoding="utf-8")
    flow.run(Workspace(root))
    return root


def sell(workspace: Workspace, *lines: str) -> Any:
    """A run after these were sold; what item_knn's manifest says of how it came about."""
    with (workspace.root / "till.csv").open("a", encoding="utf-8") as till:
        till.write("\n".join(lines) + "\n")
    flow.run(workspace)
    return workspace.get(ITEM_KNN).manifest["updated"]


def test_only_what_few_customers_touch_is_counted_and_the_model_is_as_from_nothing(
    workspace: Workspace, tmp_path: Path
) -> None:
    before = workspace.get(ITEM_KNN)
    assert before.manifest["updated"] is None
    said = sell(workspace, "c2,kind2-0,2026-02-20T10:00:00Z", "new,kind2-9,2026-02-20T11:00:00Z")
    assert (said["from"], said["customers"]) == (before.version, 2)
    assert 0 < said["items"] <= 8  # those of one kind
    known = recommend.Interactions.load(workspace.get(HISTORIES).path)
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    recommend.fit("item_knn", known).save(fresh)
    now = workspace.get(ITEM_KNN).path
    for file in fresh.iterdir():
        assert (now / file.name).read_bytes() == file.read_bytes(), file.name
    assert not np.array_equal(
        np.load(before.path / "similarity.npy"), np.load(now / "similarity.npy")
    )


def test_once_all_weights_have_faded_all_is_counted(workspace: Workspace) -> None:
    assert sell(workspace, "c2,kind2-0,2026-03-20T10:00:00Z") is None


def test_other_settings_make_another_model_from_nothing(workspace: Workspace) -> None:
    config = workspace.root / "bespeak.toml"
    text = config.read_text("utf-8").replace(
        "[recommend]", "[recommend]\nparameters = { item_knn = { neighbours = 3 } }"
    )
    config.write_text(text, encoding="utf-8")
    assert sell(workspace, "c2,kind2-0,2026-02-20T10:00:00Z") is None


def test_a_spoilt_model_is_no_start(workspace: Workspace) -> None:
    path = workspace.get(ITEM_KNN).path / "common.npy"
    path.write_bytes(path.read_bytes()[:-1] + b"\x07")
    assert sell(workspace, "c2,kind2-0,2026-02-20T10:00:00Z") is None


def test_a_model_that_was_deleted_is_no_start(workspace: Workspace) -> None:
    shutil.rmtree(workspace.get(ITEM_KNN).path)
    assert sell(workspace, "c2,kind2-0,2026-02-20T10:00:00Z") is None
