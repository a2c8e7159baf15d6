"""Keys on every address: what each opens, and that guessing opens and claims nothing."""

from __future__ import annotations

import hmac
import itertools
import json
import re
import uuid
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import little_shop
import pytest
from asking import Answer, Ask, ask_of

from bespeak import live, privacy
from bespeak.access import Keyring, Limits, sign
from bespeak.errors import BadRequest
from bespeak.serve import Admission, Intake, Shop, create_app, serve
from bespeak.serve.admission import COOKIE, WRONG_PER_SECOND
from bespeak.serve.routes import ENDPOINTS

MINE, HERS = str(uuid.uuid4()), str(uuid.uuid4())
SECRETS = [endpoint for endpoint in ENDPOINTS if endpoint.opens == "secret"]


class Site:
    """One server with a key of each sort, asked with any of them while its clock stands still."""

    def __init__(self, shop: Shop, folder: Path) -> None:
        identify = partial(privacy.identifier, secret=b"of the shop")
        self.keyring = Keyring(folder)
        self.public = self.keyring.create("public")[1]
        self.secret = self.keyring.create("secret")[1]
        self.intake = Intake.over(live.SQLiteLog(folder / "live.db"), identify)
        self.door = Admission(
            self.keyring, b"s" * 32, open=False, origins=["https://shop.example"],
            limits=Limits(lambda: 0.0),
        )  # fmt: skip
        self.ask: Ask = ask_of(create_app(shop, intake=self.intake, admission=self.door))

    def get(self, path: str, key: str | None = None, **headers: str) -> Answer:
        return self.ask(path, headers=with_key(key, headers), host="shop.example")

    def post(self, path: str, said: Any, key: str | None = None, **headers: str) -> Answer:
        return self.ask(
            path, method="POST", body=json.dumps(said).encode(), headers=with_key(key, headers),
            host="shop.example",
        )  # fmt: skip


def with_key(key: str | None, headers: dict[str, str]) -> dict[str, str]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return named if key is None else {"authorization": f"Bearer {key}", **named}


@pytest.fixture
def site(shop: Shop, tmp_path: Path) -> Iterator[Site]:
    opened = Site(shop, tmp_path)
    yield opened
    opened.intake.close()


def an_address(path: str) -> str:
    """A path with something in its holes."""
    named = {"customer_id": "c01", "item_id": "i01", "kind": "rfm", "segment": "champions"}
    return re.sub(r"{(\w+)(:path)?}", lambda hole: named.get(hole[1], "x"), path)


def ask_all(site: Site, key: str | None, **headers: str) -> dict[str, int]:
    """Every address that is no matter of health or sign-in -> the status it answers with."""
    return {
        f"{one.method} {one.path}": site.ask(
            an_address(one.path), method=one.method, body=b"{}", headers=with_key(key, headers)
        ).status
        for one in ENDPOINTS
        if one.opens != "anybody"
    }


@pytest.mark.parametrize(
    "key",
    [
        None, "", "wrong", "bsp_public_00000000_" + "0" * 48, "bsp_secret_00000000_" + "f" * 48,
        "é", "\x00", "x" * 5_000,
    ],
)  # fmt: skip
def test_no_key_and_wrong_keys_open_no_address(site: Site, key: str | None) -> None:
    found = ask_all(site, key)
    assert found and set(found.values()) <= {401, 429}


