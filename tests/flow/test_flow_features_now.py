"""Features in the API are those of this moment, and what a run made for that moment would give."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
import pytest

from bespeak import flow
from bespeak.shop import open_shop
from bespeak.workspace import Workspace
from served import Served

CONFIG = """
[workspace]
name = "Small shop"
timezone = "Europe/London"
[segments]
bootstrap = 2
k_max = 3
[recommend]
models = ["popular", "item_knn"]
[[sources]]
name = "till"
channel = "till"
files = ["till.csv"]
identifiers = { customer = "who" }
columns = { type = "did", item_id = "what", order_id = "bill", time = "at", quantity = "n", price = "price", discount = "off" }
items = { title = "what", category = "shelf" }
"""  # noqa: E501 - a line of TOML
SHELVES = {"tea": "Drinks > Hot", "milk": "Drinks > Cold", "ink": "Desk", "pens": "Desk"}
HEADER = "who,did,what,shelf,bill,at,n,price,off"


def orders(now: datetime) -> str:
    """Twelve customers, each with four orders of two items; `c3` brought something back."""
    lines = [HEADER]
    for who in range(12):
        for order in range(4):
            at = now - timedelta(days=5 + who + 20 * order, hours=who)
            for place in range(2):
                item = list(SHELVES)[(who + order + place) % 4]
                lines.append(
                    f"c{who},purchase,{item},{SHELVES[item]},b{who}-{order},"
                    f"{at:%Y-%m-%dT%H:%M:%SZ},{1 + place},{2 + who / 4:.2f},0.{place}5"
                )
    at = now - timedelta(days=4)
    lines.append(f"c3,return,tea,{SHELVES['tea']},b3-0,{at:%Y-%m-%dT%H:%M:%SZ},1,2.75,")
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    (folder / "bespeak.toml").write_text(CONFIG, encoding="utf-8")
    (folder / "till.csv").write_text(orders(datetime.now(UTC)), encoding="utf-8")
    flow.run(Workspace(folder))
    return folder


@pytest.fixture
def shop(ran: Path, tmp_path: Path) -> Iterator[tuple[Path, Served]]:
    """A copy of the workspace, and a server of it."""
    folder = tmp_path / "shop"
    shutil.copytree(ran, folder)
    server = Served(folder)
    yield folder, server
    server.stop()


def row(folder: Path, customer_id: str) -> dict[str, Any]:
    """A customer's features as the last run has them."""
    rows = ds.dataset(Workspace(folder).get("features/customers").path / "rows").to_table()
    (found,) = [one for one in rows.to_pylist() if one["customer_id"] == customer_id]
    return {name: value for name, value in found.items() if name != "customer_id"}


def seen(server: Served, customer_id: str) -> dict[str, Any]:
    status, found = server.get(f"/v1/customers/{customer_id}")
    assert status == 200, found
    told: dict[str, Any] = found
    return told


def tell(server: Served, *events: dict[str, Any]) -> None:
    assert server.post("/v1/events", {"events": list(events)}) == (
        200, {"accepted": len(events), "duplicates": 0, "errors": []},
    )  # fmt: skip


def test_an_event_is_in_the_next_answers_features_as_a_run_would_have_them(
    shop: tuple[Path, Served],
) -> None:
    folder, server = shop
    before, was = seen(server, "c3"), row(folder, "c3")
    as_of = was.pop("as_of").replace(tzinfo=UTC)
    assert before["features"] == was
    assert datetime.fromisoformat(before["features_as_of"]) == as_of
    assert (before["since"], before["features_by_run"]) == (0, [])
    who = {"identifiers": {"customer": "c3"}}
    tell(
        server,
        {"type": "view", "item_id": "pens", "session_id": "s1"},  # and only then they log in
        {"type": "login", "session_id": "s1", **who},
        {"type": "search", "session_id": "s1"},
        {"type": "cart", "item_id": "milk", "session_id": "s1"},
        {"type": "purchase", "item_id": "milk", "order_id": "n1", "price": "3.12345",
         "quantity": 2, "discount": "0.50", **who},
        {"type": "purchase", "item_id": "new", "order_id": "n1", "value": "7", **who},
        {"type": "purchase", "item_id": "ink", "price": "9", "identifiers": {"customer": "c4"}},
        {"type": "return", "item_id": "ink", "value": "1.10", "time": f"{as_of:%Y-%m-%dT%H}:00:00Z",
         **who},
    )  # fmt: skip
    for _ in range(6):  # whichever worker answers
        now = seen(server, "c3")
        assert now["since"] == 7
    names = ("recency_days", "orders", "orders_28d", "views")
    assert [was[name] for name in names] == [4, 4, 2, 0]
    told = now["features"]
    # the second order of the last 28 days is older than that by now
    assert [told[name] for name in names] == [0, 5, 2, 1]
    # nobody else's features move
    assert seen(server, "c5")["features"] == {
        name: value for name, value in row(folder, "c5").items() if name != "as_of"
    }
    server.stop()
    with (folder / "bespeak.toml").open("a", encoding="utf-8") as config:
        config.write(f'[features]\nas_of = "{now["features_as_of"]}"\n')
    flow.run(Workspace(folder))
    made = row(folder, "c3")
    assert made["as_of"].replace(tzinfo=UTC) == datetime.fromisoformat(now["features_as_of"])
    assert now["features_by_run"] == ["visits"]
    for found in (told, made):
        found.pop("visits")
    assert told == {name: value for name, value in made.items() if name != "as_of"}
    assert told["channel_share:live"] > 0


def test_features_of_a_fixed_instant_stay_so(ran: Path, tmp_path: Path) -> None:
    assert open_shop(Workspace(ran)).lately is not None
    folder = tmp_path / "fixed"
    shutil.copytree(ran, folder)
    with (folder / "bespeak.toml").open("a", encoding="utf-8") as config:
        config.write('[features]\nas_of = "2026-01-01"\n')
    assert open_shop(Workspace(folder)).lately is None


def test_a_senders_clock_that_runs_ahead_moves_the_instant(shop: tuple[Path, Served]) -> None:
    _, server = shop
    ahead = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=5)
    tell(server, {"type": "view", "item_id": "tea", "identifiers": {"customer": "c1"},
                  "time": ahead.isoformat()})  # fmt: skip
    found = seen(server, "c1")
    assert datetime.fromisoformat(found["features_as_of"]) - ahead == timedelta(microseconds=1)
