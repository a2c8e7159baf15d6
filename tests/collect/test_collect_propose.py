"""A proposal for files nobody has described: the table, the mapping, and what could not be told."""

from __future__ import annotations

import csv
import json
import sqlite3
import tomllib
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bespeak import config
from bespeak.collect import Proposal, RawFile, conform, open_raw, propose
from bespeak.config import Workspace
from bespeak.engines import Engine
from bespeak.errors import SourceMissing

START = datetime(2021, 1, 1, 9)
Rows = Iterable[Sequence[Any]]


def at(number: int) -> datetime:
    """A moment of the row's own, every 37 minutes."""
    return START + timedelta(minutes=37 * number)


def write(folder: Path, name: str, head: Sequence[str], rows: Rows, separator: str = ",") -> Path:
    path = folder / name
    with path.open("w", encoding="utf-8", newline="") as stream:
        out = csv.writer(stream, delimiter=separator)
        out.writerow(head)
        out.writerows(rows)
    return path


def chosen(proposal: Proposal) -> dict[str, str]:
    """Key -> choice of the only source; everything proposed must load."""
    config.parse(tomllib.loads(proposal.toml))
    assert len(proposal.sources) == 1, proposal.unread
    return {guess.key: guess.choice for guess in proposal.guesses}


def reason(proposal: Proposal, key: str) -> str:
    return next(guess.reason for guess in proposal.guesses if guess.key == key)


# -- lines of orders -----------------------------------------------------------------------------


