"""How an item sells: who buys it, for how much, whether they come back for it."""

from __future__ import annotations

from bespeak.features.declare import (
    DAY,
    AsOf,
    Feature,
    Is,
    Within,
    change,
    count,
    distinct,
    followed,
    greatest,
    last,
    least,
    total,
)
from bespeak.features.kinds import PURCHASE, RETURN
from bespeak.features.scope import Scope

VIEW = Is("type", ("view",))
SALES, BUYERS = count(PURCHASE), distinct("customer", PURCHASE)
UNITS, REVENUE = total("quantity", PURCHASE), total("value", PURCHASE)
COME_BACK = followed("customer", (PURCHASE,), (PURCHASE,), on="day")
VIEWERS = distinct("customer", VIEW)
VIEWED_THEN_BOUGHT = followed("customer", (VIEW,), (PURCHASE,), on="at")


def declare(scope: Scope) -> tuple[Feature, ...]:
    windows = (feature for days in scope.windows_days for feature in _window(days))
    return (*SALE, *PRICE, *BROWSING, *windows)


SALE = (
    Feature("sales", SALES, "count", "lines", "Purchase lines", "购买行数"),
    Feature("units", UNITS, "quantity", "units", "Units sold", "售出件数"),
    Feature(
        "buyers", BUYERS, "count", "customers",
        "Known customers who bought it; null where it sold to unknown ones only",
        "购买过的已知客户数；仅售给未知客户时为空",
    ),
    Feature(
        "revenue", REVENUE, "money", "money", "Value sold, before returns", "销售额（未扣退货）"
    ),
    Feature(
        "repeat_share", COME_BACK / BUYERS, "share", "share",
        "Share of its known buyers who bought it again on a later day",
        "已知买家中之后又再次购买的比例",
    ),
    Feature(
        "return_rate", total("quantity", RETURN) / UNITS, "share", "share",
        "Units returned over units sold", "退货件数与售出件数之比",
    ),
    Feature(
        "days_since_sale", (AsOf() - greatest("at", PURCHASE)) // DAY, "days", "days",
        "Whole days since it last sold", "距最近一次售出的整天数",
    ),
)  # fmt: skip

PRICE = (
    Feature(
        "price_min", least("price", PURCHASE), "money", "money",
        "Lowest price paid", "最低成交单价",
    ),
    Feature(
        "price_max", greatest("price", PURCHASE), "money", "money",
        "Highest price paid", "最高成交单价",
    ),
    Feature(
        "price_last", last("price", PURCHASE), "money", "money",
        "Latest price paid", "最近成交单价",
    ),
    Feature(
        "price_mean", REVENUE / UNITS, "money", "money",
        "Value sold over units sold", "平均每件成交金额",
    ),
)  # fmt: skip

BROWSING = (
    Feature("views", count(VIEW), "count", "events", "Times it was viewed", "被浏览次数"),
    Feature(
        "view_conversion", VIEWED_THEN_BOUGHT / VIEWERS, "share", "share",
        "Share of the known customers who viewed it that bought it later; null without viewers",
        "浏览过的已知客户中之后购买的比例；无人浏览时为空",
    ),
)  # fmt: skip


def _window(days: int) -> tuple[Feature, ...]:
    recent = total("value", PURCHASE, Within(days))
    before = total("value", PURCHASE, Within(2 * days, until=days))
    known_for = AsOf() - least("at")
    return (
        Feature(
            f"sales_{days}d", count(PURCHASE, Within(days)), "count", "lines",
            f"Purchase lines in the last {days} days", f"最近 {days} 天购买行数",
        ),
        Feature(
            f"revenue_{days}d", recent, "money", "money",
            f"Value sold in the last {days} days", f"最近 {days} 天销售额",
        ),
        Feature(
            f"revenue_trend_{days}d",
            change(recent, before).given(known_for, 2 * days * DAY), "ratio", "-1 to 1",
            f"Value sold in the last {days} days against the {days} before: "
            "-1 stopped, 0 steady, 1 new",
            f"最近 {days} 天与之前 {days} 天的销售额变化：-1 停止，0 持平，1 新增",
        ),
    )  # fmt: skip
