"""Erasure and export over HTTP, on a workspace of its own."""

from __future__ import annotations

import json
from typing import Any

import pytest
from asking import Ask, ask_of

from bespeak.privacy import audit
from bespeak.serve import Shop, create_app
from bespeak.shop import open_intake, open_shop
from bespeak.workspace import Workspace


@pytest.fixture
def asked(workspace: Workspace) -> Any:
    intake = open_intake(workspace)
    yield ask_of(create_app(open_shop(workspace), intake=intake))
    intake.close()


def tell(asked: Ask, *events: dict[str, Any]) -> Any:
    body = json.dumps({"events": list(events)}).encode()
    return asked("/v1/events", method="POST", body=body)


def view(session: str, **who: str) -> dict[str, Any]:
    return {"type": "view", "session_id": session, "item_id": "tea", "identifiers": who}


def test_a_person_is_exported_then_erased_and_no_answer_knows_them(
    asked: Ask, workspace: Workspace
) -> None:
    assert asked("/v1/customers/c3/recommendations?k=2").status == 200
    # one thread writes both: so the list that was shown is in the log as well
    assert tell(asked, view("s1", customer="c3")).status == 200
    held = asked("/v1/customers/c3/export").json()
    assert held["record"]["till"]["events"][0]["actor"] == "customer:c3"
    assert sorted(event["type"] for event in held["since"]) == ["impression", "view"]
    before = asked("/v1/customers?q=c3").json()
    assert before["customers"][0]["customer_id"] == "c3"
    raws = [row["raw"] for row in asked("/v1/data").json()["quarantine"]]
    assert any("c3" in raw for raw in raws)

    answer = asked("/v1/customers/c3", method="DELETE")
    assert answer.status == 202
    done = answer.json()
    assert done["identifiers"] == {"customer": 1, "email": 1, "session": 1}
    assert done["removed"]["event log"] == 2
    assert "artifacts/snapshot" in {trace["what"] for trace in done["until_next_run"]}

    for address in ("", "/export", "/recommendations"):
        assert asked(f"/v1/customers/c3{address}").status == 404, address
    assert asked("/v1/customers/c3", method="DELETE").status == 404
    assert asked("/v1/customers?q=c3").json()["total"] == before["total"] - 1
    for kind in ("rfm", "kmeans"):
        for grouping in asked("/v1/segments").json()["groupings"]:
            for segment in grouping["segments"]:
                address = f"/v1/segments/{grouping['kind']}/{segment['id']}?limit=200"
                members = asked(address).json()["customers"]
                assert "c3" not in {one["customer_id"] for one in members}, kind
    shown = asked("/v1/data").json()["quarantine"]
    assert {(row["raw"], row["found"]) for row in shown} == {(None, None)}
    assert [line["act"] for line in audit(workspace).lines()] == ["export", "erase"]
    assert {line["by"] for line in audit(workspace).lines()} == {"api"}


def test_an_event_of_who_was_erased_is_refused_beside_good_ones(asked: Ask) -> None:
    assert asked("/v1/customers/c5", method="DELETE").status == 202
    answer = tell(asked, view("new", customer="c5"), view("new", customer="c6"))
    assert answer.status == 200
    said = answer.json()
    assert (said["accepted"], said["duplicates"]) == (1, 0)
    assert [(error["index"], error["field"]) for error in said["errors"]] == [(0, "identifiers")]
    assert b"c5" not in answer.body
    alone = tell(asked, view("newer", email="C5@shop.example"))
    assert alone.status == 422
    assert "erased" in alone.json()["error"]["found"]


def test_who_is_not_there_cannot_be_erased_or_shown(asked: Ask, shop: Shop) -> None:
    assert asked("/v1/customers/nobody", method="DELETE").status == 404
    assert asked("/v1/customers/nobody/export").status == 404
    bare = ask_of(create_app(shop))
    refused = bare("/v1/customers/c0", method="DELETE")
    assert refused.status == 503
    assert "bespeak serve" in refused.json()["error"]["next_step"]


def test_a_server_of_another_process_knows_of_an_erasure_at_once(
    asked: Ask, workspace: Workspace
) -> None:
    other = open_shop(workspace)
    assert other.knows("c8")
    assert asked("/v1/customers/c8", method="DELETE").status == 202
    assert not other.knows("c8")
