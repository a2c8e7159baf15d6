"""Segments in words: true, readable, in both languages, and no two names alike."""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa
import pytest

from bespeak import segments
from bespeak.engines import Engine
from bespeak.segments.describe import Trait, cluster_names
from bespeak.segments.phrases import WORDINGS, told, wording


def said(feature: str, value: float, overall: float) -> tuple[str, str] | None:
    words = wording(feature)
    assert words is not None
    return told(words, value, overall)


@pytest.mark.parametrize(
    ("feature", "value", "overall", "en", "zh"),
    [
        ("orders", 23, 10, "place 2.3 times as many orders", "下单次数是平均的 2.3 倍"),
        ("orders", 14, 10, "place 40 % more orders", "下单次数比平均高 40%"),
        ("orders", 4, 10, "place 60 % fewer orders", "下单次数比平均低 60%"),
        ("net_spend", 30, 10, "spend 3.0 times as much in all", "总消费金额是平均的 3.0 倍"),
        ("net_spend", -5, 10, "return more than they buy", "退货多于购买"),
        ("net_spend", 120, 10, "spend 12 times as much in all", "总消费金额是平均的 12 倍"),
        (
            "recency_days", 2.5, 30,
            "last bought 2.5 days ago (all: 30 days)", "平均 2.5 天前最后一次购买（全体 30 天）",
        ),
        (
            "recency_days", 0.4, 1,
            "last bought less than a day ago (all: 1 day)",
            "平均不到 1 天前最后一次购买（全体 1 天）",
        ),
        (
            "category_share:GROCERY", 0.412, 0.3,
            "41 % of spend goes to GROCERY (all: 30 %)", "41% 的消费用于“GROCERY”（全体 30%）",
        ),
        (
            "category_share:100 % {}", 0.1, 0.3,
            "only 10 % of spend goes to 100 % {} (all: 30 %)",
            "仅 10% 的消费用于“100 % {}”（全体 30%）",
        ),
        (
            "evening_share", 0.62, 0.4,
            "are mostly active in the evening (62 %, all: 40 %)",
            "主要在晚上活跃（62%，全体 40%）",
        ),
        (
            "discount_share", 0.05, 0.2,
            "get only 5 % off through discounts (all: 20 %)", "折扣仅占折前金额的 5%（全体 20%）",
        ),
    ],
)  # fmt: skip
def test_a_trait_reads_as_a_person_would_say_it(
    feature: str, value: float, overall: float, en: str, zh: str
) -> None:
    assert said(feature, value, overall) == (en, zh)


@pytest.mark.parametrize(
    ("feature", "value", "overall"),
    [
        ("orders", 10.5, 10),
        ("orders", 0, 10),
        ("basket_value", 5, 0),
        ("basket_value", 5, -1),
        ("recency_days", 30.4, 30),
        ("weekend_share", 0.314, 0.306),
        ("return_rate", 0.001, 0.05),
    ],
)
def test_what_hardly_differs_or_means_nothing_goes_unsaid(
    feature: str, value: float, overall: float
) -> None:
    assert said(feature, value, overall) is None


def test_a_feature_without_words_is_not_worded() -> None:
    assert wording("spend_28d") is None


def world(engine: Engine) -> Any:
    """Two halves: a few big spenders in the evening, and the rest."""
    big = [i < 10 for i in range(20)]
    return engine.table(
        pa.table({
            "customer_id": [f"c{i:02}" for i in range(20)],
            "as_of": pa.array([0] * 20, pa.timestamp("us")),
            "recency_days": [1 if one else 99 for one in big],
            "orders": [30 + i % 3 if one else 3 + i % 2 for i, one in enumerate(big)],
            "net_spend": [900.123456789 if one else 100.0 for one in big],
            "basket_value": [30.0] * 20,
            "return_rate": pa.array([None] * 20, pa.float64()),
            "category_share:Tea": [0.5 if one else 0.1 for one in big],
            "evening_share": [0.8 if one else 0.2 for one in big],
        })
    )  # fmt: skip