def retail(lines: int = 400) -> dict[str, list[Any]]:
    """A wholesaler's lines: C is a cancellation, B a booking, write-offs have no price."""
    columns: dict[str, list[Any]] = {name: [] for name in (
        "InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice",
        "CustomerID", "Country",
    )}  # fmt: skip
    for n in range(lines):
        order, quantity, price, customer = str(536000 + n // 3), 1 + n % 7, 2.55, 12000 + n % 50
        if n % 40 == 7:
            order, quantity = f"C{order}", -quantity
        if n % 50 == 9:
            quantity, price = -9, 0.0
        if n == 333:
            order, price = "B777", -99.0
        nobody = n % 50 == 9 or n == 333 or n % 11 == 3
        title, who = "LANTERN" if n % 60 else None, None if nobody else customer
        country = "France" if n % 5 else "Japan"
        values = (order, f"{10000 + n % 60}A", title, quantity, at(n), price, who, country)
        for name, value in zip(columns, values, strict=True):
            columns[name].append(value)
    return columns


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_lines_of_orders_with_cancellations_are_told_by_their_signs(
    tmp_path: Path, engine: Engine, form: str
) -> None:
    columns = retail()
    path = tmp_path / f"retail.{form}"
    if form == "parquet":
        pq.write_table(pa.table(columns), path)
    else:
        write(tmp_path, path.name, list(columns), zip(*columns.values(), strict=True))
    proposal = propose([path])
    assert chosen(proposal) == {
        "table": "events",
        "channel": "shop",
        "identifiers.customer": "CustomerID",
        "columns.type": "case when InvoiceNo like 'C%' then 'return' when Quantity < 0 or"
        " (UnitPrice <= 0 and CustomerID is null) or (regexp_matches(InvoiceNo, '^[A-Za-z]') and"
        " CustomerID is null) then 'adjust' else 'purchase' end",
        "columns.time": "InvoiceDate",
        "columns.order_id": "InvoiceNo",
        "columns.item_id": "StockCode",
        "columns.quantity": "Quantity",
        "columns.price": "UnitPrice",
        "columns.place": "Country",
        "items.title": "Description",
        "customers.country": "Country",
    }
    assert "begins with C goes with a negative" in reason(proposal, "columns.type")
    if form == "parquet":
        raw = open_raw(engine, [RawFile(path.name, path, staged=False)])
        made = conform(engine, raw, proposal.sources[0], Workspace(name="w"), b"s" * 32)
        counted = engine.run(made.group_by("type").agg(rows=made.count())).to_pylist()
        assert {row["type"]: row["rows"] for row in counted} == {
            "return": 10, "adjust": 9, "purchase": 381,
        }  # fmt: skip


def test_currency_and_zone_that_nobody_names_are_said_to_be_unknown(tmp_path: Path) -> None:
    pq.write_table(pa.table(retail()), tmp_path / "retail.parquet")
    text = propose([tmp_path / "retail.parquet"]).toml
    assert 'currency = "XXX" # unknown' in text
    assert 'timezone = "UTC" # no file says in which zone' in text


def test_a_grocers_transactions_are_told(tmp_path: Path) -> None:
    path = write(
        tmp_path, "transactions.csv",
        ["household_id", "store_id", "basket_id", "product_id", "quantity", "sales_value",
         "retail_disc", "coupon_disc", "coupon_match_disc", "week", "transaction_timestamp"],
        [[n % 40, 300 + n % 9, 31198570000 + n // 4, 900000 + n % 120, 1, 0.5 + n % 13,
          -0.1 * (n % 3), 0, 0, 1 + n // 200, at(n)] for n in range(300)],
    )  # fmt: skip
    made = chosen(propose([path]))
    assert made["identifiers.customer"] == "household_id"
    assert made["columns.order_id"] == "basket_id"
    assert made["columns.item_id"] == "product_id"
    assert made["columns.value"] == "sales_value"
    assert made["columns.place"] == "store_id"
    assert made["columns.type"] == "'purchase'"
    assert made["columns.discount"] == (
        "-(coalesce(retail_disc, 0) + coalesce(coupon_disc, 0) + coalesce(coupon_match_disc, 0))"
    )


def test_a_plain_log_of_purchases_is_told(tmp_path: Path) -> None:
    head = ["user_id", "item_id", "time", "price", "category", "rating"]
    rows = [
        [n % 30, n % 70, at(n).isoformat(), 1 + n % 9, "abc"[n % 3], 1 + n % 5] for n in range(200)
    ]
    made = chosen(propose([write(tmp_path, "log.csv", head, rows)]))
    assert made == {
        "table": "events", "channel": "shop", "identifiers.customer": "user_id",
        "columns.type": "'purchase'", "columns.time": "time", "columns.item_id": "item_id",
        "columns.quantity": "1", "columns.price": "price",
        "columns.properties": "'rating=' || rating", "items.category": "category",
    }  # fmt: skip


def test_chinese_headers_are_understood(tmp_path: Path) -> None:
    head = ["用户ID", "商品ID", "时间", "金额", "数量", "订单号", "评论"]
    said = ("很好，下次还会再来购买的", "质量一般般吧，凑合着能用")
    rows = [
        [n % 30, n % 70, at(n).strftime("%Y/%m/%d %H:%M"), f"{5 + n % 9}.50", 1 + n % 3,
         f"D{n // 2:05d}", said[n % 2]]
        for n in range(200)
    ]  # fmt: skip
    proposal = propose([write(tmp_path, "订单.csv", head, rows)])
    made = chosen(proposal)
    assert made["identifiers.customer"] == "用户ID"
    assert made["columns.item_id"] == "商品ID"
    assert made["columns.time"] == "时间"
    assert made["columns.value"] == "金额"
    assert made["columns.quantity"] == "数量"
    assert made["columns.order_id"] == "订单号"
    assert made["texts.text"] == "评论"
    assert proposal.sources[0].name == "events"


def test_a_shop_systems_export_is_told_by_its_states(tmp_path: Path) -> None:
    head = ["Name", "Email", "Financial Status", "Currency", "Total", "Created at",
            "Lineitem quantity", "Lineitem name", "Lineitem price", "Lineitem sku", "Billing Name",
            "Billing Country"]  # fmt: skip
    states = ("paid", "refunded", "paid", "voided")
    rows = [
        [f"#{1000 + n // 2}", f"p{n // 8}@example.org", states[n // 2 % 4], "EUR",
         10 + n // 2 % 17, f"{at(n // 2)} -0500", 1 + n % 3, "Blue Mug", f"{4 + n % 5}.90",
         f"SKU-{n % 40}", "Ann B", "FR"]
        for n in range(200)
    ]  # fmt: skip
    made = chosen(propose([write(tmp_path, "orders.csv", head, rows)]))
    assert made["columns.order_id"] == "Name"
    assert made["columns.item_id"] == "Lineitem sku"
    assert made["items.title"] == "Lineitem name"
    assert made["columns.quantity"] == "Lineitem quantity"
    assert made["columns.price"] == "Lineitem price"
    assert made["columns.currency"] == "Currency"
    assert made["identifiers.email"] == "Email"
    assert "columns.value" not in made  # the order's total stands on each of its lines
    assert made["columns.type"] == (
        "case when lower(\"Financial Status\") = 'refunded' then 'return' when"
        " lower(\"Financial Status\") = 'voided' then 'other' else 'purchase' end"
    )


def test_a_total_of_the_order_is_not_taken_for_a_lines_amount(tmp_path: Path) -> None:
    head = ["order_id", "customer_id", "product_id", "order_date", "order_total"]
    rows = [[n // 3, n // 3 % 20, n % 50, at(n // 3), 10 + n // 3 % 23] for n in range(200)]
    made = chosen(propose([write(tmp_path, "orders.csv", head, rows)]))
    assert "columns.value" not in made


def test_without_a_letter_negative_quantities_are_returns(tmp_path: Path) -> None:
    head = ["receipt", "customer", "sku", "qty", "price", "date"]
    rows = [
        [f"T{n // 3}", n % 20, n % 50, -1 if n % 30 == 4 else 2, 1.5, at(n)] for n in range(200)
    ]
    made = chosen(propose([write(tmp_path, "till.csv", head, rows)]))
    assert made["columns.type"] == (
        "case when qty < 0 and price > 0 then 'return' when qty < 0 then 'adjust'"
        " else 'purchase' end"
    )
    assert made["channel"] == "till"


def test_a_german_till_is_told_with_its_commas_and_its_two_columns_of_time(tmp_path: Path) -> None:
    head = [
        "Datum",
        "Uhrzeit",
        "Bon",
        "Artikelnummer",
        "Bezeichnung",
        "Menge",
        "Betrag",
        "Kundenkarte",
    ]
    rows = [
        [at(n).strftime("%d.%m.%Y"), at(n).strftime("%H:%M"), n // 3, n % 60, "Tee", 1,
         f"{n % 9},40", 9000 + n % 30]
        for n in range(800)
    ]  # fmt: skip
    proposal = propose([write(tmp_path, "pos.csv", head, rows, ";")])
    made = chosen(proposal)
    assert made["decimal"] == ","
    assert made["columns.time"] == "concat(Datum, ' ', Uhrzeit)"
    assert proposal.sources[0].time_formats == ["%d.%m.%Y %H:%M"]
    assert made["columns.value"] == "Betrag"
    assert made["columns.order_id"] == "Bon"
    assert made["identifiers.card"] == "Kundenkarte"


# -- times ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "spread", "expected", "why"),
    [
        ("%d/%m/%Y", 40, ["%d/%m/%Y"], "the first number goes up to"),
        ("%m/%d/%Y %H:%M", 40, ["%m/%d/%Y %H:%M"], "the second number goes up to"),
        ("%m/%d/%y %I:%M %p", 40, ["%m/%d/%y %I:%M %p"], "the second number goes up to"),
        ("%d.%m.%Y", 0.2, ["%d.%m.%Y"], "dates with dots have the day first"),
        ("%b %d, %Y", 40, ["%b %d, %Y"], "its values fit %b %d, %Y"),
        ("%a, %d %b %Y %H:%M:%S +0000", 40, ["%a, %d %b %Y %H:%M:%S %z"], "its values fit"),
        ("%Y年%m月%d日 %H:%M", 40, ["%Y年%m月%d日 %H:%M"], "its values fit"),
        ("%Y-%m-%d %H:%M:%S", 40, [], "its values are ISO 8601"),
        ("%Y%m%d", 40, [], "its values are like 20170131"),
    ],
)
def test_how_times_are_written_is_found_in_the_values(
    tmp_path: Path, shape: str, spread: float, expected: list[str], why: str
) -> None:
    moments = [START + timedelta(days=spread * n / 100) for n in range(100)]
    rows = [[n % 9, n, moment.strftime(shape), 5] for n, moment in enumerate(moments)]
    head = ["customer_id", "product_id", "order_date", "price"]
    proposal = propose([write(tmp_path, "orders.csv", head, rows)])
    chosen(proposal)
    assert proposal.sources[0].time_formats == expected
    assert why in reason(proposal, "columns.time")


def test_a_day_and_month_that_nothing_tells_apart_are_said_to_be_a_guess(tmp_path: Path) -> None:
    rows = [[n % 9, n, f"{1 + n * 7 % 12}/{1 + n * 5 % 12}/2020", 5] for n in range(100)]
    head = ["customer_id", "product_id", "order_date", "price"]
    proposal = propose([write(tmp_path, "orders.csv", head, rows)])
    assert proposal.sources[0].time_formats == ["%d/%m/%Y"]
    assert reason(proposal, "time_formats").startswith("a guess: no number is above 12")
    assert "look at a few dates" in proposal.toml


def test_the_order_of_the_rows_may_tell_day_from_month(tmp_path: Path) -> None:
    # 1 to 12 May, one day after the other: read the other way, the months would jump back
    days = [datetime(2020, 5, day) for day in range(1, 13)] + [datetime(2020, 6, 1)]
    rows = [[n % 9, n, day.strftime("%m/%d/%Y"), 5] for n, day in enumerate(days)]
    head = ["customer_id", "product_id", "order_date", "price"]
    proposal = propose([write(tmp_path, "orders.csv", head, rows)])
    assert proposal.sources[0].time_formats == ["%m/%d/%Y"]
    assert "in order of time only if" in reason(proposal, "time_formats")


def test_a_few_broken_dates_do_not_hide_how_dates_are_written(tmp_path: Path) -> None:
    rows = [[n % 9, n, at(n * 40).strftime("%d.%m.%Y"), 5] for n in range(200)]
    rows += [[1, 1, "31.31.2021", 5]]
    head = ["customer_id", "product_id", "order_date", "price"]
    proposal = propose([write(tmp_path, "orders.csv", head, rows)])
    assert proposal.sources[0].time_formats == ["%d.%m.%Y"]


# -- what people do on pages, in apps, with mail -------------------------------------------------


def test_values_of_events_are_mapped_by_what_they_mean(tmp_path: Path) -> None:
    names = ("page_view", "addtocart", "transaction", "购买", "flub")
    head = ["timestamp", "visitorid", "event", "itemid"]
    rows = [[1433221332117 + n * 1000, n % 40, names[n % 5], n % 70] for n in range(200)]
    proposal = propose([write(tmp_path, "events.csv", head, rows)])
    made = chosen(proposal)
    assert made["identifiers.cookie"] == "visitorid"
    assert made["columns.time"] == "timestamp"
    assert made["columns.type"] == (
        "case when lower(event) = 'page_view' then 'view' when lower(event) = 'addtocart' then"
        " 'cart' when lower(event) in ('transaction', '购买') then 'purchase' when lower(event)"
        " = 'flub' then 'other' else event end"
    )
    assert "nothing is known of `flub`" in reason(proposal, "columns.type")


def test_a_page_log_gives_items_from_addresses(tmp_path: Path) -> None:
    head = ["visitor_id", "session_id", "timestamp", "page_url"]
    pages = ("/product/{}?utm=1", "/cart/add?id={}", "/search?q=tea{}", "/about")
    rows = [
        [
            f"v{n % 30}",
            f"s{n // 5}",
            at(n).isoformat(),
            "https://x.org" + pages[n % 4].format(n % 50),
        ]
        for n in range(200)
    ]
    made = chosen(propose([write(tmp_path, "clickstream.csv", head, rows)]))
    assert made["columns.item_id"] == "regexp_extract(page_url, '/product/([^/?#]+)', 1)"
    assert "then 'cart'" in made["columns.type"]
    assert "then 'search'" in made["columns.type"]
    assert made["columns.type"].endswith("else 'view' end")
    assert made["columns.session_id"] == "session_id"
    assert made["identifiers.cookie"] == "visitor_id"
    assert made["channel"] == "web"


def test_an_access_log_is_told(tmp_path: Path) -> None:
    lines = [
        f"10.0.{n % 3}.{n % 40} - - [{at(n).strftime('%d/%b/%Y:%H:%M:%S')} +0000]"
        f' "GET /product/{n % 20} HTTP/1.1" 200 512 "-" "Mozilla/5.0"'
        for n in range(100)
    ]
    (tmp_path / "access.log").write_text("\n".join(lines) + "\n", encoding="utf-8")
    made = chosen(propose([tmp_path / "access.log"]))
    assert made["identifiers.ip"] == "host"
    assert made["columns.item_id"] == "regexp_extract(path, '/product/([^/?#]+)', 1)"
    assert made["columns.type"] == "'view'"


def test_sessions_stand_for_visitors_that_nothing_names(tmp_path: Path) -> None:
    head = ["session_id", "time", "item_id"]
    rows = [[f"s{n // 4}", at(n).isoformat(), n % 60] for n in range(100)]
    made = chosen(propose([write(tmp_path, "clicks.csv", head, rows)]))
    assert made["identifiers.session"] == "session_id"
    assert made["columns.type"] == "'click'"


def test_nested_events_of_an_app_are_told(tmp_path: Path) -> None:
    lines = [
        {"name": ("view", "cart")[n % 2], "ts": int(at(n).timestamp() * 1000), "item": f"i{n % 30}",
         "device": {"id": f"d{n % 20}", "category": "mobile"},
         **({"user": {"email": f"p{n % 20}@example.org"}} if n % 5 == 0 else {})}
        for n in range(100)
    ]  # fmt: skip
    text = "\n".join(json.dumps(line) for line in lines)
    (tmp_path / "app.jsonl").write_text(text + "\n", encoding="utf-8")
    made = chosen(propose([tmp_path / "app.jsonl"]))
    assert made["identifiers.device"] == "device.id"
    assert made["identifiers.email"] == "user.email"
    assert made["columns.device"] == "device.category"
    assert made["columns.type"] == "name"
    assert made["columns.time"] == "ts"
    assert made["columns.item_id"] == "item"
    assert made["channel"] == "app"


def test_a_mail_tools_export_with_a_column_per_step_is_told(tmp_path: Path) -> None:
    head = ["Email Address", "Campaign", "Sent At", "Opened At", "Clicked At"]
    rows = [
        [f"p{n}@example.org", f"news{n // 40}", at(n), at(n + 1) if n % 3 else "",
         at(n + 2) if n % 6 == 1 else ""]
        for n in range(120)
    ]  # fmt: skip
    made = chosen(propose([write(tmp_path, "mailing.csv", head, rows)]))
    assert made["columns.type"] == (
        'case when "Clicked At" is not null then \'click\' when "Opened At" is not null then'
        " 'open' else 'send' end"
    )
    assert made["columns.time"] == 'coalesce("Clicked At", "Opened At", "Sent At")'
    assert made["columns.request_id"] == "Campaign"
    assert made["identifiers.email"] == "Email Address"


def test_a_mail_tools_export_with_a_column_of_events_is_told(tmp_path: Path) -> None:
    head = ["recipient", "event", "timestamp"]
    names = ("delivered", "open", "click", "bounce")
    rows = [[f"p{n % 30}@example.org", names[n % 4], f"{at(n).isoformat()}Z"] for n in range(120)]
    made = chosen(propose([write(tmp_path, "mail_log.csv", head, rows)]))
    assert "= 'delivered' then 'send'" in made["columns.type"]
    assert "= 'bounce' then 'other'" in made["columns.type"]
    assert made["channel"] == "mail"


def test_mentions_become_texts(tmp_path: Path) -> None:
    head = ["created_at", "author", "text", "likes"]
    said = ("I love this shop so much, really", "Never again will I buy here")
    rows = [
        [at(n).strftime("%a %b %d %H:%M:%S +0000 %Y"), f"@user{n % 20}", said[n % 2], n % 7]
        for n in range(60)
    ]
    made = chosen(propose([write(tmp_path, "mentions.csv", head, rows)]))
    assert made["table"] == "texts"
    assert made["identifiers.handle"] == "author"
    assert made["columns.text"] == "text"
    assert made["columns.kind"] == "'mention'"


def test_reviews_of_items_are_ratings_that_carry_a_text(tmp_path: Path) -> None:
    head = ["reviewerID", "asin", "reviewText", "overall", "unixReviewTime"]
    rows = [
        [
            f"A{n % 30}",
            f"B{n % 50:05d}",
            "works as it should, no complaints",
            1 + n % 5,
            1393545600 + n,
        ]
        for n in range(120)
    ]
    made = chosen(propose([write(tmp_path, "reviews.csv", head, rows)]))
    assert made["table"] == "events"
    assert made["columns.type"] == "'rate'"
    assert (made["texts.text"], made["texts.rating"]) == ("reviewText", "overall")


# -- who and what there is -----------------------------------------------------------------------


def people(rows: int = 60) -> tuple[list[str], list[list[Any]]]:
    head = ["Customer No", "First Name", "Last Name", "E-Mail", "Mobile", "City", "Country",
            "Date of Birth", "Opt-In", "Tier"]  # fmt: skip
    return head, [
        [10000 + n, f"Ann{n}", f"Smith{n}", f"p{n}@example.org", f"+44 7700 900{n:03d}",
         "Leeds", "GB", f"{1 + n % 28:02d}/{1 + n % 12:02d}/{1950 + n % 40}", ("yes", "no")[n % 2],
         "gold"]
        for n in range(rows)
    ]  # fmt: skip


def test_a_list_of_customers_is_told(tmp_path: Path) -> None:
    proposal = propose([write(tmp_path, "crm.csv", *people())])
    assert chosen(proposal) == {
        "table": "customers", "channel": "crm", "identifiers.customer": "Customer No",
        "identifiers.email": "E-Mail", "identifiers.phone": "Mobile",
        "columns.name": "concat(\"First Name\", ' ', \"Last Name\")",
        "columns.country": "Country", "columns.city": "City",
        "columns.birth_year": 'right("Date of Birth", 4)',
        "columns.consent": "'marketing: ' || \"Opt-In\"",
        "columns.attributes": "concat('Tier ', Tier)",
    }  # fmt: skip


def test_no_persons_value_stands_in_a_proposal(tmp_path: Path) -> None:
    head, rows = people()
    proposal = propose([write(tmp_path, "crm.csv", head, rows)])
    said = proposal.toml + repr(proposal.guesses)
    private = {str(row[column]) for row in rows for column in (0, 1, 2, 3, 4, 7)}
    assert not [value for value in private if value in said]


def test_a_catalogue_is_told(tmp_path: Path) -> None:
    head = [
        "SKU",
        "Product Name",
        "Category",
        "Sub Category",
        "Brand",
        "Price",
        "In Stock",
        "Weight",
    ]
    rows = [
        [
            f"A{n}",
            f"Thing {n}",
            "Tea",
            "xyz"[n % 3],
            "Acme",
            f"{n % 9},50",
            ("yes", "no")[n % 2],
            n % 2,
        ]
        for n in range(60)
    ]
    made = chosen(propose([write(tmp_path, "catalogue.csv", head, rows, ";")]))
    assert made == {
        "table": "items", "channel": "catalogue", "decimal": ",", "columns.item_id": "SKU",
        "columns.title": "Product Name",
        "columns.category": "concat(Category, coalesce(' > ' || \"Sub Category\", ''))",
        "columns.brand": "Brand", "columns.price": "Price", "columns.available": "In Stock",
        "columns.attributes": "concat('Weight ', Weight)",
    }  # fmt: skip


def test_a_bare_id_is_known_by_the_files_name(tmp_path: Path) -> None:
    rows = [[n, f"Band of the {n}"] for n in range(60)]
    made = chosen(propose([write(tmp_path, "artists.csv", ["id", "name"], rows)]))
    assert made["columns.item_id"] == "id"
    assert made["columns.title"] == "name"


def test_coupons_and_redemptions_become_offers(tmp_path: Path) -> None:
    coupons = write(tmp_path, "coupons.csv", ["coupon_upc", "product_id", "campaign_id"],
                    [[10000085000 + n, 9676000 + n, 26] for n in range(60)])  # fmt: skip
    made = chosen(propose([coupons]))
    assert made["table"] == "offers"
    assert (made["columns.offer_id"], made["columns.kind"]) == ("coupon_upc", "'coupon'")
    redeemed = write(
        tmp_path, "redemptions.csv",
        ["household_id", "coupon_upc", "campaign_id", "redemption_date"],
        [[n % 20, 10000085000 + n, 26, at(n).date()] for n in range(60)],
    )  # fmt: skip
    made = chosen(propose([redeemed]))
    assert made["columns.kind"] == "'redemption'"
    assert made["columns.from_time"] == "redemption_date"


def test_weeks_are_dated_by_a_file_that_has_both_weeks_and_times(tmp_path: Path) -> None:
    placed = write(
        tmp_path, "promotions.csv", ["product_id", "store_id", "display_location", "week"],
        [[n % 40, n % 5, n % 4, 1 + n // 50] for n in range(200)],
    )  # fmt: skip
    alone = propose([placed])
    assert alone.sources == ()
    assert "nothing tells the day on which week 1 began" in alone.unread[0][1]
    assert '# table = "placements"' in alone.toml
    # Monday, 4 January 2021 begins week 2
    sold = write(
        tmp_path, "sales.csv", ["customer_id", "product_id", "price", "week", "time"],
        [[n % 9, n % 40, 1, 1 + (at(n).date() - datetime(2020, 12, 28).date()).days // 7, at(n)]
         for n in range(200)],
    )  # fmt: skip
    proposal = propose([placed, sold])
    assert proposal.unread == ()
    made = {guess.key: guess for guess in proposal.guesses if guess.source == "promotions"}
    assert made["columns.from_time"].choice == (
        "time_add(timestamp '2020-12-21 00:00:00', week * 7, 'day')"
    )
    assert "week 1 began on 2020-12-28" in made["columns.from_time"].reason


# -- several files -------------------------------------------------------------------------------


def test_files_of_one_shape_are_one_source(tmp_path: Path) -> None:
    head = ["customer_id", "product_id", "order_date", "price"]
    for year in (2019, 2020, 2021):
        rows = [[n % 9, n, at(n).replace(year=year), 5] for n in range(30)]
        write(tmp_path, f"sales_{year}.csv", head, rows)
    proposal = propose([tmp_path], root=tmp_path)
    assert len(proposal.sources) == 1
    assert proposal.sources[0].name == "sales_20"
    assert proposal.sources[0].files == ["sales_2019.csv", "sales_2020.csv", "sales_2021.csv"]


def test_one_numbering_of_customers_has_one_name(tmp_path: Path) -> None:
    orders = ["user_id", "product_id", "order_date", "price"]
    write(tmp_path, "orders.csv", orders, [[500 + n % 40, n, at(n), 5] for n in range(100)])
    write(tmp_path, "crm.csv", ["customer_id", "country"], [[500 + n, "GB"] for n in range(40)])
    proposal = propose([tmp_path])
    assert [list(source.identifiers) for source in proposal.sources] == [["customer"], ["customer"]]
    assert config.parse(tomllib.loads(proposal.toml)).identity.primary == ["customer"]


def test_two_numberings_of_customers_stay_apart(tmp_path: Path) -> None:
    orders = ["user_id", "product_id", "order_date", "price"]
    write(tmp_path, "orders.csv", orders, [[f"u{n % 40}", n, at(n), 5] for n in range(100)])
    write(tmp_path, "crm.csv", ["customer_id", "country"], [[500 + n, "GB"] for n in range(40)])
    proposal = propose([tmp_path])
    assert [list(source.identifiers) for source in proposal.sources] == [["customer"], ["user"]]
    assert config.parse(tomllib.loads(proposal.toml)).identity.primary == ["customer", "user"]


def test_tables_of_a_database_are_looked_at_one_by_one(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "shop.db")
    connection.execute("create table orders (order_id, customer_id, product_id, ordered_at, price)")
    connection.executemany(
        "insert into orders values (?, ?, ?, ?, ?)",
        [(n // 2, n % 9, n % 30, str(at(n)), 5) for n in range(60)],
    )
    connection.execute('create table "odd one" (a)')
    connection.execute('insert into "odd one" values (1)')
    connection.commit()
    connection.close()
    for given in (str(tmp_path / "shop.db"), f"sqlite:///{tmp_path / 'shop.db'}"):
        proposal = propose([given])
        assert [source.query for source in proposal.sources] == ['SELECT * FROM "orders"']
        assert proposal.sources[0].database == f"sqlite:///{(tmp_path / 'shop.db').resolve()}"
        assert len(proposal.unread) == 1


# -- what can't be told --------------------------------------------------------------------------


def test_files_that_cannot_be_told_are_named_with_the_reason(tmp_path: Path) -> None:
    write(tmp_path, "survey.csv", ["q1", "q2"], [[n % 5, n % 3] for n in range(50)])
    (tmp_path / "letter.pdf").write_bytes(b"%PDF-1.4 something")
    write(tmp_path, "empty.csv", ["a", "b"], [])
    proposal = propose([tmp_path])
    assert proposal.sources == ()
    why = {Path(path).name: reason for path, reason in proposal.unread}
    assert "nothing in it says when it happened" in why["survey.csv"]
    assert "PDF" in why["letter.pdf"]
    assert set(why) == {"survey.csv", "letter.pdf", "empty.csv"}
    assert "# [[sources]]" in proposal.toml
    assert "# Its columns: q1, q2" in proposal.toml
    assert config.parse(tomllib.loads(proposal.toml)).sources == []


def test_an_input_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing, match="no-such"):
        propose([tmp_path / "no-such.csv"])


def test_names_that_would_break_the_file_are_kept_whole(tmp_path: Path) -> None:
    head = ['customer "id"', "prod#uct\tid", "order_date", "price"]
    rows = [[n % 9, n, at(n), 5] for n in range(40)]
    proposal = propose([write(tmp_path, "a#b].csv", head, rows)])
    config.parse(tomllib.loads(proposal.toml))
    for source in proposal.sources:
        assert Path(source.files[0]).name == "a#b].csv"


def test_values_that_name_nobody_are_left_out(tmp_path: Path) -> None:
    who = ["NULL", "0", *(f"{100 + n}.0" for n in range(18))]
    head = ["customer_id", "product_id", "order_date", "price"]
    rows = [[("NULL" if n % 4 == 0 else 100 + n % 30), n, at(n), 5] for n in range(100)]
    made = chosen(propose([write(tmp_path, "a.csv", head, rows)]))
    assert made["identifiers.customer"] == "nullif(customer_id, 'NULL')"
    rows = [[who[2 + n % 18], n, at(n), 5] for n in range(100)]
    made = chosen(propose([write(tmp_path, "b.csv", head, rows)]))
    assert made["identifiers.customer"] == "split_part(customer_id, '.', 1)"


def test_any_preview_will_do(tmp_path: Path) -> None:
    path = tmp_path / "orders.xyz"
    path.write_text("nothing that could be read", encoding="utf-8")
    rows = [{"user": n % 9, "item": f"i{n % 20}", "time": at(n)} for n in range(40)]
    look: Callable[..., Any] = lambda path, **_: (["user", "item", "time"], rows, ["Made up."])  # noqa: E731
    made = chosen(propose([path], look))
    assert made["columns.item_id"] == "item"
    assert "# Made up." in propose([path], look).toml


def test_a_proposal_is_the_same_every_time(tmp_path: Path) -> None:
    pq.write_table(pa.table(retail()), tmp_path / "retail.parquet")
    write(tmp_path, "crm.csv", *people())
    assert propose([tmp_path]) == propose([tmp_path])
