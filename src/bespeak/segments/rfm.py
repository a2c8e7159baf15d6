"""Recency, frequency and monetary value: a score of 1 to 5 each, and a segment by a fixed table."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import ibis
import ibis.expr.types as ir

from bespeak.engines import Engine

NEUTRAL = 3
"""The score where all customers are equal: nobody is above or below."""

TABLE: tuple[tuple[str, ...], ...] = (
    ("new", "potential_loyalists", "potential_loyalists", "champions", "champions"),
    ("promising", "potential_loyalists", "potential_loyalists", "loyal", "champions"),
    ("about_to_sleep", "about_to_sleep", "need_attention", "loyal", "loyal"),
    ("hibernating", "hibernating", "at_risk", "at_risk", "cant_lose"),
    ("lost", "lost", "at_risk", "cant_lose", "cant_lose"),
)
"""Rows: recency 5 (bought lately) down to 1. Columns: 1 to 5, the mean of frequency and monetary
score, halves rounded up."""

PROSPECTS = "prospects"
"""Customers without an order: they have no scores."""

NAMES: Mapping[str, tuple[str, str, str, str]] = MappingProxyType(
    {
        "champions": (
            "Champions", "冠军客户",
            "Bought lately, often and for a lot", "近期购买、购买频繁且金额高",
        ),
        "loyal": (
            "Loyal", "忠诚客户",
            "Buy often and for a lot, if not in the very last days",
            "购买频繁、金额较高，近期仍有往来",
        ),
        "potential_loyalists": (
            "Potential loyalists", "潜在忠诚客户",
            "Bought lately and more than once, not yet often", "近期购买，有过复购，但还不频繁",
        ),
        "new": ("New", "新客户", "Bought very lately, and little so far", "刚刚购买，目前购买很少"),
        "promising": (
            "Promising", "有潜力客户", "Bought fairly lately, and little so far",
            "不久前购买，目前购买很少",
        ),
        "need_attention": (
            "Need attention", "需要关注客户",
            "Middling in how lately, how often and for how much they bought",
            "购买时间、频次与金额均居中",
        ),
        "about_to_sleep": (
            "About to sleep", "即将沉睡客户",
            "Buy little, and last did neither lately nor long ago",
            "购买少，最近一次购买不近也不远",
        ),
        "at_risk": (
            "At risk", "有流失风险客户",
            "Bought a fair amount, but not lately", "曾有相当购买，但近期未购买",
        ),
        "cant_lose": (
            "Can't lose them", "不可流失客户",
            "Bought often and for a lot, but not lately", "曾购买频繁、金额高，但近期未购买",
        ),
        "hibernating": (
            "Hibernating", "沉睡客户", "Bought little, and not lately", "购买少，且近期未购买"
        ),
        "lost": (
            "Lost", "已流失客户", "Bought little, and longer ago than almost anyone",
            "购买少，且比几乎所有人都更久未购买",
        ),
        PROSPECTS: ("Prospects", "潜在客户", "No order on record yet", "尚无订单记录"),
    }
)  # fmt: skip
"""Segment -> name and meaning, English and Chinese; in the order in which they are told."""


def rfm(engine: Engine, customers: ir.Table) -> ir.Table:
    """Scores and segment of every customer, as of the table's own instant.

    customers : customer_id, recency_days, orders, net_spend
    returns   : customer_id, recency_score, frequency_score, monetary_score (int64, 1 to 5, 5 is
                best; null without an order, and monetary where no value is known), segment_id

    A score is 1 + ⌊5 x customers with a strictly smaller value / (customers - 1)⌋, at most 5, among
    those with an order; recency's is turned round, so that the latest get 5. Equal values get equal
    scores, whatever the rows' order; where all are equal everybody gets 3.
    """
    bought = customers.filter(customers.orders > 0)
    scored = bought.select(
        "customer_id",
        recency_score=_recency(bought.recency_days),
        frequency_score=_score(bought.orders),
        # exact money again: a rank must not hang on a float's last digit
        monetary_score=_score(bought.net_spend.round(4).cast("decimal(38, 4)")),
    )
    every = customers.select("customer_id")
    joined = every.left_join(scored, "customer_id").drop("customer_id_right")
    return joined.mutate(segment_id=_segment(joined))


def _score(value: ir.Value) -> ir.Value:
    """1 to 5 by the share of strictly smaller values; null stays null."""
    everyone = ibis.window()
    known = value.count().over(everyone)
    # rank() counts from 0, and equal values share the least rank: how many are strictly smaller
    smaller = ibis.rank().over(order_by=ibis.asc(value, nulls_first=False))
    equal = value.min().over(everyone) == value.max().over(everyone)
    fifth = 1 + (5 * smaller) // ibis.greatest(known - 1, 1)
    score = ibis.ifelse(equal, NEUTRAL, ibis.least(fifth, 5)).cast("int64")
    return ibis.ifelse(value.isnull(), None, score)


def _recency(days: ir.Value) -> ir.Value:
    return 6 - _score(days)


def _segment(scores: ir.Table) -> ir.Value:
    """The segment of TABLE; by frequency alone where no value is known."""
    monetary = scores.monetary_score.fill_null(scores.frequency_score)
    both = (scores.frequency_score + monetary + 1) // 2
    cell = scores.recency_score * 10 + both
    cells = [
        (10 * (5 - row) + column + 1, segment)
        for row, segments in enumerate(TABLE)
        for column, segment in enumerate(segments)
    ]
    return cell.cases(*cells, else_=PROSPECTS)
