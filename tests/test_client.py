"""The Python client: against a real server, and against one that says no at first."""

from __future__ import annotations

import json
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parent / "storefront"))
import little_store

from bespeak import live
from bespeak.access import Keyring, whose
from bespeak.client import Client, Refused, Unreachable
from bespeak.errors import BadRequest


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shop")


@pytest.fixture(scope="module")
def secret(folder: Path) -> str:
    return Keyring(folder).create("secret", name="server")[1]


@pytest.fixture(scope="module")
def shop(folder: Path, secret: str) -> Iterator[Client]:
    with little_store.running(folder) as address, Client(address, secret) as client:
        yield client


def test_events_are_taken_once_and_the_bad_ones_named(shop: Client, folder: Path) -> None:
    session = str(uuid.uuid4())
    good = [{"type": "view", "session_id": session, "item_id": "i03"} for _ in range(1_100)]
    money = {"type": "purchase", "price": Decimal("9.80"), "time": datetime.now(UTC)}
    bad = {"type": "stare", "session_id": session}
    told = shop.events([*good, bad, {**good[0], **money, "event_id": "order-7"}])
    assert (told["accepted"], told["duplicates"]) == (1_101, 0)
    assert [(one["index"], one["field"]) for one in told["errors"]] == [(1_100, "type")]
    again = shop.events([{**good[0], **money, "event_id": "order-7"}])
    assert (again["accepted"], again["duplicates"]) == (0, 1)
    assert shop.events([bad])["errors"][0]["index"] == 0
    log = live.SQLiteLog(folder / "live.db")
    assert sum(kept.entry.session == session for kept in log.after(0, 5_000)) == 1_101
    log.close()


def test_lists_know_the_events_before_them(shop: Client) -> None:
    shop.events([{"type": "view", "identifiers": {"customer": "c99"}, "item_id": "i09"}])
    assert shop.recommendations("c99", k=2)["items"][0]["item_id"] == "i10"
    kept_out = shop.recommendations("c99", k=1, exclude=["i10", "i11"])
    assert kept_out["items"][0]["item_id"] == "i12"
    assert shop.recommendations(items=["i04"], k=1)["items"][0]["item_id"] == "i05"
    assert shop.similar("i00", k=1)["items"][0]["item_id"] == "i01"
    assert len(shop.trending(k=3)["items"]) == 3
    assert shop.item("i00")["title"] == "Assam breakfast tea"
    with pytest.raises(Refused, match="there is no item") as refused:
        shop.item("no/such?one")
    assert refused.value.status == 404


def test_a_token_speaks_for_its_customer(shop: Client, folder: Path) -> None:
    assert whose(shop.token("c05", ttl_s=60), Keyring(folder)) == "c05"
    with pytest.raises(BadRequest, match="secret key"):
        Client("http://127.0.0.1:1").token("c05")


def test_a_wrong_key_is_refused_at_once(shop: Client) -> None:
    wrong = Client(f"http://{shop._connection.host}:{shop._connection.port}", "bsp_secret_no")
    with pytest.raises(Refused, match="key") as refused:
        wrong.trending()
    assert refused.value.status == 401


class Busy(BaseHTTPRequestHandler):
    """Says 429, then 503, then cuts the line, then takes it."""

    protocol_version = "HTTP/1.1"
    bodies: list[Any]

    def do_POST(self) -> None:
        bodies = self.server.bodies  # type: ignore[attr-defined]
        bodies.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        if len(bodies) == 3:
            self.close_connection = True
            return
        status, answer = {1: (429, {}), 2: (503, {})}.get(
            len(bodies), (200, {"accepted": 1, "duplicates": 0, "errors": []})
        )
        content = json.dumps(answer).encode()
        self.send_response(status)
        if status == 429:
            self.send_header("retry-after", "1")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Quietly."""


def test_what_can_not_be_taken_now_goes_again_under_the_same_id() -> None:
    server = HTTPServer(("127.0.0.1", 0), Busy)
    server.bodies = []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    began = time.monotonic()
    with Client(f"http://127.0.0.1:{server.server_port}") as client:
        assert client.events([{"type": "view", "session_id": "s"}])["accepted"] == 1
    assert time.monotonic() - began > 1.0  # as Retry-After said
    bodies = server.bodies  # type: ignore[attr-defined]
    assert len(bodies) == 4
    assert len({body["events"][0]["event_id"] for body in bodies}) == 1
    server.shutdown()
    server.server_close()


def test_a_server_that_is_not_there_is_said_to_be() -> None:
    with pytest.raises(Unreachable, match="does not answer"):
        Client("http://127.0.0.1:1", tries=2).trending()
    with pytest.raises(BadRequest, match="https://"):
        Client("bespeak.example")
