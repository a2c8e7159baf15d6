"""Mappings that can't work are told before anything runs, every problem at once."""

from __future__ import annotations

from typing import Any

import pytest

from bespeak import config
from bespeak.collect import check_mapping
from bespeak.collect.mapping import personal_columns
from bespeak.config import Source
from bespeak.errors import MappingImpossible

COLUMNS = ["InvoiceNo", "When", "Price", "Qty", "CustomerID", "Email"]


def source(**said: Any) -> Source:
    """A till's source whose mapping is sound, changed as `said`."""
    given: dict[str, Any] = {
        "name": "till",
        "files": ["x.csv"],
        "columns": {"type": {"constant": "purchase"}, "time": "When", "price": "Price"},
        "identifiers": {"customer": "CustomerID"},
        **said,
    }
    data = {"workspace": {"name": "shop"}, "sources": [given]}
    return config.parse(data).sources[0]


def complaint(changed: Source) -> str:
    with pytest.raises(MappingImpossible) as caught:
        check_mapping(changed, COLUMNS)
    return str(caught.value)


def test_a_sound_mapping_passes() -> None:
    check_mapping(source(), COLUMNS)
    check_mapping(source(), [*COLUMNS, "_file", "_row", "_copies"])


def test_every_problem_is_listed_with_what_was_meant() -> None:
    said = complaint(
        source(
            columns={
                "type": {"expression": "case when Qyt < 0 then 'return' else 'purchase' end"},
                "time": "when",
                "price": "UnitPrice",
            },
            identifiers={"customer": "customer_id"},
        )
    )
    assert "source `till`" in said
    assert "columns.time: there is no column `when` (did you mean `When`?)" in said
    assert "columns.price: there is no column `UnitPrice` (did you mean `Price`?)" in said
    assert (
        "identifiers.customer: there is no column `customer_id` (did you mean `CustomerID`?)"
        in said
    )
    assert "there is no column `Qyt` (did you mean `Qty`?)" in said
    assert "expected columns of the source: `InvoiceNo`, `When`" in said
    assert "[[sources]] `till`" in said
    assert "An expression may use" in said


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"columns": {"time": "When"}}, "columns.type: events need it"),
        ({"columns": {"type": {"constant": "purchase"}}}, "columns.time: events need it"),
        ({"table": "customers", "columns": {}, "identifiers": {}}, "identifiers: customers need"),
        ({"table": "items", "columns": {"title": "Price"}}, "columns.item_id: items need it"),
        ({"items": {"title": "Price"}}, "items: what a row says of its item needs"),
        ({"customers": {"country": "Price"}, "identifiers": {}}, "customers: what a row says"),
        ({"texts": {"language": "Price"}}, "texts: what a customer said needs `texts.text`"),
        ({"time_formats": ["%Q"]}, "time_formats: `%Q`: `%Q` is no part of a time"),
        ({"time_formats": ["%d/%m"]}, "time_formats: `%d/%m`: a time needs its year"),
    ],
)
def test_what_is_missing_is_named(said: dict[str, Any], problem: str) -> None:
    assert problem in complaint(source(**said))


@pytest.mark.parametrize(
    ("mapped", "problem"),
    [
        ({"type": {"constant": "sale"}}, "`sale` is no type of event"),
        ({"type": {"constant": "purchas"}}, "(did you mean `purchase`?)"),
        ({"price": {"constant": "dear"}}, "the constant `dear` can't be read, expected a number"),
        ({"time": {"constant": "today"}}, "the constant `today` can't be read, expected a time"),
        ({"price": {}}, "give a column's name, `{constant = …}` or"),
        ({"price": {"constant": 1, "expression": "Qty"}}, "not both"),
        ({"price": {"expression": "foo(Qty)"}}, "expression `foo(Qty)`: function `foo`"),
    ],
)
def test_constants_and_expressions_are_checked(mapped: dict[str, Any], problem: str) -> None:
    columns = {"type": {"constant": "purchase"}, "time": "When", **mapped}
    assert problem in complaint(source(columns=columns))


def test_a_source_without_columns_says_so() -> None:
    with pytest.raises(MappingImpossible, match="a source with columns"):
        check_mapping(source(), [])


def test_expressions_may_read_the_file_and_the_row() -> None:
    columns = {"type": {"constant": "purchase"}, "time": "When", "place": "_file"}
    check_mapping(source(columns=columns), COLUMNS)
    columns["order_id"] = {"expression": "concat(_file, '-', _row)"}  # type: ignore[assignment]
    check_mapping(source(columns=columns), COLUMNS)


def test_personal_columns_are_those_mapped_so_and_those_that_look_so() -> None:
    columns = [*COLUMNS, "customerPhone", "ship_address", "product_name", "First Name", "手机号码"]
    mapped = source(identifiers={"card": "CustomerID"})
    assert personal_columns(mapped, columns) == {
        "CustomerID", "Email", "customerPhone", "ship_address", "First Name", "手机号码",
    }  # fmt: skip
    shown = source(
        columns={"type": {"constant": "purchase"}, "time": "When", "place": "ship_address"}
    )
    assert "ship_address" not in personal_columns(shown, columns)
