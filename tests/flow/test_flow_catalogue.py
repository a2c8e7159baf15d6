"""The catalogue changed live: lists go by it at once, and a run takes in what held when."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pyarrow.dataset as ds
import pytest
from small_shop import QUICK_SEGMENTS

from bespeak import flow, shop
from bespeak.errors import NotFound
from bespeak.live import Change
from bespeak.serve import Cap, Filters, Shop
from bespeak.workspace import Workspace

CONFIG = """
[workspace]
name = "Changing shop"

[[sources]]
name = "till"
files = ["till.csv"]
identifiers = { customer = "who" }
columns = { type = { constant = "purchase" }, item_id = "what", time = "at" }
items = { title = "name", category = "kind", price = "price" }

[recommend]
most_shown = 9
shown_hours = 12
"""
ITEMS = {"tea": ("Drinks > Hot", "2.50"), "milk": ("Drinks > Cold", "1.00"), "ink": ("Desk", "9")}
STOP = 1_767_225_600_000_000


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Thirty customers of three items."""
    folder = tmp_path_factory.mktemp("shop")
    lines = ["who,what,name,kind,price,at"]
    for number in range(30):
        for item in ("tea", "ink" if number % 3 else "milk"):
            kind, price = ITEMS[item]
            day = 1 + number % 20
            lines.append(
                f"c{number},{item},{item.title()},{kind},{price},2026-02-{day:02d}T10:00:00Z"
            )
    (folder / "till.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "bespeak.toml").write_text(CONFIG + QUICK_SEGMENTS, encoding="utf-8")
    made = Workspace(folder)
    flow.run(made)
    return made


class Selling:
    """A workspace's server without a network."""

    def __init__(self, opened: Shop, intake: Any) -> None:
        self.shop, self.intake, self.time = opened, intake, STOP

    def change(self, item_id: str, **said: Any) -> None:
        self.time += 1_000_000
        self.intake.log.change([Change(item_id, said)], self.time)

    def listed(self, **filters: Any) -> dict[str, Any]:
        """item_id -> price of the list that a stranger gets."""
        changes = self.intake.assortment.since(self.shop.changed)
        found = self.shop.recommend(
            customer_id=None, items=(), k=5, repeat=None, filters=Filters(**filters),
            changes=changes,
        )  # fmt: skip
        json.dumps(found)
        return {item["item_id"]: item["price"] for item in found["items"]}

    def trending(self, **filters: Any) -> list[str]:
        changes = self.intake.assortment.since(self.shop.changed)
        found = self.shop.trending(k=5, filters=Filters(**filters), changes=changes)
        return [item["item_id"] for item in found["items"]]


@contextmanager
def selling(workspace: Workspace) -> Iterator[Selling]:
    intake = shop.open_intake(workspace)
    yield Selling(shop.open_shop(workspace), intake)
    intake.close()


@pytest.fixture(scope="module")
def sold(workspace: Workspace) -> Iterator[Selling]:
    with selling(workspace) as opened:
        yield opened


def rows(workspace: Workspace, key: str) -> list[dict[str, Any]]:
    folder = workspace.get(key).path / "rows"
    found: list[dict[str, Any]] = ds.dataset(folder, partitioning=None).to_table().to_pylist()
    return found


def test_a_fitted_model_can_be_tried_and_another_is_not_found(workspace: Workspace) -> None:
    opened = shop.open_shop(workspace)

    def asked(model: str | None) -> dict[str, Any]:
        return dict(opened.lists_of(model)(customer_id="c1", items=(), k=2, repeat=True))

    found = {name: asked(name)["model"] for name in ("popular", "frequency", "item_knn")}
    assert found == {name: name for name in found}
    assert asked("frequency")["items"] != asked("popular")["items"]
    versions = {asked(name)["version"] for name in found}
    assert len(versions) == 3
    assert asked(None)["version"] in versions
    with pytest.raises(NotFound, match=r"`als`.*popular"):
        asked("als")


def test_how_often_an_item_is_shown_is_as_the_workspace_says(sold: Selling) -> None:
    assert sold.shop.cap == Cap(9, timedelta(hours=12))


def test_a_changing_shop_from_change_to_record(sold: Selling, workspace: Workspace) -> None:
    assert sold.listed() == {"tea": 2.5, "ink": 9.0, "milk": 1.0}
    # a price is shown and filtered by
    sold.change("tea", price="20.00")
    assert sold.listed()["tea"] == 20.0
    assert list(sold.listed(price_to=10)) == ["ink", "milk"]
    # what is out of stock, or given up, is on no list, and comes back
    sold.change("ink", available=False)
    sold.change("milk", sold=False)
    assert sold.listed() == {"tea": 20.0}
    assert set(sold.listed(in_stock=False)) == {"tea", "ink"}
    assert sold.trending() == ["tea"]
    sold.change("ink", available=True)
    assert sold.trending() == ["tea", "ink"]
    # a new item stands under its category, its own or one that is there
    sold.change("kvass", title="Kvass", category="Drinks > Cold", price="3", available=True)
    sold.change("vase", title="Vase", category="Home", price="5")
    assert sold.listed(category="Drinks") == {"tea": 20.0, "kvass": 3.0}
    assert sold.listed(category="Home") == {"vase": 5.0}
    assert sold.trending(category="Drinks", price_to=4) == ["kvass"]
    assert sold.listed(category="Home", exclude=["vase"]) == {}
    assert "vase" not in sold.listed()
    # a changed category and title
    sold.change("tea", category="Home", title="Green tea")
    assert sold.listed(category="Home") == {"tea": 20.0, "vase": 5.0}
    assert sold.listed(category="Drinks") == {"kvass": 3.0}
    before = sold.listed(category="Home")

    flow.run(workspace)
    with selling(workspace) as again:
        assert again.shop.changed == sold.intake.log.changes_last()
        assert again.intake.assortment.since(again.shop.changed) == {}
        assert again.listed(category="Home") == before
        assert again.listed(category="Drinks") == {"kvass": 3.0}
        assert list(again.listed()) == ["tea", "ink"]
        assert "milk" not in again.listed(in_stock=False)
        assert again.shop.snapshot.items.one("vase")["title"] == "Vase"  # type: ignore[index]
    assert not flow.run(workspace).changed

    items = {row["item_id"]: row for row in rows(workspace, "record/items")}
    assert (items["tea"]["title"], items["tea"]["price"]) == ("Green tea", Decimal("20.0000"))
    assert (items["milk"]["available"], items["milk"]["price"]) == (False, Decimal("1.0000"))
    spans: dict[str, list[Any]] = {}
    for row in sorted(rows(workspace, "record/prices"), key=lambda row: row["from_time"]):
        ended = row["to_time"] is not None
        spans.setdefault(row["item_id"], []).append((row["price"], row["available"], ended))
    assert spans == {
        "tea": [(Decimal("20.0000"), None, False)],
        "ink": [(None, False, True), (None, True, False)],
        "milk": [(None, False, False)],
        "kvass": [(Decimal("3.0000"), True, False)],
        "vase": [(Decimal("5.0000"), None, False)],
    }


def test_a_price_that_moved_twice_is_known_as_it_was_then(workspace: Workspace) -> None:
    with selling(workspace) as sold:
        sold.time += 3_600_000_000
        sold.change("ink", price="8")
        sold.change("ink", title="Black ink")
        sold.change("ink", price="7")
    flow.run(workspace)
    ink = [row for row in rows(workspace, "record/prices") if row["item_id"] == "ink"]
    spans = sorted(ink, key=lambda row: row["from_time"])
    assert [row["price"] for row in spans] == [None, None, Decimal("8.0000"), Decimal("7.0000")]
    assert [row["to_time"] for row in spans[:-1]] == [row["from_time"] for row in spans[1:]]
    assert spans[-1]["to_time"] is None
