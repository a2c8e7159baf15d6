"""How soon ALS is as good as `implicit` ever gets, on a part carved from training.

    python -m benchmarks.als --data FOLDER [--peer F,ALPHA,L ...] [--rounds N] [--ours F,W,N ...]

--data   : a folder with `gowalla/train.txt`; the part is that of benchmarks/linear.py, and
           test.txt is never read
--peer   : factors, alpha and λ of `implicit` (by default the best of the search that
           benchmarks/recommend.md lists); after the third and each further one of
           `--rounds` rounds it is measured
--ours   : factors, walks and rounds of bespeak's; the rest by default
Seconds are those of fitting alone, from histories in memory. `pip install implicit` for the peer.
"""

from __future__ import annotations

import argparse
import importlib
import time
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from benchmarks import machine
from benchmarks.linear import carved
from benchmarks.recommend import warm
from bespeak import recommend
from bespeak.recommend.base import Ranked
from bespeak.recommend.evaluating import metrics
from bespeak.recommend.evaluating.evaluate import ranked_in_blocks
from bespeak.recommend.evaluating.files import read_rows
from bespeak.recommend.evaluating.splits import Held
from bespeak.recommend.mathematics.ridge import blas

K = 20
ASKED = 3000
PEER = ("256,30,1", "256,100,100")
OURS = ("192,2,1", "224,2,1", "256,2,1", "256,2,2")
Line = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--peer", nargs="*", default=PEER)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--ours", nargs="+", default=OURS)
    asked = parser.parse_args()
    warm()
    train, held = carved(read_rows(asked.data / "gowalla" / "train.txt"), None)
    held = held.where(held.rows < ASKED)
    ours = [measured(train, held, *map(int, each.split(","))) for each in asked.ours]
    theirs = [peer(train, held, each, asked.rounds) for each in asked.peer]
    print(told(ours, theirs))


def measured(
    train: recommend.Interactions, held: Held, factors: int, walks: int, rounds: int
) -> Line:
    settings = {"factors": factors, "walks": walks, "iterations": rounds}
    started = time.perf_counter()
    model = recommend.fit("als", train, settings)
    took = time.perf_counter() - started
    known = held.known(train)
    ranked = ranked_in_blocks(model, known, K, exclude=known)
    name = f"ours, {factors} factors, {walks} walks"
    return {"name": name, "rounds": rounds, "s": took} | quality(ranked, held, train)


def peer(train: recommend.Interactions, held: Held, given: str, rounds: int) -> list[Line]:
    """implicit's figures after each round; the time that measuring takes is left out."""
    factors, alpha, held_back = (float(value) for value in given.split(","))
    histories, count = train.histories, len(train.items)
    ones = np.ones(len(histories.indices), np.float32)
    matrix = sparse.csr_matrix(
        (ones, histories.indices, histories.indptr.astype(np.int32)), (len(histories), count)
    )
    model = importlib.import_module("implicit.als").AlternatingLeastSquares(
        factors=int(factors), alpha=alpha, regularization=held_back, iterations=rounds,
        random_state=7,
    )  # fmt: skip
    took, found = [0.0], []
    name = f"implicit, {factors:g} factors, alpha {alpha:g}, λ {held_back:g}"

    def after(done: int, seconds: float, _: Any) -> None:
        took[0] += seconds
        if done < 2:  # far from its best
            return
        items, _ = model.recommend(held.customers, matrix[held.customers], N=K)
        size = (items >= 0).sum(1)
        ranked = Ranked(items.astype(np.int32), np.zeros(items.shape, np.int64), size)
        figures = quality(ranked, held, train)
        found.append({"name": name, "rounds": done + 1, "s": took[0]} | figures)

    with blas().limit(limits=1):  # as it asks for; its own threads take both cores
        model.fit(matrix, show_progress=False, callback=after)
    return found


def quality(ranked: Ranked, held: Held, train: recommend.Interactions) -> Line:
    values = metrics.accuracy(ranked, held, len(train.items), K)
    return {"recall": values[f"recall@{K}"].mean(), "ndcg": values[f"ndcg@{K}"].mean()}


def told(ours: list[Line], theirs: list[list[Line]]) -> str:
    rows = [
        [row["name"], str(row["rounds"]), f"{row['s']:.1f}", f"{row['recall']:.4f}",
         f"{row['ndcg']:.4f}"]
        for row in [*(row for run in theirs for row in run), *ours]
    ]  # fmt: skip
    parts = [f"ALS, {machine.described()}"]
    parts.append(machine.table(["model", "rounds", "fit s", "Recall@20", "NDCG@20"], rows))
    parts += [reached(run, ours) for run in theirs]
    return "\n\n".join(parts)


def reached(run: list[Line], ours: list[Line]) -> str:
    """How much sooner ours has both of the best figures that a run of the peer comes to."""
    best = max(run, key=lambda row: (row["ndcg"], -row["s"]))
    recall = max(row["recall"] for row in run)
    good = [row for row in ours if row["ndcg"] >= best["ndcg"] and row["recall"] >= recall]
    said = f"{best['name']}: its best NDCG after {best['s']:.1f} s ({best['rounds']} rounds)"
    if not good:
        return f"{said}; ours did not reach its figures."
    soonest = min(good, key=lambda row: row["s"])
    ratio = best["s"] / soonest["s"]
    ours_said = f"{soonest['name']} has that and its Recall after {soonest['s']:.1f} s"
    return f"{said}; {ours_said}: {ratio:.1f} times sooner."


if __name__ == "__main__":
    main()
