"""A new version is served if it answers as it should, by rules that are told."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import little_shop
import pytest

from bespeak.errors import NotFound, VersionRefused
from bespeak.serve import People, Shop
from bespeak.serve.probes import ASKED, examine
from bespeak.serve.snapshot import Sorted


@pytest.fixture
def new(folder: Path) -> Shop:
    return little_shop.shop(folder, "v2")


def emptied(ask: Callable[..., Mapping[str, Any]], *, after: int = 0) -> Any:
    """The same answers without items, from the call number `after` on."""
    calls = iter(range(10_000))

    def answer(*given: Any, **named: Any) -> Mapping[str, Any]:
        found = ask(*given, **named)
        return found if next(calls) < after else {**found, "items": []}

    return answer


def of_whom(ask: Any, holds: Callable[[dict[str, Any]], bool], instead: Any) -> Any:
    """`instead` answers questions that `holds` is true of."""
    return lambda **named: (instead if holds(named) else ask)(**named)


def shortened(shop: Shop, table: str, rows: int) -> Shop:
    """The shop with only the first rows of a table."""
    short = Sorted.__new__(Sorted)
    key = {"items": "item_id", "customers": "customer_id"}[table]
    short.rows = getattr(shop.snapshot, table).rows.slice(0, rows)
    short._keys = short.rows[key]
    return replace(shop, snapshot=replace(shop.snapshot, **{table: short}))


def refusal(new: Shop, old: Shop | None) -> str:
    with pytest.raises(VersionRefused) as error:
        examine(new, old)
    assert "v2" in str(error.value) and error.value.next_step
    return str(error.value)


def test_a_version_that_answers_as_before_is_taken(new: Shop, shop: Shop) -> None:
    examine(new, shop)
    examine(new, None)


def test_lists_that_have_become_empty_are_refused(new: Shop, shop: Shop) -> None:
    recommend = emptied(new.recommend)
    newcomer = of_whom(
        new.recommend, lambda said: said["customer_id"] is None and not said["items"], recommend
    )
    assert "lists of a newcomer have collapsed" in refusal(replace(new, recommend=newcomer), shop)
    known = of_whom(new.recommend, lambda said: said["customer_id"] is not None, recommend)
    message = refusal(replace(new, recommend=known), shop)
    assert (
        f"lists of customers have collapsed, found 0, expected at least 50% of {ASKED}" in message
    )
    assert "trending" in refusal(replace(new, trending=emptied(new.trending)), shop)
    assert "similar" in refusal(replace(new, similar=emptied(new.similar, after=7)), shop)
    examine(replace(new, similar=emptied(new.similar, after=8)), shop)


def test_a_collapse_of_items_or_customers_is_refused(new: Shop, shop: Shop) -> None:
    assert "items have collapsed, found 11" in refusal(shortened(new, "items", 11), shop)
    examine(shortened(new, "items", 12), shop)
    assert "customers have collapsed" in refusal(shortened(new, "customers", 9), shop)


def test_what_somebody_put_back_and_what_is_first_is_not_compared(new: Shop, shop: Shop) -> None:
    few = shortened(new, "items", 2)
    examine(few, None)
    examine(replace(few, by_hand=True), shop)


def test_a_question_that_fails_or_takes_too_long_is_refused(
    new: Shop, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError

    for old in (None, shop):
        with pytest.raises(ZeroDivisionError):
            examine(replace(new, similar=fail), old)
    monkeypatch.setattr("bespeak.serve.probes.PATIENCE_S", 0.02)

    def slow(**given: Any) -> Any:
        time.sleep(0.03)
        return new.trending(**given)

    assert "trending take too long" in refusal(replace(new, trending=slow), None)


def test_who_was_erased_is_not_asked_about_and_no_version_is_refused_for_it(new: Shop) -> None:
    class Marks:
        pending = True

        def __bool__(self) -> bool:
            return True

        def hold(self, visitors: list[str]) -> bool:
            return new.visitors("c01") == visitors

    def never(**named: Any) -> Any:
        raise NotFound("erased")

    people = People(erase=never, export=never, heard=never, marks=Marks)  # type: ignore[arg-type]
    asked = of_whom(new.recommend, lambda named: named["customer_id"] == "c01", never)
    kept = replace(new, people=people, recommend=asked)
    assert kept.erased("c01")
    examine(kept, kept)
