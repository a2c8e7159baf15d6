"""The little shop, published once; and a small one that a flow has run over, once."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import little_shop
import pytest
from asking import Ask, ask_of

from bespeak import flow
from bespeak.serve import Shop, create_app
from bespeak.tasks import Task, Tasks
from bespeak.workspace import Workspace

TASK = "20260101T030000000000-0a1b"
"""A run that waits to be started."""
CONFIG = """
[workspace]
name = "Small shop"
[recommend]
models = ["popular", "item_knn"]
repeat = "yes"
[segments]
bootstrap = 2
k_max = 3
[serve]
workers = 2
[[sources]]
name = "till"
files = ["till.csv"]
identifiers = { customer = "who", email = "mail" }
columns = { type = { constant = "purchase" }, item_id = "what", time = "at" }
customers = { consent = "agreed" }
"""


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


@pytest.fixture(scope="session")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two dozen customers, of whom `c7` wants no personal lists; a row of `c3` has no time."""
    root = tmp_path_factory.mktemp("ran")
    lines = ["who,mail,what,at,agreed"]
    for at in range(24):
        for month, item in enumerate(("tea", "milk") if at % 2 else ("ink", "pens"), start=1):
            day = f"2026-{month:02d}-{1 + at:02d}T10:00:00Z"
            agreed = "personalisation: no" if at == 7 else ""
            lines.append(f"c{at},c{at}@shop.example,{item},{day},{agreed}")
    lines.append("c3,c3@shop.example,tea,no time,")
    (root / "till.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (root / "bespeak.toml").write_text(CONFIG, encoding="utf-8")
    flow.run(Workspace(root))
    return root


@pytest.fixture(scope="module")
def workspace(ran: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A copy of it for one file's tests."""
    return Workspace(shutil.copytree(ran, tmp_path_factory.mktemp("shop") / "copy"))
