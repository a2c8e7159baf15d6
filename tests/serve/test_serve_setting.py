"""Where and when a list stands: checked, logged with what was shown, told to what counts by it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from asking import Answer, Ask, ask_of

from bespeak import live
from bespeak.serve import Intake, Shop, create_app

CUSTOMER = "/v1/customers/c01/recommendations"


@pytest.fixture
def intake(tmp_path: Path) -> Iterator[Intake]:
    opened = Intake.over(live.SQLiteLog(tmp_path / "live.db"), "{}:{}".format)
    yield opened
    opened.close()


@pytest.fixture
def asked(shop: Shop, intake: Intake) -> Ask:
    return ask_of(create_app(shop, intake=intake))


def session(asked: Ask, **more: Any) -> Answer:
    body = json.dumps({"session_id": "s1", **more}).encode()
    return asked("/v1/recommendations", method="POST", body=body)


def shown(intake: Intake) -> list[dict[str, Any]]:
    """The impressions that are logged; those offered before are written by then."""
    intake.writer.append([]).result(10)
    return [json.loads(kept.entry.body) for kept in intake.log.after(0, 99)]


def test_place_device_and_time_are_kept_with_what_was_shown(asked: Ask, intake: Intake) -> None:
    assert (
        asked(f"{CUSTOMER}?place=home&device=phone&time=2025-05-30T10:00:00%2B02:00").status == 200
    )
    assert session(asked, place="basket", time="2025-05-30T08:00:00Z").status == 200
    before = datetime.now(UTC)
    assert session(asked).status == 200
    first, second, third = shown(intake)
    assert (first["place"], first["device"], first["time"]) == (
        "home", "phone", "2025-05-30T08:00:00Z",
    )  # fmt: skip
    assert (second["place"], second["time"]) == ("basket", "2025-05-30T08:00:00Z")
    assert "device" not in second
    assert "place" not in third
    assert datetime.fromisoformat(third["time"]) >= before


def test_a_preview_is_answered_and_not_logged(asked: Ask, intake: Intake) -> None:
    assert asked(f"{CUSTOMER}?shown=no").json()["items"]
    assert session(asked, shown="no").json()["items"]
    assert shown(intake) == []


def test_a_place_is_handed_on_to_what_counts_by_place(shop: Shop, intake: Intake) -> None:
    given: list[Any] = []

    def recommend(**asked: Any) -> Any:
        given.append(asked["label"])
        return shop.recommend(**asked)

    ask = ask_of(create_app(replace(shop, recommend=recommend), intake=intake))
    ask(f"{CUSTOMER}?place=home")
    session(ask, place="basket")
    ask(CUSTOMER)
    assert given == [("place", "home"), ("place", "basket"), None]


@pytest.mark.parametrize(
    "query",
    [
        "time=yesterday", "time=2025-05-30T10:00:00", "time=1969-12-31T23:59:59Z",
        "time=9999-01-01T00:00:00Z", "place=", "device=" + "x" * 257, "shown=maybe",
    ],
)  # fmt: skip
def test_a_setting_that_can_t_be_is_refused_by_name(asked: Ask, intake: Intake, query: str) -> None:
    for path in (CUSTOMER, "/v1/trending"):
        answer = asked(f"{path}?{query}")
        assert answer.status == 422, path
        assert f"`{query.partition('=')[0]}`" in answer.json()["error"]["message"]
        assert answer.json()["error"]["expected"]
    assert shown(intake) == []
