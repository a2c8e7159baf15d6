"""A world of thirty customers and two dozen items, published as the flow would, known by eye.

Customer `c01` buys tea every other day and nothing else but one cake; `c30` came once and left.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
from little_evaluation import evaluation

from bespeak.columns import IDENTITIES, RECORD
from bespeak.engines import DuckDB, Engine
from bespeak.errors import NotFound
from bespeak.live import Seen
from bespeak.serve import EVERYTHING, UNCHANGED, Changes, Filters, Shop, Snapshot
from bespeak.serve.publication import Findings, Rows, publish
from bespeak.serve.shop import Recommend

START = datetime(2025, 3, 1, 8, 0)
AS_OF = datetime(2025, 5, 30)
ODD_ID = "e-mail:ü/100%?&#"
"""A customer whose id needs escaping everywhere."""
TITLES = (
    ("Assam breakfast tea", "Tea", "6.50"), ("Jasmine green tea", "Tea", "7.20"),
    ("Oolong, spring harvest", "Tea", "12.90"), ("Lapsang souchong", "Tea", "9.80"),
    ("Espresso beans 1 kg", "Coffee", "18.40"), ("Filter coffee", "Coffee", "9.10"),
    ("Cold brew", "Coffee", "4.30"), ("Decaf beans", "Coffee", "11.00"),
    ("Almond cake", "Bakery", "5.60"), ("Butter croissant", "Bakery", "1.90"),
    ("Rye bread", "Bakery", "3.80"), ("Cinnamon roll", "Bakery", "2.70"),
    ("Wildflower honey", "Pantry", "8.30"), ("Oat milk", "Pantry", "2.20"),
    ("Cane sugar", "Pantry", "1.50"), ("Ginger biscuits", "Pantry", "3.10"),
    ("Porcelain cup", "Tableware", "14.00"), ("Cast-iron teapot", "Tableware", "48.00"),
    ("Bamboo whisk", "Tableware", "16.50"), ("Linen tea towel", "Tableware", "11.50"),
    ("<b>Bold</b> & \"sweet\" <img src=x onerror=alert(1)>", "Pantry", "4.40"),
    ("A very long title that a careless page would let run out of its box: "
     "Gongfu-travel-set-with-six-cups-and-a-tray", "Tableware", "89.00"),
    ("茉莉花茶礼盒", "Tea", "25.00"), (None, None, None),
)  # fmt: skip


def item_id(number: int) -> str:
    return f"i{number:02d}"


def customer_id(number: int) -> str:
    return ODD_ID if number == 29 else f"c{number:02d}"


def _typed(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> pa.Table:
    kinds = {
        "string": pa.string(), "float64": pa.float64(), "int64": pa.int64(),
        "decimal(18, 4)": pa.decimal128(18, 4), "timestamp(6)": pa.timestamp("us"),
        "boolean": pa.bool_(),
    }  # fmt: skip
    return pa.table(
        {
            name: pa.array([row.get(name) for row in rows], kinds[kind])
            for name, kind in columns.items()
        }
    )


def _bought(number: int, at: datetime, item: int, order: str, kind: str) -> dict[str, Any]:
    price = Decimal(TITLES[item][2] or "2.00")
    return {
        "event_id": f"{order}-{item:02d}-{kind}", "customer_id": customer_id(number),
        "actor": f"card:{number}", "order_id": order, "item_id": item_id(item), "type": kind,
        "time": at, "channel": "till" if number % 3 else "web", "quantity": 1.0 + item % 2,
        "price": price, "value": price * (1 + item % 2), "currency": "EUR",
        "place": f"store-{number % 4}", "is_product": True,
    }  # fmt: skip


def happenings() -> list[dict[str, Any]]:
    """Purchases and some returns of everybody, and twenty anonymous orders."""
    rows: list[dict[str, Any]] = []
    for number in range(1, 31):
        every = 2 if number == 1 else 3 + number % 9
        visits = 1 if number == 30 else 88 // every
        for visit in range(visits):
            at = START + timedelta(days=visit * every, hours=number % 9, minutes=number)
            order = f"o{number:02d}-{visit:03d}"
            basket = {0} if number == 1 else {(number * 3 + visit * step) % 22 for step in (1, 5)}
            rows += [_bought(number, at, item, order, "purchase") for item in sorted(basket)]
            if number % 7 == 3 and visit == 4:
                rows.append(_bought(number, at + timedelta(days=1), min(basket), order, "return"))
    rows.append(_bought(1, START + timedelta(days=80, hours=3), 8, "o01-999", "purchase"))
    for number in range(20):
        row = _bought(number, START + timedelta(days=number * 4), number, f"a{number}", "purchase")
        rows.append({**row, "customer_id": None, "actor": None})
    return rows


def _customers(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    found = []
    for number in range(1, 31):
        times = [row["time"] for row in rows if row["customer_id"] == customer_id(number)]
        found.append(
            {
                "customer_id": customer_id(number),
                "name": "Ada Löwe" if number == 2 else None,
                "country": ("Portugal", "Japan", "Chile")[number % 3],
                "income": "35-49K" if number % 2 else None,
                "first_seen": min(times), "last_seen": max(times), "identifiers": 2,
            }
        )  # fmt: skip
    return found


def _features(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    found: list[dict[str, Any]] = []
    for number in range(1, 31):
        mine = [r for r in rows if r["customer_id"] == customer_id(number)]
        bought = [r for r in mine if r["type"] == "purchase"]
        days = sorted({r["time"].date() for r in bought})
        spend = float(sum(r["value"] for r in bought))
        orders = len({r["order_id"] for r in bought})
        gap = (days[-1] - days[0]).days / (len(days) - 1) if len(days) > 1 else None
        found.append(
            {
                "customer_id": customer_id(number), "as_of": AS_OF,
                "recency_days": (AS_OF - max(r["time"] for r in bought)).days, "orders": orders,
                "spend": spend, "basket_value": spend / orders, "days_between_orders": gap,
                "discount_share": (number % 5) / 20,
                "return_rate": 0.04 if number % 7 == 3 else 0.0,
                "category_share:Tea": sum(float(r["value"]) for r in bought
                                          if r["item_id"] in {"i00", "i01", "i02", "i03"}) / spend,
                "morning_share": 0.25, "weekend_share": (number % 4) / 7,
                "spend_trend_28d": None if number == 30 else (number % 5 - 2) / 3,
            }
        )  # fmt: skip
    return pa.Table.from_pylist(found)


MEANINGS = tuple(
    {"name": name, "meaning": {"en": en, "zh": zh}, "unit": unit, "kind": kind}
    for name, kind, unit, en, zh in (
        ("recency_days", "days", "days", "Whole days since the last order",
         "距最近一次下单的整天数"),
        ("orders", "count", "orders", "Orders placed", "下单次数"),
        ("spend", "money", "money", "Value of all purchases", "全部购买金额"),
        ("basket_value", "money", "money per order", "Mean value of an order", "平均每单金额"),
        ("days_between_orders", "days", "days", "Mean days between orders", "平均下单间隔天数"),
        ("discount_share", "share", "share", "Share let off", "折扣占比"),
        ("return_rate", "share", "share", "Value returned over value bought", "退货金额占比"),
        ("category_share:Tea", "share", "share", "Share of spend in category Tea",
         "在“Tea”品类的消费占比"),
        ("morning_share", "share", "share", "Share of active hours in the morning",
         "活跃小时中上午的占比"),
        ("weekend_share", "share", "share", "Share of active hours at the weekend",
         "活跃小时中周末的占比"),
        ("spend_trend_28d", "ratio", "-1 to 1", "Spend of the last 28 days against those before",
         "最近 28 天与之前 28 天的消费变化"),
    )
)  # fmt: skip

RFM = (
    ("champions", "Champions", "重要价值客户", "Bought lately, often, and for much.",
     "最近买过、经常买、花得多。", range(1, 9)),
    ("loyal", "Loyal", "忠诚客户", "Come often.", "经常光顾。", range(9, 18)),
    ("at_risk", "At risk", "流失风险客户", "Came often once, not lately.", "曾经常来，最近没来。",
     range(18, 27)),
    ("lost", "Lost", "已流失客户", "Came once, long ago.", "很久以前来过一次。", range(27, 31)),
)  # fmt: skip
KMEANS = (
    ("0", "Tea lovers, often", "常来的爱茶客", "Twice the tea of others; come every third day.",
     "茶类消费是他人的两倍；约三天来一次。", range(1, 11)),
    ("1", "Weekend bakers", "周末烘焙客", "Bread and cake, mostly at weekends.",
     "面包与蛋糕，多在周末。", range(11, 21)),
    ("2", "Rare visitors", "偶尔来访者", "Few orders, long ago.", "订单少，且已久远。",
     range(21, 31)),
)  # fmt: skip


def _grouping(kind: str, segments: Sequence[Any]) -> list[dict[str, Any]]:
    return [
        {"id": key, "name": {"en": en, "zh": zh}, "description": {"en": what, "zh": what_zh},
         "customers": len(who), "share": len(who) / 30, "value": 120.5 * len(who),
         "features": {"recency_days": 2.0 + 3 * at, "orders": 40.0 / (at + 1)}}
        for at, (key, en, zh, what, what_zh, who) in enumerate(segments)
    ]  # fmt: skip


def groupings() -> list[dict[str, Any]]:
    cells = [
        {"recency": r, "frequency": f, "customers": (r * f * 7) % 5, "segment":
         "champions" if r > 3 and f > 3 else "loyal" if f > 3 else "at_risk" if r > 1 else "lost",
         "value": 18.5 * r * f}
        for r in range(1, 6) for f in range(1, 6)
    ]  # fmt: skip
    curve = [
        {"k": k, "inertia": 900 / k, "silhouette": 0.31 + 0.1 / (abs(k - 3) + 1),
         "stability": 0.95 - 0.08 * abs(k - 3)}
        for k in range(2, 9)
    ]  # fmt: skip
    return [
        {"kind": "rfm", "segments": _grouping("rfm", RFM),
         "name": {"en": "By recency, frequency and spend", "zh": "按最近消费、频率与金额"},
         "cells": cells},
        {"kind": "kmeans", "k": 3, "curve": curve,
         "name": {"en": "By how they buy", "zh": "按购买方式"},
         "why": {"en": "Three: the silhouette peaks there and the groups hold when redrawn.",
                 "zh": "三类：轮廓系数在此最高，重抽样后分组仍稳定。"},
         "segments": _grouping("kmeans", KMEANS)},
    ]  # fmt: skip


def _account(source: str, rows_in: int, **parts: Any) -> dict[str, Any]:
    account = {"source": source, "rows_in": rows_in, "kept": 0, "merged": 0, "erased": 0,
               "quarantined": {}, "found": {}}  # fmt: skip
    return account | parts


def sources(events: int) -> list[dict[str, Any]]:
    refused = {"negative_quantity": 7, "unparsable_time": 3, "missing_item_id": 2}
    return [
        {"name": "till", "table": "events", "channel": "till", "format": "csv",
         "files": ["till-2025-03.csv", "till-2025-04.csv"],
         "said": ["Encoding is UTF-8 with a byte-order mark.", "Columns are separated by `;`."],
         "span": ["2025-03-01T08:00:00", "2025-05-29T12:00:00"],
         "account": _account("till", events + 12 + 9, kept=events, merged=9, quarantined=refused,
                             found={"exact_duplicate": 9, "cancelled": 4, "missing:customer": 20,
                                    "price_not_positive": 1, "outlier:quantity": 2})},
        {"name": "catalogue", "table": "items", "format": "excel", "files": ["catalogue.xlsx"],
         "said": [], "account": _account("catalogue", 24, kept=24, found={"missing:title": 1})},
    ]  # fmt: skip


def _quarantine() -> pa.Table:
    rows = [
        {"source": "till", "file": "till-2025-03.csv", "row": 40 + at, "column": "quantity",
         "reason": "negative_quantity", "found": str(-at - 1), "expected": "a quantity above 0",
         "raw": f"item=i0{at}; qty={-at - 1}; price=6.50"}
        for at in range(7)
    ] + [
        {"source": "till", "file": "till-2025-04.csv", "row": 90 + at, "column": "time",
         "reason": "unparsable_time", "found": "31/31/2025", "expected": "a date like 2025-03-31",
         "raw": "item=i03; when=31/31/2025; note=" + "x" * 200}
        for at in range(3)
    ]  # fmt: skip
    columns = dict(RECORD["quarantine"].columns) | {"source": "string", "file": "string"}
    return _typed(rows, columns | {"row": "int64"})


def rows(engine: Engine) -> Rows:
    events = happenings()
    about = {k: v for k, v in RECORD["customers"].columns.items() if k != "actor"}
    seen = {"first_seen": "timestamp(6)", "last_seen": "timestamp(6)", "identifiers": "int64"}
    items = [
        {"item_id": item_id(at), "title": title, "category": category, "brand": None,
         "price": None if price is None else Decimal(price), "is_product": True}
        for at, (title, category, price) in enumerate(TITLES)
    ]  # fmt: skip
    identities = [
        {"actor": f"{space}:{number}", "namespace": space, "customer_id": customer_id(number),
         "value": f"{space[:2]}{number:04d}",
         "evidence": EVIDENCE[(number + (space == "email")) % len(EVIDENCE)]}
        for number in range(1, 31) for space in ("card", "email")
    ]  # fmt: skip
    memberships = [
        {"customer_id": customer_id(number), "kind": kind, "segment": key}
        for kind, segments in (("rfm", RFM), ("kmeans", KMEANS))
        for key, *_, who in segments for number in who
    ]  # fmt: skip
    event_columns = dict(RECORD["events"].columns) | {"customer_id": "string"}
    return Rows(
        customers=engine.table(
            _typed(_customers(events), {"customer_id": "string"} | about | seen)
        ),
        identities=engine.table(_typed(identities, IDENTITIES)),
        items=engine.table(_typed(items, {**RECORD["items"].columns, "is_product": "boolean"})),
        events=engine.table(_typed(events, event_columns | {"is_product": "boolean"})),
        features=engine.table(_features(events)),
        memberships=engine.table(pa.Table.from_pylist(memberships)),
        quarantine=engine.table(_quarantine()),
    )  # fmt: skip


def findings() -> Findings:
    return Findings(
        name="Little tea shop", currency="EUR", as_of=AS_OF, sources=sources(len(happenings())),
        groupings=groupings(), meanings=MEANINGS, evaluation=evaluation(),
    )  # fmt: skip


def published(folder: Path) -> Path:
    """The world's snapshot, in `folder`."""
    with DuckDB(scratch=folder.parent, memory="1GB", threads=2) as engine:
        publish(engine, folder, rows(engine), findings())
    return folder


