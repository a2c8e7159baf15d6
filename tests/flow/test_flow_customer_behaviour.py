"""The reference program: two CSV files to groups, lists and foretold ratings, in one command."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from bespeak.cli import app
from bespeak.engines import Spark

EXAMPLE = Path(__file__).parents[2] / "examples" / "customer_behavior"
HEADER = ["user_id", "item_id", "time", "price", "category", "rating"]
NOISE = 0.3
"""Standard deviation of a rating about what its customer and item make of it."""


@dataclass(frozen=True)
class World:
    rows: list[list[str]]
    test: list[list[str]]

    @property
    def copies(self) -> int:
        """Rows that say what another one says."""
        return len(self.rows) - len(set(map(tuple, self.rows)))


def world(seed: int = 3) -> World:
    """Five kinds of customers by how much and how often they buy; ratings of rank one."""
    random = np.random.default_rng(seed)
    items = 40
    taste = random.normal(0, 0.8, items)
    rows, test = [], []
    for user in range(300):
        kind = user % 5
        liking = random.normal(0, 1)
        for _ in range(12 + 6 * kind):
            item = int(random.integers(items))
            rating = np.clip(3 + taste[item] * liking + random.normal(0, NOISE), 1, 5)
            day = datetime(2025, 1, 1) + timedelta(days=int(random.integers(60 * (kind + 1))))
            price = f"{2.0 ** (kind + 1) + item / 10:.2f}"
            row = [f"u{user}", f"i{item}", day.isoformat(), price, f"c{item % 4}", f"{rating:.3f}"]
            (test if random.random() < 0.15 else rows).append(row)
    copies, gaps = rows[:25], [["", *rows[30][1:]], [rows[31][0], "", *rows[31][2:]]]
    gaps.append([*rows[32][:3], "", *rows[32][4:]])
    return World(rows + copies + gaps, test)


def written(path: Path, rows: list[list[str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([HEADER, *rows])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example's folder with the two files in it."""
    found, known = tmp_path_factory.mktemp("behaviour"), world()
    shutil.copy(EXAMPLE / "bespeak.toml", found)
    written(found / "customer_behavior.csv", known.rows)
    written(found / "test_data.csv", known.test)
    return found


@pytest.fixture(scope="module")
def told(folder: Path) -> dict[str, Any]:
    """What a run of it says."""
    return ran(folder)


def ran(folder: Path, *options: str) -> dict[str, Any]:
    done = CliRunner().invoke(app, ["run", "-w", str(folder), "--json", *options])
    assert done.exit_code == 0, done.output
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def test_one_command_goes_from_two_files_to_groups_lists_and_ratings(told: dict[str, Any]) -> None:
    found, known = told["found"], world()
    account = {line["source"]: line for line in found["account"]}
    behaviour = account["behaviour"]
    assert behaviour["rows_in"] == len(known.rows)
    assert behaviour["merged"] == known.copies
    assert behaviour["quarantined"] == {
        "missing_actor": 1, "missing_item_id": 1, "missing_price": 1,
    }  # fmt: skip
    assert found["kmeans"]["k"] == 5 and found["kmeans"]["silhouette"] > 0.2
    assert found["kmeans"]["within_sum_of_squares"] > 0
    ratings = found["ratings"]
    assert ratings["pairs"] == len(known.test) and ratings["sources"] == ["test"]
    assert NOISE < ratings["rmse"] < 2 * NOISE, "near the noise, and no better than it can be"
    spread = float(np.std([float(row[5]) for row in known.test]))
    assert ratings["rmse"] < 0.7 * spread, "the mean would be as far off as they spread"


def test_the_command_prints_what_it_found(
    folder: Path, told: dict[str, Any], tmp_path: Path
) -> None:
    del told  # it has run; with another name, little is left to do
    again = shutil.copytree(folder, tmp_path / "again")
    config = (again / "bespeak.toml").read_text(encoding="utf-8")
    renamed = config.replace('name = "', 'name = "Again: ', 1)
    (again / "bespeak.toml").write_text(renamed, encoding="utf-8")
    done = CliRunner().invoke(app, ["run", "-w", str(again)])
    assert done.exit_code == 0, done.output
    assert "silhouette" in done.output and "within-cluster sum of squares" in done.output
    assert "RMSE" in done.output


def test_spark_finds_the_same_by_its_own_training_too(
    folder: Path, told: dict[str, Any], tmp_path: Path, spark_session: Spark
) -> None:
    del spark_session  # it is there, so it is used
    mine, other = told["found"], tmp_path
    for name in ("customer_behavior.csv", "test_data.csv"):
        shutil.copy(folder / name, other)
    config = (folder / "bespeak.toml").read_text(encoding="utf-8")
    mllib = '[recommend.parameters.als]\ntrainer = "mllib"\n'
    mllib += '[recommend.parameters.als_ratings]\ntrainer = "mllib"\n'
    trained = config.replace("k_max = 5", 'k_max = 5\ntrainer = "mllib"') + mllib
    (other / "bespeak.toml").write_text(trained, encoding="utf-8")
    found = ran(other, "--engine", "spark")["found"]
    assert found["account"] == mine["account"]
    assert found["kmeans"]["k"] == 5
    assert found["ratings"]["pairs"] == mine["ratings"]["pairs"]
    assert found["ratings"]["rmse"] == pytest.approx(mine["ratings"]["rmse"], rel=0.15)
