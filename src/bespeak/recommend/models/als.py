"""Implicit-feedback ALS: taste as a few numbers, learned from who had what and how much.

source : Hu, Koren & Volinsky (2008), with the regularisation of Zhou et al. (2008) as a choice.
         The model keeps items' factors only; a customer is the exact solution of the same least
         squares for a history, so that a new visitor needs no training.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bespeak.errors import EngineUnavailable
from bespeak.recommend.base import (
    Parameters,
    Ranked,
    Why,
    blocks,
    check_asked,
    check_block,
    top_k,
)
from bespeak.recommend.histories import (
    UNIT,
    Flags,
    Histories,
    Index,
    Interactions,
    compressed,
    read_json,
    write_json,
)
from bespeak.recommend.mathematics import ridge
from bespeak.recommend.mathematics.dots import (
    MOST_FACTORS,
    SCORE,
    best_dots,
    dots,
    dots_at,
    fixed_columns,
    fixed_rows,
)
from bespeak.recommend.mathematics.low_rank import walked
from bespeak.recommend.texts import Ids, load_arrays, misfit, save_arrays

_ARRAYS: Mapping[str, type[np.generic]] = {
    "factors": np.int32,
    "units": np.float64,
    "spectrum": np.float64,
}

Real = NDArray[np.float64]

SPREAD = 0.1
"""What the lengths of items' first vectors are about: the root of the mean of their squares."""


class AlsParameters(Parameters, frozen=True):
    """Least over x, y: Σ_all (p - x·y)² + Σ_had alpha w (1 - x·y)² + Σ_rows λ n^frequency |row|².

    p is 1 for what a customer had and 0 for all else, w the interaction's weight, and n how many
    entries the row of x or y has. At frequency 0 this is Hu, Koren & Volinsky's; at 1 it is what
    Spark's MLlib minimises. The defaults were chosen on parts carved from training data
    (benchmarks/mllib.md).
    """

    factors: Annotated[int, msgspec.Meta(ge=1, le=MOST_FACTORS)] = 128
    """Numbers per item."""
    regularization: Annotated[float, msgspec.Meta(gt=0)] = 1.0
    """λ."""
    frequency: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0
    """How much more a row with many entries is held back."""
    alpha: Annotated[float, msgspec.Meta(gt=0)] = 30.0
    """How much surer it is that somebody wants what they had than that they don't want the rest."""
    walks: Annotated[int, msgspec.Meta(ge=0, le=20)] = 0
    """Times that the first, random factors are carried from items to customers and back, so that
    they start near the leading directions of who has what. Where customers and items are many for
    each factor, 2 walks and 1 round are better than 5 rounds from random factors; where they are
    few, worse."""
    iterations: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 5
    """Times that all customers and then all items are solved for; exact rows need few, and more of
    them learn the noise."""
    seed: Annotated[int, msgspec.Meta(ge=0)] = 7
    """Of the first, random factors."""
    trainer: Literal["bespeak", "mllib"] = "bespeak"
    """Who finds the items' factors: this package, or Spark's MLlib (engine `spark`)."""

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({"mllib"} if self.trainer == "mllib" else ())

    def __post_init__(self) -> None:
        if self.trainer == "mllib" and self.frequency != 1.0:
            raise ValueError("trainer `mllib` has no other `frequency` than 1")


