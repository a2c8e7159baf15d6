"""Rules of bespeak.toml that no run could follow are refused before anything runs."""

from __future__ import annotations

from typing import Any

import pytest

from bespeak import config
from bespeak.errors import ConfigInvalid


def parse(**parts: Any) -> config.Config:
    return config.parse({"workspace": {"name": "shop"}, **parts})


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ({"column": "colour"}, "`events.colour` is no column"),
        ({"column": "place", "missing": "mean"}, "`events.place` is no number, so it has no mean"),
        ({"column": "place", "outliers": "z"}, "is no number, so it has no outliers"),
        ({"column": "price", "within": "colour"}, "within `colour` is no column"),
        ({"column": "price", "table": "links"}, "`links.price` is no column"),
    ],
)
def test_a_policy_that_cannot_be_computed_is_refused(policy: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigInvalid, match=said):
        parse(prepare={"policies": [policy]})


def test_two_policies_for_one_column_are_refused() -> None:
    policy = {"column": "price", "missing": "mean"}
    with pytest.raises(ConfigInvalid, match="has two policies"):
        parse(prepare={"policies": [policy, policy]})


def test_a_pair_set_apart_is_two_identifiers() -> None:
    assert parse(identity={"apart": [["a:1", "b:2"]]}).identity.apart == [("a:1", "b:2")]
    for pair in (["a:1", "a:1"], ["a:1", "2"]):
        with pytest.raises(ConfigInvalid, match=r"identity\.apart"):
            parse(identity={"apart": [pair]})
    with pytest.raises(ConfigInvalid, match="apart"):
        parse(identity={"apart": [["a:1"]]})