def test_another_shops_keys_open_no_address(site: Site, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Keyring(tmp_path / "other")
    for kind in ("public", "secret"):
        text = other.create(kind)[1]  # type: ignore[arg-type]
        assert set(ask_all(site, text).values()) <= {401, 429}


def test_a_revoked_key_opens_no_address(site: Site) -> None:
    key, text = site.keyring.create("secret")
    assert site.get("/v1/overview", text).status == 200
    site.keyring.revoke(key.id)
    assert set(ask_all(site, text).values()) <= {401, 429}


def test_a_public_key_opens_no_secret_address(site: Site) -> None:
    found = ask_all(site, site.public)
    assert SECRETS
    for one in SECRETS:
        assert found[f"{one.method} {one.path}"] == 403, one.path
    assert site.get("/metrics", site.public).status == 403


def test_a_secret_key_opens_what_its_scopes_say(site: Site) -> None:
    only = {scope: site.keyring.create("secret", scopes=[scope])[1] for scope in ("send", "read")}
    event = {"type": "view", "session_id": "s1", "item_id": "i01"}
    assert site.post("/v1/events", event, only["send"]).status == 200
    assert site.post("/v1/events", event, only["read"]).status == 403
    assert site.get("/v1/customers/c01", only["read"]).status == 200
    assert site.get("/v1/customers/c01", only["send"]).status == 403


def test_what_changes_something_is_never_opened_by_reading() -> None:
    asks = {"/v1/recommendations", "/v1/access/sign-in", "/v1/access/sign-out"}
    for one in ENDPOINTS:
        if one.method != "GET" and one.path not in asks:
            assert one.scope != "read", one.path


def test_health_and_the_documents_need_no_key(site: Site) -> None:
    for path in ("/health/live", "/health/ready", "/openapi.json", "/docs", "/v1/access"):
        assert site.get(path).status == 200, path


def test_a_customers_list_opens_to_their_token_and_to_no_other(site: Site) -> None:
    path = "/v1/customers/c01/recommendations"
    mine, theirs = sign("c01", site.secret), sign("c02", site.secret)
    assert site.get(path, site.public, x_bespeak_customer=mine).status == 200
    assert site.get(path, site.secret).status == 200
    assert site.get(path, site.public, x_bespeak_customer=theirs).status == 403
    assert site.get(path, site.public, x_bespeak_customer=mine[:-2]).status == 401
    assert site.get(path, site.public).status == 403
    assert site.get(path, None, x_bespeak_customer=mine).status == 401


def test_a_model_is_tried_with_a_secret_key_only(site: Site) -> None:
    path = "/v1/customers/c01/recommendations?model="
    mine = sign("c01", site.secret)
    assert site.get(path + "popular", site.secret).json()["model_asked"] == "popular"
    refused = site.get(path + "popular", site.public, x_bespeak_customer=mine)
    assert (refused.status, refused.json()["error"]["expected"]) == (403, "a secret key")
    # nor does a visitor learn which there are
    assert site.get(path + "als", site.public, x_bespeak_customer=mine).status == 403
    visit = {"session_id": MINE, "model": "item_knn"}
    assert site.post("/v1/recommendations", visit, site.public).status == 403
    assert site.post("/v1/recommendations", visit, site.secret).json()["model_asked"] == "item_knn"
    assert site.get("/v1/customers/c01/recommendations", site.secret).json()["model_asked"] is None


def test_guessing_customers_tells_nothing(site: Site) -> None:
    """Every id, there or not, by every sort of key but a secret one: one and the same answer."""
    token = sign("c01", site.secret)
    for headers in ({}, {"x_bespeak_customer": token}):
        said = set()
        ids = [quote(little_shop.customer_id(number), safe="") for number in range(2, 31)]
        for customer_id in [*ids, "nobody", "0", "c1", "C01", "c01%20", "c01/", "..%2Fc01"]:
            for kind in ("", "/recommendations"):
                answer = site.get(f"/v1/customers/{customer_id}{kind}", site.public, **headers)
                said.add((kind, answer.status, answer.body))
        assert len(said) == 2 and {status for _, status, _ in said} == {403}


def test_guessing_sessions_reads_nothing(site: Site) -> None:
    site.post("/v1/events", {"type": "view", "session_id": "s1", "item_id": "i01"}, site.secret)
    for guess in ("s1", "1", "", "0" * 32, str(uuid.UUID(int=1)), str(uuid.uuid1()), MINE.upper()):
        status = site.post("/v1/recommendations", {"session_id": guess}, site.public).status
        assert status in ({200} if guess == MINE.upper() else {403, 422}), guess
    assert site.post("/v1/recommendations", {"session_id": MINE}, site.public).status == 200
    assert site.post("/v1/recommendations", {"session_id": "s1"}, site.secret).status == 200


def view(**more: Any) -> dict[str, Any]:
    return {"type": "view", "session_id": MINE, "item_id": "i01", **more}


def test_a_visitor_tells_of_a_session_of_their_own(site: Site) -> None:
    event_id = str(uuid.uuid4())
    answer = site.post("/v1/events", view(event_id=event_id), site.public)
    assert (answer.status, answer.json()["accepted"]) == (200, 1)
    for event, field in (
        (view(session_id="s1"), "session_id"),
        ({"type": "view", "identifiers": {"customer": "c01"}}, "session_id"),
        (view(identifiers={"customer": "c01"}), "identifiers.customer"),
        (view(identifiers={"email": "a@b.example"}), "identifiers.email"),
        (view(event_id="order-1001"), "event_id"),
    ):
        answer = site.post("/v1/events", event, site.public)
        assert answer.status == 422 and answer.json()["errors"][0]["field"] == field
        assert "a@b.example" not in answer.body.decode()
        assert site.post("/v1/events", event, site.secret).status == 200


def test_a_token_lets_a_visitor_sign_in_as_that_customer_and_as_no_other(site: Site) -> None:
    token = sign("c01", site.secret)

    def login(**identifiers: str) -> Answer:
        event = {"type": "login", "session_id": MINE, "identifiers": identifiers}
        return site.post("/v1/events", event, site.public, x_bespeak_customer=token)

    assert login(customer="c01").status == 200
    for strange in ({"customer": "c02"}, {"customer": "c01", "email": "b@c.example"}):
        assert login(**strange).status == 422


def test_nobody_claims_a_session_by_guessing(site: Site) -> None:
    """c02 signs in with guesses at c01's session; c01's history stays c01's."""
    site.post("/v1/events", view(session_id=HERS), site.public)
    token = sign("c02", site.secret)
    for guess in itertools.chain(("s1", HERS[:-1]), (str(uuid.uuid4()) for _ in range(50))):
        event = {"type": "login", "session_id": guess, "identifiers": {"customer": "c02"}}
        site.post("/v1/events", event, site.public, x_bespeak_customer=token)
    found = site.intake.log.history(["customer:c02"], 100)
    assert found == []


def test_a_visitor_is_not_told_how_often_things_sell(site: Site) -> None:
    assert site.get("/v1/items/i01", site.secret).json()["customers"] is not None
    for answer in (site.get("/v1/items/i01", site.public).json(),
                   site.get("/v1/items?limit=1", site.public).json()["items"][0]):  # fmt: skip
        assert answer["customers"] is None and answer["events"] is None


def test_a_key_asks_as_often_as_it_may(site: Site) -> None:
    text = site.keyring.create("secret", per_second=2.0)[1]
    answers = [site.get("/v1/trending", text) for _ in range(8)]
    assert [one.status for one in answers].count(200) == 4
    refused = answers[-1]
    assert refused.status == 429 and refused.headers["retry-after"] == "1"
    assert site.get("/v1/trending", site.secret).status == 200


def test_guessing_keys_is_slowed_down(site: Site) -> None:
    guesses = int(WRONG_PER_SECOND * 2) + 5
    found = [site.get("/v1/overview", f"bsp_secret_{n:08x}_" + "0" * 48) for n in range(guesses)]
    assert {one.status for one in found} == {401, 429}


def test_a_workspace_without_keys_answers_this_machine_only(shop: Shop, tmp_path: Path) -> None:
    ring = Keyring(tmp_path)
    ask = ask_of(create_app(shop, admission=Admission(ring, b"s" * 32, open=True)))
    assert ask("/v1/overview").status == 200
    assert ask("/v1/overview", host="shop.example").status == 421
    ring.create("secret")
    ring._looked -= 1
    assert ask("/v1/overview").status == 401


def test_a_server_without_keys_will_not_listen_elsewhere(shop: Shop, tmp_path: Path) -> None:
    door = Admission(Keyring(tmp_path), b"s" * 32, open=True)
    for admission in (None, door):
        with pytest.raises(BadRequest, match="bespeak key create"):
            serve(lambda: shop, host="0.0.0.0", admission=admission)


def test_a_page_of_a_known_origin_may_ask_and_of_another_not(site: Site) -> None:
    asked = {"access-control-request-method": "POST",
             "access-control-request-headers": "authorization,x-bespeak-customer"}  # fmt: skip
    for origin, allowed in (("https://shop.example", True), ("https://evil.example", False)):
        answer = site.ask(
            "/v1/events", method="OPTIONS", host="shop.example", headers={"origin": origin, **asked}
        )
        assert (answer.headers.get("access-control-allow-origin") == origin) is allowed
        answer = site.get("/v1/trending", site.public, origin=origin)
        assert (answer.headers.get("access-control-allow-origin") == origin) is allowed
        assert "access-control-allow-credentials" not in answer.headers


def signed_in(site: Site) -> str:
    answer = site.post("/v1/access/sign-in", {"key": f" {site.secret}\n"})
    assert answer.status == 200, answer.body
    cookie = answer.headers["set-cookie"]
    assert "httponly" in cookie.lower() and "samesite=strict" in cookie.lower()
    assert site.secret not in cookie
    return cookie.partition(";")[0]


def test_the_console_reads_by_a_sign_in_that_ends_with_its_key(site: Site) -> None:
    cookie = signed_in(site)
    assert site.get("/v1/overview", cookie=cookie).status == 200
    assert site.get("/v1/access", cookie=cookie).json()["name"]
    site.keyring.revoke(site.secret.split("_")[2])
    assert site.get("/v1/overview", cookie=cookie).status == 401


def test_a_sign_in_changes_nothing_for_a_page_of_another_origin(site: Site) -> None:
    cookie, event = signed_in(site), view(session_id="s1")
    for headers in ({}, {"origin": "https://evil.example"}, {"origin": "null"}):
        assert site.post("/v1/events", event, cookie=cookie, **headers).status == 403
    own = {"origin": "http://shop.example"}
    assert site.post("/v1/events", event, cookie=cookie, **own).status == 200


def test_a_sign_in_can_not_be_made_up(site: Site) -> None:
    for value in ("", "x", "a.b.c", hmac.digest(b"s", b"t", "sha256").hex()):
        assert site.get("/v1/overview", cookie=f"{COOKIE}={value}").status == 401
    assert site.post("/v1/access/sign-in", {"key": site.public}).status == 403
    assert site.post("/v1/access/sign-in", {"key": "bsp_secret_1"}).status == 401
    assert "max-age=0" in site.post("/v1/access/sign-out", {}).headers["set-cookie"].lower()
