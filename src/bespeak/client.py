"""A shop's own server speaks to bespeak: events in batches, lists, and tokens for its customers.

    shop = Client("https://bespeak.example", "bsp_secret_…")
    shop.events([{"type": "purchase", "identifiers": {"customer": "900"}, "item_id": "4012"}])
    shop.recommendations("900", k=6)["items"]
    shop.token("900")

A client keeps one connection, and belongs to
one thread.
"""

from __future__ import annotations

import http.client
import random
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from types import TracebackType
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from bespeak.access import sign
from bespeak.errors import BadRequest, BespeakError

TOGETHER = 1_000
"""Events of the largest batch that a server takes."""
LATER = frozenset({429, 503})
"""What a server answers that can't now, and could in a while."""
LONGEST_WAIT_S = 30.0

Event = Mapping[str, Any]
Answer = dict[str, Any]


class Refused(BespeakError, RuntimeError):
    """The server said no.

    status : of the answer, 400 and above
    answer : what it said, {"error": {…}} as a rule
    """

    def __init__(self, status: int, answer: Answer) -> None:
        said = answer.get("error", {})
        super().__init__(
            said.get("message", f"the server answered {status}"), found=said.get("found"),
            expected=said.get("expected"), next_step=said.get("next_step"),
        )  # fmt: skip
        self.status, self.answer = status, answer


class Unreachable(BespeakError, ConnectionError):
    """No answer came, however often it was tried."""


class Client:
    """One server, asked with a key.

    url     : like https://bespeak.example
    key     : a secret one; None where the server asks for none
    tries   : how often a request goes at most, where the answer is 429 or 503, or none
    """

    def __init__(
        self, url: str, key: str | None = None, *, timeout_s: float = 10.0, tries: int = 5
    ) -> None:
        """raises : BadRequest unless `url` is an http or https address"""
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise BadRequest("url", found=url, expected="an address like https://bespeak.example")
        secure = parts.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        self._connection = kind(parts.hostname, parts.port, timeout=timeout_s)
        self._key, self._tries = key, tries

    def events(self, events: Iterable[Event]) -> Answer:
        """Tell what happened; returns when all of it is on the server's disk.

        events  : as POST /v1/events takes them; each gets an event_id unless it has one, so that
                  what is sent again counts once
        returns : {"accepted", "duplicates", "errors": [{"index", …}]}, over all batches
        raises  : Refused, Unreachable
        """
        told: Answer = {"accepted": 0, "duplicates": 0, "errors": []}
        start, waiting = 0, iter(events)
        while batch := list(islice(waiting, TOGETHER)):
            answer = self._tell([{"event_id": str(uuid.uuid4()), **event} for event in batch])
            told["accepted"] += answer["accepted"]
            told["duplicates"] += answer["duplicates"]
            told["errors"] += [{**one, "index": one["index"] + start} for one in answer["errors"]]
            start += len(batch)
        return told

    def _tell(self, batch: Sequence[Event]) -> Answer:
        try:
            return self._ask("POST", "/v1/events", {"events": batch})
        except Refused as error:
            if error.status != 422 or "errors" not in error.answer:
                raise
            return {"accepted": 0, "duplicates": 0, "errors": error.answer["errors"]}

    def recommendations(
        self, customer_id: str | None = None, *, session_id: str | None = None,
        items: Sequence[str] = (), **more: Any,
    ) -> Answer:  # fmt: skip
        """What to offer a customer; without one, a session or whoever has the history `items`.

        more   : k, repeat, category, price_from, price_to, in_stock, exclude (item ids); model
        raises : Refused, Unreachable
        """
        if customer_id is not None:
            if "exclude" in more:
                more["exclude"] = ",".join(more["exclude"])
            return self._ask("GET", _path("customers", customer_id, "recommendations", **more))
        body = {"items": list(items), **more}
        if session_id is not None:
            body["session_id"] = session_id
        return self._ask("POST", "/v1/recommendations", body)

    def similar(self, item_id: str, *, k: int = 10, **more: Any) -> Answer:
        """What goes with an item; more: in_stock. raises : Refused, Unreachable"""
        return self._ask("GET", _path("items", item_id, "similar", k=k, **more))

    def trending(self, *, k: int = 10, **more: Any) -> Answer:
        """What most choose lately. raises : Refused, Unreachable"""
        return self._ask("GET", _path("trending", k=k, **more))

    def item(self, item_id: str) -> Answer:
        """One item of the catalogue. raises : Refused, Unreachable"""
        return self._ask("GET", _path("items", item_id))

    def consent(self, customer_id: str, **said: bool) -> Answer:
        """What a customer agreed to; with `said`, take a new word of theirs first.

        said   : personalisation, training, marketing
        raises : Refused, Unreachable
        """
        method, body = ("PUT", said) if said else ("GET", None)
        return self._ask(method, _path("customers", customer_id, "consent"), body)

    def token(self, customer_id: str, ttl_s: int = 3_600) -> str:
        """A token that lets a page speak for one customer for a while.

        raises : BadRequest without a secret key, or if `ttl_s` is not 1 to 86,400
        """
        return sign(customer_id, self._key or "", ttl_s=ttl_s)

    def close(self) -> None:
        """Let go of the connection; the next request opens another."""
        self._connection.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, method: str, target: str, body: object = None) -> Answer:
        """Each request may go again: a list asks only, and events carry their ids."""
        content = None if body is None else msgspec.json.encode(body)
        failure: BespeakError | None = None
        for wait in self._waits():
            try:
                status, headers, answer = self._once(method, target, content)
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                failure = Unreachable(
                    f"{self._connection.host}:{self._connection.port} does not answer: {error}",
                    next_step="Is `bespeak serve` running there?",
                )
                time.sleep(wait)
                continue
            if status < 400:
                return answer
            failure = Refused(status, answer)
            if status not in LATER:
                raise failure
            time.sleep(min(max(wait, _seconds(headers)), LONGEST_WAIT_S) if wait else 0)
        raise failure or Unreachable("nothing was tried", expected="tries above 0")

    def _once(
        self, method: str, target: str, content: bytes | None
    ) -> tuple[int, http.client.HTTPMessage, Answer]:
        headers = {"accept": "application/json"}
        if content is not None:
            headers["content-type"] = "application/json"
        if self._key is not None:
            headers["authorization"] = f"Bearer {self._key}"
        self._connection.request(method, target, content, headers)
        response = self._connection.getresponse()
        said = response.read()
        try:
            answer = msgspec.json.decode(said)
        except msgspec.DecodeError:
            answer = {}
        return response.status, response.headers, answer

    def _waits(self) -> Iterator[float]:
        """Seconds after each try: twice as long each time, each a little otherwise; last none."""
        for at in range(self._tries - 1):
            yield min(0.1 * 2**at, LONGEST_WAIT_S) * random.uniform(0.5, 1.0)
        yield 0.0


def _path(*parts: str, **asked: Any) -> str:
    query = urlencode({name: value for name, value in asked.items() if value is not None})
    path = "/v1/" + "/".join(quote(part, safe="") for part in parts)
    return f"{path}?{query}" if query else path


def _seconds(headers: http.client.HTTPMessage) -> float:
    """What Retry-After says; 0 where it says nothing that is a number."""
    said = headers.get("retry-after", "")
    return float(said) if said.isdigit() else 0.0
