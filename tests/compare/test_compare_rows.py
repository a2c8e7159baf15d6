"""Rows of two tables: what must be found, and what must not."""

from __future__ import annotations

import math
import random
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bespeak.compare import Compared, compare_rows
from bespeak.engines import DuckDB, Engine

SCHEMA = pa.schema(
    {
        "id": pa.string(),
        "whole": pa.int64(),
        "float": pa.float64(),
        "money": pa.decimal128(18, 4),
        "time": pa.timestamp("us"),
        "text": pa.string(),
        "flag": pa.bool_(),
    }
)
Row = dict[str, Any]


def rows(count: int = 20) -> list[Row]:
    return [
        {
            "id": f"r{n:03d}",
            "whole": n,
            "float": n / 7,
            "money": Decimal(n) / 4,
            "time": datetime(2025, 3, 1, 0, n),
            "text": f"word {n}",
            "flag": n % 2 == 0,
        }
        for n in range(count)
    ]


def changed(column: str, value: Any, at: int = 3) -> list[Row]:
    made = rows()
    made[at][column] = value
    return made


def compared(engine: Engine, a: list[Row], b: list[Row], **options: Any) -> Compared:
    left, right = (engine.table(pa.Table.from_pylist(side, SCHEMA)) for side in (a, b))
    return compare_rows(engine, left, right, **options)


def test_the_same_rows_in_another_order_are_equal(engine: Engine) -> None:
    other = rows()
    random.Random(5).shuffle(other)
    found = compared(engine, rows(), other, key=["id"])
    assert found.same and (found.a, found.b, found.equal) == (20, 20, 20)


def test_the_layout_of_files_does_not_matter(engine: Engine, tmp_path: Path) -> None:
    whole = pa.Table.from_pylist(rows(), SCHEMA)
    for at in range(4):
        folder = tmp_path / "rows" / f"period={at}"
        folder.mkdir(parents=True)
        pq.write_table(whole.slice(at * 5, 5), folder / "part.parquet")
    assert compare_rows(
        engine, engine.table(whole), engine.read([tmp_path / "rows"]), key=["id"]
    ).same


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("whole", 4),
        ("float", 3 / 7 * (1 + 1e-8)),
        ("money", Decimal("0.7501")),
        ("time", datetime(2025, 3, 1, 0, 3, 0, 1)),
        ("text", "word 3 "),
        ("flag", True),
        *((name, None) for name in ("whole", "float", "money", "time", "text", "flag")),
        ("float", math.nan),
        ("float", math.inf),
    ],
)
@pytest.mark.parametrize("key", [["id"], []])
def test_one_changed_value_in_one_row_is_found(
    engine: Engine, column: str, value: Any, key: list[str]
) -> None:
    found = compared(engine, rows(), changed(column, value), key=key)
    assert not found.same and found.equal == 19
    if key or column == "float":
        assert (found.differing, found.only_a, found.only_b) == (1, 0, 0)
        (example,) = found.examples
        assert example.key["id"] == "r003" and set(example.values) == {column}
        was, now = example.values[column]
        assert was == rows()[3][column]
        assert str(now) == str(value)
        assert [one.name for one in found.columns if one.differing] == [column]
    else:
        assert (found.differing, found.only_a, found.only_b) == (0, 1, 1)


def test_a_float_within_the_tolerance_is_equal_and_its_distance_is_told(engine: Engine) -> None:
    near = changed("float", 3 / 7 * (1 + 4e-10))
    for key in (["id"], []):
        found = compared(engine, rows(), near, key=key)
        assert found.same and found.equal == 20
        (column,) = found.columns
        assert column.differing == 0 and column.largest == pytest.approx(4e-10, rel=1e-3)
    assert not compared(engine, rows(), near, key=["id"], tolerance=1e-10).same
    assert compared(engine, rows(), changed("float", 0.43), key=["id"], tolerance=0.01).same


def test_the_largest_relative_difference_is_that_of_the_worst_row(engine: Engine) -> None:
    other = rows()
    other[4]["float"] *= 2
    other[5]["float"] *= 1.25
    other[6]["whole"] = 8
    found = compared(engine, rows(), other, key=["id"])
    said = {column.name: (column.differing, column.largest) for column in found.columns}
    assert said == {"float": (2, pytest.approx(0.5)), "whole": (1, pytest.approx(0.25))}


def test_nan_equals_nan_and_null_equals_null_only(engine: Engine) -> None:
    nan, null = changed("float", math.nan), changed("float", None)
    assert compared(engine, nan, nan, key=["id"]).same
    assert compared(engine, null, null, key=["id"]).same
    assert not compared(engine, nan, null, key=["id"]).same
    assert not compared(engine, changed("text", ""), changed("text", None), key=["id"]).same


def test_infinities_and_zeros_are_judged_as_they_are(engine: Engine) -> None:
    for one, other, same in (
        (math.inf, math.inf, True),
        (math.inf, -math.inf, False),
        (math.inf, 1e308, False),
        (1e308, -1e308, False),
        (0.0, -0.0, True),
        (0.0, 1e-300, False),
        (1.0, math.nan, False),
    ):
        found = compared(engine, changed("float", one), changed("float", other), key=["id"])
        assert found.same is same, (one, other)


