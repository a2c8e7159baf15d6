"""Every answer has the shape that is documented; every bad request is told what is wrong."""

from __future__ import annotations

import dataclasses
import re
from typing import Any
from urllib.parse import quote

import little_shop
import msgspec
import pytest
from asking import Ask, ask_of
from hypothesis import given
from hypothesis import strategies as st

from bespeak import errors
from bespeak.serve import Shop, answers, create_app
from bespeak.serve.app import BODY
from bespeak.serve.failures import STATUS
from bespeak.serve.guard import is_loopback
from bespeak.serve.routes import ENDPOINTS, privacy, tasks

ODD = quote(little_shop.ODD_ID, safe="")
GETS = {
    "/v1/access": answers.Access,
    "/v1/lists": answers.ListsShown,
    "/v1/customers?q=c0&limit=3": answers.CustomersFound,
    "/v1/customers/c01": answers.Customer,
    f"/v1/customers/{ODD}?history=3": answers.Customer,
    "/v1/customers/c30?history=0": answers.Customer,
    "/v1/customers/c01/recommendations?k=3&repeat=no": answers.Recommendations,
    "/v1/customers/c01/consent": answers.Consents,
    f"/v1/customers/{ODD}/recommendations": answers.Recommendations,
    "/v1/trending?k=3&exclude=i00,i01&category=Tea&price_to=9.5&in_stock=any": answers.Trending,
    "/v1/items?q=tea": answers.ItemsFound,
    "/v1/items/i23": answers.Item,
    "/v1/items/i00/similar?k=1000": answers.SimilarItems,
    "/v1/items/i00/information?session_id=s": answers.Information,
    "/v1/segments": answers.Segments,
    "/v1/segments/rfm/champions?limit=2": answers.Members,
    "/v1/overview": answers.Overview,
    "/v1/features": answers.Features,
    "/v1/data": answers.Data,
    "/v1/evaluation": answers.Evaluation,
    "/v1/tasks?limit=3": tasks.TaskList,
    "/v1/tasks/20260101T030000000000-0a1b?lines=0": tasks.WholeTask,
    "/health/live": answers.Alive,
    "/health/ready": answers.Ready,
}


@pytest.mark.parametrize("target", GETS)
def test_an_answer_is_what_the_document_says(ask: Ask, target: str) -> None:
    answer = ask(target)
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"] == "application/json"
    msgspec.json.decode(answer.body, type=GETS[target])


def test_every_get_endpoint_is_tried_above() -> None:
    patterns = [
        re.compile(re.sub(r"\\{\w+(:path)?\\}", ".+", re.escape(endpoint.path)) + "$")
        for endpoint in ENDPOINTS
        if endpoint.method == "GET" and endpoint not in privacy.ENDPOINTS  # see test_serve_privacy
    ]  # fmt: skip
    paths = [target.partition("?")[0] for target in GETS]
    assert all(any(pattern.match(path) for path in paths) for pattern in patterns)


def test_a_customer_has_what_was_put_in(ask: Ask) -> None:
    one = ask("/v1/customers/c01?history=2").json()
    evidence = "with cookie:w7 in 1 row of web log"
    assert one["identities"][0] == {"namespace": "card", "value": "ca0001", "evidence": evidence}
    assert one["attributes"] == {"country": "Japan", "income": "35-49K"}
    assert [event["title"] for event in one["history"]] == ["Assam breakfast tea"] * 2
    assert one["history"][0]["time"] > one["history"][1]["time"]
    assert one["events"] == 45
    assert one["as_of"] == "2025-05-30T00:00:00Z"
    assert {(s["kind"], s["name"]["zh"]) for s in one["segments"]} == {
        ("rfm", "重要价值客户"), ("kmeans", "常来的爱茶客"),
    }  # fmt: skip


def test_an_id_may_hold_slashes_and_percent_signs(ask: Ask) -> None:
    assert ask(f"/v1/customers/{ODD}").json()["customer_id"] == little_shop.ODD_ID


def test_an_undefined_feature_is_null(ask: Ask) -> None:
    assert ask("/v1/customers/c30").json()["features"]["spend_trend_28d"] is None


