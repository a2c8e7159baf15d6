"""What several files of whole flows start from, made once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import seven_channels as world
from benchmarks.shop_of_faults import made

from bespeak import flow
from bespeak.workspace import Workspace


@pytest.fixture(scope="session")
def seven(tmp_path_factory: pytest.TempPathFactory) -> world.Seven:
    """To be looked at, and copied."""
    root = tmp_path_factory.mktemp("seven")
    truth = world.build(root / "raw")
    (root / "bespeak.toml").write_text(world.CONFIG, encoding="utf-8")
    flow.run(Workspace(root))
    return world.Seven(Workspace(root), truth)


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small shop, run once; no keys."""
    return made(tmp_path_factory.mktemp("faults") / "shop")


@pytest.fixture
def workspace(made_once: Path, tmp_path: Path) -> Workspace:
    """A copy, for this test alone, of the workspace that its file has made."""
    shutil.copytree(made_once, tmp_path / "shop")
    return Workspace(tmp_path / "shop")
