"""Column policies: gaps filled and outliers fenced as numpy would, and always said."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prepare_worlds import NOON, conformed, judged, written

from bespeak.config import Policy, Prepare
from bespeak.engines import Engine
from bespeak.prepare.outliers import fences

LAW = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def filled(
    engine: Engine, rows: list[dict[str, Any]], missing: str, column: str = "quantity", **more: Any
) -> list[Any]:
    policy = Policy(column=column, missing=missing, **more)
    return [row[column] for row in judged(engine, rows, policies=[policy])]


def amounts(*values: float | None, **said: Any) -> list[dict[str, Any]]:
    return [{"quantity": value, **said} for value in values]


@pytest.mark.parametrize(
    ("missing", "expected"), [("mean", 4.0), ("median", 2.0), ("mode", 1.0), ("leave", None)]
)
def test_a_gap_is_filled_as_the_policy_says(
    engine: Engine, missing: str, expected: float | None
) -> None:
    assert filled(engine, amounts(1, None, 1, 2, 3, 13), missing)[1] == expected


def test_rows_that_share_a_value_fill_before_all_rows(engine: Engine) -> None:
    rows = [
        *amounts(1, 3, None, item_id="tea"),
        *amounts(100, item_id="milk"),
        *amounts(None, item_id="new"),
        *amounts(None),
    ]
    assert filled(engine, rows, "mean", within="item_id")[2] == 2
    assert filled(engine, rows, "mean", within="item_id")[4:] == [pytest.approx(104 / 3)] * 2


def test_of_equally_frequent_values_the_smallest_fills(engine: Engine) -> None:
    rows = [{"place": place} for place in ("b", "a", "b", "a", None, "c")]
    assert filled(engine, rows, "mode", "place")[4] == "a"


def test_money_is_filled_with_exact_money(engine: Engine) -> None:
    rows = [{"price": price} for price in ("0.10", "0.20", "0.20", None)]
    assert filled(engine, rows, "mean", "price")[3] == Decimal("0.1667")


def test_a_row_that_was_turned_away_neither_fills_nor_is_filled(engine: Engine) -> None:
    rows = [*amounts(-500, 2, None), *amounts(None, _reason="unparsable_time")]
    assert filled(engine, rows, "mean") == [-500, 2, 2, None]


def test_where_no_row_knows_the_gap_stays(engine: Engine) -> None:
    assert filled(engine, amounts(None, None), "median") == [None, None]
    assert filled(engine, amounts(None, None), "interpolate") == [None, None]


def test_interpolation_goes_along_time_and_holds_level_at_the_ends(engine: Engine) -> None:
    known = {1: 10.0, 4: 40.0, 5: 20.0}
    rows = [
        {"quantity": known.get(day), "time": NOON + timedelta(days=day)}
        for day in (5, 3, 0, 7, 1, 2, 4)
    ]
    assert filled(engine, rows, "interpolate") == [20, 30, 10, 20, 10, 20, 40]


def test_interpolation_stays_with_its_item_where_that_is_known(engine: Engine) -> None:
    def day(number: int, item: str, quantity: float | None) -> dict[str, Any]:
        return {"quantity": quantity, "time": NOON + timedelta(days=number), "item_id": item}

    rows = [day(0, "tea", 1), day(2, "tea", 3), day(1, "tea", None), day(1, "milk", None)]
    rows += [day(3, "rice", 100)]
    assert filled(engine, rows, "interpolate", within="item_id")[2] == 2
    # milk is known nowhere, so the rows around it in time speak: tea's own 2 among them
    assert filled(engine, rows, "interpolate", within="item_id")[3] is not None


@LAW
@given(
    st.lists(
        st.tuples(st.integers(0, 10_000), st.one_of(st.none(), st.integers(-50, 50))),
        min_size=1,
        max_size=25,
        unique_by=lambda point: point[0],
    )
)
def test_interpolation_is_that_of_numpy(
    engine: Engine, points: list[tuple[int, int | None]]
) -> None:
    rows = [
        {"quantity": None if value is None else float(value), "time": NOON + timedelta(hours=hour),
         "type": "adjust"}
        for hour, value in points
    ]  # fmt: skip
    found = filled(engine, rows, "interpolate")
    known = sorted((hour, value) for hour, value in points if value is not None)
    if not known:
        assert found == [None] * len(points)
        return
    hours, values = zip(*known, strict=True)
    np.testing.assert_allclose(found, np.interp([hour for hour, _ in points], hours, values))


def test_filled_cells_are_flagged_and_counted(engine: Engine, tmp_path: Path) -> None:
    rules = Prepare(policies=[Policy(column="quantity", missing="median")])
    manifest = written(engine, amounts(1, None, 3), tmp_path, columns=["quantity"], rules=rules)
    assert manifest["policies"]["quantity"]["filled"] == 1
    assert manifest["policies"]["quantity"]["value"] == 2.0
    assert manifest["account"]["found"]["missing:quantity"] == 1
    kept = engine.run(engine.read([tmp_path / "events"]).order_by("row")).to_pylist()
    assert [row["flags"] for row in kept] == [None, "quantity:filled", None]
    assert [row["quantity"] for row in kept] == [1, 2, 3]


# -- outliers ----------------------------------------------------------------------------------

numbers = st.lists(st.integers(-1000, 1000).map(lambda n: n / 8), min_size=1, max_size=40)


@LAW
@given(numbers)
def test_fences_are_those_that_numpy_computes(engine: Engine, values: list[float]) -> None:
    rows = conformed(engine, [{"quantity": value} for value in [*values, None]])
    low, high = np.quantile(values, [0.25, 0.75])
    median = np.median(values)
    apart = 1.4826 * np.median(np.abs(values - median))
    expected = {
        "iqr": (low - 3 * (high - low), high + 3 * (high - low), high - low),
        "z": (
            np.mean(values) - 4 * np.std(values),
            np.mean(values) + 4 * np.std(values),
            np.std(values),
        ),
        "mad": (median - 6 * apart, median + 6 * apart, apart),
    }
    for method, (below, above, spread) in expected.items():
        found = fences(engine, rows, "quantity", method)
        assert found.rows == len(values)
        if spread < 1e-12:
            assert (found.low, found.high) == (None, None) and found.note
        else:
            assert (found.low, found.high) == (pytest.approx(below), pytest.approx(above))


def test_a_threshold_of_the_config_moves_the_fences(engine: Engine) -> None:
    rows = conformed(engine, amounts(0, 1, 2, 3, 4))
    found = fences(engine, rows, "quantity", "iqr", 1.5)
    assert (found.low, found.high) == (-2.0, 6.0)


@pytest.mark.parametrize(
    ("action", "quantity", "flags", "reason"),
    [
        ("flag", 1000.0, "quantity:outlier", None),
        ("clip", 10.0, "quantity:clipped", None),
        ("quarantine", 1000.0, "quantity:outlier", "outlier_quantity"),
    ],
)
def test_an_outlier_is_flagged_clipped_or_turned_away(
    engine: Engine, action: str, quantity: float, flags: str, reason: str | None
) -> None:
    policy = Policy(column="quantity", outliers="iqr", action=action)
    rows = judged(engine, amounts(1, 2, 3, 4, 1000), policies=[policy])
    assert [row["flags"] for row in rows[:4]] == [None] * 4
    assert (rows[4]["quantity"], rows[4]["flags"], rows[4]["_reason"]) == (quantity, flags, reason)


def test_outliers_are_counted_raw_and_the_fences_kept(engine: Engine, tmp_path: Path) -> None:
    policy = Policy(column="price", outliers="mad", action="quarantine")
    rows = [{"price": price} for price in ("1", "2", "3", "4", "900")]
    rows[4]["_copies"] = 3
    manifest = written(
        engine, rows, tmp_path, columns=["price"], rules=Prepare(policies=[policy]), rows_in=5
    )
    assert manifest["account"]["quarantined"] == {"outlier_price": 1}
    assert manifest["account"]["found"]["outlier:price"] == 3
    kept = manifest["policies"]["price"]
    assert kept["outliers"]["high"] == pytest.approx(3 + 6 * 1.4826)
    assert (kept["action"], kept["rows"]) == ("quarantine", 3)


def test_an_outlier_does_not_feed_the_filling(engine: Engine) -> None:
    policy = Policy(column="quantity", outliers="iqr", action="quarantine", missing="mean")
    rows = judged(engine, amounts(1, 2, 3, 4, 1000, None), policies=[policy])
    assert rows[5]["quantity"] == 2.5


def test_equal_values_have_no_outliers(engine: Engine) -> None:
    policy = Policy(column="quantity", outliers="mad", action="quarantine")
    rows = judged(engine, amounts(1, 1, 1, 1, 5), policies=[policy])
    assert [row["_reason"] for row in rows] == [None] * 5


def test_a_row_without_a_value_is_turned_away_where_the_policy_says_so(engine: Engine) -> None:
    policy = Policy(column="quantity", missing="quarantine")
    rows = judged(engine, amounts(1, None, 3), policies=[policy])
    assert [row["_reason"] for row in rows] == [None, "missing_quantity", None]
    assert (rows[1]["_column"], rows[1]["_found"], rows[1]["_expected"]) == (
        "quantity", None, "a value",
    )  # fmt: skip
