"""Exact duplicates: who stays, who goes, and that the order of rows and files says nothing."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prepare_worlds import raw, said

from bespeak import prepare
from bespeak.engines import Engine

COLUMNS = {"item": "string", "price": "float64"}
LAW = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def line(file: str, row: int, item: str | None, price: float | None) -> dict[str, Any]:
    return {"_file": file, "_row": row, "item": item, "price": price}


def merged(engine: Engine, rows: list[dict[str, Any]]) -> tuple[list[Any], list[Any]]:
    unique, gone = prepare.merge_exact(engine, raw(engine, rows, COLUMNS))
    order = ["_file", "_row"]
    return said(engine, unique.order_by(order)), said(engine, gone.order_by(["file", "row"]))


def test_equal_rows_collapse_into_the_first_by_file_and_row(engine: Engine) -> None:
    rows = [
        line("b.csv", 2, "tea", 1.0),
        line("a.csv", 9, "tea", 1.0),
        line("a.csv", 7, "tea", 1.0),
        line("a.csv", 8, "tea", 1.5),
    ]
    unique, gone = merged(engine, rows)
    assert [(row["_file"], row["_row"], row["_copies"]) for row in unique] == [
        ("a.csv", 7, 3),
        ("a.csv", 8, 1),
    ]
    assert gone == [
        {"file": file, "row": row, "reason": "exact_duplicate", "into_file": "a.csv", "into_row": 7}
        for file, row in (("a.csv", 9), ("b.csv", 2))
    ]


def test_an_empty_cell_equals_an_empty_cell_and_nothing_else(engine: Engine) -> None:
    rows = [line("a", 1, None, 1.0), line("a", 2, None, 1.0), line("a", 3, "", 1.0)]
    unique, gone = merged(engine, rows)
    assert [row["_row"] for row in unique] == [1, 3]
    assert [row["row"] for row in gone] == [2]


def test_distinct_rows_pass_untouched_and_later_steps_see_no_join(engine: Engine) -> None:
    table = raw(engine, [line("a", 1, "tea", 1.0), line("a", 2, "tea", 2.0)], COLUMNS)
    unique, gone = prepare.merge_exact(engine, table)
    assert [row["_copies"] for row in said(engine, unique)] == [1, 1]
    assert said(engine, gone) == []
    assert "Join" not in repr(unique)


def test_a_table_without_rows_has_no_duplicates(engine: Engine) -> None:
    assert merged(engine, []) == ([], [])


@pytest.mark.parametrize("kind", ["string", "int64", "boolean", "timestamp(6)"])
def test_a_column_of_nulls_only_is_compared_like_any_other(engine: Engine, kind: str) -> None:
    rows = [{"_file": "a", "_row": at, "empty": None} for at in (1, 2, 3)]
    unique, gone = prepare.merge_exact(engine, raw(engine, rows, {"empty": kind}))
    assert [row["_copies"] for row in said(engine, unique)] == [3]
    assert len(said(engine, gone)) == 2


cells = st.tuples(
    st.sampled_from(["a", "b"]),
    st.sampled_from([None, "", "tea", "Tea", "milk"]),
    st.sampled_from([None, 0.0, 1.0, 1.5]),
)


@LAW
@given(st.lists(cells, max_size=30), st.randoms(use_true_random=False))
def test_the_order_in_which_rows_come_changes_nothing(
    engine: Engine, drawn: list[tuple[str, str | None, float | None]], rng: random.Random
) -> None:
    rows = [line(file, at, item, price) for at, (file, item, price) in enumerate(drawn)]
    shuffled = rng.sample(rows, len(rows))
    assert merged(engine, rows) == merged(engine, shuffled)


@LAW
@given(st.lists(cells, max_size=30))
def test_every_row_stays_or_stands_in_one_that_stays(
    engine: Engine, drawn: list[tuple[str, str | None, float | None]]
) -> None:
    rows = [line(file, at, item, price) for at, (file, item, price) in enumerate(drawn)]
    unique, gone = merged(engine, rows)
    assert len(unique) + len(gone) == len(rows)
    assert sum(row["_copies"] for row in unique) == len(rows)
    firsts: dict[Any, tuple[str, int]] = {}
    for row in sorted(rows, key=lambda row: (row["_file"], row["_row"])):
        firsts.setdefault((row["item"], row["price"]), (row["_file"], row["_row"]))
    assert {(row["_file"], row["_row"]) for row in unique} == set(firsts.values())
    assert {(row["into_file"], row["into_row"]) for row in gone} <= set(firsts.values())


@LAW
@given(st.lists(cells, max_size=30))
def test_merging_again_merges_nothing(
    engine: Engine, drawn: list[tuple[str, str | None, float | None]]
) -> None:
    rows = [line(file, at, item, price) for at, (file, item, price) in enumerate(drawn)]
    once, _ = prepare.merge_exact(engine, raw(engine, rows, COLUMNS))
    _, gone = prepare.merge_exact(engine, once.drop("_copies"))
    assert said(engine, gone) == []
