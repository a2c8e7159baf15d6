"""Events over HTTP: checked one by one, durable when answered, seen by the next request."""

from __future__ import annotations

import dataclasses
import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from asking import Answer, Ask, ask_of

from bespeak import live, privacy
from bespeak.serve import Intake, Shop, answers, create_app

Tell = Callable[..., Answer]


@pytest.fixture
def intake(tmp_path: Path) -> Iterator[Intake]:
    identify = partial(privacy.identifier, secret=b"of the shop")
    opened = Intake.over(live.SQLiteLog(tmp_path / "live.db"), identify)
    yield opened
    opened.close()


@pytest.fixture
def asked(shop: Shop, intake: Intake) -> Ask:
    return ask_of(create_app(shop, intake=intake))


@pytest.fixture
def tell(asked: Ask) -> Tell:
    def told(given: Any, **headers: str) -> Answer:
        content = given if isinstance(given, bytes) else json.dumps(given).encode()
        return asked("/v1/events", method="POST", body=content, headers=headers)

    return told


def view(item: str, **more: Any) -> dict[str, Any]:
    return {"type": "view", "session_id": "s1", "item_id": item, **more}


def taken(answer: Answer) -> answers.EventsTaken:
    assert answer.status == 200, answer.body
    return msgspec.json.decode(answer.body, type=answers.EventsTaken)


def refused(answer: Answer, status: int) -> dict[str, Any]:
    assert answer.status == status, answer.body
    problem = msgspec.json.decode(answer.body, type=answers.Refusal).error
    assert problem.message
    return answer.json()


def test_one_event_and_a_batch_are_taken_and_kept_in_order(tell: Tell, intake: Intake) -> None:
    assert taken(tell(view("i01"))) == answers.EventsTaken(1, 0, [])
    assert taken(tell({"events": [view("i02"), view("i03")]})).accepted == 2
    assert [one.entry.item_id for one in intake.log.after(0, 9)] == ["i01", "i02", "i03"]


def test_an_event_sent_again_is_taken_once(tell: Tell) -> None:
    batch = {"events": [view("i01", event_id="e1"), view("i02", event_id="e2")]}
    assert taken(tell(batch)) == answers.EventsTaken(2, 0, [])
    assert taken(tell(batch)) == answers.EventsTaken(0, 2, [])


def test_each_wrong_event_is_named_and_the_good_ones_are_taken(tell: Tell, intake: Intake) -> None:
    answer = taken(
        tell(
            {
                "events": [
                    view("i01"),
                    view("i02", type="vieww"),
                    {"type": "view", "item_id": "i03"},
                    view("i04", price="cheap"),
                    view("i05", time="2025-05-30T10:00:00"),
                    "a text",
                    view("i06"),
                ]
            }
        )
    )
    assert answer.accepted == 2
    assert [(wrong.index, wrong.field) for wrong in answer.errors] == [
        (1, "type"), (2, "session_id"), (3, "price"), (4, "time"), (5, ""),
    ]  # fmt: skip
    assert all(wrong.found and wrong.expected for wrong in answer.errors)
    assert [one.entry.item_id for one in intake.log.after(0, 9)] == ["i01", "i06"]


def test_a_batch_without_a_good_event_is_refused_with_every_reason(tell: Tell) -> None:
    said = refused(tell({"events": [view("i01", price=-1), {"type": "view"}]}), 422)
    assert [wrong["index"] for wrong in said["errors"]] == [0, 1]
    assert "price" in said["error"]["message"]


@pytest.mark.parametrize(
    "content",
    [
        b"", b"[]", b"null", b"7", b'"x"', b"{", b"\xff\xfe", b'{"events": {}}', b'{"events": []}',
        b"[" * 100_000, b'{"events":' * 50_000, b'{"events": [null]}', b'{"events": "x", "k": 1}',
        b'{"type": "view", "session_id": "s", "properties": {"a": ' + b"[" * 50_000,
        b'{"type": "view", "session_id": "\\ud800"}', b'{"type": "view", "session_id": ""}',
    ],
)  # fmt: skip
def test_what_is_no_event_is_refused_in_words(tell: Tell, intake: Intake, content: bytes) -> None:
    refused(tell(content), 422)
    assert intake.log.last() == 0


