"""Each request is told of in a line that names no one."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from asking import ask_of

from bespeak.serve import Shop, create_app
from bespeak.serve.journal import keep


@pytest.fixture
def kept() -> Iterator[None]:
    """bespeak's loggers as they were, afterwards."""
    log = logging.getLogger("bespeak")
    before = list(log.handlers), log.propagate
    keep("json")
    yield
    log.handlers, log.propagate = before


def lines(capfd: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capfd.readouterr().err.splitlines()]


def test_a_request_is_one_line_of_json_without_ids(
    shop: Shop, capfd: pytest.CaptureFixture[str]
) -> None:
    ask = ask_of(create_app(shop, log="json"))
    ask("/v1/customers/c01/recommendations?k=3")
    ask("/v1/customers/nobody@example.org")
    ask("/private/c01?q=secret", method="POST")
    found = lines(capfd)
    assert [(one["method"], one["path"], one["status"]) for one in found] == [
        ("GET", "/v1/customers/{customer_id}/recommendations", 200),
        ("GET", "/v1/customers/{customer_id}", 404),
        ("POST", "other", 404),
    ]
    assert {*found[0]} == {"time", "level", "method", "path", "status", "ms", "request_id"}
    assert found[0]["ms"] > 0 and found[0]["request_id"] != found[1]["request_id"]
    assert "c01" not in json.dumps(found) and "nobody" not in json.dumps(found)


@pytest.mark.parametrize(
    ("sent", "kept_id"), [("abc-1", True), ("a b", False), ("x" * 65, False), ("é", False)]
)
def test_a_request_id_goes_through_if_it_is_one(
    shop: Shop, capfd: pytest.CaptureFixture[str], sent: str, kept_id: bool
) -> None:
    ask = ask_of(create_app(shop, log="json"))
    answer = ask("/health/live", headers={"x-request-id": sent})
    (line,) = lines(capfd)
    assert answer.headers["x-request-id"] == line["request_id"]
    assert (line["request_id"] == sent) is kept_id


def test_a_mistake_of_ours_is_told_in_the_same_form(
    shop: Shop, capfd: pytest.CaptureFixture[str], kept: None
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise RuntimeError("planted: nobody@example.org")

    ask = ask_of(create_app(replace(shop, similar=fail), log="json"))
    assert ask("/v1/items/i01/similar").status == 500
    mistake, request = lines(capfd)
    assert mistake["message"] == "GET /v1/items/{item_id}/similar failed"
    assert mistake["level"] == "error" and mistake["error"].startswith(
        "RuntimeError < test_serve_journal.py:"
    )
    assert "nobody" not in json.dumps(mistake)
    assert (request["path"], request["status"]) == ("/v1/items/{item_id}/similar", 500)


def test_text_is_for_people_and_none_is_silence(
    shop: Shop, capfd: pytest.CaptureFixture[str]
) -> None:
    ask_of(create_app(shop, log="text"))("/health/live")
    assert " info GET /health/live 200 " in capfd.readouterr().err
    answer = ask_of(create_app(shop))("/health/live")
    assert capfd.readouterr().err == "" and "x-request-id" not in answer.headers
