"""The report of an evaluation: its shape, what it holds, and where it can't be put."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from bespeak import console
from bespeak.cli import app
from bespeak.console import alone
from bespeak.errors import BadRequest
from bespeak.report import check_free, report, write_report
from bespeak.serve import answers

SHOWN = {
    "recall", "ndcg", "mrr", "hit", "map", "ips_recall", "coverage", "novelty", "diversity", "gini"
}  # fmt: skip


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two colours of items and of customers, with times; c0's last item is a cold one."""
    folder = tmp_path_factory.mktemp("files")
    board = [(c, i) for c in range(24) for i in range(24) if c % 2 == i % 2]
    rows = [(c, i, 1 + (c + i) % 20) for c, i in board if (c - i) % 3]
    test = [(c, c, 22 + c % 9) for c in range(24)] + [(0, 99, 25), (1, 3, 26), (99, 1, 22)]
    for name, some in (("train", rows), ("test", test)):
        lines = (f"c{c},i{i},2024-03-{day:02d}\n" for c, i, day in some)
        (folder / f"{name}.csv").write_text("user,item,time\n" + "".join(lines))
    return folder


@pytest.fixture(scope="module")
def made(files: Path) -> dict[str, Any]:
    """What `--json` prints, the page being written beside it."""
    given = [f"--{name}={files / name}.csv" for name in ("train", "test")]
    models = ["--model", "auto", "--model", "popular", "--budget", "1", "-k", "5"]
    asked = ["evaluate", *given, *models, "--json", "--report", str(files / "r.html")]
    found = CliRunner().invoke(app, asked)
    assert found.exit_code == 0, found.output
    table: dict[str, Any] = json.loads(found.stdout)
    return table


def test_every_measure_has_a_value_and_an_interval(made: dict[str, Any]) -> None:
    for model in report(made)["models"]:
        assert set(model["metrics"]) == {f"{name}@5" for name in SHOWN}
        for name, measure in model["metrics"].items():
            assert measure["low"] <= measure["value"] <= measure["high"], name


def test_the_report_has_all_that_users_of_an_evaluation_need(made: dict[str, Any]) -> None:
    found = report(made)
    assert found["data"]["train"]["first"] == "2024-03-01"
    assert found["data"]["test"] == {
        "pairs": 26, "cold_pairs": 1, "customers": 25, "first": "2024-03-22", "last": "2024-03-30"
    }  # fmt: skip
    assert found["files"] == {"train": "train.csv", "test": "test.csv"}
    assert found["leaks"] == {"pairs": 27, "in_train": 1, "dropped": True, "early": 0, "timed": 27}
    parts = {(part["by"], part["code"]) for part in found["models"][0]["slices"]}
    assert {("activity", "new"), ("activity", "having"), ("popularity", "cold"),
            ("popularity", "head"), ("time", "days")} <= parts  # fmt: skip
    assert {test["measure"] for test in found["tests"]} == {"ndcg@5", "recall@5"}
    assert all(test["low"] <= test["difference"] <= test["high"] for test in found["tests"])
    times = [one["at_s"] for one in found["search"]["tried"]]
    assert len(times) > 3 and times == sorted(times)


def test_the_report_is_of_the_shape_of_the_api(made: dict[str, Any]) -> None:
    said = {"en": "x", "zh": "x"}
    whole = {**report(made), "served": "popular", "why": said}
    found = msgspec.convert(json.loads(json.dumps(whole)), answers.Evaluation)
    assert found.search is not None and found.data is not None and found.machine is not None
    assert len(found.models[0].slices) == len(made["models"][0]["slices"])


def test_the_page_holds_the_same_numbers_and_asks_for_nothing(
    made: dict[str, Any], files: Path
) -> None:
    page = (files / "r.html").read_text(encoding="utf-8")
    held = re.search(r'id="numbers">(.*?)</script>', page, re.DOTALL)
    assert held is not None
    assert json.loads(held[1]) == json.loads(json.dumps(report(made)))
    assert not re.search(r'(src|href)="(?!#)|@import|url\(', page)
    assert "default-src 'none'" in html.unescape(page)
    assert (files / "r.html").stat().st_size < 400_000
    assert not list(files.glob("*.tried")) and not list(files.glob(".aside*"))


def test_the_terminal_shows_parts_only_where_they_were_asked_for(files: Path) -> None:
    given = ["evaluate", *(f"--{name}={files / name}.csv" for name in ("train", "test"))]
    into = ["--model", "popular", "--report", str(files / "s.html")]
    assert "by popularity" not in CliRunner().invoke(app, [*given, *into]).output
    named = CliRunner().invoke(app, [*given, *into, "--by", "time", "--by", "popularity"]).output
    assert "by time" in named and "by popularity" in named
    assert "s.html" in " ".join(named.split())


def test_our_scripts_share_no_name_so_that_they_can_be_one() -> None:
    seen: dict[str, str] = {}
    folder = Path(console.__file__).parent / "static"
    for name in alone.SCRIPTS:
        text = (folder / name).read_text(encoding="utf-8")
        for top in re.findall(
            r"^(?:export )?(?:async )?(?:const|let|function|class) (\w+)", text, re.M
        ):
            assert seen.setdefault(top, name) == name, f"{top} in {seen[top]} and {name}"
        assert set(re.findall(r'from "\./([\w.]+)"', text)) <= set(alone.SCRIPTS)


@pytest.mark.parametrize(
    ("place", "said"),
    [("", "is a folder"), ("none/r.html", "there is no folder"),
     ("test.csv/r.html", "there is no folder")],
)  # fmt: skip
def test_a_place_that_can_t_be_written_is_said_before_anything_is_measured(
    files: Path, place: str, said: str
) -> None:
    into = files / place
    asked = ["evaluate", "--train", "no", "--test", "such", "--report", str(into)]
    found = CliRunner().invoke(app, asked)
    assert found.exit_code == 1
    assert said in " ".join(found.output.split())


def test_a_system_that_refuses_is_quoted() -> None:
    with pytest.raises(BadRequest, match="can't be written"):
        check_free(Path("/proc/report.html"))


def test_nothing_measured_is_nothing_to_report(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="nothing to report"):
        write_report({"k": 10, "models": []}, tmp_path / "r.html")
    assert not list(tmp_path.iterdir())


def test_data_can_t_end_the_script_that_holds_it(made: dict[str, Any]) -> None:
    hostile = "</script><script>alert(1)</script>"
    page = console.report_page({**report(made), "files": {"train": hostile, "test": "b"}})
    assert hostile not in page
