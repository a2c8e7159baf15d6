"""What is published is counted, sorted, and the same every time."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import little_shop
import pyarrow as pa
import pytest

from bespeak.engines import Engine
from bespeak.errors import ArtifactCorrupt
from bespeak.serve import Snapshot
from bespeak.serve.publication import publish


@pytest.fixture(scope="session")
def snapshot(folder: Path) -> Snapshot:
    return Snapshot.open(folder)


def test_every_row_of_a_customer_is_published(snapshot: Snapshot) -> None:
    known = [row for row in little_shop.happenings() if row["customer_id"]]
    assert snapshot.events.rows.num_rows == len(known) == snapshot.about["rows"]["events"]


def test_the_same_rows_give_the_same_bytes(engine: Engine, folder: Path, tmp_path: Path) -> None:
    publish(engine, tmp_path / "again", little_shop.rows(engine), little_shop.findings())
    for path in folder.iterdir():
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes(), path.name


def test_sales_are_purchases_less_returns(snapshot: Snapshot) -> None:
    signs = {"purchase": 1, "return": -1}
    rows = little_shop.happenings()
    sales = sum((signs[row["type"]] * row["value"] for row in rows), Decimal(0))
    assert snapshot.overview["totals"]["sales"] == float(sales)
    assert sum(day["sales"] for day in snapshot.overview["days"]) == pytest.approx(float(sales))


def test_orders_of_a_day_are_counted_once(snapshot: Snapshot) -> None:
    first = snapshot.overview["days"][0]
    orders = {row["order_id"] for row in little_shop.happenings()
              if row["time"].date() == little_shop.START.date()}  # fmt: skip
    assert first["orders"] == len(orders)


def test_nothing_at_or_after_as_of_is_published(engine: Engine, tmp_path: Path) -> None:
    findings = little_shop.findings()
    early = type(findings)(**{**vars(findings), "as_of": little_shop.START.replace(day=2)})
    publish(engine, tmp_path / "early", little_shop.rows(engine), early)
    opened = Snapshot.open(tmp_path / "early")
    assert max(opened.events.rows["time"].to_pylist()) < early.as_of
    assert len(opened.overview["days"]) == 1


def test_a_history_is_in_order_and_complete(snapshot: Snapshot) -> None:
    history = snapshot.history("c01").to_pylist()
    assert [row["item_id"] for row in history].count("i08") == 1
    assert [row["time"] for row in history] == sorted(row["time"] for row in history)
    assert {row["customer_id"] for row in history} == {"c01"}


def test_ids_before_between_and_after_all_others_are_not_found(snapshot: Snapshot) -> None:
    for unknown in ("", " ", "c01x", "c0", "zzz", "\U0010ffff"):
        assert snapshot.customers.one(unknown) is None
        assert snapshot.history(unknown).num_rows == 0


def test_every_customer_is_found_by_id(snapshot: Snapshot) -> None:
    for number in range(1, 31):
        found = snapshot.customers.one(little_shop.customer_id(number))
        assert found is not None
        assert found["customer_id"] == little_shop.customer_id(number)


def test_an_exact_id_leads_a_search_and_the_busiest_follow(snapshot: Snapshot) -> None:
    rows, total = snapshot.find_customers("c01", 5)
    assert (rows[0]["customer_id"], total) == ("c01", 1)
    everybody, total = snapshot.find_customers("", 30)
    busy = [(-row["events"], row["customer_id"]) for row in everybody]
    assert total == 30
    assert busy == sorted(busy)


def test_a_customer_is_found_by_name_and_by_identifier(snapshot: Snapshot) -> None:
    assert snapshot.find_customers("löwe", 5)[0][0]["customer_id"] == "c02"
    assert snapshot.find_customers("EM0007", 5)[0][0]["customer_id"] == "c07"


def test_a_search_is_no_pattern(snapshot: Snapshot) -> None:
    assert snapshot.find_customers(".*", 5) == ([], 0)
    assert snapshot.find_items("<b>bold", 5)[1] == 1


def test_every_word_of_an_item_search_must_be_there(snapshot: Snapshot) -> None:
    titles = [row["title"] for row in snapshot.find_items("tea green", 5)[0]]
    assert titles == ["Jasmine green tea"]


def test_quarantine_keeps_five_examples_of_each_reason(snapshot: Snapshot) -> None:
    reasons = [row.reason for row in snapshot.data.quarantine]
    assert reasons.count("negative_quantity") == 5
    assert reasons.count("unparsable_time") == 3
    assert [row.row for row in snapshot.data.quarantine][:2] == [40, 41]


def test_members_come_by_what_they_spent(snapshot: Snapshot) -> None:
    members = snapshot.members.of("rfm/champions").to_pylist()
    assert len(members) == 8
    assert [m["value"] for m in members] == sorted((m["value"] for m in members), reverse=True)


def test_health_says_of_what_share_a_thing_is_true(snapshot: Snapshot) -> None:
    health = {entry["code"]: entry for entry in snapshot.overview["health"]}
    events = len(little_shop.happenings())
    assert health["accounted"]["state"] == "good"
    assert (health["identified"]["rows"], health["identified"]["of"]) == (events - 20, events)
    assert health["priced"]["share"] == 1


def test_an_account_that_does_not_add_up_is_poor_health(engine: Engine, tmp_path: Path) -> None:
    findings = little_shop.findings()
    wrong = [{**source, "account": {**source["account"], "rows_in": 10_000}}
             for source in findings.sources]  # fmt: skip
    changed = type(findings)(**{**vars(findings), "sources": wrong})
    publish(engine, tmp_path / "wrong", little_shop.rows(engine), changed)
    health = Snapshot.open(tmp_path / "wrong").overview["health"]
    assert next(h["state"] for h in health if h["code"] == "accounted") == "poor"


def test_quantiles_say_where_customers_stand(snapshot: Snapshot) -> None:
    orders = next(f for f in snapshot.meanings.features if f.name == "orders")
    assert orders.customers == 30
    assert orders.quantiles == sorted(orders.quantiles)
    trend = next(f for f in snapshot.meanings.features if f.name == "spend_trend_28d")
    assert trend.customers == 29, "undefined is not counted"


def test_files_are_mapped_not_copied(folder: Path) -> None:
    before = pa.total_allocated_bytes()
    opened = Snapshot.open(folder)
    assert opened.customers.one("c07") is not None
    assert pa.total_allocated_bytes() - before < 100_000


@pytest.mark.parametrize("name", ["customers.arrow", "overview.json", "snapshot.json"])
def test_a_broken_file_is_named(folder: Path, tmp_path: Path, name: str) -> None:
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / name).write_bytes(b"{not what it was")
    with pytest.raises(ArtifactCorrupt, match=name):
        Snapshot.open(tmp_path)


def test_another_layout_is_refused(folder: Path, tmp_path: Path) -> None:
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "snapshot.json").write_text('{"format": 99}')
    with pytest.raises(ArtifactCorrupt, match="another version"):
        Snapshot.open(tmp_path)
