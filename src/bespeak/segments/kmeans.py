"""k-means: fitted on a bounded sample, kept as a frozen value, applied to all in the engine."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
from threadpoolctl import threadpool_limits

from bespeak.config import Segments
from bespeak.engines import Engine
from bespeak.errors import ArtifactCorrupt, ColumnMissing, NotReady
from bespeak.segments.scaling import Floats, Scaling, fit_scaling, scaled, scaled_column
from bespeak.segments.search import Labels, Search, Trial, fitted, nearest, search
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
    """Customers of the sample in each."""
    buyers_only: bool
    """Whether it speaks of customers with an order only."""
    found: Search
    dropped: dict[str, str]
    """Features left out: name -> `unknown` for most customers, or `constant`."""
    seed: int

    @property
    def k(self) -> int:
        return len(self.centres)


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
    raises    : NotReady without customers; ColumnMissing if a feature is not there
    """
    buyers_only = _has_buyers(engine, customers)
    people = _people(customers, buyers_only)
    families = _families(people, features)
    columns = _sample(engine, people, [name for family in families for name in family], config)
    scaling, dropped = fit_scaling(families, columns)
    found, centres, sizes = _grouped(scaling, columns, config, seed, cut=cut)
    return KMeansModel(scaling, centres, sizes, buyers_only, found, dropped, seed)


def assign(engine: Engine, customers: ir.Table, model: KMeansModel) -> ir.Table:
    """The nearest group of every customer that the model speaks of, computed in the engine.

    returns : customer_id, segment_id (`cluster_1` is the largest of the sample); of equally near
              groups the first
    """
    people = _people(customers, model.buyers_only)
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
            scaling, centres, sizes, said["buyers_only"], found, dropped, said["seed"]
        )
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise ArtifactCorrupt(
            f"{folder}: no k-means model can be read there",
            next_step="Delete that folder and run `bespeak run` again.",
        ) from error


# -- the fit -----------------------------------------------------------------------------------


def _grouped(
    scaling: Scaling, columns: dict[str, Floats], config: Segments, seed: int, *, cut: bool
) -> tuple[Search, Floats, tuple[int, ...]]:
    """How many groups there are, their centres, and how many of the sample each has."""
    people = len(next(iter(columns.values()), ()))
    if not scaling.names:
        return Search(1, "no_features", None, ()), np.zeros((1, 0)), (people,)
    points = scaled(scaling, np.column_stack([columns[name] for name in scaling.names]))
    found = search(
        points,
        k_min=config.k_min,
        k_max=config.k_max,
        bootstrap=config.bootstrap,
        seed=seed,
        cut=cut,
    )
    with threadpool_limits(limits=1):  # as in the search
        centres, labels, _ = fitted(points, found.k, seed)
    return found, *_in_order(np.round(centres, DIGITS), labels)


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


def _in_order(centres: Floats, labels: Labels) -> tuple[Floats, tuple[int, ...]]:
    """Centres by size, the largest first, then by place; and the sizes."""
    sizes = np.bincount(labels, minlength=len(centres))
    order = sorted(range(len(centres)), key=lambda j: (-int(sizes[j]), tuple(centres[j])))
    return centres[order], tuple(int(sizes[j]) for j in order)


def _numbered(model: KMeansModel) -> list[tuple[int, Floats]]:
    return list(enumerate(model.centres))


def _square(axes: ir.Table, centre: Floats) -> ir.Value:
    """Squared distance of each row to a centre."""
    gaps = (axes[f"z{i}"] - float(place) for i, place in enumerate(centre))
    return reduce(add, (gap * gap for gap in gaps), ibis.literal(0.0))
