"""k-means: fitted on a bounded sample, kept as a frozen value, applied to all in the engine.

Where the engine trains models itself, it can find the centres on all customers instead.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial, reduce
from operator import add
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
from threadpoolctl import threadpool_limits

from bespeak.config import Segments
from bespeak.engines import Engine
from bespeak.engines.base import Trainer
from bespeak.errors import ArtifactCorrupt, ColumnMissing, EngineUnavailable, NotReady
from bespeak.segments.scaling import (
    Floats,
    Scaling,
    fit_scaling,
    fit_scaling_to_all,
    scaled,
    scaled_column,
)
from bespeak.segments.search import POINTS, Labels, Search, Trial, fitted, nearest, search
from bespeak.segments.verdict import verdict

FAMILIES: tuple[tuple[str, ...], ...] = (
    ("recency_days",),
    ("orders",),
    ("basket_value",),
    ("discount_share",),
    ("return_rate",),
    ("channel_share:",),
)
"""What customers are grouped by; a name that ends in `:` stands for all columns that begin so.
How they buy, not what: categories and hours describe the groups afterwards."""
ARRAYS, REPORT = "kmeans.npz", "kmeans.json"
DIGITS = 10
"""Decimals of a centre that are kept: what differs beyond them is the order of a sum."""


@dataclass(frozen=True)
class KMeansModel:
    """Centres on the scale of `scaling`, the largest group first."""

    scaling: Scaling
    centres: Floats
    """Shape (k, features); cluster_1 is the first row."""
    sizes: tuple[int, ...]
    """Customers in each: of the sample, or of all where the engine trained."""
    buyers_only: bool
    """Whether it speaks of customers with an order only."""
    found: Search
    dropped: dict[str, str]
    """Features left out: name -> `unknown` for most customers, or `constant`."""
    seed: int
    trainer: str = "bespeak"

    @property
    def k(self) -> int:
        return len(self.centres)


def quality(model: KMeansModel) -> dict[str, float | int | None]:
    """How tight the groups are and how far apart, on the scale that they were found on.

    returns : silhouette, within_sum_of_squares (both null where there is one group), and
              measured_on, the customers that they were measured on
    """
    chosen = [trial for trial in model.found.trials if trial.k == model.k]
    return {
        "silhouette": chosen[0].silhouette if chosen else None,
        "within_sum_of_squares": chosen[0].inertia if chosen else None,
        "measured_on": min(sum(model.sizes), POINTS),
    }


def fit_kmeans(
    engine: Engine,
    customers: ir.Table,
    config: Segments,
    *,
    seed: int,
    features: Sequence[str] | None = None,
    cut: bool = False,
) -> KMeansModel:
    """Groups of customers alike, or one group where none stand out.

    customers : customer_id and feature columns; where it has `orders`, and any are placed, only
                customers with an order count
    config    : k_min to k_max is tried, on at most `sample` customers (those whose md5 of the
                customer_id comes first), each k with `bootstrap` resamples
    features  : columns to group by, each its own family; FAMILIES by default
    cut       : where no groups are clear, keep the most sensible stable cut, and say that it is one
    raises    : NotReady without customers; ColumnMissing if a feature is not there;
                EngineUnavailable where the trainer is one that the engine lacks
    """
    trainer = _trainer(engine, config)
    buyers_only = _has_buyers(engine, customers)
    people = _people(customers, buyers_only)
    families = _families(people, features)
    columns = _sample(engine, people, [name for family in families for name in family], config)
    scaling, dropped = (
        fit_scaling_to_all(engine, people, families) if trainer else fit_scaling(families, columns)
    )
    points = scaled(scaling, _matrix(scaling, columns))
    found = _searched(points, config, seed, cut=cut)
    model = partial(
        KMeansModel, scaling, buyers_only=buyers_only, found=found, dropped=dropped, seed=seed,
        trainer=config.trainer,
    )  # fmt: skip
    if trainer is None:
        centres, sizes = _grouped(points, found.k, seed)
        return model(centres=centres, sizes=sizes)
    centres = _trained(trainer, people, scaling, found.k, seed)
    counts = _counted(engine, people, model(centres=centres, sizes=()))
    order = _order(centres, counts)
    return model(centres=centres[order], sizes=tuple(counts[j] for j in order))


def needs(config: Segments) -> frozenset[str]:
    """What an engine must be able to do (`Engine.can`) to find segments as `config` says."""
    return frozenset({"mllib"} if config.trainer == "mllib" else ())


def assign(engine: Engine, customers: ir.Table, model: KMeansModel) -> ir.Table:
    """The nearest group of every customer that the model speaks of, computed in the engine.

    returns : customer_id, segment_id (`cluster_1` is the largest of the sample); of equally near
              groups the first
    """
    people = _people(customers, model.buyers_only)
    if model.k == 1:
        return people.select("customer_id", segment_id=ibis.literal(segment_id(0)))
    count = len(model.scaling.names)
    axes = people.select(
        "customer_id", **{f"z{i}": scaled_column(model.scaling, people, i) for i in range(count)}
    )
    far = axes.select("customer_id", **{f"d{j}": _square(axes, at) for j, at in _numbered(model)})
    least = ibis.least(*(far[f"d{j}"] for j, _ in _numbered(model)))
    branches = [(far[f"d{j}"] == least, segment_id(j)) for j, _ in _numbered(model)]
    return far.select("customer_id", segment_id=ibis.cases(*branches))


def assign_rows(model: KMeansModel, rows: Floats) -> Labels:
    """The same of a few rows of features (NaN where missing; in the order of scaling.names)."""
    return nearest(scaled(model.scaling, rows), model.centres)


def segment_id(index: int) -> str:
    """The name of the index-th group, from 0."""
    return f"cluster_{index + 1}"


def report(model: KMeansModel) -> dict[str, Any]:
    """What was tried and why it ended so, for JSON: k, why, curves, features and words."""
    return {
        "k": model.k,
        "why": model.found.why,
        "clear": model.found.why == "chosen",
        "elbow": model.found.elbow,
        "words": verdict(model.found),
        "curves": [asdict(trial) for trial in model.found.trials],
        "features": list(model.scaling.names),
        "logarithms": [
            name
            for name, logged in zip(model.scaling.names, model.scaling.logged, strict=True)
            if logged
        ],
        "missing": "the median of the known values stands for a missing one",
        "dropped": model.dropped,
        "sizes": list(model.sizes),
        "buyers_only": model.buyers_only,
        "seed": model.seed,
        "trainer": model.trainer,
    }


def save(model: KMeansModel, folder: Path) -> None:
    """Write the model's arrays and its report under `folder`."""
    kept = model.scaling
    np.savez(
        folder / ARRAYS, centres=model.centres, fill=kept.fill, low=kept.low, high=kept.high,
        logged=kept.logged, centre=kept.centre, scale=kept.scale,
    )  # fmt: skip
    text = json.dumps(report(model), indent=1, ensure_ascii=False)
    (folder / REPORT).write_text(text, encoding="utf-8")


