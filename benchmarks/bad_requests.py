"""Requests that no honest client sends: malformed, huge, nested, of wrong types and encodings."""

from __future__ import annotations

import contextlib
import gzip
import json
import random
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import quote

PATHS = (
    "/v1/events", "/v1/recommendations", "/v1/customers/{}/recommendations", "/v1/customers/{}",
    "/v1/items/{}", "/v1/items/{}/similar", "/v1/items", "/v1/customers", "/v1/trending",
    "/v1/segments/{}/{}", "/v1/overview", "/v1/access/sign-in", "/health/ready", "/metrics",
    "/console/{}", "/docs/{}", "/{}",
)  # fmt: skip
PARAMETERS = (
    "k", "q", "limit", "repeat", "exclude", "category", "price_from", "price_to", "history", "x",
)  # fmt: skip
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "BREW")
FIELDS = (
    "type", "event_id", "time", "session_id", "identifiers", "item_id", "quantity", "price",
    "value", "currency", "position", "properties", "items", "k", "events", "key",
)  # fmt: skip
WORDS = (
    "", "0", "-1", "1e999", "nan", "null", "true", "..", "../../etc/passwd", "%00", "%2e%2e%2f",
    "\0", "'; DROP TABLE events; --", "<script>alert(1)</script>", "{{7*7}}", "${jndi:ldap://x}",
    "é", "茶", "\ud7ff", "🍵" * 50, "a" * 10_000, "\r\nX-Injected: 1", "view", "purchase",
    "2026-01-01",
    "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "c1", "EUR",
)  # fmt: skip
NUMBERS = (0, -1, 1, 2**31, 2**63, 2**64, 10**30, -(10**30), 1.5, 1e308, -0.0)


def send(port: int, count: int, *, threads: int = 4, seed: int = 0) -> Counter[int]:
    """`count` of them over kept connections; answers by status, 0 where the server hung up."""
    found: Counter[int] = Counter()
    lock = threading.Lock()

    def work(number: int) -> None:
        mine = _sent(port, count // threads, random.Random(seed * threads + number))
        with lock:
            found.update(mine)

    workers = [threading.Thread(target=work, args=(at,)) for at in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return found


def _sent(port: int, count: int, chance: random.Random) -> Counter[int]:
    found: Counter[int] = Counter()
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    for _ in range(count):
        try:
            connection.request(*_request(chance))
            answer = connection.getresponse()
            answer.read()
            found[answer.status] += 1
        except (OSError, HTTPException):
            found[0] += 1
            connection.close()
    connection.close()
    return found


def _request(chance: random.Random) -> tuple[str, str, bytes | None, dict[str, str]]:
    path = chance.choice(PATHS)
    while "{}" in path:
        path = path.replace("{}", quote(chance.choice(WORDS), safe=chance.choice(("", "/%"))), 1)
    if chance.random() < 0.4:
        named = [
            f"{chance.choice(PARAMETERS)}={quote(str(_value(chance, 0))[:2_000], safe='%&=')}"
            for _ in range(chance.randrange(1, 4))
        ]
        path += "?" + "&".join(named)
    method = chance.choice(METHODS) if chance.random() < 0.3 else chance.choice(("GET", "POST"))
    content = _content(chance) if method not in {"GET", "HEAD"} else None
    return method, path[:30_000], content, _headers(chance)


def _headers(chance: random.Random) -> dict[str, str]:
    found: dict[str, str] = {}
    if chance.random() < 0.2:
        found["content-encoding"] = chance.choice(("gzip", "br", "gzip, gzip", "", "é"))
    if chance.random() < 0.2:
        found["content-type"] = chance.choice(("text/xml", "application/json; charset=utf-16", "x"))
    if chance.random() < 0.2:
        found["authorization"] = chance.choice(
            ("Bearer", "Bearer x", "Basic eDp4", "Bearer " * 500)
        )
    if chance.random() < 0.1:
        found["cookie"] = chance.choice(("bespeak-console=a.b.c", "=;=;", "x" * 5_000))
    return found


def _content(chance: random.Random) -> bytes:
    kind = chance.randrange(8)
    if kind == 0:
        return chance.randbytes(chance.randrange(2_000))
    if kind == 1:
        return b"[" * chance.choice((10, 5_000, 200_000))
    if kind == 2:
        depth = chance.choice((50, 3_000))
        return b'{"properties":' * depth + b"1" + b"}" * depth
    if kind == 3 and chance.random() < 0.05:
        return b'{"type":"view","session_id":"' + b"x" * 2_000_000 + b'"}'
    text = json.dumps(_object(chance, 0), ensure_ascii=chance.random() < 0.5)
    content = text.encode(chance.choice(("utf-8", "utf-16", "utf-8-sig")), "surrogatepass")
    if kind == 4:
        return content[: chance.randrange(len(content) + 1)]
    if kind == 5:
        return gzip.compress(content, 1)[: chance.choice((5, 10_000))]
    return content


def _object(chance: random.Random, depth: int) -> dict[str, Any]:
    names = (chance.choice((*FIELDS, *WORDS[:12])) for _ in range(chance.randrange(6)))
    return {name: _value(chance, depth + 1) for name in names}


def _value(chance: random.Random, depth: int) -> Any:
    kind = chance.randrange(6 if depth < 4 else 4)
    if kind == 0:
        return chance.choice(NUMBERS)
    if kind in {1, 2}:
        return chance.choice(WORDS)
    if kind == 3:
        return chance.choice((None, True, False))
    if kind == 4:
        return [_value(chance, depth + 1) for _ in range(chance.randrange(4))]
    return _object(chance, depth)


@contextlib.contextmanager
def slow_clients(port: int, count: int) -> Iterator[None]:
    """Connections that have begun a request and go on a byte at a time."""
    opened = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(count)]
    ended = threading.Event()

    def trickle() -> None:
        while not ended.wait(0.2):
            for one in opened:
                with contextlib.suppress(OSError):
                    one.send(b"x")

    begun = b"POST /v1/events HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 100000\r\n\r\n{"
    for number, one in enumerate(opened):
        one.send(begun if number % 2 else b"GET /v1/trending HTTP/1.1\r\nhost: 127.")
    trickling = threading.Thread(target=trickle)
    trickling.start()
    try:
        yield
    finally:
        ended.set()
        trickling.join()
        for one in opened:
            one.close()


def header_flood(port: int) -> str:
    """What a request with a hundred thousand headers is answered."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as one:
        try:
            one.sendall(b"GET /v1/trending HTTP/1.1\r\nhost: 127.0.0.1\r\n")
            for number in range(1_000):
                one.sendall(b"".join(b"x-%d-%d: y\r\n" % (number, n) for n in range(100)))
            one.sendall(b"\r\n")
            first = one.recv(100).split(b"\r\n")[0].decode("latin-1")
        except OSError as error:
            return f"the flood was cut off ({type(error).__name__})"
    return f"the flood was answered `{first}`" if first else "the flood was cut off"
