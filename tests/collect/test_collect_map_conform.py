"""Raw rows as rows of the record: every row once, typed, with a verdict where it fails."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bespeak import config
from bespeak.collect import conform
from bespeak.columns import RECORD
from bespeak.config import Source, Workspace
from bespeak.engines import Engine
from bespeak.errors import MappingImpossible
from bespeak.privacy import identifier

SECRET = b"s" * 32
SHOP = Workspace(name="shop", currency="gbp", timezone="UTC")
LINES = {
    "order": ["1", "2", "C3"],
    "item": [" A ", "B", "A"],
    "qty": ["2", "1", "-1"],
    "price": ["1.25", "3.10", "1.25"],
    "when": ["2020-07-01 10:00", "2020-07-01 11:00", "2020-07-02"],
    "who": ["17850.0", "", "12"],
    "mail": [" Ann@Example.org", "", "ann@example.org "],
}
MAPPED: dict[str, Any] = {
    "columns": {
        "type": {"expression": "case when qty < 0 then 'return' else 'purchase' end"},
        "time": "when",
        "order_id": "order",
        "item_id": "item",
        "quantity": "qty",
        "price": "price",
    },
    "identifiers": {"customer": "who", "email": "mail"},
}


def source(**said: Any) -> Source:
    given: dict[str, Any] = {"name": "till", "channel": "shop", "files": ["x"], **MAPPED, **said}
    data = {"workspace": {"name": "shop"}, "sources": [given]}
    return config.parse(data).sources[0]


def conformed(
    engine: Engine,
    columns: dict[str, Any],
    mapping: Source,
    workspace: Workspace = SHOP,
    **extra: Any,
) -> list[dict[str, Any]]:
    """The rows, in the order of the file."""
    count = len(next(iter(columns.values())))
    lineage = {"_file": ["x.csv"] * count, "_row": list(range(2, count + 2)), **extra}
    raw = engine.table(pa.table({**columns, **lineage}))
    rows = engine.run(conform(engine, raw, mapping, workspace, SECRET)).to_pylist()
    return sorted(rows, key=lambda row: row["row"])


def test_a_till_becomes_events(engine: Engine) -> None:
    first, second, third = conformed(engine, LINES, source())
    assert first["order_id"] == "1"
    assert first["item_id"] == "A"
    assert first["type"] == "purchase"
    assert first["time"] == datetime(2020, 7, 1, 10)
    assert first["quantity"] == 2.0
    assert first["price"] == Decimal("1.25")
    assert first["value"] == Decimal("2.50")
    assert first["channel"] == "shop"
    assert first["currency"] == "GBP"
    assert first["actor"] == "customer:17850.0"
    assert (first["source"], first["file"], first["row"], first["_copies"]) == (
        "till",
        "x.csv",
        2,
        1,
    )
    assert first["event_id"].startswith("till-") and first["event_id"].endswith("-2")
    assert second["actor"] is None
    assert second["_id_customer"] is None
    assert second["_id_email"] is None
    assert (third["type"], third["quantity"], third["value"]) == ("return", 1.0, Decimal("1.25"))
    assert all(row["_reason"] is None for row in (first, second, third))


@pytest.mark.parametrize("table", ["events", "customers", "items", "offers", "placements", "texts"])
def test_every_table_has_the_records_columns_in_its_types(engine: Engine, table: str) -> None:
    needed: dict[str, Any] = {
        "events": {"type": {"constant": "view"}, "time": "when"},
        "customers": {},
        "items": {"item_id": "item"},
        "offers": {"offer_id": "item", "kind": {"constant": "coupon"}},
        "placements": {"item_id": "item", "from_time": "when"},
        "texts": {"text": "item"},
    }
    mapping = source(table=table, columns=needed[table])
    raw = engine.table(pa.table({**LINES, "_file": ["x"] * 3, "_row": [2, 3, 4]}))
    table_made = conform(engine, raw, mapping, SHOP, SECRET)
    kinds = {name: str(kind) for name, kind in table_made.schema().items()}
    assert {name: kinds[name] for name in RECORD[table].columns} == dict(RECORD[table].columns)
    assert kinds["_copies"] == "int64"
    assert kinds["row"] == "int64"
    for name in ("source", "file", "_reason", "_column", "_found", "_expected"):
        assert kinds[name] == "string"
    assert engine.run(table_made).num_rows == 3


# -- verdicts ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "value", "reason", "place", "found"),
    [
        ("when", "31.31.2020", "unparsable_time", "when", "31.31.2020"),
        ("when", "", "missing_time", "when", None),
        ("price", "dear", "unparsable_number", "price", "dear"),
        ("price", "3,40", "unparsable_number", "price", "3,40"),
        ("qty", "two", "unparsable_number", "qty", "two"),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_read_gets_a_verdict(
    engine: Engine, column: str, value: str, reason: str, place: str, found: str | None
) -> None:
    spoiled = {**LINES, column: [LINES[column][0], value, LINES[column][2]]}
    rows = conformed(engine, spoiled, source())
    assert [row["_reason"] for row in rows] == [None, reason, None]
    assert rows[1]["_column"] == place
    assert rows[1]["_found"] == found
    assert rows[1]["_expected"]


def test_the_verdict_says_what_was_expected(engine: Engine) -> None:
    spoiled = {**LINES, "price": ["x", "1", "1"], "when": ["2020-01-01", "x", "2020-01-01"]}
    mapping = source(decimal=",", time_formats=["%d/%m/%Y"])
    rows = conformed(engine, spoiled, mapping)
    assert "`,` before its fraction (decimal)" in rows[0]["_expected"]
    assert "or %d/%m/%Y (time_formats)" in rows[1]["_expected"]


def test_unknown_types_of_event_are_not_let_in(engine: Engine) -> None:
    mapping = source(columns={**MAPPED["columns"], "type": "kind"})
    rows = conformed(engine, {**LINES, "kind": ["Purchase ", "sale", ""]}, mapping)
    assert [row["_reason"] for row in rows] == [None, "unknown_type", "missing_type"]
    assert rows[0]["type"] == "purchase"
    assert rows[1]["_found"] == "sale"
    assert "purchase" in rows[1]["_expected"]


def test_customers_need_an_identifier_and_items_their_id(engine: Engine) -> None:
    people = source(table="customers", columns={"country": "item"})
    assert [row["_reason"] for row in conformed(engine, LINES, people)] == [
        None, "missing_actor", None,
    ]  # fmt: skip
    items = source(table="items", columns={"item_id": "who"})
    assert [row["_reason"] for row in conformed(engine, LINES, items)] == [
        None, "missing_item_id", None,
    ]  # fmt: skip


def test_derived_values_are_judged_too(engine: Engine) -> None:
    mapping = source(items={"title": "order", "price": "mail"}, identifiers={"customer": "who"})
    rows = conformed(engine, {**LINES, "mail": ["1.5", "x", ""]}, mapping)
    assert rows[0]["_items__title"] == "1"
    assert rows[0]["_items__price"] == Decimal("1.5")
    assert (rows[1]["_reason"], rows[1]["_column"]) == ("unparsable_number", "mail")
    assert rows[2]["_items__price"] is None
    assert rows[2]["_reason"] is None


def test_an_amount_beyond_the_record_is_told_not_lost(engine: Engine) -> None:
    huge = {**LINES, "qty": ["1", "99999999999", "-1"], "price": ["1", "99999999", "1"]}
    rows = conformed(engine, huge, source())
    assert [row["_reason"] for row in rows] == [None, "unparsable_number", None]
    assert rows[1]["_column"] == "value"
    assert rows[1]["_expected"] == "an amount below 10^14"


def test_typed_columns_that_can_not_fail_are_not_checked(engine: Engine) -> None:
    typed = {"item": [1, 2], "when": [datetime(2020, 1, 1), datetime(2020, 1, 2)], "n": [1, 2]}
    mapping = source(
        columns={"type": {"constant": "view"}, "time": "when", "item_id": "item", "quantity": "n"},
        identifiers={},
    )
    raw = engine.table(pa.table({**typed, "_file": ["x"] * 2, "_row": [1, 2]}))
    made = conform(engine, raw, mapping, SHOP, SECRET)
    reasons = engine.run(made.select("_reason", "_found")).to_pylist()
    assert reasons == [{"_reason": None, "_found": None}] * 2
    nothing = {**typed, "when": [datetime(2020, 1, 1), None]}
    rows = conformed(engine, nothing, mapping)
    assert [row["_reason"] for row in rows] == [None, "missing_time"]


# -- identifiers and what is personal ------------------------------------------------------------


def test_personal_identifiers_are_hashed_and_meet_across_spellings(engine: Engine) -> None:
    first, _, third = conformed(engine, LINES, source())
    assert first["_id_email"] == third["_id_email"]
    assert first["_id_email"].startswith("email:")
    assert "example" not in first["_id_email"]
    assert len(first["_id_email"]) == len("email:") + 32


def test_the_first_identifier_present_names_the_actor(engine: Engine) -> None:
    rows = conformed(engine, {**LINES, "who": ["", "7", ""]}, source())
    assert rows[0]["actor"] == rows[0]["_id_email"]
    assert rows[1]["actor"] == "customer:7"


def test_personal_values_never_reach_a_message(engine: Engine) -> None:
    spoiled = {
        **LINES,
        "price": ["dear", "bob@example.org", "1"],
        "customer_name": ["Ann Smith", "Bob", ""],
    }
    rows = conformed(engine, spoiled, source())
    said = " ".join(str(row[name]) for row in rows for name in ("_found", "_expected"))
    assert "Smith" not in said
    assert "@" not in said
    assert rows[1]["_found"] == "***"
    mapping = source(
        columns={**MAPPED["columns"], "price": {"expression": "replace(mail, 'a', 'b')"}}
    )
    assert conformed(engine, LINES, mapping)[0]["_found"] is None
    assert conformed(engine, LINES, mapping)[0]["_reason"] == "unparsable_number"


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@example("email", ["0  0"])
@given(
    st.sampled_from(["email", "phone", "card", "name", "address", "ip", "customer", "cookie"]),
    st.lists(st.text("aB7 -+@.()0é中", max_size=12), min_size=1, max_size=40),
)
def test_one_value_is_hashed_as_the_engine_hashes_a_column(
    engine: Engine, namespace: str, values: list[str]
) -> None:
    mapping = source(
        columns={"type": {"constant": "view"}, "time": {"constant": "2020-01-01"}},
        identifiers={namespace: "x"},
    )
    rows = conformed(engine, {"x": values}, mapping)
    assert [row["actor"] for row in rows] == [
        identifier(namespace, value, SECRET) for value in values
    ]


def test_another_secret_gives_another_hash() -> None:
    one, other = identifier("email", "a@b.c", b"1" * 32), identifier("email", "a@b.c", b"2" * 32)
    assert one != other
    assert identifier("phone", "+44 20 7946 0000", SECRET) == identifier(
        "phone", "0044 (20) 7946-0000", SECRET
    )


# -- defaults, constants, amounts ----------------------------------------------------------------


def test_channel_and_currency_stand_in_where_a_cell_is_empty(engine: Engine) -> None:
    mapping = source(
        columns={**MAPPED["columns"], "channel": "order", "currency": "mail"},
        currency="eur",
        identifiers={"customer": "who"},
    )
    rows = conformed(engine, {**LINES, "order": ["web", "", ""], "mail": ["usd", "", ""]}, mapping)
    assert [row["channel"] for row in rows] == ["web", "shop", "shop"]
    assert [row["currency"] for row in rows] == ["USD", "EUR", "EUR"]


def test_constants_are_typed(engine: Engine) -> None:
    mapping = source(
        timezone="Asia/Shanghai",
        columns={
            "type": {"constant": "Purchase"},
            "time": {"constant": "2020-07-01 08:00"},
            "quantity": {"constant": 2},
            "price": {"constant": "0.1"},
            "place": {"constant": 7},
        },
    )
    row = conformed(engine, LINES, mapping)[0]
    assert row["type"] == "purchase"
    assert row["time"] == datetime(2020, 7, 1, 0)
    assert (row["quantity"], row["price"], row["value"]) == (2.0, Decimal("0.1"), Decimal("0.2"))
    assert row["place"] == "7"


def test_a_price_follows_from_an_amount(engine: Engine) -> None:
    columns = {**MAPPED["columns"], "value": "price"}
    del columns["price"]
    rows = conformed(engine, {**LINES, "qty": ["4", "0", "-2"]}, source(columns=columns))
    assert [row["price"] for row in rows] == [Decimal("0.3125"), None, Decimal("0.625")]
    assert [row["value"] for row in rows] == [Decimal("1.25"), Decimal("3.10"), Decimal("1.25")]


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.tuples(
            st.decimals(0, 10**6, places=4), st.decimals(-(10**4), 10**4, places=3)
        ),
        min_size=1,
        max_size=40,
    )
)  # fmt: skip
def test_amounts_are_exact_and_those_of_returns_positive(
    engine: Engine, pairs: list[tuple[Decimal, Decimal]]
) -> None:
    columns = {
        "price": [str(price) for price, _ in pairs],
        "qty": [str(quantity) for _, quantity in pairs],
        "when": ["2020-01-01"] * len(pairs),
    }
    mapped = {name: MAPPED["columns"][name] for name in ("type", "time", "price", "quantity")}
    rows = conformed(engine, columns, source(columns=mapped, identifiers={}))
    for row, (price, quantity) in zip(rows, pairs, strict=True):
        exact = abs(price * quantity) if quantity < 0 else price * quantity
        assert abs(row["value"] - exact) <= Decimal("0.00005")
        assert row["quantity"] == abs(float(quantity))
        assert row["type"] == ("return" if quantity < 0 else "purchase")


def test_rows_of_an_adjustment_keep_their_signs(engine: Engine) -> None:
    columns = {**MAPPED["columns"], "type": {"constant": "adjust"}}
    row = conformed(engine, LINES, source(columns=columns))[2]
    assert (row["quantity"], row["value"]) == (-1.0, Decimal("-1.25"))


def test_copies_are_passed_through(engine: Engine) -> None:
    rows = conformed(engine, LINES, source(), _copies=[3, 1, 2])
    assert [row["_copies"] for row in rows] == [3, 1, 2]


def test_ids_are_the_same_whatever_the_order_of_the_rows(engine: Engine) -> None:
    ids = [row["event_id"] for row in conformed(engine, LINES, source())]
    turned = {name: values[::-1] for name, values in LINES.items()}
    again = conformed(engine, {**turned, "_row": [4, 3, 2]}, source())
    assert [row["event_id"] for row in again] == ids
    assert len(set(ids)) == 3


# -- times ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", [True, False])
def test_wall_clocks_are_those_of_the_source_then_of_the_workspace(
    engine: Engine, typed: bool
) -> None:
    times: list[Any] = [datetime(2020, 7, 1, 12), datetime(2020, 1, 1, 12), None]
    columns = {**LINES, "when": times if typed else [str(time or "") for time in times]}
    london = Workspace(name="shop", timezone="Europe/London")
    said = [row["time"] for row in conformed(engine, columns, source(), london)]
    assert said == [datetime(2020, 7, 1, 11), datetime(2020, 1, 1, 12), None]
    said = [row["time"] for row in conformed(engine, columns, source(timezone="UTC"), london)]
    assert said == times


def test_an_offset_beats_the_zone_of_the_source(engine: Engine) -> None:
    columns = {**LINES, "when": ["2020-07-01T12:00:00Z", "2020-07-01 12:00", "1593604800"]}
    rows = conformed(engine, columns, source(timezone="Asia/Tokyo"))
    assert [row["time"] for row in rows] == [
        datetime(2020, 7, 1, 12), datetime(2020, 7, 1, 3), datetime(2020, 7, 1, 12),
    ]  # fmt: skip


def test_an_expression_may_shift_a_wall_clock(engine: Engine) -> None:
    mapping = source(
        table="placements",
        timezone="America/New_York",
        columns={
            "item_id": "item",
            "from_time": {"expression": "time_add(timestamp '2016-12-19', week * 7, 'day')"},
            "to_time": {"expression": "time_add(timestamp '2016-12-26', week * 7, 'day')"},
        },
        identifiers={},
    )
    rows = conformed(engine, {"item": [1, 2, 3], "week": [1, 20, None]}, mapping)
    assert [row["from_time"] for row in rows] == [
        datetime(2016, 12, 26, 5), datetime(2017, 5, 8, 4), None,
    ]  # fmt: skip
    assert rows[1]["to_time"] == datetime(2017, 5, 15, 4)
    assert rows[2]["_reason"] == "missing_from_time"


# -- refused as a whole --------------------------------------------------------------------------


def test_types_that_can_not_be_read_so_are_told_all_at_once(engine: Engine) -> None:
    typed = {**LINES, "at": [datetime(2020, 1, 1)] * 3, "flag": [True] * 3}
    columns = {
        **MAPPED["columns"],
        "price": "at",
        "time": "flag",
        "place": {"expression": "at + 1"},
    }
    with pytest.raises(MappingImpossible) as caught:
        conformed(engine, typed, source(columns=columns))
    said = str(caught.value)
    assert "columns.price: column `at` is a timestamp(6), and decimal(18, 4) is needed" in said
    assert "columns.time: column `flag` is a boolean, and timestamp(6) is needed" in said
    assert "columns.place: expression `at + 1`: a time stands where a number is expected" in said


def test_columns_named_like_the_records_do_no_harm(engine: Engine) -> None:
    columns = {
        "time": ["2020-01-01"],
        "type": ["view"],
        "_raw_0": ["x"],
        "source": ["y"],
        "row": [9],
    }
    mapping = source(columns={"type": "type", "time": "time", "place": "_raw_0"}, identifiers={})
    row = conformed(engine, columns, mapping)[0]
    assert (row["place"], row["source"], row["row"]) == ("x", "till", 2)
