"""A real server, asked by who wants what it does not show: odd paths, and odd heads of requests."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest
from benchmarks.live_server import Server

from bespeak.serve.openapi import shown
from bespeak.serve.routes import ENDPOINTS

TRICKS = (
    "..", "../../../../../../etc/passwd", "..%2f..%2f..%2f..%2f..%2fetc%2fpasswd", "%2e%2e",
    "%2e%2e%2f%2e%2e%2fbespeak.toml", "%252e%252e%252fbespeak.toml", "%2fetc%2fpasswd",
    "//etc/passwd", "..\\..\\bespeak.toml", "..%5c..%5c.secret", "%00", "bespeak.toml%00.js",
    "..;/..;/.secret", "%c0%ae%c0%ae/%c0%ae%c0%ae/.secret", "%ff%fe", "%", "%zz", ".secret",
    "~root", "file:///etc/passwd", "CON", "a" * 8_000, "%61" * 4_000, "a/" * 2_000,
)  # fmt: skip
"""In the place of an id or of a file's name."""
FILES = (
    "/{}", "/docs/{}", "/docs.css/{}", "/openapi.json/{}", "/bespeak.js/{}", "/metrics/{}",
    "/console/{}", "/console/customers/{}", "/console/static/{}/app.js", "/console/static/x/{}",
    "/console/static/x/texts/{}.json", "/store/{}", "/store/item/{}", "/store/static/x/{}",
    "/store/static/{}/shop.js", "/store/static/x/texts/{}.json",
)  # fmt: skip
HUGE = 1_000_000

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(shop: Path) -> Iterator[Server]:
    started = Server(shop, shop / "serve.log")
    started.start()
    yield started
    started.stop()


@pytest.fixture(scope="module")
def secrets(shop: Path) -> list[bytes]:
    """What stands in files beside those that are served, and in one of the machine's."""
    config = (shop / "bespeak.toml").read_bytes()
    held = (shop / ".secret").read_bytes()
    return [config[:200], held[:16], held.hex().encode()[:32], b"root:x:"]


@pytest.mark.parametrize("path", FILES)
def test_no_path_to_a_page_or_file_leads_out_of_what_is_served(
    server: Server, secrets: list[bytes], path: str
) -> None:
    for trick in TRICKS:
        status, headers, content = server.answer("GET", path.format(trick))
        assert status in {200, 307, 400, 404, 405, 414}, (trick, status)
        assert not [one for one in secrets if one in content], trick
        where = headers.get("location", "/")
        assert where.startswith("/") and not where.startswith("//"), (trick, where)


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_no_id_is_taken_for_a_path_and_none_is_a_mistake_of_ours(
    server: Server, secrets: list[bytes], method: str
) -> None:
    paths = {shown(one.path) for one in ENDPOINTS if one.method == method and "{" in one.path}
    assert paths
    connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
    for path in sorted(paths):
        for trick in TRICKS:
            target = "/".join(trick if part[:1] == "{" else part for part in path.split("/"))
            connection.request(method, target, None if method in {"GET", "DELETE"} else b"{}")
            answer = connection.getresponse()
            content = answer.read()
            assert answer.status < 500, (target[:200], answer.status, content[:300])
            assert not [one for one in secrets if one in content], target[:200]
    connection.close()


@pytest.mark.parametrize(
    "head",
    [
        b"GET /v1/trending?q=" + b"a" * HUGE + b" HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n",
        b"GET /v1/trending HTTP/1.1\r\nhost: 127.0.0.1\r\nx: " + b"a" * HUGE + b"\r\n\r\n",
        b"GET /v1/trending HTTP/1.1\r\nhost: 127.0.0.1\r\n" + b"x: y\r\n" * 5_000 + b"\r\n",
        b"GET /v1/trending HTTP/1.1\r\nhost: 127.0.0.1\r\ncookie: " + b"a=b; " * 100_000
        + b"\r\n\r\n",
        b"GET /v1/trending HTTP/1.1\r\nhost: 127.0.0.1\r\nhost: evil.example\r\n\r\n",
        b"GET /v1/trending HTTP/1.1\r\nhost: " + b"a" * 70_000 + b"\r\n\r\n",
        b"POST /v1/events HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 99999999999\r\n\r\n{",
        b"POST /v1/events HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: -1\r\n\r\n{}",
        b"POST /v1/events HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 2\r\n"
        b"transfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /metrics HTTP/1.1\r\n\r\n",
        b"GET\x00/ HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01" + b"\0" * 500, b"\n" * 10_000,
    ],
    ids=["url", "header", "headers", "cookies", "hosts", "host", "length", "negative-length",
         "two-lengths", "nul", "tls", "newlines"],
)  # fmt: skip
def test_a_monstrous_head_is_refused_or_cut_off_and_others_are_answered(
    server: Server, head: bytes
) -> None:
    for _ in range(5):
        assert _first_line(server.port, head).split(b" ")[1:2] < [b"500"]
    assert server.ask("POST", "/v1/recommendations", {"session_id": "s1"})[0] == 200


def _first_line(port: int, head: bytes) -> bytes:
    """What is answered; nothing where the connection is cut, or where more is waited for."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as one:
        try:
            one.sendall(head)
            one.settimeout(0.5)
            return one.recv(200).partition(b"\r\n")[0]
        except OSError:  # a reset, or its patience is longer than ours
            return b""
