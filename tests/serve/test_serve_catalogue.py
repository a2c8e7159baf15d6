"""The catalogue by API: each change checked, durable when answered, seen by the next request."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asking import Answer, Ask, ask_of

from bespeak import live
from bespeak.serve import Intake, Shop, create_app


@pytest.fixture
def intake(tmp_path: Path) -> Iterator[Intake]:
    opened = Intake.over(live.SQLiteLog(tmp_path / "live.db"), "{}:{}".format)
    yield opened
    opened.close()


@pytest.fixture
def asked(shop: Shop, intake: Intake) -> Ask:
    return ask_of(create_app(shop, intake=intake))


def send(asked: Ask, method: str, path: str, given: Any = None, **headers: str) -> Answer:
    content = given if isinstance(given, bytes) else json.dumps(given or {}).encode()
    return asked(path, method=method, body=content, headers=headers)


def good(answer: Answer) -> dict[str, Any]:
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.json()
    return found


def refused(answer: Answer, status: int = 422) -> dict[str, Any]:
    assert answer.status == status, answer.body
    found: dict[str, Any] = answer.json()["error"]
    return found


def test_a_new_item_comes_back_and_is_found_at_once(asked: Ask) -> None:
    assert asked("/v1/items/mug").status == 404
    item = {"title": "Blue mug", "category": "Cups", "brand": "Ash", "price": "7.50"}
    assert good(send(asked, "PUT", "/v1/items/mug", item)) == {"accepted": 1, "errors": []}
    found = good(asked("/v1/items/mug"))
    assert {name: found[name] for name in item} == {**item, "price": 7.5}
    assert (found["available"], found["is_product"], found["events"]) == (True, True, 0)
    assert [one["item_id"] for one in good(asked("/v1/items?q=blue%20ash"))["items"]] == ["mug"]
    assert good(asked("/v1/items?q=blue%20tea"))["items"] == []


def test_a_change_says_what_changed_and_the_rest_stays(asked: Ask) -> None:
    before = good(asked("/v1/items/i05"))
    good(send(asked, "PATCH", "/v1/items/i05", {"price": 1.25, "available": False}))
    now = good(asked("/v1/items/i05"))
    assert now == {**before, "price": 1.25, "available": False}
    good(send(asked, "PUT", "/v1/items/i05", {"title": "Other"}))
    assert good(asked("/v1/items/i05")) == {
        **before, "title": "Other", "price": 1.25, "available": True,
    }  # fmt: skip


def test_an_item_given_up_is_unavailable_until_it_is_put_again(asked: Ask) -> None:
    good(send(asked, "DELETE", "/v1/items/i05"))
    assert good(asked("/v1/items/i05"))["available"] is False
    good(send(asked, "PATCH", "/v1/items/i05", {"available": True}))
    assert good(asked("/v1/items/i05"))["available"] is False
    good(send(asked, "PUT", "/v1/items/i05"))
    assert good(asked("/v1/items/i05"))["available"] is True


def test_another_worker_sees_a_change_at_the_next_request(
    asked: Ask, shop: Shop, tmp_path: Path
) -> None:
    other = Intake.over(live.SQLiteLog(tmp_path / "live.db"), "{}:{}".format)
    elsewhere = ask_of(create_app(shop, intake=other))
    for price in (1.0, 2.0, 3.0):
        good(send(asked, "PATCH", "/v1/items/i05", {"price": price}))
        assert good(elsewhere("/v1/items/i05"))["price"] == price
    other.close()


def test_a_batch_is_taken_item_by_item_and_each_bad_one_is_named(asked: Ask) -> None:
    batch = [
        {"item_id": "a", "price": 1}, {"item_id": "b", "price": -1}, {"item_id": "c", "pris": 1},
        {"price": 1}, {"item_id": "  "}, {"item_id": "d", "title": "x\0"}, "text",
        {"item_id": "e", "available": "yes"}, {"item_id": "f", "title": "Fine"},
    ]  # fmt: skip
    answer = good(send(asked, "POST", "/v1/items", {"items": batch}))
    assert answer["accepted"] == 2
    errors = {one["index"]: one for one in answer["errors"]}
    assert sorted(errors) == [1, 2, 3, 4, 5, 6, 7]
    assert all(one["found"] and one["expected"] for one in errors.values())
    fields = [errors[at]["field"] for at in (1, 4, 5, 7)]
    assert fields == ["price", "item_id", "title", "available"]
    assert good(asked("/v1/items/f"))["title"] == "Fine"
    assert asked("/v1/items/b").status == 404


def test_a_batch_may_be_packed_and_one_item_is_a_batch(asked: Ask) -> None:
    packed = gzip.compress(json.dumps({"items": [{"item_id": "a"}]}).encode())
    headers = {"content-encoding": "gzip"}
    assert good(send(asked, "POST", "/v1/items", packed, **headers))["accepted"] == 1
    assert good(send(asked, "POST", "/v1/items", {"item_id": "b"}))["accepted"] == 1


@pytest.mark.parametrize(
    "content",
    [
        b"", b"[]", b"null", b"{", b"\xff", b'{"items": {}}', b'{"items": []}', b"[" * 90_000,
        b'{"items": [null]}', b'{"items": [' + b"{}," * 1_000 + b"{}]}", b'{"price": 1}',
    ],
)  # fmt: skip
def test_what_is_no_item_is_refused_in_words(asked: Ask, intake: Intake, content: bytes) -> None:
    assert refused(send(asked, "POST", "/v1/items", content))["message"]
    assert intake.log.changes_last() == 0


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"price": -1}, "`price`"), ({"price": "1e400"}, "`price`"), ({"price": "NaN"}, "`price`"),
        ({"price": "cheap"}, "`price`"), ({"title": ""}, "`title`"), ({"title": None}, "`title`"),
        ({"title": "a\0b"}, "`title`"), ({"available": 1}, "`available`"), ({"pris": 1}, "`pris`"),
        ({"category": "x" * 401}, "`category`"), ([1], "object"), (b"{", "JSON"),
    ],
)  # fmt: skip
def test_a_change_that_can_t_be_is_refused_by_name(
    asked: Ask, intake: Intake, given: Any, named: str
) -> None:
    for method in ("PUT", "PATCH"):
        assert named in refused(send(asked, method, "/v1/items/i05", given))["message"]
    assert intake.log.changes_last() == 0


def test_what_nobody_knows_can_t_be_changed_nor_given_up(asked: Ask, intake: Intake) -> None:
    refused(send(asked, "PATCH", "/v1/items/none", {"price": 1}), 404)
    refused(send(asked, "DELETE", "/v1/items/none"), 404)
    assert "nothing" in refused(send(asked, "PATCH", "/v1/items/i05", {}))["message"]
    refused(send(asked, "PUT", "/v1/items/" + "x" * 257))
    refused(send(asked, "PUT", "/v1/items/%20"))
    assert intake.log.changes_last() == 0


def test_a_server_without_a_log_says_so(ask: Ask) -> None:
    refused(send(ask, "PUT", "/v1/items/i05", {"price": 1}), 503)