def test_a_list_follows_the_history_that_was_sent(ask: Ask) -> None:
    def ids(history: str) -> list[str]:
        body = f'{{"items": {history}, "k": 2}}'.encode()
        answer = ask("/v1/recommendations", method="POST", body=body).json()
        return [item["item_id"] for item in answer["items"]]

    assert ids('["i04"]') == ["i05", "i06"]
    assert ids('["i04", "i10"]') == ["i11", "i12"]


def test_a_newcomer_gets_a_fallback_that_says_so(ask: Ask) -> None:
    answer = ask("/v1/recommendations", method="POST", body=b'{"items": []}').json()
    assert answer["fallback"] is True
    assert set(answer["fallback_reason"]) == {"code", "en", "zh"}


WRONG = {
    "/v1/customers/c01/recommendations?k=0": (422, "`k`"),
    "/v1/customers/c01/recommendations?k=1000000000": (422, "from 1 to 1000"),
    "/v1/customers/c01/recommendations?k=ten": (422, "'ten'"),
    "/v1/customers/c01/recommendations?k=": (422, "`k`"),
    "/v1/customers/c01/recommendations?k=1&k=2": (422, "twice"),
    "/v1/customers/c01/recommendations?kk=1": (422, "Did you mean `k`"),
    "/v1/customers/c01/recommendations?repeat=maybe": (422, "`auto`"),
    "/v1/customers/c01/recommendations?model=als": (404, "popular, frequency, item_knn"),
    "/v1/customers/nobody/recommendations": (404, "`nobody`"),
    "/v1/customers/nobody": (404, "/v1/customers?q="),
    "/v1/customers/": (404, "customer"),
    "/v1/customers?limit=201": (422, "from 1 to 200"),
    "/v1/customers?q=" + "x" * 201: (422, "`q`"),
    "/v1/items/nothing": (404, "`nothing`"),
    "/v1/items/nothing/similar": (404, "`nothing`"),
    "/v1/items/i00/similar?k=-1": (422, "`k`"),
    "/v1/items/i00/similar?in_stock=no": (422, "`any` or `yes`"),
    "/v1/segments/rfm/nobody": (404, "rfm/nobody"),
    "/v1/segments?x=1": (422, "`x`"),
    "/v1/overview?lang=zh": (422, "`lang`"),
    "/v2": (404, "/docs"),
}


@pytest.mark.parametrize("target", WRONG)
def test_a_bad_request_is_told_what_is_wrong(ask: Ask, target: str) -> None:
    answer = ask(target)
    status, said = WRONG[target]
    error = answer.json()["error"]
    assert answer.status == status
    assert said in error["message"]
    assert set(error) == {"code", "message", "found", "expected", "next_step"}
    assert len(answer.body) < 1200, "a long value is not sent back whole"


BODIES = {
    b"": "JSON", b"{": "JSON", b"[]": "object", b'{"items": "i01"}': "`items`",
    b'{"items": [1]}': "items[0]", b'{"items": ["i01"], "k": 0}': "1 to 1000",
    b'{"items": ["i01"], "user": 1}': "`user`", b'{"items": ["i01"], "k": 1e400}': "JSON",
    b'{"items": ["\xff"]}': "JSON", b'{"items": ' + b"[" * 5000: "JSON",
}  # fmt: skip


@pytest.mark.parametrize("body", BODIES)
def test_a_bad_body_is_told_what_is_wrong(ask: Ask, body: bytes) -> None:
    answer = ask("/v1/recommendations", method="POST", body=body)
    assert answer.status == 422, answer.body
    assert BODIES[body] in answer.json()["error"]["message"]


def test_an_unknown_item_in_a_history_is_named(ask: Ask) -> None:
    answer = ask("/v1/recommendations", method="POST", body=b'{"items": ["i01", "ghost"]}')
    assert answer.status == 404
    assert "`ghost`" in answer.json()["error"]["message"]


def test_a_history_of_ten_thousand_is_refused(ask: Ask) -> None:
    body = msgspec.json.encode({"items": ["i01"] * 10_000})
    assert ask("/v1/recommendations", method="POST", body=body).status == 422