def test_more_events_than_a_batch_may_hold_are_refused(tell: Tell) -> None:
    said = refused(tell({"events": [view("i01")] * 1_001}), 422)
    assert said["error"]["expected"] == "1 to 1000"


def test_a_packed_body_is_unpacked_and_a_bomb_is_not(tell: Tell) -> None:
    packed = gzip.compress(json.dumps({"events": [view("i01")]}).encode())
    assert taken(tell(packed, **{"content-encoding": "gzip"})).accepted == 1
    bomb = gzip.compress(b" " * 50_000_000)
    assert len(bomb) < 100_000
    refused(tell(bomb, **{"content-encoding": "gzip"}), 413)
    refused(tell(packed[:-9], **{"content-encoding": "gzip"}), 422)
    refused(tell(b"plain", **{"content-encoding": "gzip"}), 422)
    refused(tell(zlib.compress(b"{}"), **{"content-encoding": "deflate"}), 415)


def test_a_body_beyond_the_limit_is_refused(tell: Tell) -> None:
    refused(tell(view("i01", properties={"text": "x" * 2_000_000})), 413)


def test_a_server_without_a_log_says_so(ask: Ask) -> None:
    refused(ask("/v1/events", method="POST", body=b'{"type": "view"}'), 503)


def test_personal_identifiers_are_hashed_before_they_are_kept(
    tell: Tell, intake: Intake, tmp_path: Path
) -> None:
    taken(tell({"type": "login", "session_id": "s1", "identifiers": {"email": "Ann@Example.org"}}))
    (kept,) = intake.log.after(0, 9)
    assert kept.entry.visitor.startswith("email:")
    files = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"xample.org" not in files


def offered(answer: Answer) -> list[str]:
    assert answer.status == 200, answer.body
    return [item["item_id"] for item in answer.json()["items"]]


def session(asked: Ask, **more: Any) -> Answer:
    body = json.dumps({"session_id": "s1", "k": 2, **more}).encode()
    return asked("/v1/recommendations", method="POST", body=body)


def test_the_next_request_of_a_session_knows_its_events(tell: Tell, asked: Ask) -> None:
    assert session(asked).json()["fallback"]
    taken(tell(view("i05")))
    assert offered(session(asked)) == ["i06", "i07"]
    taken(tell(view("i09")))
    assert offered(session(asked)) == ["i10", "i11"]
    assert session(asked, session_id="another").json()["fallback"]


def test_a_customer_s_list_knows_what_each_of_their_identifiers_did(
    shop: Shop, tmp_path: Path
) -> None:
    # spells an identifier as the little shop's record does, which hashes none
    intake = Intake.over(live.SQLiteLog(tmp_path / "live.db"), "{}:{}".format)
    asked = ask_of(create_app(shop, intake=intake))
    before = offered(asked("/v1/customers/c01/recommendations?k=2"))
    for space, number in (one.split(":", 1) for one in shop.visitors("c01")):
        assert space in {"card", "email"}
        event = {"type": "view", "item_id": "i05", "identifiers": {space: number}}
        assert asked("/v1/events", method="POST", body=json.dumps(event).encode()).status == 200
        assert offered(asked("/v1/customers/c01/recommendations?k=2")) == ["i06", "i07"] != before
    intake.close()


def test_who_came_since_the_last_run_is_a_customer_too(tell: Tell, asked: Ask) -> None:
    assert asked("/v1/customers/new/recommendations").status == 404
    taken(tell(view("i05")))
    assert asked("/v1/customers/new/recommendations").status == 404
    taken(tell({"type": "login", "session_id": "s1", "identifiers": {"customer": "new"}}))
    assert offered(asked("/v1/customers/new/recommendations?k=2")) == ["i06", "i07"]


