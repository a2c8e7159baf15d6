"""A value judged beside those of its own kind: a price by other prices of the item."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prepare_worlds import conformed, judged

from bespeak.config import Policy
from bespeak.engines import Engine
from bespeak.prepare.usual import usual_of, with_usual

LAW = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
TEA = [("tea", price) for price in ("1.00", "1.02", "0.98", "1.01", "0.99")]
BIKES = [("bike", price) for price in ("500", "510", "490", "505", "495")]


def lines(*told: tuple[str | None, str | None]) -> list[dict[str, Any]]:
    return [{"item_id": item, "price": price} for item, price in told]


def flagged(engine: Engine, rows: list[dict[str, Any]], **more: Any) -> list[str | None]:
    policy = Policy(column="price", within="item_id", outliers="mad", **more)
    return [row["flags"] for row in judged(engine, rows, policies=[policy])]


def test_a_dear_item_is_no_outlier_and_a_slip_of_a_cheap_one_is(engine: Engine) -> None:
    found = flagged(engine, lines(*TEA, *BIKES, ("tea", "100"), ("bike", "50")))
    assert found == [None] * 10 + ["price:outlier"] * 2


def test_too_little_is_as_far_as_too_much(engine: Engine) -> None:
    slips = lines(("tea", "10"), ("tea", "0.1"))
    assert flagged(engine, [*lines(*TEA, *BIKES), *slips])[-2:] == ["price:outlier"] * 2


def test_of_two_prices_nobody_can_say_which_is_wrong(engine: Engine) -> None:
    pair = lines(("new", "3"), ("new", "300"))
    assert flagged(engine, [*lines(*TEA, *BIKES), *pair])[-2:] == [None, None]


def test_rows_without_an_item_or_a_price_are_left_alone(engine: Engine) -> None:
    odd = lines((None, "9999"), ("tea", None), ("tea", "0"))
    assert flagged(engine, [*lines(*TEA, *BIKES), *odd])[-3:] == [None] * 3


def test_a_price_beside_its_own_is_clipped_to_what_is_usual_for_it(engine: Engine) -> None:
    policy = Policy(column="price", within="item_id", outliers="mad", action="clip", threshold=10)
    rows = judged(engine, lines(*TEA, *BIKES, ("bike", "5000")), policies=[policy])
    assert rows[-1]["flags"] == "price:clipped"
    assert Decimal(500) < rows[-1]["price"] < Decimal(700)
    assert [row["price"] for row in rows[:2]] == [Decimal("1.0000"), Decimal("1.0200")]


def test_a_row_that_is_turned_away_says_how_far_it_was(engine: Engine) -> None:
    policy = Policy(column="price", within="item_id", outliers="mad", action="quarantine")
    row = judged(engine, lines(*TEA, *BIKES, ("tea", "100")), policies=[policy])[-1]
    assert (row["_reason"], row["_column"]) == ("outlier_price", "price")
    assert "times the usual where item_id is the same" in row["_expected"]


def test_a_gap_is_still_filled_from_its_own_kind(engine: Engine) -> None:
    rows = lines(*TEA, *TEA[:1], *BIKES, ("tea", None))
    policy = Policy(column="price", within="item_id", outliers="mad", missing="mode")
    last = judged(engine, rows, policies=[policy])[-1]
    assert (last["price"], last["flags"]) == (Decimal("1.0000"), "price:filled")


@LAW
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 30)), min_size=1, max_size=40))
def test_the_usual_is_the_lower_median_of_three_or_more(
    engine: Engine, told: list[tuple[str, int]]
) -> None:
    rows = conformed(engine, [{"item_id": item, "price": str(price)} for item, price in told])
    usual = usual_of(engine, rows, "price", "item_id")
    made = engine.run(with_usual(rows, usual, "item_id").order_by("row")).to_pylist()
    for (item, _), row in zip(told, made, strict=True):
        own = [price for other, price in told if other == item]
        lower = np.quantile(own, 0.5, method="inverted_cdf") if len(own) >= 3 else None
        assert row["_usual"] == (None if lower is None else pytest.approx(lower))