@dataclass(frozen=True, eq=False)
class Als:
    """Items' factors, turned so that their Gram matrix is diagonal.

    factors  : int32, (items, factors), at most 2^21
    units    : float64, what one of them is worth, per column; powers of two
    spectrum : float64, the diagonal of the Gram matrix
    A history's score for an item is the product of its vector with the item's: 1 would be as sure
    as having it.
    """

    name: ClassVar[str] = "als"

    items: Ids
    parameters: AlsParameters
    factors: Index
    units: Any
    spectrum: Any

    @property
    def unit(self) -> float:
        return float(SCORE)

    def fold_in(self, histories: Histories) -> Any:
        """float64, (rows, factors): each history's vector; zeros for an empty one."""
        penalties = _penalties(histories.lengths, self.parameters)
        return ridge.ridges(
            _rows(histories.indptr, histories.indices, histories.weights, self.parameters),
            self.factors, self.spectrum, penalties, columns=self.units,
        )  # fmt: skip

    def scores(self, histories: Histories) -> Any:
        check_block(len(histories), len(self.items))
        return dots(fixed_rows(self.fold_in(histories) * self.units), self.factors)

    def scores_at(self, histories: Histories, items: Index) -> Any:
        """See `base.Pointed`."""
        return dots_at(fixed_rows(self.fold_in(histories) * self.units), self.factors, items)

    def recommend(
        self,
        histories: Histories,
        k: int,
        *,
        exclude: Histories | None = None,
        allow: Flags | None = None,
    ) -> Ranked:
        check_asked(k, histories, exclude, allow)
        queries = fixed_rows(self.fold_in(histories) * self.units)
        return best_dots(queries, self.factors, k, exclude=exclude, allow=allow)

    def similar(self, items: Index, k: int) -> Ranked:
        """For each of `items`, the k whose factors point most nearly the same way, itself left out.

        scores : cosines, in units of 1/`unit`
        """
        parts = [self._similar(items[part], k) for part in blocks(len(items), 64)]
        parts = parts or [self._similar(items, k)]
        return Ranked(
            np.concatenate([part.items for part in parts]),
            np.concatenate([part.scores for part in parts]),
            np.concatenate([part.own for part in parts]),
        )

    def why(self, history: Histories, items: Index) -> list[Why]:
        """The member of the history that added most: an item's score is a sum over them.

        source : Hu, Koren & Volinsky (2008), section 5
        """
        given = self.additions(history, items).argmax(axis=0)
        others = history.indices[given].tolist()
        return [
            Why("rhythm", other=item) if other == item else Why("with", other=other, customers=None)
            for item, other in zip(items.tolist(), others, strict=True)
        ]

    def save(self, folder: Path) -> None:
        self.items.save(folder, "items")
        save_arrays(folder, self, _ARRAYS)
        about = {"parameters": msgspec.to_builtins(self.parameters)}
        write_json(folder / "model.json", about)

    @classmethod
    def load(cls, folder: Path) -> Als:
        """What `save` wrote, mapped.

        raises : ArtifactCorrupt
        """
        about = read_json(folder / "model.json")
        arrays = load_arrays(folder, _ARRAYS)
        items, shape = Ids.load(folder, "items"), (-1, max(len(arrays["units"]), 1))
        factors = arrays.pop("factors")
        if factors.size != len(items) * shape[1] or len(arrays["spectrum"]) != shape[1]:
            raise misfit(folder)
        parameters = msgspec.convert(about["parameters"], AlsParameters)
        return cls(items, parameters, factors.reshape(shape), **arrays)

    def _similar(self, items: Index, k: int) -> Ranked:
        vectors = self.factors * self.units
        length = np.sqrt((vectors * vectors).sum(axis=1))
        length[length == 0] = np.inf
        chosen = vectors[items] / length[items, None]
        products = dots(fixed_rows(chosen * self.units), self.factors)
        cosines = np.rint(products / length).astype(np.int64)
        cosines[np.arange(len(items)), items] = 0
        return top_k(cosines, k)

    def additions(self, history: Histories, items: Index) -> Any:
        """(members of the history, items): how much of the item's score each member adds."""
        _, members, weights, targets = _rows(
            history.indptr, history.indices, history.weights, self.parameters
        )
        own = self.factors[members] * self.units
        penalty = _penalties(history.lengths, self.parameters)[0]
        with ridge.blas().limit(limits=1):
            square = np.diag(self.spectrum + penalty) + (own.T * weights) @ own
            solved = np.linalg.solve(square, (self.factors[items] * self.units).T)
            return (own @ solved) * targets[:, None]


