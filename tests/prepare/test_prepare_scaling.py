"""Scaling: measured as numpy measures, undone exactly, and never divided by zero."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bespeak import prepare
from bespeak.engines import Engine
from bespeak.errors import BadRequest, ColumnMissing

LAW = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
numbers = st.integers(-(10**12), 10**12).map(lambda number: number / 1024)
columns = st.lists(st.one_of(st.none(), numbers), min_size=1, max_size=30).filter(any)
METHODS = ("minmax", "z", "robust")


def scaled(engine: Engine, values: list[float | None], method: str) -> list[float | None]:
    table = engine.table(pa.table({"x": pa.array(values, pa.float64())}))
    scaling = prepare.fit_scaling(engine, table, ["x"], method)
    found: list[float | None] = engine.run(prepare.scale(table, scaling))["x"].to_pylist()
    return found


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("minmax", [0, 0.25, 0.5, 1, None]),
        ("z", [-7 / 35**0.5, -3 / 35**0.5, 1 / 35**0.5, 9 / 35**0.5, None]),
        ("robust", [-6 / 7, -2 / 7, 2 / 7, 10 / 7, None]),
    ],
)
def test_a_small_column_by_hand(engine: Engine, method: str, expected: list[float | None]) -> None:
    """Mean 7, variance 35; quartiles 3, 6 and 10."""
    assert scaled(engine, [0, 4, 8, 16, None], method) == [
        None if value is None else pytest.approx(value) for value in expected
    ]


@LAW
@given(columns, st.sampled_from(METHODS))
def test_what_is_scaled_can_be_unscaled(
    engine: Engine, values: list[float | None], method: str
) -> None:
    table = engine.table(pa.table({"x": pa.array(values, pa.float64())}))
    scaling = prepare.fit_scaling(engine, table, ["x"], method)
    back = prepare.unscale(prepare.scale(table, scaling), scaling)
    found = np.array(engine.run(back)["x"].to_pylist(), dtype=float)
    largest = max(abs(value) for value in values if value is not None)
    np.testing.assert_allclose(found, np.array(values, dtype=float), atol=1e-9 * max(1, largest))


@LAW
@given(columns)
def test_parameters_are_those_of_numpy_in_whatever_order_rows_come(
    engine: Engine, values: list[float | None]
) -> None:
    known = np.array([value for value in values if value is not None])
    fits = [
        prepare.fit_scaling(
            engine, engine.table(pa.table({"x": pa.array(rows, pa.float64())})), ["x"], "z"
        )
        for rows in (values, values[::-1])
    ]
    assert fits[0] == fits[1]
    one = fits[0].scales["x"]
    largest = np.abs(known).max()
    assert one.center == pytest.approx(known.mean(), rel=1e-9, abs=1e-12 * largest)
    if not one.flat:
        assert one.spread == pytest.approx(known.std(), rel=1e-6, abs=1e-9 * largest)


@pytest.mark.parametrize("method", METHODS)
def test_a_column_of_one_value_says_so_and_divides_by_nothing(engine: Engine, method: str) -> None:
    table = engine.table(pa.table({"x": [5.0, 5.0], "y": [1.0, 2.0]}))
    scaling = prepare.fit_scaling(engine, table, ["x", "y"], method)
    assert scaling.flat == ["x"]
    assert scaled(engine, [5.0, 5.0, None], method) == [0, 0, None]
    assert asdict(scaling)["scales"]["x"] == {"center": 5.0, "spread": 1.0, "flat": True}


def test_a_scaling_fitted_on_one_table_applies_to_another(engine: Engine) -> None:
    fitted = prepare.fit_scaling(engine, engine.table(pa.table({"x": [0, 10]})), ["x"], "minmax")
    later = engine.table(pa.table({"x": [5, 20], "name": ["a", "b"]}))
    assert engine.run(prepare.scale(later, fitted)).to_pylist() == [
        {"x": 0.5, "name": "a"},
        {"x": 2.0, "name": "b"},
    ]


def test_mistakes_are_named(engine: Engine) -> None:
    table = engine.table(pa.table({"x": pa.array([None], pa.float64())}))
    with pytest.raises(BadRequest, match="found log, expected one of minmax, z, robust"):
        prepare.fit_scaling(engine, table, ["x"], "log")
    with pytest.raises(ColumnMissing, match="`y`"):
        prepare.fit_scaling(engine, table, ["y"], "z")
    with pytest.raises(BadRequest, match="`x` has no value"):
        prepare.fit_scaling(engine, table, ["x"], "z")