EVIDENCE = (
    "seen with no other identifier", "with cookie:w7 in 1 row of web log",
    "with card:44 in 12 rows of till", "seen with 31 identifiers of cookie, so shared and joined"
    " to nobody", "seen only with identifiers that are shared or set apart",
)  # fmt: skip
"""All that prepare says of identifiers."""

STAGES = (
    {"stage": "collect", "name": "till", "state": "done", "rows": 500, "seconds": 0.42,
     "made_at": "2025-06-01T09:30:00+00:00"},
    {"stage": "collect", "name": "catalogue", "state": "kept", "rows": 24, "seconds": 0.0,
     "made_at": "2025-05-20T09:30:00+00:00"},
    {"stage": "prepare", "name": "identities", "state": "done", "rows": 60, "seconds": 0.31,
     "made_at": "2025-06-01T09:30:01+00:00"},
    {"stage": "features", "name": "customers", "state": "done", "rows": 30, "seconds": 0.93,
     "made_at": "2025-06-01T09:30:02+00:00"},
    {"stage": "segments", "name": "segments", "state": "done", "rows": 30, "seconds": 1.74,
     "made_at": "2025-06-01T09:30:04+00:00"},
    {"stage": "recommend", "name": "frequency", "state": "done", "rows": 24, "seconds": 2.05,
     "made_at": "2025-06-01T09:30:06+00:00"},
    {"stage": "serve", "name": "snapshot", "state": "done", "rows": 30, "seconds": 0.2,
     "made_at": "2025-06-01T09:30:06+00:00"},
)  # fmt: skip
RUNS = (
    {"at": "2025-06-01T09:30:06+00:00", "seconds": 5.65, "changed": True, "made": 6, "kept": 1},
    {"at": "2025-05-31T09:30:00+00:00", "seconds": 0.9, "changed": False, "made": 0, "kept": 7},
)