def fit_als(interactions: Interactions, parameters: AlsParameters) -> Als:
    """Items' factors by the trainer that `parameters` names, kept as ours.

    raises : EngineUnavailable where that is MLlib, and the interactions' engine has none
    """
    found = _by_mllib if parameters.trainer == "mllib" else _alternated
    turned, spectrum = ridge.principal(found(interactions, parameters))
    numbers, units = fixed_columns(turned)
    return Als(interactions.items, parameters, numbers, units, spectrum)


def _alternated(interactions: Interactions, parameters: AlsParameters) -> Real:
    """Customers given the items, items given the customers, in turn; each row solved exactly."""
    histories, count = interactions.histories, len(interactions.items)
    order = np.lexsort((histories.rows, histories.indices))
    starts = compressed(histories.indices.astype(np.int64), count)
    by_customer = _rows(histories.indptr, histories.indices, histories.weights, parameters)
    by_item = _rows(
        starts, histories.rows[order].astype(np.int32), histories.weights[order], parameters
    )
    held = _penalties(histories.lengths, parameters), _penalties(np.diff(starts), parameters)
    items = _started(interactions, np.diff(starts), parameters)
    for _ in range(parameters.iterations):
        # turned to their principal axes, the Gram matrix is a diagonal: rows need no inverse of it
        items, spectrum = ridge.principal(items)
        customers = ridge.ridges(by_customer, items, spectrum, held[0], exact=False)
        customers, spectrum = ridge.principal(customers)
        items = ridge.ridges(by_item, customers, spectrum, held[1], exact=False)
    found: Real = items.astype(np.float64)
    return found


def _started(interactions: Interactions, having: Any, parameters: AlsParameters) -> Any:
    """float32, (items, factors): random vectors, carried along the edges of who has what.

    Each walk leaves of every direction its share by the square of its strength: after two, the
    vectors are mixtures of the leading ones, for the cost of four sparse products.
    having : per item, how many histories hold it
    """
    from scipy import sparse

    histories, count = interactions.histories, len(interactions.items)
    draw = np.random.default_rng(parameters.seed)
    found = draw.standard_normal((count, parameters.factors), np.float32)
    if parameters.walks:
        common = np.sqrt(np.maximum(having, 1.0))
        values = (np.maximum(histories.lengths, 1.0) ** -0.5)[histories.rows]
        values *= histories.weights / UNIT / common[histories.indices]
        matrix = sparse.csr_array(
            (values.astype(np.float32), histories.indices, histories.indptr),
            (len(histories), count),
        )
        found = walked(matrix, found, parameters.walks) * common[:, None].astype(np.float32)
    found *= SPREAD * np.sqrt(count / max(float((found * found).sum()), 1e-30))
    return found


def _by_mllib(interactions: Interactions, parameters: AlsParameters) -> Real:
    """The same, found by the engine's own ALS: one that minimises the same, at frequency 1."""
    stored, histories = interactions.stored, interactions.histories
    engine = stored.engine if stored else None
    from bespeak.engines.base import Trainer

    if not isinstance(engine, Trainer):
        raise EngineUnavailable(
            "als: trainer `mllib` is asked for, which this engine can't do",
            next_step='Set engine = "spark" in [workspace], or trainer = "bespeak".',
        )
    rows = {
        "customer": histories.rows.astype(np.int32),
        "item": histories.indices,
        "weight": histories.weights / UNIT,
    }
    found = engine.als(
        engine.table(pa.table(rows)), factors=parameters.factors, implicit=True,
        regularization=parameters.regularization, alpha=parameters.alpha,
        iterations=parameters.iterations, seed=parameters.seed,
    )  # fmt: skip
    factors = np.zeros((len(interactions.items), parameters.factors))
    factors[found.items] = found.values
    return factors


def _rows(
    starts: Any, members: Any, weights: Any, parameters: AlsParameters
) -> tuple[Any, Any, Any, Any]:
    """Entries as `ridges` takes them: what is beyond the 1 that all cells weigh, and the target."""
    more = parameters.alpha * (weights / UNIT)
    return starts, members, more, 1.0 + more


def _penalties(lengths: Any, parameters: AlsParameters) -> Any:
    entries = np.maximum(lengths, 1).astype(np.float64)
    return parameters.regularization * entries**parameters.frequency
