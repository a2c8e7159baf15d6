"""What sets each segment apart from all customers, in numbers and in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import sqrt
from typing import Any, Literal

import ibis.expr.types as ir

from bespeak.engines import Engine
from bespeak.segments.phrases import SPEAKERS, TASTES, TOPICS, Pair, Wording, told, wording
from bespeak.segments.rfm import NAMES

EXACT = "decimal(38, 6)"
APART = 0.2
"""Standard deviations by which a segment's mean must differ from that of all to be worth a word."""
SPOKEN, TASTED = 3, 2
"""Traits that the words name: of how much and how often; of what, when and where."""
IN_NAME = 2
REVENUE = "net_spend"


@dataclass(frozen=True)
class Trait:
    """A feature whose mean in a segment differs from that of all customers."""

    feature: str
    value: float
    overall: float
    distance: float
    """In standard deviations between customers."""
    words: Wording
    said: Pair

    @property
    def ratio(self) -> float | None:
        """value / overall; null where it would mean nothing."""
        meaningful = self.overall > 0 and self.value >= 0
        return round(self.value / self.overall, 3) if meaningful else None


@dataclass(frozen=True)
class Sums:
    """Customers, and per feature how many have it, its sum and its sum of squares."""

    customers: int
    known: Mapping[str, int]
    total: Mapping[str, float]
    squares: Mapping[str, float]

    def mean(self, feature: str) -> float | None:
        """Among the customers who have it; null where nobody does."""
        known = self.known[feature]
        return self.total[feature] / known if known else None

    def deviation(self, feature: str) -> float:
        mean, known = self.mean(feature), self.known[feature]
        if mean is None:
            return 0.0
        return sqrt(max(self.squares[feature] / known - mean * mean, 0.0))


def describe(
    engine: Engine, customers: ir.Table, assigned: ir.Table, *, kind: Literal["rfm", "kmeans"]
) -> list[dict[str, Any]]:
    """Every segment that has customers: RFM in the usual order, k-means by number.

    customers : customer_id and feature columns
    assigned  : customer_id, segment_id, as rfm() or assign() gave them for these customers
    returns   : {"kind", "id", "name": {"en", "zh"}, "customers", "share", "revenue",
                "revenue_share", "description": {"en", "zh"}, "traits": [{"feature", "value",
                "overall", "ratio"}], "means": {feature: mean}}; revenue is net spend, so that a
                share is below 0 where more came back than was bought, and null where nobody
                spent; `overall` is the mean of all assigned customers
    """
    groups = _sums(engine, customers, assigned)
    if not groups:
        return []
    features = list(next(iter(groups.values())).known)
    whole = _whole(list(groups.values()), features)
    order = list(NAMES) if kind == "rfm" else sorted(groups, key=lambda name: (len(name), name))
    shown = {name: groups[name] for name in order if name in groups}
    traits = {name: _traits(group, whole, features) for name, group in shown.items()}
    names = _rfm_names(shown) if kind == "rfm" else cluster_names(traits)
    if kind == "kmeans" and len(shown) == 1:
        names = dict.fromkeys(shown, ("All customers", "全部客户"))
    return [
        {
            "kind": kind,
            "id": name,
            "name": {"en": names[name][0], "zh": names[name][1]},
            "customers": group.customers,
            "share": round(group.customers / whole.customers, 6),
            "revenue": _revenue(group),
            "revenue_share": _revenue_share(group, whole),
            "description": _description(kind, name, traits[name], alone=len(shown) == 1),
            "traits": [_shown(trait) for trait in traits[name]],
            "means": {feature: _rounded(group.mean(feature)) for feature in features},
        }
        for name, group in shown.items()
    ]


def cluster_names(traits: Mapping[str, Sequence[Trait]]) -> dict[str, Pair]:
    """A short name per group from what sets it apart most; no two alike in either language.

    Groups that would share a name say one more trait each, and at last their number.
    """
    adjectives = {name: _adjectives(found) for name, found in traits.items()}
    length = dict.fromkeys(traits, IN_NAME)
    longest = max((len(found) for found in adjectives.values()), default=0)
    for _ in range(longest):
        for name in _clashing(adjectives, length):
            length[name] += 1
    numbered = _clashing(adjectives, length)
    return {
        name: _numbered(_name(adjectives[name], length[name]), name if name in numbered else None)
        for name in traits
    }


# -- numbers -----------------------------------------------------------------------------------


def _sums(engine: Engine, customers: ir.Table, assigned: ir.Table) -> dict[str, Sums]:
    """segment_id -> sums, from one pass in the engine."""
    known = assigned.select("customer_id", "segment_id")
    joined = customers.inner_join(known, "customer_id")
    names = [name for name, kind in customers.schema().items() if kind.is_numeric()]
    columns = {}
    for i, name in enumerate(names):
        # exact sums: a float's depends on the order in which threads add
        value = joined[name].cast("float64").round(6)
        columns[f"n{i}"] = joined[name].count()
        columns[f"s{i}"] = value.cast(EXACT).sum()
        columns[f"q{i}"] = (value * value).round(6).cast(EXACT).sum()
    table = joined.group_by("segment_id").aggregate(customers=joined.count(), **columns)
    return {row["segment_id"]: _group(row, names) for row in engine.run(table).to_pylist()}


