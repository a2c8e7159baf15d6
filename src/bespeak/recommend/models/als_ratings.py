"""ALS for ratings: what somebody would give an item, by biases and a few numbers of taste.

source : Zhou et al. (2008) for regularisation by how many ratings a row has; Koren, Bell & Volinsky
         (2009) for the biases. Like every model here it keeps items only: a customer is one exact
         solve of the same least squares for what they rated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bespeak.errors import BadRequest, EngineUnavailable, NotReady
from bespeak.recommend.base import Parameters, blocks, checked
from bespeak.recommend.histories import Flags, Index, Whole, compressed, read_json, write_json
from bespeak.recommend.interactions import ranked_ids
from bespeak.recommend.mathematics import ridge
from bespeak.recommend.texts import Ids, load_arrays, misfit, save_arrays

if TYPE_CHECKING:
    from bespeak.engines import Engine

Real = NDArray[np.float64]

SPREAD = 0.1
"""Standard deviation of the length of an item's first, random vector."""
BLOCK = 1 << 18
"""Pairs that are predicted at once."""
_ARRAYS: Mapping[str, type[np.generic]] = {"biases": np.float64, "factors": np.float64}


class RatingsParameters(Parameters, frozen=True):
    """Least over all: Σ_rated (r - mean - b_customer - b_item - x·y)² + Σ_rows λ n (b² + |row|²)
    + bias_regularization Σ b², n being how many ratings the row has.

    With trainer `mllib`, b_item is the item's own shrunken mean, b_customer is 0, and MLlib learns
    x and y from what is left.
    """

    factors: Annotated[int, msgspec.Meta(ge=1, le=1024)] = 32
    """Numbers of taste per item."""
    regularization: Annotated[float, msgspec.Meta(gt=0)] = 0.2
    """λ."""
    bias_regularization: Annotated[float, msgspec.Meta(ge=0)] = 1.0
    """As many ratings of nothing but the mean are thought to precede a row's own."""
    iterations: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 15
    """Times that all customers and then all items are solved for."""
    seed: Annotated[int, msgspec.Meta(ge=0)] = 7
    """Of the first, random factors."""
    trainer: Literal["bespeak", "mllib"] = "bespeak"
    """Who finds the items' factors: this package, or Spark's MLlib (engine `spark`)."""

    @property
    def needs(self) -> frozenset[str]:
        """What an engine must be able to do for it."""
        return frozenset({"mllib"} if self.trainer == "mllib" else ())


def parameters_of(given: Mapping[str, Any]) -> RatingsParameters:
    """The checked parameters.

    raises : ConfigInvalid
    """
    return checked(RatingsParameters, "als_ratings", given)