def test_what_the_snapshot_has_in_it_does_not_count_twice(
    shop: Shop, intake: Intake, tell: Tell
) -> None:
    def see(item: str) -> dict[str, Any]:
        return {"type": "view", "item_id": item, "identifiers": {"customer": "new"}}

    taken(tell(see("i05")))
    newer = dataclasses.replace(shop, taken=intake.log.last())
    asked = ask_of(create_app(newer, intake=intake))
    assert asked("/v1/customers/new/recommendations").status == 404
    taken(tell(see("i09")))
    assert offered(asked("/v1/customers/new/recommendations?k=2")) == ["i10", "i11"]


def test_a_session_is_known_by_all_that_it_did(shop: Shop, intake: Intake, tell: Tell) -> None:
    taken(tell(view("i05")))
    newer = dataclasses.replace(shop, taken=intake.log.last())
    assert offered(session(ask_of(create_app(newer, intake=intake)))) == ["i06", "i07"]


def test_a_monitor_is_told_what_became_of_requests_and_events(tell: Tell, asked: Ask) -> None:
    taken(tell({"events": [view("i01", event_id="e1"), view("i02", type="nonsense")]}))
    taken(tell(view("i01", event_id="e1")))
    asked("/v1/customers/c01/recommendations")
    asked("/v1/customers/nobody-we-know")
    asked("/nowhere")
    answer = asked("/metrics")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = answer.body.decode().splitlines()
    for line in (
        'bespeak_events_total{became="accepted"} 1.0',
        'bespeak_events_total{became="duplicate"} 1.0',
        'bespeak_events_total{became="refused"} 1.0',
        'bespeak_requests_total{path="/v1/events",status="200"} 2.0',
        'bespeak_requests_total{path="/v1/customers/{customer_id}",status="404"} 1.0',
        'bespeak_requests_total{path="other",status="404"} 1.0',
    ):
        assert line in lines
    assert "nobody-we-know" not in answer.body.decode()
    count = 'bespeak_request_seconds_count{path="/v1/customers/{customer_id}/recommendations"} 1.0'
    assert count in lines
    assert any(line.startswith("bespeak_events_waiting ") for line in lines)


def test_a_list_is_logged_as_it_was_shown_and_changes_no_history(
    shop: Shop, tell: Tell, asked: Ask, intake: Intake
) -> None:
    tell(view("i00"))
    shown = session(asked, session_id="s1").json()
    listed = asked("/v1/customers/c01/recommendations?k=3").json()
    asked("/v1/recommendations", method="POST", body=b'{"items": ["i00"]}')  # nobody's
    intake.writer.append([]).result(10)  # what was offered before is written by now
    logged = [kept.entry for kept in intake.log.after(0, 9) if kept.entry.type == "impression"]
    assert [one.event_id for one in logged] == [
        f"shown-{shown['request_id']}", f"shown-{listed['request_id']}"
    ]  # fmt: skip
    assert [one.visitor for one in logged] == ["session:s1", shop.visitors("c01")[0]]
    body = json.loads(logged[1].body)
    assert body["properties"]["bespeak.shown"] == [item["item_id"] for item in listed["items"]]
    assert "model_asked" not in body["properties"]
    assert [seen.type for seen in intake.log.history(["session:s1"], 9)] == ["view"]
    assert 'bespeak_impressions_total{became="logged"} 2.0' in asked("/metrics").body.decode()


def test_a_list_by_which_a_model_is_tried_is_logged_as_that(asked: Ask, intake: Intake) -> None:
    asked("/v1/customers/c01/recommendations?k=3&model=popular")
    intake.writer.append([]).result(10)
    (logged,) = [kept.entry for kept in intake.log.after(0, 9)]
    said = json.loads(logged.body)["properties"]
    assert (said["model_asked"], said["model"]) == ("popular", "popular")