def load(folder: Path) -> KMeansModel:
    """The model that save() wrote.

    raises : ArtifactCorrupt if a file is missing or is not what save() writes
    """
    try:
        said = json.loads((folder / REPORT).read_text(encoding="utf-8"))
        with np.load(folder / ARRAYS, allow_pickle=False) as arrays:
            centres = arrays["centres"]
            scaling = Scaling(
                tuple(said["features"]), arrays["fill"], arrays["low"], arrays["high"],
                arrays["logged"], arrays["centre"], arrays["scale"],
            )  # fmt: skip
        trials = tuple(Trial(**trial) for trial in said["curves"])
        found = Search(said["k"], said["why"], said["elbow"], trials)
        sizes, dropped = tuple(said["sizes"]), said["dropped"]
        return KMeansModel(
            scaling,
            centres,
            sizes,
            said["buyers_only"],
            found,
            dropped,
            said["seed"],
            said["trainer"],
        )
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise ArtifactCorrupt(
            f"{folder}: no k-means model can be read there",
            next_step="Delete that folder and run `bespeak run` again.",
        ) from error


# -- the fit -----------------------------------------------------------------------------------


def _trainer(engine: Engine, config: Segments) -> Trainer | None:
    """The engine, where it is to find the centres itself."""
    if config.trainer == "bespeak":
        return None
    if not isinstance(engine, Trainer):
        raise EngineUnavailable(
            f"segments: trainer `{config.trainer}` is asked for, which this engine can't do",
            next_step='Set engine = "spark" in [workspace], or trainer = "bespeak".',
        )
    return engine


def _searched(points: Floats, config: Segments, seed: int, *, cut: bool) -> Search:
    """How many groups there are, as a sample tells."""
    if not points.shape[1]:
        return Search(1, "no_features", None, ())
    return search(
        points,
        k_min=config.k_min,
        k_max=config.k_max,
        bootstrap=config.bootstrap,
        seed=seed,
        cut=cut,
    )


