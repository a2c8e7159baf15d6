"""Customer features of worlds whose answers are known by eye."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from feature_worlds import NOON, at, customers, event, events, shop

from bespeak.config import Features
from bespeak.engines import Engine
from bespeak.errors import BadRequest, ConfigInvalid, NotReady
from bespeak.features import tables

SHARES = ("night_share", "morning_share", "afternoon_share", "evening_share")


def test_recency_frequency_and_money_of_two_orders(engine: Engine) -> None:
    rows = [
        event("ann", at(10), order_id="a", value="10.10"),
        event("ann", at(10), order_id="a", value="0.20", item_id="cake"),
        event("ann", at(4), order_id="b", value="5"),
        event("ann", at(3), type="return", value="5"),
    ]
    ann = customers(engine, rows)["ann"]
    assert (ann["recency_days"], ann["tenure_days"], ann["quiet_days"]) == (4, 10, 3)
    assert (ann["orders"], ann["orders_7d"], ann["orders_28d"]) == (2, 1, 2)
    assert (ann["spend"], ann["net_spend"], ann["spend_7d"]) == (15.3, 10.3, 5.0)
    assert (ann["basket_value"], ann["basket_lines"]) == (7.65, 1.5)
    assert (ann["returns"], ann["return_rate"]) == (1, pytest.approx(5 / 15.3))


def test_money_sums_are_exact(engine: Engine) -> None:
    rows = [event("ann", at(day / 10), value="0.1") for day in range(1, 31)]
    assert customers(engine, rows)["ann"]["spend"] == 3.0


def test_cadence_is_the_mean_gap_and_lateness_counts_in_gaps(engine: Engine) -> None:
    rows = [event("ann", at(day)) for day in (30, 20, 10)]
    ann = customers(engine, rows)["ann"]
    assert (ann["days_between_orders"], ann["lateness"]) == (10.0, 1.0)


def test_a_single_order_has_no_cadence(engine: Engine) -> None:
    ann = customers(engine, [event("ann", at(5), order_id="a")])["ann"]
    assert ann["days_between_orders"] is None
    assert ann["lateness"] is None


def test_orders_within_a_day_give_a_gap_but_no_lateness(engine: Engine) -> None:
    ann = customers(engine, [event("ann", at(200)), event("ann", at(200, hours=1))])["ann"]
    assert ann["days_between_orders"] == pytest.approx(1 / 24)
    assert ann["lateness"] is None


def test_purchases_without_order_numbers_at_one_instant_are_one_order(engine: Engine) -> None:
    rows = [event("ann", at(5)), event("ann", at(5), item_id="cake"), event("ann", at(2))]
    assert customers(engine, rows)["ann"]["orders"] == 2


def test_a_customer_who_only_looks_has_no_order_and_no_recency(engine: Engine) -> None:
    bob = customers(engine, [event("bob", at(1), type="view", value=None)])["bob"]
    assert (bob["orders"], bob["spend"], bob["views"]) == (0, 0.0, 1)
    assert bob["recency_days"] is None
    assert bob["basket_value"] is None
    assert bob["discount_share"] is None
    assert bob["items_bought"] == 0


def test_spend_of_unknown_values_is_null_and_not_zero(engine: Engine) -> None:
    ann = customers(engine, [event("ann", at(1), value=None, price=None)])["ann"]
    assert ann["orders"] == 1
    assert ann["spend"] is None
    assert ann["net_spend"] is None


def test_discount_share_is_of_the_price_before_discount(engine: Engine) -> None:
    rows = [
        event("ann", at(3), value="6", discount="4"),
        event("ann", at(2), value="10", discount="0"),
        event("ann", at(1), value="100", discount=None),
    ]
    assert customers(engine, rows)["ann"]["discount_share"] == 0.2


def test_unknown_discounts_leave_the_share_null(engine: Engine) -> None:
    assert customers(engine, [event("ann", at(3))])["ann"]["discount_share"] is None


def test_category_shares_are_of_all_spend_and_by_first_level(engine: Engine) -> None:
    rows = [
        event("ann", at(3), item_id="tea", value="6"),
        event("ann", at(3), item_id="cake", value="3"),
        event("ann", at(3), item_id="soap", value="1"),
        event("bob", at(3), item_id="cake", value="1"),
    ]
    found = customers(engine, rows)
    assert found["ann"]["category_share:Drinks"] == 0.6
    assert found["ann"]["category_share:Food"] == 0.3
    assert (found["ann"]["items_bought"], found["ann"]["categories_bought"]) == (3, 2)
    assert found["bob"]["category_share:Drinks"] == 0.0


def test_top_categories_are_by_value_and_then_by_name(engine: Engine) -> None:
    rows = [event("ann", at(3), item_id="cake"), event("ann", at(3), item_id="tea")]
    columns = list(customers(engine, rows)["ann"])
    shares = [name for name in columns if name.startswith("category_share:")]
    assert shares == ["category_share:Drinks", "category_share:Food"]


def test_a_channel_counts_once_an_hour(engine: Engine) -> None:
    busy = [
        event("ann", at(2) + timedelta(minutes=minute), type="view", channel="web")
        for minute in range(30)
    ]
    rows = [*busy, event("ann", at(1)), event("ann", at(5), type="send", channel="mail")]
    ann = customers(engine, rows)["ann"]
    assert (ann["channel_share:web"], ann["channel_share:till"]) == (0.5, 0.5)
    assert (ann["channels"], ann["active_hours"], ann["actions"]) == (2, 2, 31)
    assert "channel_share:mail" not in ann


def test_hours_are_those_of_the_workspaces_clocks(engine: Engine) -> None:
    rows = [event("ann", datetime(2024, 2, 25, 23, 30))]
    utc = customers(engine, rows)["ann"]
    shanghai = customers(engine, rows, zone="Asia/Shanghai")["ann"]
    assert [utc[name] for name in SHARES] == [0, 0, 0, 1]
    assert (utc["sunday_share"], utc["weekend_share"]) == (1, 1)
    assert [shanghai[name] for name in SHARES] == [0, 1, 0, 0]
    assert (shanghai["monday_share"], shanghai["weekend_share"]) == (1, 0)


def test_trend_compares_two_windows(engine: Engine) -> None:
    rows = [
        event("ann", at(60), type="view", value=None),
        event("ann", at(10), value="10"),
        event("ann", at(3), value="30"),
        event("bob", at(60)),
        event("cat", at(9), value="1"),
    ]
    found = customers(engine, rows)
    assert found["ann"]["spend_trend_7d"] == 0.5
    assert found["bob"]["spend_trend_7d"] is None, "nothing in either window"
    assert found["cat"]["spend_trend_7d"] is None, "was not there when the earlier days began"


def test_windows_end_at_as_of_and_begin_so_many_days_before_it(engine: Engine) -> None:
    rows = [event("ann", at(7)), event("ann", at(7) - timedelta(microseconds=1))]
    assert customers(engine, rows)["ann"]["orders_7d"] == 1


def test_decayed_spend_halves_in_its_half_life(engine: Engine) -> None:
    rows = [event("ann", at(90), value="80"), event("ann", at(0.5), value="1")]
    assert customers(engine, rows)["ann"]["spend_decayed"] == 41.0


def test_open_rate_is_null_where_nothing_was_sent(engine: Engine) -> None:
    mail = {"channel": "mail", "value": None}
    rows = [
        event("ann", at(2), type="send", **mail),
        event("ann", at(1.5), type="send", **mail),
        event("ann", at(1), type="open", **mail),
        event("bob", at(1), type="open", **mail),
    ]
    found = customers(engine, rows)
    assert found["ann"]["open_rate"] == 0.5
    assert found["bob"]["open_rate"] is None


def test_postage_is_no_purchase_but_its_customer_is_there(engine: Engine) -> None:
    ann = customers(engine, [event("ann", at(2), item_id="post", is_product=False)])["ann"]
    assert (ann["orders"], ann["spend"]) == (0, 0.0)


def test_adjustments_and_the_anonymous_make_no_customer(engine: Engine) -> None:
    rows = [event("ann", at(2)), event("bob", at(2), type="adjust"), event(None, at(1))]
    assert set(customers(engine, rows)) == {"ann"}


def test_as_of_is_a_microsecond_after_the_latest_event_by_default(engine: Engine) -> None:
    rows = [event("ann", at(2)), event(None, at(1)), event("bob", at(0), type="adjust")]
    ann = customers(engine, rows, as_of=None)["ann"]
    assert ann["as_of"] == at(1) + timedelta(microseconds=1)
    assert ann["recency_days"] == 1


def test_as_of_with_an_offset_means_that_instant(engine: Engine) -> None:
    there = datetime.fromisoformat("2024-03-01T20:00:00+08:00")
    rows = [event("ann", at(0)), event("ann", at(1))]
    ann = customers(engine, rows, as_of=there)["ann"]
    assert (ann["as_of"], ann["orders"]) == (at(0), 1)


def test_a_record_without_events_is_not_ready(engine: Engine) -> None:
    with pytest.raises(NotReady, match="no event"):
        customers(engine, [event("ann", at(2), type="adjust")], as_of=None)


def test_as_of_before_every_event_says_what_to_do(engine: Engine) -> None:
    with pytest.raises(BadRequest, match="expected a time after 2024-02-20 12:00:00"):
        customers(engine, [event("ann", at(10))], as_of=at(11))


def test_a_window_without_days_is_refused(engine: Engine) -> None:
    with pytest.raises(ConfigInvalid, match="windows_days"):
        tables.customers(
            engine,
            events(engine, [event("ann", at(1))]),
            shop(engine),
            as_of=NOON,
            config=Features(windows_days=[7, 0]),
            timezone="UTC",
        )


def test_visits_are_counted_where_sessions_are_known(engine: Engine) -> None:
    rows = [
        event("ann", at(3), type="view", session_id="one"),
        event("ann", at(3, hours=-1), type="cart", session_id="one"),
        event("ann", at(2), type="view", session_id="two"),
        event("bob", at(2)),
    ]
    found = customers(engine, rows)
    assert found["ann"]["visits"] == 2
    assert found["bob"]["visits"] is None, "a till knows no visits"
