"""Consent over HTTP: taken durably, and asked before the very next list, in whichever worker."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from asking import Answer, Ask, ask_of

from bespeak.access import Keyring, sign
from bespeak.client import Client
from bespeak.privacy import audit
from bespeak.serve import create_app
from bespeak.shop import open_admission, open_intake, open_shop
from bespeak.workspace import Workspace

SERVER = """
import sys
from pathlib import Path
from bespeak.shop import serve_shop
from bespeak.workspace import Workspace
serve_shop(Workspace(Path(sys.argv[1])), port=0, ready=lambda url, _: print(url, flush=True))
"""


@pytest.fixture
def workers(workspace: Workspace) -> Iterator[list[Ask]]:
    """Two, as two processes would be: each with a log and a shop of its own."""
    intakes = [open_intake(workspace) for _ in range(2)]
    yield [ask_of(create_app(open_shop(workspace), intake=intake)) for intake in intakes]
    for intake in intakes:
        intake.close()


def say(ask: Ask, customer_id: str, **said: Any) -> Answer:
    body = json.dumps(said).encode()
    return ask(f"/v1/customers/{customer_id}/consent", method="PUT", body=body)


def listed(ask: Ask, customer_id: str) -> Any:
    answer = ask(f"/v1/customers/{customer_id}/recommendations?k=3")
    assert answer.status == 200, answer.body
    return answer.json()


def in_session(ask: Ask, session: str) -> Any:
    body = json.dumps({"session_id": session, "k": 3}).encode()
    return ask("/v1/recommendations", method="POST", body=body).json()


def tell(ask: Ask, **event: Any) -> Answer:
    return ask("/v1/events", method="POST", body=json.dumps(event).encode())


def code(answer: Any) -> str | None:
    return None if answer["fallback_reason"] is None else str(answer["fallback_reason"]["code"])


def test_a_refusal_holds_at_the_next_request_of_every_worker(
    workers: list[Ask], workspace: Workspace
) -> None:
    one, other = workers
    stranger = in_session(one, "nobody-yet")
    for turn in range(5):
        assert code(listed(other, "c3")) is None
        answer = say(one, "c3", personalisation=False)
        assert answer.status == 200
        held = answer.json()["consent"]["personalisation"]
        assert (held["allowed"], held["said"]) == (False, True) and held["since"]
        refused = listed(other, "c3")
        assert (refused["customer_id"], refused["fallback"]) == ("c3", True), turn
        assert code(refused) == "no_consent"
        assert refused["items"] == stranger["items"]
        assert all("popular" in item["reason"]["code"] for item in refused["items"])
        assert say(other, "c3", personalisation=True).status == 200
    acts = audit(workspace)
    kept = [line for line in acts.lines() if line.get("customer") == acts.named("c3")]
    assert [line["personalisation"] for line in kept] == [False, True] * 5
    assert {(line["act"], line["by"]) for line in kept} == {("consent", "api")}


def test_a_column_of_the_record_counts_until_a_later_word(workers: list[Ask]) -> None:
    assert code(listed(workers[0], "c7")) == "no_consent"
    seen = workers[0]("/v1/customers/c7/consent").json()["consent"]
    assert seen["personalisation"] == {"allowed": False, "said": True, "since": None}
    assert seen["training"] == {"allowed": True, "said": False, "since": None}
    assert say(workers[1], "c7", personalisation=True).status == 200
    assert code(listed(workers[0], "c7")) is None
    whole = workers[0]("/v1/customers/c7").json()
    assert whole["consent"]["personalisation"]["allowed"] is True


def test_an_event_says_it_too_and_a_session_takes_it_along(workers: list[Ask]) -> None:
    one, other = workers
    session = str(uuid.uuid4())
    assert tell(one, type="view", session_id=session, item_id="tea").status == 200
    assert code(in_session(other, session)) is None
    said = {"personalisation": False, "banner": "v3"}
    assert tell(one, type="consent", session_id=session, properties=said).status == 200
    assert code(in_session(other, session)) == "no_consent"
    assert code(listed(other, "c9")) is None
    # who logs in takes along what was said; and what they say as a customer holds in the session
    assert tell(one, type="login", session_id=session, identifiers={"customer": "c9"}).status == 200
    assert code(listed(other, "c9")) == "no_consent"
    assert say(one, "c9", personalisation=True).status == 200
    assert code(in_session(other, session)) is None
    assert say(one, "c9", personalisation=False).status == 200
    assert code(in_session(other, session)) == "no_consent"
    # by whichever identifier they logged in
    session = str(uuid.uuid4())
    mail = {"email": "C9@shop.example"}
    assert code(in_session(other, session)) == "no_history"
    assert tell(one, type="login", session_id=session, identifiers=mail).status == 200
    assert code(in_session(other, session)) == "no_consent"


def test_nothing_that_a_refuser_is_shown_is_logged_as_theirs(
    workers: list[Ask], workspace: Workspace
) -> None:
    assert say(workers[0], "c11", personalisation=False).status == 200
    listed(workers[0], "c11")
    assert say(workers[0], "c11", marketing=False).status == 200  # one thread writes, in order
    since = workers[0]("/v1/customers/c11/export").json()["since"]
    assert {event["type"] for event in since} == {"consent"}


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "no purpose"), ({"selling": False}, "selling"), ({"training": "no"}, "training"),
        ({"training": 1}, "training"), ([], "object"),
    ],
)  # fmt: skip
def test_what_is_no_consent_is_refused_and_says_why(
    workers: list[Ask], body: Any, named: str
) -> None:
    answer = workers[0]("/v1/customers/c3/consent", method="PUT", body=json.dumps(body).encode())
    assert answer.status == 422
    assert named in answer.body.decode()


@pytest.mark.parametrize(
    ("properties", "field"),
    [({}, "properties"), ({"banner": "v3"}, "properties"),
     ({"training": "no"}, "properties.training"), ({"marketing": None}, "properties.marketing")],
)  # fmt: skip
def test_an_event_that_is_no_consent_is_refused(
    workers: list[Ask], properties: Any, field: str
) -> None:
    answer = tell(workers[0], type="consent", session_id="s", properties=properties)
    assert answer.status == 422
    assert answer.json()["errors"][0]["field"] == field


def test_who_signed_up_just_now_is_heard_and_a_strange_id_is_not(workers: list[Ask]) -> None:
    assert workers[0]("/v1/customers/new-1/consent").status == 404
    assert say(workers[0], "new-1", marketing=False).status == 200
    assert workers[1]("/v1/customers/new-1/consent").json()["consent"]["marketing"] == {
        **workers[0]("/v1/customers/new-1/consent").json()["consent"]["marketing"],
        "allowed": False, "said": True,
    }  # fmt: skip
    for strange, status in (("x" * 300, 404), ("a%00b", 422)):
        assert say(workers[0], strange, training=False).status == status


def test_only_the_customers_token_or_a_secret_key_with_send_says_it(workspace: Workspace) -> None:
    keyring = Keyring(workspace.root)
    public, secret = keyring.create("public")[1], keyring.create("secret")[1]
    reading = keyring.create("secret", scopes=["read"])[1]
    intake = open_intake(workspace)
    ask = ask_of(
        create_app(open_shop(workspace), intake=intake, admission=open_admission(workspace))
    )
    path, body = "/v1/customers/c13/consent", b'{"training": false}'

    def put(key: str, **more: str) -> int:
        headers = {"authorization": f"Bearer {key}", **more}
        return ask(path, method="PUT", body=body, headers=headers).status

    assert put(secret) == 200
    assert put(public, **{"x-bespeak-customer": sign("c13", secret)}) == 200
    assert put(public, **{"x-bespeak-customer": sign("c14", secret)}) == 403
    assert (put(public), put(reading), put("wrong")) == (403, 403, 401)
    intake.close()
    (workspace.root / "keys.json").unlink()


def test_a_real_server_of_two_workers_goes_by_it_at_once(workspace: Workspace) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(workspace.root)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline().strip().rpartition(":")[2])

        client = Client(f"http://127.0.0.1:{port}")
        for turn in range(40):
            agreed = turn % 2 == 1
            held = client.consent("c15", personalisation=agreed)["consent"]
            assert held["personalisation"]["allowed"] is agreed
            for _ in range(3):
                client.close()  # each on a connection of its own: so the workers take turns
                expected = None if agreed else "no_consent"
                assert code(client.recommendations("c15", k=3)) == expected, turn
        assert client.consent("c15")["consent"]["training"]["said"] is False
    finally:
        process.terminate()
        process.communicate(timeout=30)