def _grouped(points: Floats, k: int, seed: int) -> tuple[Floats, tuple[int, ...]]:
    """The centres of a sample, and how many of it each has."""
    if not points.shape[1]:
        return np.zeros((1, 0)), (len(points),)
    with threadpool_limits(limits=1):  # as in the search
        centres, labels, _ = fitted(points, k, seed)
    rounded = np.round(centres, DIGITS)
    counts = np.bincount(labels, minlength=k).tolist()
    order = _order(rounded, counts)
    return rounded[order], tuple(counts[j] for j in order)


def _trained(engine: Trainer, people: ir.Table, scaling: Scaling, k: int, seed: int) -> Floats:
    """Centres of all customers, found where they are."""
    count = len(scaling.names)
    if not count:
        return np.zeros((1, 0))
    points = people.select(**{f"z{i}": scaled_column(scaling, people, i) for i in range(count)})
    if k == 1:  # the mean; MLlib looks for two at least
        found = engine.run(points.aggregate(**{n: points[n].mean() for n in points.columns}))
        return np.array([[found[name][0].as_py() for name in points.columns]])
    found = engine.kmeans(points, points.columns, k=k, seed=seed)
    return np.round(found.values, DIGITS)


def _counted(engine: Engine, people: ir.Table, model: KMeansModel) -> list[int]:
    """How many customers each centre has."""
    placed = assign(engine, people, model)
    rows = engine.run(placed.group_by("segment_id").aggregate(n=placed.count()))
    having = dict(zip(rows["segment_id"].to_pylist(), rows["n"].to_pylist(), strict=True))
    return [having.get(segment_id(j), 0) for j in range(model.k)]


# -- the sample --------------------------------------------------------------------------------


def _has_buyers(engine: Engine, customers: ir.Table) -> bool:
    if "orders" not in customers.columns:
        return False
    buyers = customers.filter(customers.orders > 0)
    return bool(engine.run(buyers.aggregate(n=buyers.count()))["n"][0].as_py())


def _people(customers: ir.Table, buyers_only: bool) -> ir.Table:
    return customers.filter(customers.orders > 0) if buyers_only else customers


def _families(people: ir.Table, features: Sequence[str] | None) -> list[list[str]]:
    """Column names, grouped; a default that a table lacks is passed over, a wanted one is not."""
    if features is not None:
        missing = [name for name in features if name not in people.columns]
        if missing:
            raise ColumnMissing(
                "segments: the customer table lacks a feature to group by",
                found=", ".join(people.columns),
                expected=", ".join(missing),
                next_step="Name columns of the table in `features`.",
            )
        return [[name] for name in features]
    return [
        [
            name
            for name in people.columns
            if any(
                name.startswith(wanted) if wanted.endswith(":") else name == wanted
                for wanted in family
            )
        ]
        for family in FAMILIES
    ]


def _sample(
    engine: Engine, people: ir.Table, names: Sequence[str], config: Segments
) -> dict[str, Floats]:
    """Columns of a bounded sample, always the same one and in the same order."""
    keyed = people.mutate(_key=people.customer_id.hexdigest("md5"))
    drawn = keyed.order_by(["_key", "customer_id"]).limit(config.sample)
    rows = engine.run(drawn.select("customer_id", **{n: drawn[n].cast("float64") for n in names}))
    if not rows.num_rows:
        raise NotReady(
            "segments: there are no customers to group",
            next_step="Run `bespeak run` on sources that name customers.",
        )
    return {
        name: np.asarray(rows[name].to_numpy(zero_copy_only=False), dtype=np.float64)
        for name in names
    }


def _matrix(scaling: Scaling, columns: dict[str, Floats]) -> Floats:
    rows = len(next(iter(columns.values()), ()))
    kept = [columns[name] for name in scaling.names]
    return np.column_stack(kept) if kept else np.zeros((rows, 0))


def _order(centres: Floats, sizes: Sequence[int]) -> list[int]:
    """Centres by size, the largest first, then by place."""
    return sorted(range(len(centres)), key=lambda j: (-sizes[j], tuple(centres[j])))


def _numbered(model: KMeansModel) -> list[tuple[int, Floats]]:
    return list(enumerate(model.centres))


def _square(axes: ir.Table, centre: Floats) -> ir.Value:
    """Squared distance of each row to a centre."""
    gaps = (axes[f"z{i}"] - float(place) for i, place in enumerate(centre))
    return reduce(add, (gap * gap for gap in gaps), ibis.literal(0.0))