def _group(row: Mapping[str, Any], names: Sequence[str]) -> Sums:
    def sums(letter: str) -> dict[str, float]:
        return {name: float(row[f"{letter}{i}"] or Decimal(0)) for i, name in enumerate(names)}

    known = {name: int(row[f"n{i}"]) for i, name in enumerate(names)}
    return Sums(int(row["customers"]), known, sums("s"), sums("q"))


def _whole(groups: Sequence[Sums], features: Sequence[str]) -> Sums:
    return Sums(
        sum(group.customers for group in groups),
        {name: sum(group.known[name] for group in groups) for name in features},
        {name: sum(group.total[name] for group in groups) for name in features},
        {name: sum(group.squares[name] for group in groups) for name in features},
    )


def _revenue(group: Sums) -> float | None:
    return round(group.total[REVENUE], 2) if group.known.get(REVENUE) else None


def _revenue_share(group: Sums, whole: Sums) -> float | None:
    everything = whole.total.get(REVENUE, 0.0)
    return round(group.total[REVENUE] / everything, 6) if everything > 0 else None


def _traits(group: Sums, whole: Sums, features: Sequence[str]) -> list[Trait]:
    """What sets the group apart and can be put into words, the strongest first."""
    found = [trait for name in features if (trait := _trait(group, whole, name)) is not None]
    found.sort(key=lambda trait: (-abs(trait.distance), trait.feature))
    spoken: dict[str, int] = {}
    kept = []
    for trait in found:
        topic = trait.words.topic
        spoken[topic] = spoken.get(topic, 0) + 1
        if spoken[topic] <= SPEAKERS.get(topic, 1):
            kept.append(trait)
    return kept


def _trait(group: Sums, whole: Sums, feature: str) -> Trait | None:
    words, value, overall = wording(feature), group.mean(feature), whole.mean(feature)
    deviation = whole.deviation(feature)
    if words is None or value is None or overall is None or deviation == 0:
        return None
    distance = (value - overall) / deviation
    mostly_known = 2 * group.known[feature] >= group.customers
    said = told(words, value, overall) if mostly_known and abs(distance) >= APART else None
    return None if said is None else Trait(feature, value, overall, distance, words, said)


def _shown(trait: Trait) -> dict[str, Any]:
    return {
        "feature": trait.feature,
        "value": _rounded(trait.value),
        "overall": _rounded(trait.overall),
        "ratio": trait.ratio,
    }


def _rounded(value: float | None) -> float | None:
    """Four digits that count, so that no noise is shown."""
    return None if value is None else float(f"{value:.4g}")


# -- words -------------------------------------------------------------------------------------


def _description(kind: str, name: str, traits: Sequence[Trait], *, alone: bool) -> dict[str, str]:
    manner = [trait for trait in traits if trait.words.topic not in TASTES][:SPOKEN]
    taste = [trait for trait in traits if trait.words.topic in TASTES][:TASTED]
    en = ", ".join(trait.said[0] for trait in manner + taste)
    zh = "，".join(trait.said[1].strip() for trait in manner + taste)
    if kind == "rfm":
        _, _, meaning_en, meaning_zh = NAMES[name]
        return {
            "en": f"{meaning_en}. {_sentence(en)}".strip(),
            "zh": f"{meaning_zh}。{zh + '。' if zh else ''}",
        }
    if alone:
        return {
            "en": "No clear groups: all customers are taken together.",
            "zh": "没有明显的分群：全部客户视为一体。",
        }
    return {
        "en": _sentence(en) or "Much like the average customer.",
        "zh": f"{zh}。" if zh else "与一般客户相近。",
    }


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _rfm_names(groups: Mapping[str, Sums]) -> dict[str, Pair]:
    return {name: (NAMES[name][0], NAMES[name][1]) for name in groups}


def _adjectives(traits: Sequence[Trait]) -> list[tuple[int, Pair]]:
    """(place in a name, words), the strongest trait first."""
    found = []
    for trait in traits:
        words = trait.words.more if trait.distance > 0 else trait.words.less
        if words is not None:
            found.append((TOPICS.index(trait.words.topic), words))
    return found


def _name(adjectives: Sequence[tuple[int, Pair]], length: int) -> Pair:
    chosen = [words for _, words in sorted(adjectives[:length], key=lambda found: found[0])]
    en = " ".join([words[0] for words in chosen] + ["customers"])
    zh = "、".join(words[1] for words in chosen) + "客户"
    if not chosen:
        return "Average customers", "一般客户"
    return en[:1].upper() + en[1:], zh


def _clashing(
    adjectives: Mapping[str, Sequence[tuple[int, Pair]]], length: Mapping[str, int]
) -> set[str]:
    """Groups whose name another group has too, in either language."""
    names = {name: _name(found, length[name]) for name, found in adjectives.items()}
    return {
        name
        for name, (en, zh) in names.items()
        if any(
            other != name and (en == o_en or zh == o_zh) for other, (o_en, o_zh) in names.items()
        )
    }


def _numbered(pair: Pair, name: str | None) -> Pair:
    if name is None:
        return pair
    number = name.rpartition("_")[2]
    return f"{pair[0]} {number}", f"{pair[1]} {number}"