def halves(engine: Engine) -> Any:
    ids = [f"c{i:02}" for i in range(20)]
    clusters = ["cluster_1" if i < 10 else "cluster_2" for i in range(20)]
    return engine.table(pa.table({"customer_id": ids, "segment_id": clusters}))


def test_a_cluster_is_described_by_what_sets_it_apart(engine: Engine) -> None:
    first, second = segments.describe(engine, world(engine), halves(engine), kind="kmeans")
    assert (first["id"], first["customers"], first["share"]) == ("cluster_1", 10, 0.5)
    assert (first["revenue"], second["revenue"]) == (9001.23, 1000.0)
    assert first["revenue_share"] == pytest.approx(0.9, abs=1e-4)
    assert "orders" in first["description"]["en"]
    assert "are mostly active in the evening (80 %, all: 50 %)" in first["description"]["en"]
    assert "50 % of spend goes to Tea (all: 30 %)" in first["description"]["en"]
    assert "50% 的消费用于“Tea”（全体 30%）" in first["description"]["zh"]
    assert first["name"] != second["name"]
    trait = next(found for found in first["traits"] if found["feature"] == "net_spend")
    assert trait == {"feature": "net_spend", "value": 900.1, "overall": 500.1, "ratio": 1.8}
    assert first["means"]["basket_value"] == 30.0
    assert first["means"]["return_rate"] is None


def test_no_number_has_more_digits_than_count(engine: Engine) -> None:
    for told_ in segments.describe(engine, world(engine), halves(engine), kind="kmeans"):
        assert not re.search(r"\d\.\d{2,}|None|nan|inf", str(told_["description"]))
        assert not re.search(r"\d\.\d{5,}", str(told_["traits"]))


def test_rfm_segments_come_in_their_usual_order_with_their_meaning(engine: Engine) -> None:
    customers = world(engine)
    found = segments.describe(engine, customers, segments.rfm(engine, customers), kind="rfm")
    assert found[0]["id"] == "champions"
    assert found[0]["name"] == {"en": "Champions", "zh": "冠军客户"}
    assert found[0]["description"]["en"].startswith("Bought lately, often and for a lot. ")
    assert sum(one["customers"] for one in found) == 20
    assert sum(one["revenue_share"] for one in found) == pytest.approx(1.0, abs=1e-5)


def test_without_customers_there_is_nothing_to_describe(engine: Engine) -> None:
    nobody = halves(engine).filter(False)
    assert segments.describe(engine, world(engine), nobody, kind="rfm") == []


def trait(feature: str, distance: float) -> Trait:
    return Trait(feature, 1.0, 2.0, distance, WORDINGS[feature], ("", ""))


def test_a_name_joins_what_is_strongest() -> None:
    found = cluster_names({"cluster_1": [trait("basket_value", 2), trait("orders", -1)]})
    assert found["cluster_1"] == ("Occasional big-basket customers", "低频、大单客户")


def test_groups_that_would_share_a_name_say_more() -> None:
    shared = [trait("orders", 2), trait("basket_value", 1)]
    found = cluster_names({
        "cluster_1": [*shared, trait("discount_share", 0.5)],
        "cluster_2": [*shared, trait("discount_share", -0.5)],
    })  # fmt: skip
    assert found["cluster_1"][0] == "Frequent big-basket bargain-seeking customers"
    assert found["cluster_2"][0] == "Frequent big-basket full-price customers"


def test_groups_alike_in_everything_get_their_number() -> None:
    found = cluster_names({"cluster_1": [], "cluster_2": [], "cluster_3": [trait("orders", 1)]})
    assert found["cluster_1"] == ("Average customers 1", "一般客户 1")
    assert found["cluster_2"] == ("Average customers 2", "一般客户 2")
    assert len({en for en, _ in found.values()}) == len({zh for _, zh in found.values()}) == 3
