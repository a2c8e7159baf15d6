from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from bespeak import console, pages
from bespeak.recommend import MODELS
from bespeak.recommend.answering.reasons import Telling, fallback_reason, reason
from bespeak.recommend.base import Why
from bespeak.recommend.histories import NO_TIME, Histories
from bespeak.recommend.interactions import DAY, instant

TELLING = Telling(
    name=lambda item: f"item {item}", purchases=True, as_of=instant(datetime(2024, 6, 1)),
    zone=ZoneInfo("UTC"),
)  # fmt: skip


def history(
    times: int, last: datetime | None, *, bought: bool = True, every: float = 9
) -> Histories:
    at = NO_TIME if last is None else instant(last)
    first = at if last is None else at - round((times - 1) * every * DAY)
    return replace(
        Histories.of_lists([[3]]), times=np.array([times], np.int32), bought=np.array([bought]),
        first_time=np.array([first]), last_time=np.array([at]),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("given", "code", "en", "zh"),
    [
        (history(5, datetime(2024, 5, 12)), "rhythm",
         "You buy this about every 9 days; last on 12 May",
         "您大约每9天购买一次，最近一次是5月12日"),
        (history(5, datetime(2024, 5, 12), every=0.2), "rhythm",
         "You buy this about every day; last on 12 May", "您大约每天购买一次，最近一次是5月12日"),
        (history(2, datetime(2024, 5, 12)), "again",
         "You bought this twice; last on 12 May", "您买过两次，最近一次是5月12日"),
        (history(1, datetime(2023, 5, 12)), "again",
         "You bought this on 12 May 2023", "您在2023年5月12日买过"),
        (history(3, datetime(2024, 5, 12), bought=False), "again",
         "In your history 3 times; last on 12 May", "在您的记录中出现3次，最近一次是5月12日"),
        (history(1, datetime(2024, 5, 12), bought=False), "again",
         "In your history; last on 12 May", "在您的记录中，最近一次是5月12日"),
        (history(1, None), "again", "Already in your history", "您的记录中已有"),
        (history(4, None), "again", "Already in your history, 4 times", "您的记录中已有（4次）"),
    ],
)  # fmt: skip
def test_what_was_had_before_is_said_as_it_was(
    given: Histories, code: str, en: str, zh: str
) -> None:
    assert reason(Why("rhythm", other=3), given, TELLING).said() == {
        "code": code,
        "en": en,
        "zh": zh,
    }


@pytest.mark.parametrize(
    ("given", "customers", "en"),
    [
        (history(1, datetime(2024, 3, 3)), 9,
         "Often bought with item 3, which you bought on 3 March"),
        (history(1, datetime(2024, 3, 3)), 2,
         "Bought with item 3 by 2 customers, which you bought on 3 March"),
        (history(1, datetime(2024, 3, 3), bought=False), 9,
         "Often bought with item 3, in your history on 3 March"),
        (history(1, None), 9, "Often bought with item 3"),
    ],
)  # fmt: skip
def test_an_item_is_often_bought_with_another_only_if_it_is(
    given: Histories, customers: int, en: str
) -> None:
    said = reason(Why("with", other=3, customers=customers), given, TELLING)
    assert (said.code, said.en) == ("bought_with", en)
    assert said.params == {"item": 3, "customers": customers}
    assert "item 3" in said.zh


def test_a_model_that_counted_nobody_names_no_number() -> None:
    said = reason(Why("with", other=3, customers=None), history(1, None), TELLING)
    assert (said.code, said.en, said.zh) == ("goes_with", "Goes with item 3", "与item 3相配")


@pytest.mark.parametrize(
    ("why", "code", "en"),
    [
        (Why("popular", customers=1234, days=28), "popular",
         "Popular in the last 28 days: bought by 1,234 customers"),
        (Why("popular", customers=1, days=7.5), "popular",
         "Popular in the last 7.5 days: bought by 1 customer"),
        (Why("popular", customers=8, days=28, group="loyal"), "popular",
         "Popular among “loyal” in the last 28 days: bought by 8 customers"),
        (Why("popular", customers=3), "popular_ever", "Bought by 3 customers"),
        (Why("popular", customers=3, group="loyal"), "popular_ever",
         "Bought by 3 customers of “loyal”"),
    ],
)  # fmt: skip
def test_popularity_says_whom_it_counted_and_when(why: Why, code: str, en: str) -> None:
    said = reason(why, Histories.empty(1), TELLING)
    assert (said.code, said.en) == (code, en)
    assert str(why.customers)[0] in said.zh


def test_nothing_is_called_bought_where_other_things_were_counted() -> None:
    telling = replace(TELLING, purchases=False)
    popular = reason(Why("popular", customers=3, days=28), Histories.empty(1), telling)
    other = reason(Why("with", other=3, customers=9), history(1, None), telling)
    assert "bought" not in popular.en + other.en
    assert "购买" not in popular.zh + other.zh


def test_a_day_is_the_workspace_s_own() -> None:
    telling = replace(TELLING, zone=ZoneInfo("Asia/Shanghai"))
    late = instant(datetime(2024, 5, 12, 20))
    assert TELLING.day(late) == ("12 May", "5月12日")
    assert telling.day(late) == ("13 May", "5月13日")


@pytest.mark.parametrize("code", ["no_history", "unknown_items", "no_evidence", "nothing_left"])
def test_every_fallback_has_words_in_both_languages(code: str) -> None:
    said = fallback_reason(code)
    assert said["code"] == code
    assert said["en"]
    assert any("\u4e00" <= letter <= "\u9fff" for letter in said["zh"])


@pytest.mark.parametrize("name", MODELS)
def test_every_model_is_held_to_the_contract_of_reasons(name: str) -> None:
    suites = Path(__file__).parent.glob("test_recommend_*.py")
    held = (re.search(rf'\(RecommenderContract\):\n    name = "{name}"\n', one.read_text("utf-8"))
            for one in suites)  # fmt: skip
    assert any(held), f"no contract suite of {name}"


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("language", ("en", "zh"))
def test_every_model_has_a_name_in_the_console(name: str, language: str) -> None:
    folder = Path(console.__file__).parent / "texts"
    assert pages.texts(folder)[language][f"model.{name}"]
