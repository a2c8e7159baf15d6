"""`bespeak doctor` on a small workspace."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bespeak import flow
from bespeak.cli import app
from bespeak.workspace import Workspace

CONFIG = """
[workspace]
name = "Little"
[segments]
bootstrap = 2
k_max = 3
[[sources]]
name = "orders"
channel = "till"
files = ["orders*.csv"]
identifiers = { customer = "who" }
[sources.columns]
type = { constant = "purchase" }
time = "when"
item_id = "what"
price = "price"
"""
LINES = [
    f"c{who},i{(day + who) % 6},2.50,2025-03-{day % 28 + 1:02d} 10:{who:02d}"
    for day in range(40)
    for who in range(8)
]
TEXT = "who,what,price,when\n" + "\n".join(LINES) + "\n"


def doctor(*words: str | Path) -> Any:
    return CliRunner().invoke(app, ["doctor", *map(str, words)])


def told(folder: Path, *words: str) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(doctor("-w", folder, "--json", *words).stdout)
    return said


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace that has run."""
    root = tmp_path_factory.mktemp("doctor")
    (root / "bespeak.toml").write_text(CONFIG, encoding="utf-8")
    (root / "orders.csv").write_text(TEXT, encoding="utf-8")
    flow.run(Workspace(root))
    return root


def test_it_says_what_was_measured_and_changes_nothing(made: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in made.rglob("*")}
    started = time.perf_counter()
    said = told(made)
    assert time.perf_counter() - started < 5
    assert {path: path.stat().st_mtime_ns for path in made.rglob("*")} == before
    assert said["well"] and said["needs"]["rows"]["value"] == 320
    steps = {step["key"]: step for step in said["steps"]}
    assert steps["record/sources/orders"]["rows"] == 320
    assert said["needs"]["seconds"]["value"] == pytest.approx(
        sum(step["seconds"] for step in said["steps"])
    )
    assert said["needs"]["disk"]["value"] == sum(step["bytes"] for step in said["steps"])
    assert said["needs"]["memory"]["value"] > 10**7
    assert said["machine"]["cores"] >= 1 and said["machine"]["disk_free"] > 0


def test_a_new_file_is_seen_by_its_size_before_it_runs(made: Path, tmp_path: Path) -> None:
    waiting = made / "orders2.csv"
    waiting.write_text(TEXT, encoding="utf-8")
    try:
        said = told(made)
    finally:
        waiting.unlink()
    (source,) = said["sources"]
    assert (source["files"], source["waiting"], source["run_rows"]) == (2, 1, 320)
    assert source["rows"] == pytest.approx(640, abs=2)
    assert "bytes a row" in said["needs"]["rows"]["basis"]
    own = sum(step["seconds"] for step in said["steps"])
    assert said["needs"]["seconds"]["value"] == pytest.approx(2 * own, rel=0.02)
    assert any("1 file is new" in finding["what"] for finding in said["findings"])


def test_for_people_it_is_a_table_and_sentences(made: Path) -> None:
    result = doctor("-w", made)
    assert result.exit_code == 0
    for words in ("a run over all files", "record/sources/orders", "Nothing must be fixed"):
        assert words in result.output


def test_an_engine_that_made_nothing_here_has_no_figures(made: Path) -> None:
    said = told(made, "--engine", "spark")
    assert said["needs"]["seconds"]["value"] is None
    assert "spark has made nothing here yet" in said["needs"]["seconds"]["basis"]


def test_before_the_first_run_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "bespeak.toml").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "orders.csv").write_text(TEXT, encoding="utf-8")
    said = told(tmp_path)
    assert said["well"] and said["needs"]["rows"]["value"] is None
    assert any("no run yet" in finding["what"] for finding in said["findings"])


def test_what_must_be_fixed_gives_status_one(made: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(made, tmp_path / "ill"))
    config = root / "bespeak.toml"
    config.write_text(config.read_text("utf-8").replace('"Little"', '"Little"\nmemory = "99TB"'))
    (root / "orders.csv").unlink()
    result = doctor("-w", root)
    said = " ".join(result.output.split())
    assert result.exit_code == 1 and "2 must be fixed" in said
    assert "no file fits `orders*.csv`" in said and "99.0 TB" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--engine", "spork"), "no engine `spork`"),
        (("--hours", "0"), "no run is that quick"),
        (("-w", "nowhere"), "bespeak init"),
    ],
)
def test_what_can_not_be_looked_at_gives_status_two(
    made: Path, words: tuple[str, ...], said: str
) -> None:
    result = doctor("-w", made, *words)
    assert result.exit_code == 2 and said in " ".join(result.output.split())


def test_an_unreadable_file_is_named(made: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(made, tmp_path / "ill"))
    (file,) = (Workspace(root).get("record/items").path / "rows").glob("*.parquet")
    file.write_bytes(b"rubbish" * 9)
    result = doctor("-w", root)
    assert result.exit_code == 2 and "record/items" in "".join(result.output.split())


def test_it_explains_itself() -> None:
    result = doctor("--help")
    assert result.exit_code == 0 and "--json" in result.output and "Exit status" in result.output