def test_a_huge_body_is_refused_in_the_same_shape(ask: Ask) -> None:
    answer = ask("/v1/recommendations", method="POST", body=b" " * (BODY + 1))
    assert answer.status == 413
    assert answer.json()["error"]["code"]


def test_the_wrong_method_is_refused_in_the_same_shape(ask: Ask) -> None:
    answer = ask("/v1/recommendations")
    assert answer.status == 405
    assert answer.headers["allow"] == "POST"
    assert answer.json()["error"]["code"] == "MethodNotAllowed"


@given(st.text(max_size=60))
def test_no_id_or_parameter_breaks_the_server(ask: Ask, text: str) -> None:
    word = quote(text, safe="", errors="replace")
    for target in (f"/v1/customers/x{word}", f"/v1/items?q={word}", f"/v1/customers?q={word}",
                   f"/v1/segments?{word}=1"):  # fmt: skip
        assert ask(target).status in {200, 404, 422}


def test_a_bug_is_no_traceback(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    def broken(**_: Any) -> dict[str, Any]:
        raise RuntimeError("a secret detail")

    ask = ask_of(create_app(dataclasses.replace(shop, recommend=broken)))
    answer = ask("/v1/customers/c01/recommendations")
    assert answer.status == 500
    assert b"secret" not in answer.body
    assert answer.json()["error"]["next_step"]
    assert "a secret detail" in caplog.text, "the log has what the answer lacks"


def test_without_an_evaluation_the_answer_says_how_to_get_one(shop: Shop) -> None:
    bare = dataclasses.replace(shop.snapshot, evaluation=None)
    answer = ask_of(create_app(dataclasses.replace(shop, snapshot=bare)))("/v1/evaluation")
    assert answer.status == 404
    assert "bespeak run" in answer.json()["error"]["next_step"]


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "", "10.0.0.1:8000", "localhost.", "[::2]:80"],
)
def test_a_foreign_host_is_refused(ask: Ask, host: str) -> None:
    answer = ask("/v1/overview", host=host)
    assert answer.status == 421
    assert b"Little tea shop" not in answer.body
    assert "content-security-policy" in answer.headers


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:9", "LOCALHOST:80", "[::1]:8000", "::1"])
def test_this_machine_is_welcome(host: str) -> None:
    assert is_loopback(host)


def test_every_error_class_has_a_status() -> None:
    kinds = {kind for kind in vars(errors).values() if isinstance(kind, type)}
    assert set(STATUS) == {kind for kind in kinds if issubclass(kind, errors.BespeakError)}


def test_even_a_failure_is_guarded(shop: Shop) -> None:
    def broken(**_: Any) -> dict[str, Any]:
        raise RuntimeError

    ask = ask_of(create_app(dataclasses.replace(shop, recommend=broken)))
    for answer in (
        ask("/v1/customers/c01/recommendations"),
        ask("/v1/recommendations", method="POST", body=b" " * (BODY + 1)),
    ):
        assert answer.status in {500, 413}
        assert "content-security-policy" in answer.headers


def test_every_answer_is_guarded(ask: Ask) -> None:
    for target in ("/v1/overview", "/nope", "/docs", "/openapi.json", "/docs.css"):
        headers = ask(target).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"


def test_without_a_console_home_is_the_documentation(ask: Ask) -> None:
    assert ask("/").headers["location"] == "/docs"


def test_the_document_names_every_endpoint_and_only_types_it_defines(ask: Ask) -> None:
    text = ask("/openapi.json").body.decode()
    document = msgspec.json.decode(text)
    assert set(document["paths"]) == {e.path.replace(":path", "") for e in ENDPOINTS}
    defined = set(document["components"]["schemas"])
    assert set(re.findall(r"#/components/schemas/(\w+)", text)) <= defined
    given = document["paths"]["/v1/customers/{customer_id}/recommendations"]["get"]["parameters"]
    k = next(one for one in given if one["name"] == "k")
    assert (k["schema"]["minimum"], k["schema"]["maximum"]) == (1, 1000)


def test_the_documentation_page_shows_every_endpoint_and_runs_no_script(ask: Ask) -> None:
    page = ask("/docs").body.decode()
    assert "<script" not in page
    for endpoint in ENDPOINTS:
        assert endpoint.path.replace(":path", "") in page
