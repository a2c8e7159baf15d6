"""Why an item is on a list, in words; each says a fact that the model itself counted with."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property, lru_cache, partial
from types import MappingProxyType
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from bespeak.recommend.base import RHYTHM, Why, Whys
from bespeak.recommend.histories import NO_TIME, Histories, Index

REGULAR = 3
"""Who had something as many times has a rhythm."""

OFTEN = 5
"""Fewer customers than this with both items are not called often."""

DAY = 86_400_000_000
REMEMBERED = 50_000
"""Texts that are kept at hand; some 20 MB."""

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip

FALLBACKS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "no_history": (
            "There is no history to go by, so these are popular items",
            "没有可参考的历史记录，因此推荐热门商品",
        ),
        "unknown_items": (
            "None of the items in this history is known, so these are popular items",
            "历史记录中的商品均未收录，因此推荐热门商品",
        ),
        "no_evidence": (
            "The model finds nothing that goes with this history, so these are popular items",
            "模型没有找到与该历史记录相关的商品，因此推荐热门商品",
        ),
        "nothing_left": (
            "Everything that could be recommended is owned, excluded or unavailable",
            "可推荐的商品均已拥有、被排除或无货",
        ),
    }
)


class Reason(NamedTuple):
    """A code and its parameters for programs, a sentence for people in both languages."""

    code: str
    params: Mapping[str, Any]
    en: str
    zh: str

    def said(self) -> dict[str, str]:
        """The part that goes into an answer."""
        return {"code": self.code, "en": self.en, "zh": self.zh}


NEWCOMER = Reason(
    "newcomer", {}, "Of this category, and nobody has chosen it yet", "属于该类别，尚无人选购"
)


@dataclass(frozen=True)
class Telling:
    """What turning facts into words needs to know.

    name      : position of an item -> what to call it
    purchases : whether all that was counted are purchases, so that "bought" is true
    """

    name: Callable[[int], str]
    purchases: bool
    as_of: int | None
    zone: ZoneInfo

    @cached_property
    def day(self) -> Callable[[int], tuple[str, str]]:
        """Microseconds since 1970 -> their day in both languages; remembered, since a history's
        few times are behind many reasons."""
        present = None if self.as_of is None else _date(self.as_of - 1, self.zone).year
        return lru_cache(REMEMBERED)(partial(_day, zone=self.zone, present=present))


def _day(micros: int, *, zone: ZoneInfo, present: int | None) -> tuple[str, str]:
    """The year only where it is not the present one."""
    day = _date(micros, zone)
    en, zh = f"{day.day} {MONTHS[day.month - 1]}", f"{day.month}月{day.day}日"
    return (en, zh) if day.year == present else (f"{en} {day.year}", f"{day.year}年{zh}")


def _date(micros: int, zone: ZoneInfo) -> date:
    return datetime.fromtimestamp(micros // 1_000_000, zone).date()


def reason(why: Why, history: Histories, telling: Telling) -> Reason:
    """The words for one fact about one history (a single row)."""
    if why.kind == "popular":
        return _popular(why, telling)
    if why.kind == "with":
        return _with(why, history, telling)
    return _again(why.other, history, telling)


CODES = ("bought_with", "goes_with", "again", "popular", "popular_ever", "rhythm")
"""Of WITH, GOES, RHYTHM, LATELY and EVER; the last for who has had something often."""


def codes(whys: Whys, histories: Histories, items: Index) -> NDArray[np.int8]:
    """The codes that `reason` would give the items of many lists: places in CODES, -1 for none."""
    at = np.where(whys.kinds == RHYTHM, histories.find(items), -1)
    regular = np.zeros(items.shape, np.bool_)
    known = at >= 0
    regular[known] = (
        (histories.last_time[at[known]] != NO_TIME)
        & histories.bought[at[known]]
        & (histories.times[at[known]] >= REGULAR)
    )
    return np.where(regular, np.int8(len(CODES) - 1), whys.kinds)


def why_fallback(known: int, unknown: int, listed: int) -> str:
    """The code of a fallback.

    known, unknown : items of the history that the model knows, and those that nobody does
    listed         : items on the list
    """
    if not listed:
        return "nothing_left"
    if known:
        return "no_evidence"
    return "unknown_items" if unknown else "no_history"


def fallback_reason(code: str) -> dict[str, str]:
    """Why a list is a fallback."""
    en, zh = FALLBACKS[code]
    return {"code": code, "en": en, "zh": zh}


def _popular(why: Why, telling: Telling) -> Reason:
    count = f"{why.customers:,}"
    people = "customer" if why.customers == 1 else "customers"
    verb, verb_zh = ("bought", "购买") if telling.purchases else ("chosen", "选择")
    params = {"customers": why.customers, "days": why.days, "group": why.group}
    if why.days is None:
        among, among_zh = (f" of “{why.group}”", f"“{why.group}”的") if why.group else ("", "")
        return Reason(
            "popular_ever", params,
            f"{verb.capitalize()} by {count} {people}{among}",
            f"{among_zh}{count}位顾客{verb_zh}过",
        )  # fmt: skip
    among, among_zh = (f" among “{why.group}”", f"在“{why.group}”中") if why.group else ("", "")
    days = f"{why.days:g}"
    return Reason(
        "popular", params,
        f"Popular{among} in the last {days} days: {verb} by {count} {people}",
        f"近{days}天{among_zh}热门：{count}位顾客{verb_zh}",
    )  # fmt: skip


def _with(why: Why, history: Histories, telling: Telling) -> Reason:
    name, customers = telling.name(why.other), why.customers
    params = {"item": why.other, "customers": customers}
    code = "bought_with" if customers is not None else "goes_with"
    verb, verb_zh = ("bought", "购买") if telling.purchases else ("chosen", "选择")
    if customers is None:
        en, zh = f"Goes with {name}", f"与{name}相配"
    elif customers >= OFTEN:
        en, zh = f"Often {verb} with {name}", f"常与{name}一起{verb_zh}"
    else:
        people = "customer" if customers == 1 else "customers"
        en, zh = (
            f"{verb.capitalize()} with {name} by {customers} {people}",
            (f"{customers}位顾客将它与{name}一起{verb_zh}"),
        )
    at = _entry(why.other, history)
    last = int(history.last_time[at])
    if last == NO_TIME:
        return Reason(code, params, en, zh)
    day, day_zh = telling.day(last)
    if history.bought[at]:
        return Reason(
            code, params, f"{en}, which you bought on {day}", f"{zh}（您{day_zh}买过后者）"
        )
    return Reason(
        code, params, f"{en}, in your history on {day}",
        f"{zh}（后者在您{day_zh}的记录中）",
    )  # fmt: skip


def _again(item: int, history: Histories, telling: Telling) -> Reason:
    """What this customer's own rhythm says of an item they have had."""
    at = _entry(item, history)
    times, last = int(history.times[at]), int(history.last_time[at])
    if last == NO_TIME:
        often, often_zh = ("", "") if times == 1 else (f", {times} times", f"（{times}次）")
        return Reason(
            "again",
            {"times": times},
            f"Already in your history{often}",
            f"您的记录中已有{often_zh}",
        )
    day, day_zh = telling.day(last)
    if not history.bought[at]:
        often, often_zh = ("", "") if times == 1 else (f" {times} times", f"出现{times}次")
        return Reason(
            "again", {"times": times}, f"In your history{often}; last on {day}",
            f"在您的记录中{often_zh}，最近一次是{day_zh}",
        )  # fmt: skip
    if times == 1:
        return Reason("again", {"times": 1}, f"You bought this on {day}", f"您在{day_zh}买过")
    if times < REGULAR:
        en, zh = f"You bought this twice; last on {day}", f"您买过两次，最近一次是{day_zh}"
        return Reason("again", {"times": 2}, en, zh)
    days = max(1, round((last - int(history.first_time[at])) / (times - 1) / DAY))
    every, every_zh = ("day", "天") if days == 1 else (f"{days} days", f"{days}天")
    return Reason(
        "rhythm", {"times": times, "days": days},
        f"You buy this about every {every}; last on {day}",
        f"您大约每{every_zh}购买一次，最近一次是{day_zh}",
    )  # fmt: skip


def _entry(item: int, history: Histories) -> int:
    """Where `item` stands in a history of one row that holds it."""
    return bisect_left(history.indices, item)
