"""How a feature's mean in a segment is put into words, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Pair = tuple[str, str]
"""English, Chinese."""


NOTICED = 0.1
"""A difference below a tenth goes unsaid."""
POINTS = 0.02
"""As does one of shares below two points."""


@dataclass(frozen=True)
class Wording:
    """Words for one feature.

    topic    : features of one topic say much the same; the strongest speaks
    form     : `times` compares by ratio, `days` and `share` name both values
    en, zh   : `times`: the clause for "2.3 times", "40 % more" and "60 % less", with {} for the
               number, and the noun in Chinese; else one clause with {} for the value and {only}
               for what a value below that of all is introduced by
    more, less : an adjective for who has more or less of it, for names
    """

    topic: str
    form: Literal["times", "days", "share"]
    en: tuple[str, ...]
    zh: str
    more: Pair | None = None
    less: Pair | None = None


def _many(topic: str, verb: str, noun: str, zh: str, more: Pair, less: Pair) -> Wording:
    """Words for a count."""
    forms = (f"{verb} {{}} times as many {noun}", f"{verb} {{}} more {noun}",
             f"{verb} {{}} fewer {noun}")  # fmt: skip
    return Wording(topic, "times", forms, zh, more, less)


def _much(topic: str, verb: str, rest: str, zh: str, more: Pair, less: Pair) -> Wording:
    """Words for an amount."""
    forms = (f"{verb} {{}} times as much{rest}", f"{verb} {{}} more{rest}",
             f"{verb} {{}} less{rest}")  # fmt: skip
    return Wording(topic, "times", forms, zh, more, less)


def _part(name: str, zh: str, adjective_zh: str) -> Wording:
    """Words for a part of the day."""
    return Wording(
        "hours", "share", (f"{{only}}{{}} of their active hours are {name}",),
        f"{{only}}{{}} 的活跃时段在{zh}",
        more=(name.removeprefix("in the ").removeprefix("at "), adjective_zh),
    )  # fmt: skip


WORDINGS: Mapping[str, Wording] = MappingProxyType(
    {
        "orders": _many(
            "frequency", "place", "orders", "下单次数", ("frequent", "高频"), ("occasional", "低频")
        ),
        "net_spend": _much(
            "money", "spend", " in all", "总消费金额", ("high-spending", "高消费"),
            ("low-spending", "低消费"),
        ),
        "basket_value": _much(
            "basket", "spend", " per order", "每单金额", ("big-basket", "大单"),
            ("small-basket", "小单"),
        ),
        "basket_lines": _many(
            "basket", "put", "lines in an order", "每单商品行数", ("full-basket", "多件"),
            ("few-item", "少件"),
        ),
        "views": _many(
            "views", "view", "items", "浏览次数", ("browsing", "爱浏览"),
            ("rarely browsing", "少浏览"),
        ),
        "recency_days": Wording(
            "recency", "days", ("last bought {} ago",), "平均{}前最后一次购买",
            ("lapsed", "久未购买"), ("active", "近期活跃"),
        ),
        "tenure_days": Wording(
            "tenure", "days", ("have been known for {}",), "平均已结识{}",
            ("long-standing", "老"), ("recent", "新近"),
        ),
        "discount_share": Wording(
            "discount", "share", ("get {only}{} off through discounts",),
            "折扣{only}占折前金额的{}",
            ("bargain-seeking", "爱折扣"), ("full-price", "少用折扣"),
        ),
        "return_rate": Wording(
            "returns", "share", ("return {only}{} of what they buy",), "退货{only}占购买金额的{}",
            ("often-returning", "多退货"), ("rarely returning", "少退货"),
        ),
        "open_rate": Wording(
            "mail", "share", ("open {only}{} of the messages sent",), "{only}打开所收消息的{}",
            ("mail-reading", "爱读消息"), ("mail-ignoring", "少读消息"),
        ),
        "weekend_share": Wording(
            "weekend", "share", ("{only}{} of their active hours are at weekends",),
            "{only}{} 的活跃时段在周末", ("weekend", "周末"), ("weekday", "工作日"),
        ),
        "night_share": _part("at night", "凌晨", "凌晨"),
        "morning_share": _part("in the morning", "上午", "上午"),
        "afternoon_share": _part("in the afternoon", "下午", "下午"),
        "evening_share": _part("in the evening", "晚上", "晚间"),
    }
)  # fmt: skip

LABELLED: Mapping[str, Pair] = MappingProxyType(
    {
        "category_share:": ("{only}{} of spend goes to %s", "{only}{} 的消费用于“%s”"),
        "channel_share:": ("{only}{} of active hours are in %s", "{only}{} 的活跃时段来自“%s”渠道"),
    }
)
"""Features whose name ends with a label of the record."""

TOPICS: tuple[str, ...] = (
    "frequency", "money", "basket", "discount", "recency", "tenure", "returns", "mail", "views",
    "weekend", "hours", "channel", "category",
)  # fmt: skip
"""The order in which adjectives stand in a name."""

TASTES = ("weekend", "hours", "channel", "category")
"""Topics of what, when and where; the others are of how much and how often."""

SPEAKERS: Mapping[str, int] = MappingProxyType({"category": 2})
"""How many features of one topic may speak; one, where nothing is said here."""


def wording(feature: str) -> Wording | None:
    """The words for a feature; None where it has none."""
    known = WORDINGS.get(feature)
    if known is not None:
        return known
    for prefix, (en, zh) in LABELLED.items():
        if feature.startswith(prefix):
            label = feature.removeprefix(prefix)
            topic = prefix.removesuffix("_share:")
            more = (
                (f"{label}-leaning", f"偏好{label}")
                if topic == "category"
                else (f"{label}-using", f"常用{label}")
            )
            # the label may hold braces or a %; only the first {} is for the value
            return Wording(topic, "share", (en % label,), zh % label, more=more)
    return None


def told(words: Wording, value: float, overall: float) -> Pair | None:
    """One trait in both languages; None where the values hardly differ, or read the same."""
    if words.form == "times":
        return _by_ratio(words, value, overall)
    if words.form == "days":
        if abs(value - overall) < NOTICED * overall:
            return None
        (mine, theirs), only = (_days(value), _days(overall)), ("", "")
    else:
        if abs(value - overall) < POINTS or value < POINTS / 2:
            return None
        mine, theirs = _percent(value), _percent(overall)
        only = ("only ", "仅") if value < overall else ("", "")
    if words.topic == "hours" and value >= 0.5:
        return _mostly(words, mine, theirs)
    en, zh = (
        text.replace("{only}", only[i], 1).replace("{}", mine[i], 1)
        for i, text in enumerate((words.en[0], words.zh))
    )
    return f"{en} (all: {theirs[0]})", f"{zh.strip()}（全体{theirs[1]}）"


def _mostly(words: Wording, mine: Pair, theirs: Pair) -> Pair:
    """More than half of the active hours in one part of the day."""
    part_en, part_zh = words.en[0].partition(" are ")[2], words.zh.partition("在")[2]
    return (
        f"are mostly active {part_en} ({mine[0]}, all: {theirs[0]})",
        f"主要在{part_zh}活跃（{mine[1].strip()}，全体{theirs[1]}）",
    )


def _by_ratio(words: Wording, value: float, overall: float) -> Pair | None:
    """Against the mean of all customers; None where a ratio means nothing."""
    if words.topic == "money" and value < 0:
        return "return more than they buy", "退货多于购买"
    if overall <= 0 or value <= 0:
        return None
    ratio = value / overall
    times, more, less = words.en
    if ratio >= 1.95:
        said = f"{ratio:.1f}" if ratio < 9.95 else f"{ratio:.0f}"
        return times.replace("{}", said), f"{words.zh}是平均的 {said} 倍"
    change = round(100 * abs(ratio - 1))
    if change < 100 * NOTICED:
        return None
    if ratio > 1:
        return more.replace("{}", f"{change} %"), f"{words.zh}比平均高 {change}%"
    return less.replace("{}", f"{change} %"), f"{words.zh}比平均低 {change}%"


def _days(value: float) -> Pair:
    if value < 1:
        return "less than a day", "不到 1 天"
    said = f"{value:.0f}" if value >= 9.95 else f"{value:.1f}".removesuffix(".0")
    return f"{said} day{'' if said == '1' else 's'}", f" {said} 天"


def _percent(value: float) -> Pair:
    return f"{100 * value:.0f} %", f" {100 * value:.0f}%"
