"""Models trained by Spark's MLlib beside ours and a peer's, all measured by the same functions.

    python -m benchmarks.mllib [--data FOLDER] [--events 500000] [--no-spark]

ALS     : on `FOLDER/gowalla` (train.txt, test.txt: the LightGCN split), all with one rank, one
          weight and one number of rounds. MLlib's items are exported, and its customers folded in
          by our code. Bar: MLlib's Recall@20 within 2 % of `implicit`'s.
ratings : on `FOLDER/coat` (train.ascii, test.ascii: customers by items, 0 where there is none); its
          test ratings are of items drawn at random.
k-means : five groups of a made-up shop's customers, by MLlib on all and by us on a sample. Bar: an
          adjusted Rand index of at least .95 between the two.
Peer    : `implicit`, where it is installed (`pip install implicit`); it is no dependency.
The regularisation of each was chosen on a tenth of the training part; benchmarks/mllib.md lists the
tries.
"""

from __future__ import annotations

import argparse
import importlib
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
from scipy import sparse
from threadpoolctl import threadpool_limits

from benchmarks import machine
from bespeak import flow, recommend, segments
from bespeak.config import Segments
from bespeak.engines import DuckDB, Engine, Spark
from bespeak.recommend.base import Ranked
from bespeak.recommend.evaluating import metrics
from bespeak.recommend.evaluating.evaluate import ranked_in_blocks
from bespeak.recommend.evaluating.files import Rows, interactions_of, read_rows
from bespeak.recommend.evaluating.splits import Held, hold
from bespeak.recommend.histories import UNIT, Histories, Stored
from bespeak.recommend.models.als import AlsParameters, fit_als
from bespeak.recommend.models.als_ratings import Rated, RatingsParameters, fit_ratings, rmse
from bespeak.synth import Plan, synthesise
from bespeak.workspace import Workspace

FACTORS, ALPHA, ROUNDS, K = 64, 100.0, 15, 20
HELD_BACK = {0.0: 100.0, 1.0: 3.0}
"""Frequency -> regularisation: that of Hu, Koren & Volinsky, and that of MLlib."""
NEAR_PEER, ALIKE, GROUPS = 0.98, 0.95, 5
RATINGS = ((5, 0.1), (5, 0.3), (16, 0.1), (16, 0.3))
"""Factors and regularisation that ratings are tried with; all are shown."""
OURS = Segments(k_min=GROUPS, k_max=GROUPS)

