"""Linear models of items: what they foretell, and what they take, on a part carved from training.

    python -m benchmarks.linear --data FOLDER [--models NAME ...] [--items N] [--check N] [--json]

--data   : a folder with `gowalla/train.txt` (29,858 users, 40,981 items). A tenth of each user's
           items is held back (seed 7), and 6,000 users are asked for; test.txt is never read.
--models : by default item_knn, rp3beta and sparse_ease. `ease` on all items takes ten minutes and
           9 GB, so it must be asked for: `--models sparse_ease ease`.
           `'ease:{"penalty": 2}'` gives one settings
--items  : only so many of the items, those that most people have
--check  : also compare ease on so many items with the same in double precision
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import machine
from bespeak import recommend
from bespeak.recommend.base import blocks
from bespeak.recommend.evaluating.files import Rows, interactions_of, read_rows
from bespeak.recommend.evaluating.splits import Held, hold
from bespeak.recommend.models.ease import EaseParameters, fit_ease

ASKED = 6000
MODELS = ("item_knn", "rp3beta", "sparse_ease")
SHOWN = ("recall@20", "ndcg@20", "coverage@20", "fit_s", "score_s", "peak_rss_mb")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--models", nargs="+", default=MODELS)
    parser.add_argument("--items", type=int)
    parser.add_argument("--check", type=int)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    warm()
    train, held = carved(read_rows(asked.data / "gowalla" / "train.txt"), asked.items)
    found: dict[str, Any] = {"machine": machine.described(), "items": len(train.items)}
    if asked.check:
        found["error"] = error(train, asked.check)
    found["models"] = [measured(name, train, held) for name in asked.models]
    print(json.dumps(found, indent=1) if asked.json else told(found))


def warm() -> None:
    """Compile or read back what is compiled once, so that no model pays for it."""
    pairs = [(c, i) for c in "ab" for i in "xyz"]
    customers, items = zip(*pairs, strict=True)
    known = interactions_of(Rows(customers, items, np.zeros(6, np.int64), np.ones(6)))
    for name in ("item_knn", "sparse_ease", "ease"):
        recommend.fit(name, known).recommend(known.histories, 3)


def carved(rows: Rows, most: int | None) -> tuple[recommend.Interactions, Held]:
    """A tenth of each customer's items held back, for some customers; the rest to train on."""
    customers, items = np.asarray(rows.customers), np.asarray(rows.items)
    if most:
        names, counts = np.unique(items, return_counts=True)
        kept = np.isin(items, names[np.argsort(-counts, kind="stable")[:most]])
        customers, items = customers[kept], items[kept]
    draw = np.random.default_rng(7)
    names, owner = np.unique(customers, return_inverse=True)
    lengths = np.bincount(owner)
    order = np.lexsort((draw.random(len(owner)), owner))
    place = np.empty(len(owner), np.int64)
    place[order] = np.arange(len(owner)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    share = np.where(lengths < 3, 0, np.maximum(1, np.rint(lengths * 0.1)))
    out = place < share[owner]
    chosen = np.zeros(len(names), np.bool_)
    chosen[draw.choice(len(names), min(ASKED, len(names)), replace=False)] = True
    asked, known = out & chosen[owner], ~out
    count = int(known.sum())
    train = interactions_of(
        Rows(customers[known].tolist(), items[known].tolist(), np.zeros(count, np.int64),
             np.ones(count))
    )  # fmt: skip
    return train, hold(train, customers[asked].tolist(), items[asked].tolist())


def measured(name: str, train: recommend.Interactions, held: Held) -> dict[str, Any]:
    """name : a model, or `model:{"its": "settings"}`"""
    model, _, settings = name.partition(":")
    given = {model: json.loads(settings or "{}")}
    (row,) = recommend.evaluate(train, held, [model], k=20, parameters=given)["models"]
    return {"name": name} | {key: row[key] for key in SHOWN}


def error(train: recommend.Interactions, count: int) -> float:
    """The greatest difference of a coefficient of ease from the same in double precision."""
    histories = train.histories
    popular = np.argsort(-np.bincount(histories.indices), kind="stable")[:count]
    some = recommend.Interactions(
        train.customers, train.items, histories.where(np.isin(histories.indices, popular)), None
    )
    small = interactions_of(rows_of(some))
    parameters = EaseParameters(neighbours=10_000, least_common=1, history_item=0.0)
    model = fit_ease(small, parameters)
    had = small.histories
    lengths = had.lengths[had.rows].astype(np.float64)
    table = np.zeros((len(had), len(small.items)))
    table[had.rows, had.indices] = lengths ** (-parameters.length / 2)
    gram = table.T @ table
    np.einsum("ii->i", gram)[:] += parameters.penalty * np.diag(gram).mean()
    wanted = np.linalg.inv(gram)
    wanted /= -np.diag(wanted)
    greatest = 0.0
    for part in blocks(len(small.items), 512):
        entries = slice(model.indptr[part.start], model.indptr[part.stop])
        givers = np.repeat(np.arange(part.start, part.stop), np.diff(model.indptr)[part])
        found = model.similarity[entries] / model.scale
        off = np.abs(found - wanted[givers, model.neighbours[entries]])
        greatest = max(greatest, float(off.max(initial=0.0)))
    return greatest


def rows_of(known: recommend.Interactions) -> Rows:
    customers = [known.customers[row] for row in known.histories.rows.tolist()]
    items = [known.items[item] for item in known.histories.indices.tolist()]
    count = len(items)
    return Rows(customers, items, np.zeros(count, np.int64), np.ones(count))


def told(found: dict[str, Any]) -> str:
    lines = [f"Linear models, {found['items']:,} items, {found['machine']}", ""]
    if "error" in found:
        lines += [f"ease against double precision: at most {found['error']:.1e} apart", ""]
    lines += ["| model | Recall@20 | NDCG@20 | coverage | fit s | score s | peak MB |",
              "|---|---|---|---|---|---|---|"]  # fmt: skip
    lines += [
        f"| {row['name']} | {row['recall@20']:.4f} | {row['ndcg@20']:.4f} |"
        f" {row['coverage@20']:.3f} | {row['fit_s']:.1f} | {row['score_s']:.1f} |"
        f" {row['peak_rss_mb']:,.0f} |"
        for row in found["models"]
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
