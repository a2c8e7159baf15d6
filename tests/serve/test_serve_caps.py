"""What a customer passed over often enough rests; without the log nothing does, as answers say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from asking import Ask, ask_of

from bespeak import live
from bespeak.errors import LogUnavailable
from bespeak.serve import Cap, Intake, Shop, create_app

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Log(live.SQLiteLog):
    """Its lists can't be read while it is `away`, as where its server is."""

    away = False

    def shown(self, visitors: Any, limit: int, *, since: int) -> list[live.Shown]:
        if self.away:
            raise LogUnavailable("away", next_step="Wait.")
        return super().shown(visitors, limit, since=since)


class Visit:
    """A shop that shows an item twice within a day."""

    def __init__(self, shop: Shop, folder: Path, most: int | None = 2) -> None:
        cap = None if most is None else Cap(most, timedelta(hours=24))
        self.log = Log(folder / "live.db")
        self.intake = Intake.over(self.log, "{}:{}".format)
        self.ask: Ask = ask_of(create_app(replace(shop, cap=cap), intake=self.intake))

    def answer(self, hours: float, **more: str) -> dict[str, Any]:
        """Two items, asked for so many hours after noon; what was shown is written by the end."""
        at = (NOON + timedelta(hours=hours)).isoformat().replace("+00:00", "Z")
        asked = "&".join(
            f"{name}={value}" for name, value in {"k": "2", "time": at, **more}.items()
        )
        found = self.ask(f"/v1/customers/c01/recommendations?{asked}")
        assert found.status == 200, found.body
        self.intake.writer.append([]).result(10)
        return dict(found.json())

    def items(self, hours: float, **more: str) -> list[str]:
        return [item["item_id"] for item in self.answer(hours, **more)["items"]]

    def did(self, kind: str, item: str, hours: float) -> None:
        at = (NOON + timedelta(hours=hours)).isoformat()
        event = {"type": kind, "identifiers": {"card": "ca0001"}, "item_id": item, "time": at}
        assert self.ask("/v1/events", method="POST", body=json.dumps(event).encode()).status == 200


@pytest.fixture
def visit(shop: Shop, tmp_path: Path) -> Iterator[Visit]:
    opened = Visit(shop, tmp_path)
    yield opened
    opened.intake.close()


def test_what_was_shown_twice_rests_for_a_day(visit: Visit) -> None:
    first = visit.items(0)
    assert visit.items(1) == first
    second = visit.items(2)
    assert not {*second} & {*first}
    assert visit.items(3) == second
    assert not {*visit.items(4)} & {*first, *second}
    assert visit.items(24.5)[0] == first[0]  # shown once within the last day


def test_a_preview_is_shown_to_nobody(visit: Visit) -> None:
    first = visit.items(0, shown="no")
    assert [visit.items(hours, shown="no") for hours in (1, 2, 3)] == [first] * 3


def test_after_a_click_an_item_is_shown_as_often_again(visit: Visit) -> None:
    assert len(visit.items(0, k="24")) == len(visit.items(1, k="24")) == 24
    assert visit.items(2, k="24") == []
    visit.did("click", "i05", 2.5)
    assert visit.items(3, k="24") == visit.items(4, k="24") == ["i05"]
    assert visit.items(5, k="24") == []


def test_a_visitor_has_lists_of_their_own(visit: Visit) -> None:
    def items(session: str, hours: float) -> list[str]:
        at = (NOON + timedelta(hours=hours)).isoformat()
        body = json.dumps({"session_id": session, "k": 2, "time": at}).encode()
        found = visit.ask("/v1/recommendations", method="POST", body=body).json()
        visit.intake.writer.append([]).result(10)
        return [item["item_id"] for item in found["items"]]

    first = items("s1", 0)
    assert items("s1", 1) == first
    assert not {*items("s1", 2)} & {*first}
    assert items("s2", 2) == first


def test_while_the_log_can_not_be_read_nothing_rests_and_the_answer_says_so(visit: Visit) -> None:
    first = visit.answer(0)
    visit.answer(1)
    assert first["live"] is True
    visit.log.away = True
    blind = visit.answer(2)
    assert (blind["items"], blind["live"]) == (first["items"], False)
    visit.log.away = False
    assert visit.answer(3)["live"] is True


def test_without_a_cap_everything_is_shown_as_often_as_it_comes(shop: Shop, tmp_path: Path) -> None:
    visit = Visit(shop, tmp_path, most=None)
    visit.log.away = True  # which nobody notices, since nobody asks
    first = visit.answer(0)
    assert [visit.answer(hours)["items"] for hours in (1, 2, 3)] == [first["items"]] * 3
    assert first["live"] is True
    visit.intake.close()
