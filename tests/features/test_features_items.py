"""Item features of worlds whose answers are known by eye."""

from __future__ import annotations

from feature_worlds import at, event, items

from bespeak.engines import Engine


def test_sales_buyers_revenue_and_prices(engine: Engine) -> None:
    rows = [
        event("ann", at(9), quantity=2.0, price="4", value="8"),
        event("bob", at(8), quantity=1.0, price="6", value="6"),
        event(None, at(7), quantity=1.0, price="5", value="5"),
        event("ann", at(6), type="return", quantity=1.0, value="4"),
    ]
    tea = items(engine, rows)["tea"]
    assert (tea["sales"], tea["units"], tea["buyers"], tea["revenue"]) == (3, 4.0, 2, 19.0)
    assert (tea["price_min"], tea["price_max"]) == (4.0, 6.0)
    assert (tea["price_last"], tea["price_mean"]) == (5.0, 4.75)
    assert (tea["return_rate"], tea["days_since_sale"]) == (0.25, 7)
    assert (tea["sales_7d"], tea["revenue_7d"]) == (1, 5.0)


def test_repeat_share_counts_buyers_who_came_back_on_a_later_day(engine: Engine) -> None:
    rows = [
        event("ann", at(9)),
        event("ann", at(2)),
        event("bob", at(9)),
        event("bob", at(9, hours=1)),
        event(None, at(9)),
        event(None, at(2)),
    ]
    assert items(engine, rows)["tea"]["repeat_share"] == 0.5


def test_conversion_needs_the_view_before_the_purchase(engine: Engine) -> None:
    rows = [
        event("ann", at(9), type="view"),
        event("ann", at(8)),
        event("bob", at(8)),
        event("bob", at(7), type="view"),
        event("cat", at(7)),
    ]
    tea = items(engine, rows)["tea"]
    assert (tea["views"], tea["view_conversion"]) == (2, 0.5)


def test_the_greater_of_two_latest_prices_counts(engine: Engine) -> None:
    rows = [event("ann", at(1), price="3"), event("bob", at(1), price="4")]
    assert items(engine, rows)["tea"]["price_last"] == 4.0


def test_a_later_sale_without_a_price_keeps_the_last_known_one(engine: Engine) -> None:
    rows = [event("ann", at(2), price="3"), event("bob", at(1), price=None)]
    assert items(engine, rows)["tea"]["price_last"] == 3.0


def test_an_item_nobody_bought_has_zero_sales_and_no_rates(engine: Engine) -> None:
    soap = items(engine, [event("ann", at(2))])["soap"]
    assert (soap["sales"], soap["buyers"], soap["revenue"], soap["units"]) == (0, 0, 0.0, 0.0)
    for name in ("repeat_share", "return_rate", "price_min", "price_last", "view_conversion"):
        assert soap[name] is None


def test_sold_to_strangers_only_leaves_buyers_unknown(engine: Engine) -> None:
    tea = items(engine, [event(None, at(2))])["tea"]
    assert (tea["sales"], tea["buyers"], tea["repeat_share"]) == (1, None, None)


def test_revenue_trend_is_null_until_there_are_two_windows(engine: Engine) -> None:
    old = [event("ann", at(20), value="1"), event("ann", at(10)), event("ann", at(2))]
    assert items(engine, old)["tea"]["revenue_trend_7d"] == 0.0
    assert items(engine, old)["tea"]["revenue_trend_28d"] is None