FITTED = ("popular", "frequency", "item_knn")


def shop(folder: Path, version: str = "v1") -> Shop:
    """The snapshot with a recommender that anyone can foretell: next ids after the last one."""
    snapshot = Snapshot.open(folder)
    return Shop(
        snapshot=snapshot, version=version, stages=STAGES, runs=RUNS,
        recommend=partial(_recommend, snapshot, version), similar=partial(_similar, snapshot),
        trending=partial(_trending, snapshot, version), tried=partial(_tried, snapshot, version),
    )  # fmt: skip


def _offer(snapshot: Snapshot, number: int, rank: int, why: Mapping[str, str]) -> dict[str, Any]:
    item = snapshot.items.one(item_id(number % 24)) or {}
    return {
        "item_id": item["item_id"], "title": item["title"], "category": item["category"],
        "price": item["price"], "available": True, "score": 1 / (rank + 1.0001),
        "reason": dict(why),
    }  # fmt: skip


def _recommend(
    snapshot: Snapshot, version: str, *, customer_id: str | None, items: Sequence[str], k: int,
    repeat: bool | None, since: Sequence[Seen] = (), filters: Filters = EVERYTHING,
    changes: Changes = UNCHANGED, label: tuple[str, str] | None = None,
) -> dict[str, Any]:  # fmt: skip
    had = list(items)
    if customer_id is not None:
        had = [row["item_id"] for row in snapshot.history(customer_id).to_pylist()]
    had += [one.item_id for one in since]
    last = int(had[-1][1:]) if had else -1
    title = (snapshot.items.one(item_id(last)) or {}).get("title") or item_id(last)
    why = {"code": "bought_with", "en": f"Often bought with {title}, which was bought on 3 March",
           "zh": f"常与 3 月 3 日购买的“{title}”一起购买"}  # fmt: skip
    lonely = {"code": "no_history", "en": "Nothing is known of this customer yet: what sells best",
              "zh": "尚无该顾客的历史：显示热销商品"}  # fmt: skip
    out = {*filters.exclude, *(had if repeat is False else [])}
    numbers = [n for n in range(last + 1, last + 25) if item_id(n % 24) not in out]
    return {
        "customer_id": customer_id, "request_id": f"r-{secrets.token_hex(4)}",
        "model": "frequency" if had else "popular",
        "version": version, "fallback": not had, "fallback_reason": None if had else lonely,
        "as_of": AS_OF.replace(tzinfo=UTC).isoformat(),
        "items": [
            _offer(snapshot, number, rank, why if had else lonely)
            for rank, number in enumerate(numbers[:k])
        ],
    }  # fmt: skip


