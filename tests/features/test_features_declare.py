"""Declarations: arithmetic that keeps null, and words for every column."""

from __future__ import annotations

from feature_worlds import SETTINGS, at, event, events, shop

from bespeak import features
from bespeak.engines import Engine
from bespeak.features import tables
from bespeak.features.declare import AsOf, aggregates, count, evaluate, greatest, share, total
from bespeak.features.families import of_orders
from bespeak.features.scope import Scope

ROWS, VALUE, LAST = count(), total("value"), greatest("at")


def test_division_by_zero_is_null() -> None:
    assert evaluate(VALUE / ROWS, {VALUE: 3, ROWS: 0}, 0) is None


def test_null_stays_null() -> None:
    assert evaluate(VALUE - ROWS, {VALUE: None, ROWS: 1}, 0) is None


def test_whole_division_rounds_down() -> None:
    assert evaluate((AsOf() - LAST) // 10, {LAST: 1}, 30) == 2


def test_given_asks_for_at_least() -> None:
    assert evaluate(VALUE.given(ROWS, 2), {VALUE: 5, ROWS: 2}, 0) == 5
    assert evaluate(VALUE.given(ROWS, 3), {VALUE: 5, ROWS: 2}, 0) is None


def test_without_rows_counts_and_sums_are_zero_and_extremes_are_null() -> None:
    assert [evaluate(term, {}, 0) for term in (ROWS, VALUE, LAST)] == [0, 0, None]
    assert evaluate(share(ROWS, VALUE), {}, 0) is None


def test_an_aggregate_used_twice_is_computed_once() -> None:
    found = aggregates(of_orders(Scope()))
    assert len(found) == len(set(found))


def test_every_column_of_both_tables_is_explained_in_both_languages(engine: Engine) -> None:
    rows = [event("ann", at(5)), event("ann", at(4), item_id="cake", channel="web")]
    arguments = {"as_of": None, "config": SETTINGS, "timezone": "UTC"}
    for table, make in (("customers", tables.customers), ("items", tables.items)):
        made = make(engine, events(engine, rows), shop(engine), **arguments)
        entries = {
            entry["name"]: entry
            for entry in features.describe(made.columns)
            if entry["table"] == table
        }
        assert set(entries) == set(made.columns)
        for entry in entries.values():
            assert entry["meaning"]["en"] and entry["meaning"]["zh"]
            assert entry["unit"] and entry["kind"]
            assert any("\u4e00" <= letter <= "\u9fff" for letter in entry["meaning"]["zh"])


def test_a_described_category_is_named_as_the_record_spells_it() -> None:
    (entry,) = features.describe(["category_share:FRZN MEAT/MEAT"])
    assert entry["meaning"]["en"] == "Share of spend in category FRZN MEAT/MEAT"


def test_without_columns_the_usual_ones_are_described() -> None:
    names = [entry["name"] for entry in features.describe()]
    assert {"recency_days", "category_share:*", "channel_share:*", "spend_trend_28d"} <= set(names)