def test_a_dropped_row_is_found(engine: Engine) -> None:
    found = compared(engine, rows(), rows()[:7] + rows()[8:], key=["id"])
    assert (found.only_a, found.only_b, found.differing, found.equal) == (1, 0, 0, 19)
    assert [(each.where, each.key) for each in found.examples] == [("only in A", {"id": "r007"})]


@pytest.mark.parametrize("key", [["id"], []])
def test_a_duplicated_row_is_found(engine: Engine, key: list[str]) -> None:
    found = compared(engine, rows(), [*rows(), rows()[7]], key=key)
    assert (found.only_a, found.only_b, found.differing, found.equal) == (0, 1, 0, 20)
    thrice = compared(engine, [rows()[7]] * 3, [rows()[7]] * 5, key=key)
    assert (thrice.only_b, thrice.equal) == (2, 3)


def test_a_null_in_the_key_is_a_value_like_another(engine: Engine) -> None:
    one, other = changed("id", None), changed("id", None)
    other[3]["whole"] = 99
    found = compared(engine, one, other, key=["id"])
    assert (found.differing, found.only_a, found.only_b) == (1, 0, 0)


def test_a_key_that_names_several_rows_is_not_trusted(engine: Engine) -> None:
    one, other = rows(), rows()
    for side in (one, other):
        side[4]["id"] = side[3]["id"]
    other[3]["text"], other[4]["text"] = "three", "four"
    found = compared(engine, one, other, key=["id"])
    assert (found.differing, found.only_a, found.only_b) == (0, 2, 2) and found.matched == ()


def test_repeated_rows_are_paired_by_their_floats(engine: Engine) -> None:
    base = rows()[3]
    floats = [1.0, 2.0, 2.0, 3.0]
    near = [3.0 * (1 + 1e-12), 2.0, 1.0 * (1 - 1e-12), 2.0 * (1 + 1e-12)]
    one, other = ([{**base, "float": value} for value in side] for side in (floats, near))
    assert compared(engine, one, other).same
    other[0]["float"] = 4.0
    found = compared(engine, one, other)
    assert (found.differing, found.equal) == (1, 3)
    assert found.examples[0].values == {"float": (3.0, 4.0)}


def test_another_type_and_another_column_are_told(engine: Engine) -> None:
    left = pa.table({"id": ["a"], "n": pa.array([1], pa.int64()), "gone": [1]})
    right = pa.table({"id": ["a"], "n": pa.array([1], pa.int32()), "new": [1]})
    found = compare_rows(engine, engine.table(left), engine.table(right), key=["id"])
    assert not found.same and found.equal == 1, "the rows agree in what can be compared"
    assert found.apart == (
        "column `gone` is only in A",
        "column `new` is only in B",
        "column `n` is int64 in A and int32 in B",
    )
    strangers = compare_rows(
        engine, engine.table(left.select(["gone"])), engine.table(right.select(["new"]))
    )
    assert not strangers.same


def test_tables_without_a_row_are_equal(engine: Engine) -> None:
    assert compared(engine, [], [], key=["id"]).same
    found = compared(engine, [], rows(), key=["id"])
    assert (found.only_a, found.only_b) == (0, 20) and len(found.examples) == 5


def test_the_first_differing_rows_come_in_the_order_of_the_key(engine: Engine) -> None:
    other = [{**row, "whole": -1} for row in rows()]
    random.Random(2).shuffle(other)
    found = compared(engine, rows(), other, key=["id"])
    assert [each.key["id"] for each in found.examples] == [f"r{n:03d}" for n in range(5)]


def test_hidden_columns_are_compared_and_never_shown(engine: Engine) -> None:
    found = compared(engine, rows(), changed("text", "a secret"), key=["id"], hidden={"text"})
    assert found.differing == 1 and "secret" not in str(found) and "word" not in str(found)
    whole = compared(engine, rows(), changed("text", "a secret"), hidden={"text"})
    assert whole.only_b == 1 and "secret" not in str(whole) and "word" not in str(whole)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    one=st.lists(st.tuples(st.integers(0, 3), st.sampled_from("ab"))),
    other=st.lists(st.tuples(st.integers(0, 3), st.sampled_from("ab"))),
)
def test_the_counts_are_those_of_multisets(
    one: list[tuple[int, str]], other: list[tuple[int, str]]
) -> None:
    schema = pa.schema({"n": pa.int64(), "t": pa.string()})
    with DuckDB(memory="200MB", threads=1) as engine:
        left, right = (
            engine.table(pa.Table.from_pylist([{"n": n, "t": t} for n, t in side], schema))
            for side in (one, other)
        )
        found = compare_rows(engine, left, right)
        back = compare_rows(engine, right, left)
    only_a = sum(max(0, one.count(each) - other.count(each)) for each in {*one, *other})
    only_b = sum(max(0, other.count(each) - one.count(each)) for each in {*one, *other})
    assert (found.only_a, found.only_b, found.differing) == (only_a, only_b, 0)
    assert found.equal == len(one) - only_a == len(other) - only_b == back.equal
    assert (back.only_a, back.only_b) == (only_b, only_a)
