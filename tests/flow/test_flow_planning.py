"""A config that the engine can't follow is refused before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bespeak import config, flow
from bespeak.errors import ConfigInvalid, NotFound
from bespeak.flow.planning import check_plan
from bespeak.workspace import Workspace

BY_MLLIB: dict[str, Any] = {"models": ["als"], "parameters": {"als": {"trainer": "mllib"}}}


def planned(engine: str = "duckdb", **more: Any) -> None:
    check_plan(config.parse({"workspace": {"name": "shop", "engine": engine}, **more}))


def test_what_every_engine_can_is_planned() -> None:
    planned()
    planned(recommend={"models": ["popular", "als"], "parameters": {"als": {"factors": 8}}})


@pytest.mark.parametrize(
    ("asked", "key"),
    [
        ({"segments": {"trainer": "mllib"}}, "segments.trainer"),
        ({"recommend": BY_MLLIB}, "recommend.parameters.als"),
    ],
)
def test_mllib_needs_spark(asked: dict[str, Any], key: str) -> None:
    planned("spark", **asked)
    with pytest.raises(ConfigInvalid, match=rf"{key}.*mllib.*duckdb.*expected .* spark"):
        planned("duckdb", **asked)


def test_a_model_that_is_not_fitted_asks_for_nothing() -> None:
    planned(recommend={**BY_MLLIB, "models": ["popular"]})


def test_a_model_or_setting_that_is_none_is_named() -> None:
    with pytest.raises(NotFound, match="Did you mean `als`"):
        planned(recommend={"models": ["alz"]})
    with pytest.raises(ConfigInvalid, match="factors"):
        planned(recommend={"models": ["als"], "parameters": {"als": {"factors": 0}}})


def test_a_run_is_refused_before_its_first_step(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("who,what,when\na,x,2024-01-01\n")
    (tmp_path / "bespeak.toml").write_text(
        '[workspace]\nname = "shop"\n[segments]\ntrainer = "mllib"\n'
        '[[sources]]\nname = "orders"\nfiles = ["orders.csv"]\n'
        'identifiers = { customer = "who" }\n'
        'columns = { item_id = "what", time = "when", type = { constant = "purchase" } }\n'
    )
    with pytest.raises(ConfigInvalid, match=r"segments\.trainer"):
        flow.run(Workspace(tmp_path))
    assert not (tmp_path / "record").exists()