@dataclass(frozen=True, eq=False)
class Rated:
    """Who rated what: row r is customer r's `indices[indptr[r]:indptr[r + 1]]`, ascending.

    values : float64, the rating; the mean where a customer rated an item several times
    """

    customers: Ids
    items: Ids
    indptr: Whole
    indices: Index
    values: Real

    @classmethod
    def of(cls, customers: Sequence[str], items: Sequence[str], ratings: Any) -> Rated:
        """A rating a row, in any order.

        raises : BadRequest where the columns are of several lengths, or a rating is no number;
                 NotReady without a row
        """
        values = np.asarray(ratings, np.float64)
        if not len(customers) == len(items) == len(values):
            raise BadRequest(
                "customers, items and ratings are not one a row",
                found=f"{len(customers)}, {len(items)} and {len(values)}",
            )
        if not len(values):
            raise NotReady("there are no ratings", next_step="Check the source and its mapping.")
        if not np.isfinite(values).all():
            at = int(np.flatnonzero(~np.isfinite(values))[0])
            raise BadRequest(
                f"rating {at + 1}", found=str(values[at]), expected="a number",
                next_step="Drop or mend rows without a rating first.",
            )  # fmt: skip
        who, of_customer = ranked_ids(pa.chunked_array([pa.array(customers, pa.string())]))
        what, of_item = ranked_ids(pa.chunked_array([pa.array(items, pa.string())]))
        pairs = of_customer * len(what) + of_item
        order = np.lexsort((values, pairs))
        starts = np.flatnonzero(np.diff(pairs[order], prepend=-1))
        sums = np.add.reduceat(values[order], starts)
        kept = pairs[order][starts]
        return cls(
            who, what, compressed(kept // len(what), len(who)),
            (kept % len(what)).astype(np.int32),
            sums / np.diff(np.append(starts, len(pairs))),
        )  # fmt: skip

    @property
    def rows(self) -> Whole:
        """The row of every rating."""
        return np.repeat(np.arange(len(self.customers)), np.diff(self.indptr))

    def take(self, rows: Whole | Index) -> Rated:
        """Some customers' ratings; `rows` ascending."""
        lengths = np.diff(self.indptr)[rows]
        indptr = np.zeros(len(rows) + 1, np.int64)
        np.cumsum(lengths, out=indptr[1:])
        at = np.arange(indptr[-1]) + np.repeat(self.indptr[rows] - indptr[:-1], lengths)
        named = Ids.of(self.customers[row] for row in rows.tolist())
        return Rated(named, self.items, indptr, self.indices[at], self.values[at])


@dataclass(frozen=True, eq=False)
class Predicted:
    """Ratings foretold, and what they rest on.

    values         : float64, within the scale of the ratings that were learned from
    known_customer : whether the customer had rated anything; else the item's mean stands in
    known_item     : whether the item had been rated; else the customer's mean stands in
    """

    values: Real
    known_customer: Flags
    known_item: Flags


@dataclass(frozen=True, eq=False)
class RatingsModel:
    """Items' biases and factors.

    mean, low, high : of the ratings that it was fitted on
    biases          : float64, per item
    factors         : float64, (items, factors)
    """

    items: Ids
    parameters: RatingsParameters
    mean: float
    low: float
    high: float
    biases: Real
    factors: Real

    def fold_in(self, rated: Rated) -> Real:
        """(customers, 1 + factors): each customer's bias, then their taste."""
        same = rated.items.same(self.items)
        places = np.arange(len(self.items)) if same else self.items.find_all(list(rated.items))
        at = places[rated.indices]
        rows, kept = rated.rows, at >= 0
        indptr = compressed(rows[kept], len(rated.customers))
        left = rated.values[kept] - self.mean - self.biases[at[kept]]
        found: Real = _solved((indptr, at[kept]), left, self.factors, self.parameters, exact=True)
        return found

    def predict(
        self, rated: Rated, customers: Sequence[str | None], items: Sequence[str]
    ) -> Predicted:
        """What each of `customers` would give the item beside it.

        rated     : what they have rated, as far as is known
        customers : None for somebody whom nothing names
        """
        asked = rated.customers.find_all([name or "" for name in customers])
        at = self.items.find_all(items)
        who, row = np.unique(asked[asked >= 0], return_inverse=True)
        people = self.fold_in(rated.take(who))
        values = np.full(len(asked), self.mean)
        values[at >= 0] += self.biases[at[at >= 0]]
        known = np.flatnonzero(asked >= 0)
        values[known] += people[row, 0]
        for part in blocks(len(known), BLOCK):
            pairs, mine = known[part], people[row[part], 1:]
            theirs = np.where((at[pairs] >= 0)[:, None], self.factors[at[pairs]], 0.0)
            values[pairs] += (mine * theirs).sum(axis=1)
        return Predicted(np.clip(values, self.low, self.high), asked >= 0, at >= 0)

    def save(self, folder: Path) -> None:
        """Arrays and JSON; equal models give equal bytes."""
        self.items.save(folder, "items")
        save_arrays(folder, self, _ARRAYS)
        about = {"mean": self.mean, "low": self.low, "high": self.high}
        write_json(
            folder / "model.json", {**about, "parameters": msgspec.to_builtins(self.parameters)}
        )

    @classmethod
    def load(cls, folder: Path) -> RatingsModel:
        """What `save` wrote, mapped.

        raises : ArtifactCorrupt
        """
        about = read_json(folder / "model.json")
        items = Ids.load(folder, "items")
        biases, factors = load_arrays(folder, _ARRAYS).values()
        parameters = msgspec.convert(about["parameters"], RatingsParameters)
        if len(biases) != len(items) or factors.size != len(items) * parameters.factors:
            raise misfit(folder)
        table = factors.reshape(len(items), parameters.factors)
        return cls(items, parameters, about["mean"], about["low"], about["high"], biases, table)


def fit_ratings(
    rated: Rated, parameters: RatingsParameters, *, engine: Engine | None = None
) -> RatingsModel:
    """Biases and factors from ratings.

    engine : where MLlib is, for trainer `mllib`
    raises : EngineUnavailable where it is not
    """
    mean = float(rated.values.mean())
    low, high = float(rated.values.min()), float(rated.values.max())
    if parameters.trainer == "mllib":
        biases, factors = _by_mllib(rated, mean, parameters, engine)
    else:
        biases, factors = _alternated(rated, mean, parameters)
    return RatingsModel(rated.items, parameters, mean, low, high, biases, factors)


def rmse(predicted: Predicted, ratings: Any) -> dict[str, Any]:
    """How far off predictions are.

    returns : rmse, mae; pairs, unknown_customers, unknown_items (pairs that fell back, counted);
              rmse_known over pairs of a known customer and a known item, None where there is none
    raises  : BadRequest where there is nothing to compare
    """
    actual = np.asarray(ratings, np.float64)
    if not len(actual) or len(actual) != len(predicted.values):
        raise BadRequest(
            "predictions and ratings", found=f"{len(predicted.values)} and {len(actual)}",
            expected="as many of each, and at least one",
        )  # fmt: skip
    off = predicted.values - actual
    known = predicted.known_customer & predicted.known_item
    return {
        "rmse": float(np.sqrt((off**2).mean())),
        "mae": float(np.abs(off).mean()),
        "pairs": len(actual),
        "unknown_customers": int((~predicted.known_customer).sum()),
        "unknown_items": int((~predicted.known_item).sum()),
        "rmse_known": float(np.sqrt((off[known] ** 2).mean())) if known.any() else None,
    }


def _alternated(rated: Rated, mean: float, parameters: RatingsParameters) -> tuple[Real, Real]:
    """Customers given the items, items given the customers; bias and taste in one solve a row."""
    count, rows = len(rated.items), rated.rows
    order = np.lexsort((rows, rated.indices))
    by_customer = rated.indptr, rated.indices
    by_item = compressed(rated.indices.astype(np.int64), count), rows[order].astype(np.int32)
    left, turned = rated.values - mean, (rated.values - mean)[order]
    draw = np.random.default_rng(parameters.seed)
    items = np.zeros((count, 1 + parameters.factors), np.float32)
    items[:, 1:] = draw.standard_normal((count, parameters.factors), np.float32)
    items *= SPREAD / np.sqrt(parameters.factors)
    for _ in range(parameters.iterations):
        own = left - items[rated.indices, 0]
        people = _solved(by_customer, own, items[:, 1:], parameters)
        own = turned - people[by_item[1], 0]
        items = _solved(by_item, own, people[:, 1:], parameters)
    return items[:, 0].astype(np.float64), items[:, 1:].astype(np.float64)


def _by_mllib(
    rated: Rated, mean: float, parameters: RatingsParameters, engine: Engine | None
) -> tuple[Real, Real]:
    from bespeak.engines.base import Trainer

    if not isinstance(engine, Trainer):
        raise EngineUnavailable(
            "ratings: trainer `mllib` is asked for, which this engine can't do",
            next_step='Set engine = "spark" in [workspace], or trainer = "bespeak".',
        )
    count = len(rated.items)
    having = np.bincount(rated.indices, minlength=count)
    sums = np.bincount(rated.indices, rated.values - mean, minlength=count)
    biases = sums / (having * (1 + parameters.regularization) + parameters.bias_regularization)
    left = rated.values - mean - biases[rated.indices]
    rows = {"customer": rated.rows.astype(np.int32), "item": rated.indices, "weight": left}
    found = engine.als(
        engine.table(pa.table(rows)), factors=parameters.factors, alpha=1.0, implicit=False,
        regularization=parameters.regularization, iterations=parameters.iterations,
        seed=parameters.seed,
    )  # fmt: skip
    factors = np.zeros((count, parameters.factors))
    factors[found.items] = found.values
    return biases, factors


def _solved(
    entries: tuple[Any, Any],
    left: Real,
    table: Any,
    parameters: RatingsParameters,
    *,
    exact: bool = False,
) -> Any:
    """Per row its bias and its factors, from what its ratings are beyond the other side's bias.

    entries : (indptr, lines of `table`)
    """
    starts, members = entries
    ones = np.ones((len(table), 1), table.dtype)
    held = np.zeros(1 + table.shape[1])
    # what is held back without end is 0: MLlib's customers have no bias
    held[0] = np.inf if parameters.trainer == "mllib" else parameters.bias_regularization
    penalties = parameters.regularization * np.maximum(np.diff(starts), 1).astype(np.float64)
    return ridge.ridges(
        (starts, members.astype(np.int32), np.ones(len(members)), left),
        np.ascontiguousarray(np.hstack([ones, table])),
        held, penalties, exact=exact,
    )  # fmt: skip
