"""`bespeak export`, `erase` and `audit`, as a person at a terminal and as a program."""

from __future__ import annotations

import json
import stat
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
[recommend]
models = ["popular", "item_knn"]
[segments]
bootstrap = 2
k_max = 3
[[sources]]
name = "orders"
files = ["orders.csv"]
identifiers = { customer = "who" }
columns = { type = { constant = "purchase" }, item_id = "what", time = "when" }
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("little")
    rows = [f"c{who},i{(3 * day + who) % 17},2025-0{1 + day % 3}-{1 + day:02d}"
            for day in range(9) for who in range(8)]  # fmt: skip
    (folder / "orders.csv").write_text("who,what,when\n" + "\n".join(rows) + "\n")
    (folder / "bespeak.toml").write_text(CONFIG, encoding="utf-8")
    flow.run(Workspace(folder))
    return folder


def bespeak(*words: str) -> Any:
    return CliRunner().invoke(app, list(words))


def document(*words: str) -> Any:
    result = bespeak(*words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.mark.parametrize("command", ["erase", "export", "audit"])
def test_every_command_explains_itself(command: str) -> None:
    result = bespeak(command, "--help")
    assert result.exit_code == 0
    assert "--json" in result.output


def test_one_person_is_written_down_erased_and_both_are_on_record(place: Path) -> None:
    at = ("-w", str(place))
    out = place.parent / "c3.json"
    assert document("export", "c3", "--out", str(out), *at)["rows"] == 9
    held = json.loads(out.read_text(encoding="utf-8"))
    assert len(held["record"]["orders"]["events"]) == 9
    assert stat.S_IMODE(out.stat().st_mode) == 0o600

    waiting = document("erase", "c3", "--no-run", *at)
    assert "run" not in waiting
    assert {trace["what"] for trace in waiting["until_next_run"]} >= {"record/customers"}
    doctor = bespeak("doctor", *at)
    assert doctor.exit_code == 1
    assert "was erased, and what the last run made" in " ".join(doctor.output.split())
    assert "no customer `c3`" in " ".join(bespeak("recommend", "c3", *at).output.split())

    shown = bespeak("erase", "c4", *at)
    assert shown.exit_code == 0, shown.output
    assert "18 rows of people erased" in " ".join(shown.output.split())
    status = document("status", "--recount", *at)["account"][0]
    assert (status["rows_in"], status["kept"], status["erased"]) == (72, 54, 18)
    assert bespeak("doctor", *at).exit_code == 0

    lines = document("audit", *at)
    assert [line["act"] for line in lines] == ["export", "erase", "erase"]
    assert lines[0]["customer"] == lines[1]["customer"] != lines[2]["customer"]
    assert "command line" in bespeak("audit", *at).output


def test_who_is_not_there_is_said_and_nothing_is_on_record(place: Path) -> None:
    before = document("audit", "-w", str(place))
    for words in (("erase", "nobody"), ("export", "nobody", "--out", str(place / "x.json"))):
        result = bespeak(*words, "-w", str(place))
        assert result.exit_code == 1
        assert "no customer `nobody`" in " ".join(result.output.split())
    assert document("audit", "-w", str(place)) == before
    assert not (place / "x.json").exists()


def test_a_run_of_somebody_else_is_said_and_the_erasure_stands(place: Path) -> None:
    with Workspace(place).lock():
        result = bespeak("erase", "c5", "--json", "-w", str(place))
        shown = bespeak("erase", "c5", "-w", str(place))
    assert result.exit_code == shown.exit_code == 1
    done = json.loads(result.stdout)["run"]
    assert (done["made"], done["pending"]) == (False, True)
    assert "another run" in done["problem"]
    assert "No run was made" in shown.output
    assert bespeak("recommend", "c5", "-w", str(place)).exit_code == 1
