"""Several workspaces at one address: a key opens its own, and nothing of another on any route."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from asking import Answer, Ask, ask_of

from bespeak import live, privacy
from bespeak.access import Keyring, Limits, sign
from bespeak.errors import BadRequest, Busy
from bespeak.serve import Admission, Intake, Shop, create_app
from bespeak.serve.admission import COOKIE
from bespeak.serve.routes import ENDPOINTS
from bespeak.serve.tenants import Tenant, Tenants, check_apart

NAMES = ("north", "south")
SERVER = """
import sys
from functools import partial
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import little_shop
from bespeak import live, privacy
from bespeak.access import Keyring
from bespeak.serve import Admission, Intake, Site, serve_sites

def intake(folder):
    return Intake.over(live.SQLiteLog(folder / "live.db"), partial(privacy.identifier, secret=b"s"))

sites = [
    Site(partial(little_shop.shop, Path(sys.argv[2]), name), partial(intake, Path(folder)), None,
         None, Admission(Keyring(Path(folder)), name.encode() * 8, open=True), None, tenant=name)
    for name, folder in zip(("north", "south"), sys.argv[3:])
]
serve_sites(sites, port=0, workers=2, tell=lambda address: print(address, flush=True))
"""


class One:
    """One workspace, with a key of each sort, and what only it knows."""

    def __init__(self, name: str, shop: Shop, folder: Path) -> None:
        folder.mkdir()
        identify = partial(privacy.identifier, secret=name.encode())
        self.name, self.keyring = name, Keyring(folder)
        self.public = self.keyring.create("public")[1]
        self.secret = self.keyring.create("secret")[1]
        self.intake = Intake.over(live.SQLiteLog(folder / "live.db"), identify)
        self.door = Admission(
            self.keyring, name.encode() * 8, open=False, origins=[f"https://{name}.example"],
            limits=Limits(lambda: 0.0),
        )  # fmt: skip
        app = create_app(shop, intake=self.intake, admission=self.door, tenant=name)
        self.tenant = Tenant(app, self.door)


@pytest.fixture
def both(shop: Shop, tmp_path: Path) -> Iterator[list[One]]:
    made = [One(name, shop, tmp_path / name) for name in NAMES]
    yield made
    for one in made:
        one.intake.close()


@pytest.fixture
def ask(both: list[One]) -> Ask:
    return ask_of(Tenants([one.tenant for one in both]))


def with_key(key: str, **more: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}", **more}


def tell(ask: Ask, key: str, who: str, item: str, session: str = "s1") -> Answer:
    event = {"type": "view", "session_id": session, "item_id": item,
             "identifiers": {"card": who}}  # fmt: skip
    return ask("/v1/events", method="POST", body=json.dumps(event).encode(), headers=with_key(key))


def an_address(path: str, customer: str) -> str:
    named = {"customer_id": customer, "item_id": "i99", "kind": "rfm",
             "segment": "champions", "task_id": "x"}  # fmt: skip
    return re.sub(r"{(\w+)(:path)?}", lambda hole: named.get(hole[1], "x"), path)


def test_what_one_is_told_no_key_of_the_other_reads_on_any_route(both: list[One], ask: Ask) -> None:
    north, south = both
    assert tell(ask, north.secret, "aurelia-77", "i01").status == 200
    item = json.dumps({"title": "Only in the north", "category": "Tea", "price": "1.00"}).encode()
    changed = ask("/v1/items/i99", method="PUT", body=item, headers=with_key(north.secret))
    assert changed.status in {200, 201}
    assert len(list(north.intake.log.after(0, 9))) == 1
    for key in (south.secret, south.public):
        tokens = [{}, {"x-bespeak-customer": sign("aurelia-77", north.secret)},
                  {"x-bespeak-customer": sign("aurelia-77", south.secret)}]  # fmt: skip
        for token in tokens:
            for one in ENDPOINTS:
                if one.method == "DELETE" or one.tag == "Tasks":
                    continue
                answer = ask(
                    an_address(one.path, "aurelia-77"), method=one.method, body=b"{}",
                    headers=with_key(key, **token),
                )  # fmt: skip
                assert b"Only in the north" not in answer.body, one.path
                said = answer.body.replace(b"`aurelia-77`", b"")  # an error repeats what was asked
                if "{customer_id" in one.path and answer.status == 200:
                    # only what the asker itself has just said is there
                    assert one.path.endswith(("/consent", "/recommendations")), one.path
                elif "{customer_id" not in one.path:
                    assert b"aurelia" not in said, one.path
    assert len(list(north.intake.log.after(0, 9))) == 1, "nor does it write there"


def test_each_key_leads_to_its_own_workspace_and_none_to_none(both: list[One], ask: Ask) -> None:
    for at, one in enumerate(both):
        for number in range(at + 1):
            assert tell(ask, one.secret, "1", f"i0{number}", f"s{number}").status == 200
    assert [len(list(one.intake.log.after(0, 9))) for one in both] == [1, 2]
    for key in ("", "wrong", "bsp_secret_00000000_" + "f" * 48):
        answer = ask("/v1/overview", headers=with_key(key) if key else {})
        assert answer.status in {401, 429}
    assert "a key" in ask("/v1/overview").json()["error"]["message"]
    for one in both:
        for key, status in ((one.secret, 200), (one.public, 403)):
            assert ask("/v1/overview", headers=with_key(key)).status == status
    for path in ("/health/live", "/health/ready", "/openapi.json", "/bespeak.js"):
        assert ask(path).status == 200, path


def test_every_route_refuses_who_has_no_key_of_either(both: list[One], ask: Ask) -> None:
    del both
    for one in ENDPOINTS:
        if one.opens == "anybody":
            continue
        path = an_address(one.path, "c01")
        assert ask(path, method=one.method, body=b"{}").status == 401, path


def test_a_token_of_one_opens_no_customer_of_the_other(both: list[One], ask: Ask) -> None:
    north, south = both
    path, token = "/v1/customers/c01/recommendations", sign("c01", north.secret)
    mine = ask(path, headers=with_key(north.public, **{"x-bespeak-customer": token}))
    theirs = ask(path, headers=with_key(south.public, **{"x-bespeak-customer": token}))
    assert (mine.status, theirs.status) == (200, 401)


def test_who_signs_in_to_the_console_of_one_is_in_that_one(both: list[One], ask: Ask) -> None:
    for one in both:
        body = json.dumps({"key": f" {one.secret} "}).encode()
        answer = ask("/v1/access/sign-in", method="POST", body=body)
        assert answer.status == 200
        cookie = re.match(rf"({COOKIE}=[^;]+)", answer.headers["set-cookie"])
        assert cookie is not None
        said = ask("/metrics", headers={"cookie": cookie[1]}).body.decode()
        assert f'tenant="{one.name}"' in said
        assert f'tenant="{both[0].name if one is both[1] else both[1].name}"' not in said
    for body in (
        b"",
        b"[]",
        b'{"key": 1}',
        b'{"key": "no"}',
        b"{" * 5_000,
        b'{"x":"' + b"y" * 9_000,
    ):
        assert ask("/v1/access/sign-in", method="POST", body=body).status in {401, 413, 422, 429}


def test_pages_of_one_shop_may_ask_for_that_one_only(both: list[One], ask: Ask) -> None:
    for one in both:
        origin = f"https://{one.name}.example"
        asked = ask("/v1/trending", method="OPTIONS", headers={
            "origin": origin, "access-control-request-method": "GET",
            "access-control-request-headers": "authorization"})  # fmt: skip
        assert asked.headers["access-control-allow-origin"] == origin
        for other in both:
            answer = ask("/v1/trending", headers=with_key(other.public, origin=origin))
            allowed = answer.headers.get("access-control-allow-origin")
            assert allowed == (origin if other is one else None)


def test_each_starts_and_ends_with_the_server(both: list[One]) -> None:
    app = Tenants([one.tenant for one in both])

    async def lived() -> list[Any]:
        said: list[Any] = []
        told: asyncio.Queue[Any] = asyncio.Queue()
        for kind in ("lifespan.startup", "lifespan.shutdown"):
            await told.put({"type": kind})

        async def heard(message: Any) -> None:
            said.append(message["type"])

        await app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, told.get, heard)
        return said

    assert asyncio.run(lived()) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    for one in both:
        entry = live.consented("card:1", {"training": True}, time=datetime.now(UTC))
        with pytest.raises(Busy):
            one.intake.writer.append([entry])


def test_workspaces_that_no_key_tells_apart_are_refused(both: list[One], tmp_path: Path) -> None:
    north, south = (one.door for one in both)
    check_apart([("north", north), ("south", south)])
    with pytest.raises(BadRequest, match="called `north`"):
        check_apart([("north", north), ("north", south)])
    bare = Admission(Keyring(tmp_path / "bare"), b"s" * 32, open=False)
    with pytest.raises(BadRequest, match="`bare` has no key"):
        check_apart([("north", north), ("bare", bare)])
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "keys.json").write_bytes((tmp_path / "north" / "keys.json").read_bytes())
    copy = Admission(Keyring(tmp_path / "copy"), b"s" * 32, open=False)
    with pytest.raises(BadRequest, match="share a key"):
        check_apart([("north", north), ("copy", copy)])


def test_a_real_server_of_two_workers_keeps_them_apart(folder: Path, tmp_path: Path) -> None:
    keys = {}
    for name in NAMES:
        (tmp_path / name).mkdir()
        keys[name] = Keyring(tmp_path / name).create("secret")[1]
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(Path(__file__).parent), str(folder),
         *(str(tmp_path / name) for name in NAMES)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline().strip().rpartition(":")[2])

        def asked(path: str, key: str | None, body: bytes | None = None) -> tuple[int, bytes]:
            connection = HTTPConnection("127.0.0.1", port, timeout=10)
            headers = {} if key is None else with_key(key)
            connection.request("GET" if body is None else "POST", path, body, headers)
            answer = connection.getresponse()
            said = answer.status, answer.read()
            connection.close()
            return said

        session = str(uuid.uuid4())
        event = json.dumps({"type": "view", "session_id": session, "item_id": "i04"}).encode()
        assert asked("/v1/events", keys["north"], event)[0] == 200
        wanted = json.dumps({"session_id": session, "k": 2}).encode()
        for _ in range(10):
            lists = {
                name: json.loads(asked("/v1/recommendations", keys[name], wanted)[1])["fallback"]
                for name in NAMES
            }
            assert lists == {"north": False, "south": True}
            assert asked("/v1/overview", None)[0] == 401
        for name in NAMES:
            assert f'tenant="{name}"'.encode() in asked("/metrics", keys[name])[1]
            version = json.loads(asked("/health/ready", keys[name])[1])["version"]
            assert version == name
    finally:
        process.terminate()
        process.communicate(timeout=30)
