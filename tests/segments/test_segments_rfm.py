"""RFM scores and segments."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from segment_worlds import buyers

from bespeak import segments
from bespeak.engines import Engine
from bespeak.segments.rfm import NAMES, PROSPECTS, TABLE

Scores = dict[str, tuple[int | None, int | None, int | None, str]]


def scored(engine: Engine, rows: list[Any]) -> Scores:
    table = engine.run(segments.rfm(engine, buyers(engine, rows)))
    return {
        row["customer_id"]: (
            row["recency_score"], row["frequency_score"], row["monetary_score"], row["segment_id"],
        )
        for row in table.to_pylist()
    }  # fmt: skip


def test_ten_customers_fall_into_fifths(engine: Engine) -> None:
    rows = [(f"c{i}", 10 - i, i + 1, float(i)) for i in range(10)]
    found = scored(engine, rows)
    assert [found[f"c{i}"][0] for i in range(10)] == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert [found[f"c{i}"][1] for i in range(10)] == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert found["c9"] == (5, 5, 5, "champions")
    assert found["c0"] == (1, 1, 1, "lost")


def test_equal_values_get_equal_scores(engine: Engine) -> None:
    rows = [("a", 5, 1, 10.0), ("b", 5, 1, 10.0), ("c", 9, 1, 10.0), ("d", 1, 7, 99.0)]
    found = scored(engine, rows)
    assert found["a"] == found["b"]
    assert [found[name][1] for name in "abcd"] == [1, 1, 1, 5]
    assert [found[name][0] for name in "abcd"] == [4, 4, 1, 5]


def test_many_one_time_buyers_are_at_the_low_end(engine: Engine) -> None:
    rows = [(f"c{i}", i, 1, 5.0) for i in range(90)] + [(f"d{i}", i, 4, 9.0) for i in range(10)]
    found = scored(engine, rows)
    assert {found[f"c{i}"][1] for i in range(90)} == {1}
    assert {found[f"d{i}"][1] for i in range(10)} == {5}


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_handful_of_equal_customers_are_all_in_the_middle(engine: Engine, count: int) -> None:
    rows = [(f"c{i}", 4, 2, 30.0) for i in range(count)]
    assert set(scored(engine, rows).values()) == {(3, 3, 3, "need_attention")}


def test_two_customers_are_at_both_ends(engine: Engine) -> None:
    found = scored(engine, [("a", 1, 9, 90.0), ("b", 100, 1, 1.0)])
    assert found == {"a": (5, 5, 5, "champions"), "b": (1, 1, 1, "lost")}


def test_three_customers_are_at_both_ends_and_between(engine: Engine) -> None:
    found = scored(engine, [("a", 1, 9, 90.0), ("b", 50, 5, 50.0), ("c", 100, 1, 1.0)])
    assert found["b"] == (3, 3, 3, "need_attention")


def test_who_has_no_order_is_a_prospect_without_scores(engine: Engine) -> None:
    found = scored(engine, [("a", 1, 9, 90.0), ("b", None, 0, 0.0)])
    assert found["b"] == (None, None, None, PROSPECTS)
    assert found["a"] == (3, 3, 3, "need_attention")


def test_unknown_money_leaves_the_segment_to_frequency(engine: Engine) -> None:
    found = scored(engine, [("a", 1, 9, None), ("b", 50, 5, 50.0), ("c", 100, 1, 1.0)])
    assert found["a"] == (5, 5, None, "champions")
    assert (found["b"][2], found["c"][2]) == (5, 1)


def test_customers_who_returned_more_than_they_bought_rank_last(engine: Engine) -> None:
    rows = [("a", 1, 1, -20.0), ("b", 2, 1, 0.0), ("c", 3, 1, 20.0)]
    assert [scored(engine, rows)[name][2] for name in "abc"] == [1, 3, 5]


def test_no_customers_give_no_segments(engine: Engine) -> None:
    assert scored(engine, []) == {}


def test_every_name_has_a_place_and_every_place_a_name() -> None:
    placed = {segment for row in TABLE for segment in row}
    assert placed == set(NAMES) - {PROSPECTS}
    assert [len(row) for row in TABLE] == [5] * 5


ROWS = st.lists(
    st.tuples(st.integers(0, 5), st.integers(1, 4), st.one_of(st.none(), st.integers(-3, 3))),
    min_size=1,
    max_size=20,
)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(values=ROWS, seed=st.integers(0, 99))
def test_row_order_changes_nothing_and_better_never_scores_lower(
    engine: Engine, values: list[tuple[int, int, int | None]], seed: int
) -> None:
    rows = [
        (f"c{i:02}", recency, orders, None if money is None else money / 3)
        for i, (recency, orders, money) in enumerate(values)
    ]
    found = scored(engine, rows)
    assert scored(engine, random.Random(seed).sample(rows, len(rows))) == found
    for name, recency, orders, _ in rows:
        for other, other_recency, other_orders, _ in rows:
            if recency <= other_recency:
                assert found[name][0] >= found[other][0]  # type: ignore[operator]
            if orders <= other_orders:
                assert found[name][1] <= found[other][1]  # type: ignore[operator]
