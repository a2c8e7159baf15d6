"""The little shop, published once."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import little_shop
import pytest
from asking import Ask, ask_of

from bespeak.serve import Shop, create_app
from bespeak.tasks import Task, Tasks

TASK = "20260101T030000000000-0a1b"
"""A run that waits to be started."""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return little_shop.published(tmp_path_factory.mktemp("shop") / "snapshot")


@pytest.fixture(scope="session")
def shop(folder: Path) -> Shop:
    return little_shop.shop(folder)


@pytest.fixture(scope="session")
def ask(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Ask:
    tasks = Tasks(tmp_path_factory.mktemp("tasks"))
    (tasks.folder / TASK).mkdir()
    tasks.write(Task(id=TASK, why="at", asked=datetime(2026, 1, 1, 3, tzinfo=UTC)))
    return ask_of(create_app(shop, tasks=tasks))
