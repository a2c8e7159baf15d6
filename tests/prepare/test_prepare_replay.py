"""What mending a rule or a mapping did to the quarantine."""

from __future__ import annotations

from pathlib import Path

from prepare_worlds import written

from bespeak import prepare
from bespeak.config import Prepare
from bespeak.engines import Engine


def test_a_mended_rule_says_who_left_who_stayed_and_who_is_new(
    engine: Engine, tmp_path: Path
) -> None:
    rows = [{"quantity": amount} for amount in (5.0, 50.0, 500.0, -1.0, -100.0)]
    strict, loose = Prepare(max_quantity=10), Prepare(max_quantity=100)
    written(engine, rows, tmp_path / "before", rules=strict)
    mended = [*rows, {"quantity": -7.0}]
    written(engine, mended, tmp_path / "after", rules=loose)
    found = prepare.compare_quarantine(
        engine, tmp_path / "before" / "quarantine", tmp_path / "after" / "quarantine"
    )
    assert found == {
        "left": {"impossible_quantity": 1},
        "stayed": {"impossible_quantity": 1, "negative_quantity": 1},
        "changed": {"negative_quantity": 1},
        "new": {"negative_quantity": 1},
    }


def test_nothing_mended_is_nothing_changed(engine: Engine, tmp_path: Path) -> None:
    written(engine, [{"quantity": -1.0}, {}], tmp_path)
    folder = tmp_path / "quarantine"
    assert prepare.compare_quarantine(engine, folder, folder) == {
        "left": {}, "stayed": {"negative_quantity": 1}, "changed": {}, "new": {},
    }  # fmt: skip
