"""While the event log is out of use, lists go on and say so, and nobody has to start anything."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from asking import Answer, Ask, ask_of

from bespeak.errors import LogUnavailable
from bespeak.live import Change, Entry, Lately, Seen, SQLiteLog, commit
from bespeak.serve import Intake, Shop, create_app


class Breakable(SQLiteLog):
    """A log that can be out of use, as where its disk is full or its server away."""

    away = False

    def _check(self) -> None:
        if self.away:
            raise LogUnavailable("away", next_step="Wait.")

    def probe(self) -> None:
        self._check()
        super().probe()

    def append(self, batches: Sequence[Sequence[Entry]], received: int) -> list[int]:
        self._check()
        return super().append(batches, received)

    def history(self, visitors: Sequence[str], limit: int, *, after: int = 0) -> list[Seen]:
        self._check()
        return super().history(visitors, limit, after=after)

    def lately(self, visitors: Sequence[str], limit: int, *, after: int) -> Lately:
        self._check()
        return super().lately(visitors, limit, after=after)

    def changes_last(self) -> int:
        self._check()
        return super().changes_last()


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Breakable:
    monkeypatch.setattr(commit, "AGAIN_S", 0.02)
    return Breakable(tmp_path / "live.db")


@pytest.fixture
def ask(shop: Shop, log: Breakable) -> Iterator[Ask]:
    intake = Intake.over(log, "{}:{}".format)
    yield ask_of(create_app(shop, intake=intake))
    intake.close()


def told(ask: Ask) -> Answer:
    event = {"type": "view", "session_id": "s1", "item_id": "i04"}
    return ask("/v1/events", method="POST", body=json.dumps(event).encode())


def test_events_are_refused_for_a_while_and_lists_say_what_they_lack(
    ask: Ask, log: Breakable
) -> None:
    log.change([Change("i02", {"price": "2.50"})], 1)
    assert told(ask).status == 200
    assert ask("/v1/customers/c01/recommendations").json()["live"] is True
    log.away = True
    refused = told(ask)
    assert (refused.status, refused.headers["retry-after"]) == (503, "2")
    assert ask("/v1/customers/c01/recommendations").json()["live"] is False
    session = ask("/v1/recommendations", method="POST", body=b'{"session_id": "s1"}')
    assert (session.status, session.json()["live"]) == (200, False)
    assert ask("/v1/items/i02").json()["price"] == 2.5, "prices are as they were last known"
    assert ask("/v1/trending").status == 200
    assert ask("/v1/customers/newcomer/recommendations").status == 503, "nobody can say"


def test_the_state_is_said_and_becomes_well_by_itself(ask: Ask, log: Breakable) -> None:
    assert ask("/health/ready").json()["status"] == "ready"
    log.away = True
    ask("/v1/customers/c01/recommendations")
    said = ask("/health/ready")
    assert (said.status, said.json()["status"]) == (200, "degraded")
    assert said.json()["log"]["code"] == "LogUnavailable"
    time.sleep(0.1)
    assert ask("/health/ready").json()["status"] == "degraded"
    log.away = False
    for _ in range(200):
        if ask("/health/ready").json()["status"] == "ready":
            break
        time.sleep(0.02)
    assert ask("/health/ready").json()["log"] is None
    assert told(ask).status == 200


@pytest.mark.parametrize(
    ("target", "body"),
    [
        ("/v1/customers/c%00/recommendations", None), ("/v1/items/%00", None),
        ("/v1/trending?place=a%00b", None), ("/v1/recommendations", b'{"session_id": "a\\u0000"}'),
        ("/v1/recommendations", b'{"items": ["a\\u0000"]}'),
    ],
)  # fmt: skip
def test_a_nul_is_refused_before_any_log_sees_it(ask: Ask, target: str, body: bytes | None) -> None:
    answer = ask(target, method="GET" if body is None else "POST", body=body or b"")
    assert answer.status == 422
    assert "NUL" in answer.json()["error"]["message"]


def test_what_an_address_does_not_do_is_done_by_no_other(ask: Ask) -> None:
    answer = ask("/v1/customers/c01/recommendations", method="DELETE")
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")
    answer = ask("/v1/items/i01", method="OPTIONS")
    assert (answer.status, answer.headers["allow"]) == (405, "DELETE, GET, HEAD, PATCH, PUT")


def test_a_number_is_no_time(ask: Ask) -> None:
    answer = ask("/v1/trending?time=0.5")
    assert answer.status == 422 and "`time`" in answer.json()["error"]["message"]
