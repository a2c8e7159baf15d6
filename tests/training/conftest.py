"""A little workspace after one run, and after two."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from little import configure, orders

from bespeak import flow
from bespeak.workspace import Workspace


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("once")
    configure(folder)
    orders(folder, month=3)
    flow.run(Workspace(folder))
    return folder


@pytest.fixture(scope="session")
def twice(once: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The second run had another month."""
    folder = tmp_path_factory.mktemp("twice")
    shutil.copytree(once, folder, dirs_exist_ok=True)
    orders(folder, month=4)
    flow.run(Workspace(folder))
    return folder