Lists = Callable[[], tuple[Ranked, float, float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--events", type=int, default=500_000)
    parser.add_argument("--no-spark", action="store_true")
    asked = parser.parse_args()
    print(f"MLlib, ours and a peer's; {machine.described()}, {versions()}\n")
    missed = []
    with tempfile.TemporaryDirectory() as scratch:
        engine = None if asked.no_spark else Spark(scratch=Path(scratch), memory="4GB")
        try:
            if asked.data is not None:
                missed += als(asked.data / "gowalla", engine)
                ratings(asked.data / "coat", engine)
            if engine is not None:
                missed += kmeans(asked.events, Path(scratch) / "shop", engine)
        finally:
            if engine is not None:
                engine.close()
    if missed:
        raise SystemExit("missed: " + "; ".join(missed))


def versions() -> str:
    names = [name for name in ("implicit", "pyspark") if find_spec(name)]
    return ", ".join(f"{name} {metadata.version(name)}" for name in names)


# -- ALS -------------------------------------------------------------------------------------------


def als(folder: Path, engine: Spark | None) -> list[str]:
    """Print the table; what missed its bar."""
    train = interactions_of(read_rows(folder / "train.txt"))
    test = read_rows(folder / "test.txt")
    held = hold(train, test.customers, test.items)
    histories = train.histories.take(held.customers)
    warm()
    makers: dict[str, Lists] = {}
    if find_spec("implicit"):
        makers["implicit"] = lambda: by_peer(train, held)
    makers["ours, as implicit's"] = lambda: by_us(train, histories, 0.0, None)
    makers["ours, as MLlib's"] = lambda: by_us(train, histories, 1.0, None)
    if engine is not None:
        makers["MLlib, folded in by us"] = lambda: by_us(train, histories, 1.0, engine)
    rows, reached = [], {}
    for name, make in makers.items():
        ranked, fit_s, score_s = make()
        values = metrics.accuracy(ranked, held, len(train.items), K)
        spans = metrics.intervals(values, seed=7)
        reached[name] = float(values[f"recall@{K}"].mean())
        measured = (told(values, spans, f"{measure}@{K}") for measure in ("recall", "ndcg"))
        rows.append([name, *measured, f"{fit_s:.1f}", f"{score_s:.1f}"])
    header = ["ALS", f"recall@{K}", f"ndcg@{K}", "fit s", "lists s"]
    print(machine.table(header, rows))
    print(f"\n{FACTORS} factors, confidence 1 + {ALPHA:g} w, {ROUNDS} rounds; λ {HELD_BACK[0.0]:g}"
          f" a row (first two), {HELD_BACK[1.0]:g} n a row (the others);"
          f" {len(held):,} customers with a test item.\n")  # fmt: skip
    peer, theirs = reached.get("implicit"), reached.get("MLlib, folded in by us")
    if peer is None or theirs is None:
        return []
    return [] if theirs >= NEAR_PEER * peer else [f"recall {theirs:.4f} < {NEAR_PEER} x {peer:.4f}"]


def by_peer(train: recommend.Interactions, held: Held) -> tuple[Ranked, float, float]:
    """implicit's, as it advises: its own threads, and one for the linear algebra inside."""
    histories = train.histories
    shape = (len(histories), len(train.items))
    sure = (1 + ALPHA * histories.weights / UNIT).astype(np.float32)  # its alpha has no 1 in it
    matrix = sparse.csr_matrix((sure, histories.indices, histories.indptr.astype(np.int32)), shape)
    peer = importlib.import_module("implicit.als").AlternatingLeastSquares
    with threadpool_limits(limits=1):
        model = peer(
            factors=FACTORS, regularization=HELD_BACK[0.0], alpha=1.0, iterations=ROUNDS,
            random_state=7,
        )  # fmt: skip
        started = time.perf_counter()
        model.fit(matrix, show_progress=False)
        fitted = time.perf_counter()
        items, _ = model.recommend(held.customers, matrix[held.customers], N=K)
        scored = time.perf_counter()
    zeros = np.zeros(items.shape, np.int64)
    return (
        Ranked(items.astype(np.int32), zeros, (items >= 0).sum(1)),
        fitted - started,
        (scored - fitted),
    )


def by_us(
    train: recommend.Interactions, histories: Histories, frequency: float, engine: Engine | None
) -> tuple[Ranked, float, float]:
    """Trained by us, or by the engine; customers folded in from their histories by us."""
    parameters = AlsParameters(
        factors=FACTORS, alpha=ALPHA, iterations=ROUNDS, frequency=frequency,
        regularization=HELD_BACK[frequency], trainer="mllib" if engine else "bespeak",
    )  # fmt: skip
    if engine is not None:
        rows = engine.table(pa.table({"item": histories.indices[:1]}))
        train = replace(train, stored=Stored(engine, rows, False))
    started = time.perf_counter()
    model = fit_als(train, parameters)
    fitted = time.perf_counter()
    ranked = ranked_in_blocks(model, histories, K, exclude=histories)
    return ranked, fitted - started, time.perf_counter() - fitted


def warm() -> None:
    """Compile or read back what is compiled once, so that no model pays for it."""
    pairs = [("a", "x"), ("a", "y"), ("b", "x"), ("b", "y")]
    customers, items = zip(*pairs, strict=True)
    known = interactions_of(Rows(customers, items, np.zeros(4, np.int64), np.ones(4)))
    recommend.fit("als", known, {"factors": 2}).recommend(known.histories, 1)


def told(values: Any, spans: Any, name: str) -> str:
    low, high = spans[name]
    return f"{values[name].mean():.4f} [{low:.4f}, {high:.4f}]"


# -- ratings ---------------------------------------------------------------------------------------


def ratings(folder: Path, engine: Engine | None) -> None:
    """Print how far off predicted ratings are."""
    train, test = (np.loadtxt(folder / f"{part}.ascii") for part in ("train", "test"))
    rated, asked = Rated.of(*cells(train)), cells(test)
    made: list[tuple[str, int, float, Engine | None]] = [("the mean alone", 0, 1e9, None)]
    made += [("ours", factors, held, None) for factors, held in RATINGS]
    if engine is not None:
        made += [("MLlib, folded in by us", factors, held, engine) for factors, held in RATINGS]
    rows = []
    for name, factors, held, trained_by in made:
        parameters = RatingsParameters(
            factors=max(factors, 1), regularization=held,
            trainer="mllib" if trained_by else "bespeak",
        )  # fmt: skip
        started = time.perf_counter()
        model = fit_ratings(rated, parameters, engine=trained_by)
        seconds = time.perf_counter() - started
        found = rmse(model.predict(rated, asked[0], asked[1]), asked[2])
        rows.append([name, factors, f"{held:g}", f"{found['rmse']:.4f}", f"{found['mae']:.4f}",
                     f"{found['pairs']:,}", f"{seconds:.1f}"])  # fmt: skip
    print(machine.table(["ratings", "factors", "λ", "RMSE", "MAE", "pairs", "fit s"], rows), "\n")


def cells(matrix: Any) -> tuple[list[str], list[str], Any]:
    rows, columns = np.nonzero(matrix)
    return [f"c{row}" for row in rows], [f"i{at}" for at in columns], matrix[rows, columns]


# -- k-means ---------------------------------------------------------------------------------------


def kmeans(events: int, folder: Path, spark: Spark) -> list[str]:
    """Print how alike the groups are; what missed its bar."""
    from sklearn.metrics import adjusted_rand_score

    synthesise(Plan(events // 50, 2_000, events, 365, 7), folder)
    workspace = Workspace(folder)
    flow.run(workspace, only="features")
    rows = workspace.get("features/customers").path / "rows"
    placed, lines = {}, []
    with DuckDB() as duckdb:
        ways = ((OURS, duckdb), (msgspec.structs.replace(OURS, trainer="mllib"), spark))
        for config, engine in ways:
            trainer, started = config.trainer, time.perf_counter()
            customers = engine.read([rows])
            model = segments.fit_kmeans(engine, customers, config, seed=7, cut=True)
            members = engine.run(segments.assign(engine, customers, model)).to_pylist()
            placed[trainer] = {row["customer_id"]: row["segment_id"] for row in members}
            seconds = time.perf_counter() - started
            truth = true_segments(folder, placed[trainer])
            lines.append([trainer, f"{len(members):,}", ", ".join(f"{n:,}" for n in model.sizes),
                          f"{adjusted_rand_score(*truth):.3f}", f"{seconds:.1f}"])  # fmt: skip
    names = sorted(placed["bespeak"])
    alike = adjusted_rand_score(*([part[name] for name in names] for part in placed.values()))
    header = ["k-means", "customers", "centres found on", "ARI with the truth", "fit and assign s"]
    print(machine.table(header, lines))
    print(f"\nARI of the two: {alike:.4f} (bar {ALIKE}).")
    return [] if alike >= ALIKE else [f"k-means ARI {alike:.4f} < {ALIKE}"]


def true_segments(folder: Path, placed: dict[str, str]) -> tuple[list[str], list[str]]:
    people = ds.dataset(folder / "truth" / "people.parquet").to_table().to_pylist()
    both = [(row["segment"], placed[row["account"]]) for row in people if row["account"] in placed]
    true, found = zip(*both, strict=True)
    return list(true), list(found)


if __name__ == "__main__":
    main()
