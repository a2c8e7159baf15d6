"""Lists for everybody, and item-kNN's pairs counted in memory and in the engine.

    python -m benchmarks.everyone --data FOLDER [-w WORKSPACE] [--json]

--data : a folder with `gowalla/train.txt` (29,858 users, 40,981 items)
-w     : a workspace that has been run, like that of `bespeak demo`

Limit: the neighbour lists of both ways are the same, entry by entry, or this fails.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from benchmarks import machine
from bespeak import recommend
from bespeak.engines import DuckDB
from bespeak.everyone import recommend_everyone
from bespeak.recommend.evaluating.files import interactions_of, read_rows
from bespeak.recommend.models.item_knn import ItemKnn
from bespeak.recommend.models.popular import Popular
from bespeak.workspace import Workspace

K = 10
Row = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("-w", "--workspace", type=Path)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    rows = gowalla(asked.data / "gowalla" / "train.txt")
    if asked.workspace is not None:
        rows.append(workspace(asked.workspace))
    found = {"machine": machine.described(), "rows": rows}
    print(json.dumps(found, indent=1) if asked.json else told(found))


def gowalla(path: Path) -> list[Row]:
    known = interactions_of(read_rows(path))
    recommend.fit("item_knn", known)  # what is compiled once
    with DuckDB(memory="2GB") as engine:
        table = engine.table(stored(known))
        there = replace(known, stored=recommend.Stored(engine, table, counts=True))
        rows: list[Row] = []
        here_model = timed(rows, "Gowalla: pairs in memory", lambda: knn(known))
        there_model = timed(rows, "Gowalla: pairs in DuckDB", lambda: knn(there))
        for name in ("indptr", "neighbours", "similarity", "common"):
            if not np.array_equal(getattr(here_model, name), getattr(there_model, name)):
                raise SystemExit(f"the two ways differ in {name}")
        made = recommender(known, here_model)
        customers = engine.table(pa.table({"customer_id": known.customers.arrow()}))
        for model in ("item_knn", "frequency", "popular"):
            fitted = here_model if model == "item_knn" else recommend.fit(model, known)
            one = replace(made, model=fitted)

            def lists(one: recommend.Recommender = one) -> int:
                found = recommend.recommend_all(engine, one, customers, table, groups={}, k=K)
                return int(found.count().execute())

            timed(rows, f"Gowalla: {K} items for everybody by {model}", lists, len(known.customers))
    return rows


def knn(known: recommend.Interactions) -> ItemKnn:
    model = recommend.fit("item_knn", known)
    assert isinstance(model, ItemKnn)
    return model


def recommender(known: recommend.Interactions, model: ItemKnn) -> recommend.Recommender:
    popular = recommend.fit("popular", known)
    assert isinstance(popular, Popular)
    bare = recommend.Catalogue.bare(len(known.items))
    return recommend.Recommender(model, "0", known, bare, popular, False, ZoneInfo("UTC"))


def stored(known: recommend.Interactions) -> pa.Table:
    """Interactions as the engine has them."""
    histories = known.histories
    return pa.table(
        {
            "customer_id": known.customers.arrow().take(pa.array(histories.rows)),
            "item_id": known.items.arrow().take(pa.array(histories.indices)),
            "weight": histories.weights,
            "times": histories.times,
            "first_time": histories.first_time,
            "last_time": histories.last_time,
            "bought": histories.bought,
        }
    )


def workspace(folder: Path) -> Row:
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as aside:
        out = Path(aside) / "lists"
        here = Workspace(folder)
        made = timed(rows, "", lambda: recommend_everyone(here, out, k=K))
    name = f"{made['workspace']}: {K} items for everybody by {made['model']}, files to files"
    return {**rows[0], "what": name, "customers_per_s": made["customers"] / rows[0]["seconds"]}


def timed(rows: list[Row], what: str, work: Callable[[], Any], customers: int | None = None) -> Any:
    """Do it, and note seconds, processor seconds and the peak of memory so far."""
    started, used = time.perf_counter(), processor()
    found = work()
    seconds = time.perf_counter() - started
    rate = None if customers is None else customers / seconds
    row = {"what": what, "seconds": seconds, "processor_s": processor() - used,
           "customers_per_s": rate, "peak_mb": machine.own_peak_mb()}  # fmt: skip
    rows.append(row)
    return found


def processor() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def told(found: Row) -> str:
    rows = [
        [row["what"], f"{row['seconds']:.2f}", f"{row['processor_s']:.2f}",
         "" if row["customers_per_s"] is None else f"{row['customers_per_s']:,.0f}",
         f"{row['peak_mb']:,.0f}"]
        for row in found["rows"]
    ]  # fmt: skip
    header = ["what", "seconds", "processor s", "customers/s", "peak MB so far"]
    return f"{found['machine']}\n\n{machine.table(header, rows)}"


if __name__ == "__main__":
    main()