def _tried(snapshot: Snapshot, version: str, model: str) -> Recommend:
    if model not in FITTED:
        raise NotFound(f"there is no fitted model `{model}`", expected=", ".join(FITTED))

    def recommend(**asked: Any) -> dict[str, Any]:
        return {**_recommend(snapshot, version, **asked), "model": model}

    return recommend


def _trending(
    snapshot: Snapshot,
    version: str,
    *,
    k: int,
    filters: Filters,
    changes: Changes = UNCHANGED,
    label: tuple[str, str] | None = None,
) -> dict[str, Any]:
    found = _recommend(
        snapshot, version, customer_id=None, items=(), k=k, repeat=None, filters=filters
    )
    return {name: found[name] for name in ("model", "version", "as_of", "items")}


def _similar(
    snapshot: Snapshot, item: str, *, k: int, filters: Filters = EVERYTHING,
    changes: Changes = UNCHANGED,
) -> dict[str, Any]:  # fmt: skip
    number = int(item[1:])
    why = {"code": "bought_with", "en": "Often bought together", "zh": "常一起购买"}
    return {
        "item_id": item, "model": "item_knn", "version": "v1",
        "items": [_offer(snapshot, number + at, at, why) for at in range(1, min(k, 23) + 1)],
    }  # fmt: skip
