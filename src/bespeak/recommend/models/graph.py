"""Items that go together: by the people who have both, and by the shape of the graph around them.

Counting knows an item's near surroundings and nothing beyond; the leading directions of the graph
of customers and items know the whole and no detail. Their sum foretells better than either. It is
still one number a pair, so the model is lists of items per item, as fast and as explicable.

source : Shen et al. (2021), GF-CF, for a low-pass filter beside an item graph; here the leading
         directions are levelled out (`sharpness`), degrees have exponents of their own, and only
         pairs that somebody has are kept
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar

import msgspec
import numpy as np

from bespeak.compiled import compiled, sealed
from bespeak.recommend.base import Result, blocks
from bespeak.recommend.histories import Index, Interactions, Whole
from bespeak.recommend.mathematics import near
from bespeak.recommend.mathematics.item_lists import ItemLists, ItemListsParameters
from bespeak.recommend.mathematics.kernels import MOST, put, unload
from bespeak.recommend.mathematics.low_rank import (
    SPARE,
    bytes_a_direction,
    entries,
    having_of,
    leading,
)
from bespeak.recommend.mathematics.measure import ItemKnnParameters
from bespeak.recommend.mathematics.near import Near
from bespeak.recommend.mathematics.ridge import blas

ROOM = 8
"""A pair's sum may be so many times the greatest similarity by counts."""
SAMPLED = 4096
"""Items whose pairs say how far both parts of the sum are spread."""
MOST_LEVELLED = 10.0
"""A direction that is more than so many times weaker than the first is levelled no further."""
BYTES_AN_ENTRY = 16
"""What an entry of a list takes while lists are put together."""
ROWS_A_DIRECTION = 20
"""Fewer customers or items than this for each direction, and they are learned by heart."""


class GraphParameters(ItemListsParameters, frozen=True):
    """similarity(i, j) = S(i, j) + share c Σ_r (σ_1 / σ_r)^sharpness V_ir V_jr n_j^to / n_i^from

    S is item_knn's with its defaults and n_i how many histories hold i. σ and V are the leading
    singular values and item vectors of w_hi |h|^-customer n_i^-item, |h| being how many items
    history h has. c brings the second part's spread over the listed pairs to that of the first.
    The defaults were chosen on parts carved from training data (benchmarks/recommend.md).
    """

    neighbours: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 200
    """How many neighbours each item keeps."""
    candidates: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 1000
    """Of how many that are nearest by counts."""
    rank: Annotated[int, msgspec.Meta(ge=0, le=4096)] = 512
    """Directions; fewer where there are not twenty customers and items for each."""
    share: Annotated[float, msgspec.Meta(ge=0, le=100)] = 1.5
    """How much the directions count beside the counts."""
    sharpness: Annotated[float, msgspec.Meta(ge=0, le=4)] = 2.5
    """How far the strongest directions are levelled out."""
    customer: Annotated[float, msgspec.Meta(ge=0, le=2)] = 0.3
    """How much less a long history counts in the directions."""
    item: Annotated[float, msgspec.Meta(ge=0, le=2)] = 0.4
    """How much less an item counts in the directions that everybody has."""
    history_item: Annotated[float, msgspec.Meta(ge=0, le=2)] = 0.5
    """`from`: how much less an item in the history says that everybody has."""
    recommended: Annotated[float, msgspec.Meta(ge=-2, le=2)] = 0.3
    """`to`: how much more an item is recommended that everybody has."""
    memory_gb: Annotated[float, msgspec.Meta(gt=0)] = 8.0
    """In 10^9 bytes: half of it bounds the candidates' lists, half the directions. Where they would
    take more there are fewer of either: at 1 M items 250 candidates and some 480 directions."""
    seed: Annotated[int, msgspec.Meta(ge=0)] = 7
    """Of the random start of the decomposition."""

    def candidates_of(self, items: int) -> int:
        """Candidates an item in a catalogue of so many."""
        room = int(self.memory_gb * 1e9 / 2 / BYTES_AN_ENTRY / max(items, 1))
        return max(min(self.candidates, room), self.neighbours)

    def rank_of(self, customers: int, items: int) -> int:
        """Directions of a graph of so many."""
        each = bytes_a_direction(max(customers, items), items)  # both tables of items come after it
        room = int(self.memory_gb * 1e9 / 2 / max(each, 1)) - SPARE
        return max(0, min(self.rank, min(customers, items) // ROWS_A_DIRECTION, room))

    def counts(self, items: int) -> ItemKnnParameters:
        """By what S is counted: every pair that may come to be listed."""
        return ItemKnnParameters(
            neighbours=self.candidates_of(items), least_common=self.least_common,
            own=self.own, longest_history=self.longest_history,
        )  # fmt: skip


class Graph(ItemLists):
    """Each item's neighbours, by counts and by the directions of the whole graph."""

    name: ClassVar[str] = "graph"
    settings: ClassVar = GraphParameters


class Steps:
    """The dear steps of the last graph that was fitted with these: a next one on the same
    interactions, whose settings leave a step as it is, takes it from here.

    kept : whether a step is remembered; else each is made anew, and may be changed in its place
    """

    def __init__(self, *, kept: bool = True) -> None:
        self.kept = kept
        self._made: dict[str, tuple[tuple[Any, ...], Any]] = {}

    def last(self, step: str, of: tuple[Any, ...], make: Callable[[], Result]) -> Result:
        """What the step made of that the last time, or makes now.

        of : interactions first, which are the same only if they are one object
        """
        if not self.kept:
            return make()
        then, made = self._made.get(step, ((), None))
        if not then or then[0] is not of[0] or then[1:] != of[1:]:
            self._made.pop(step, None)  # before the next takes as much memory
            made = make()
            self._made[step] = of, made
        found: Result = made
        return found


def fit_graph(
    interactions: Interactions, parameters: GraphParameters, steps: Steps | None = None
) -> Graph:
    """Count pairs, find the directions, and keep each item's best by the sum of both.

    steps : of graphs that were fitted before, where several are tried; the model is the same
    """
    steps = steps or Steps(kept=False)
    counts = parameters.counts(len(interactions.items))
    counted = steps.last(
        "counts", (interactions, counts), lambda: near.nearest(interactions, counts)
    )
    given, taken = directions(interactions, parameters, steps)
    counted_at, walked = _sampled(counted, given, taken)
    spread = float(walked.std()) if len(walked) else 0.0
    factor = parameters.share * float(counted_at.std()) / spread if spread else 0.0
    taken *= np.float32(factor)
    lists = _summed(counted, given, taken, parameters.neighbours)
    scale = counted.measure.scale / ROOM
    return Graph(interactions.items, parameters, scale, counted.cut, *lists)


def directions(
    interactions: Interactions, parameters: GraphParameters, steps: Steps
) -> tuple[Any, Any]:
    """float32, (items, rank), twice: what an item of a history gives, and what one takes up."""
    histories, count = interactions.histories, len(interactions.items)
    rank = parameters.rank_of(len(histories), count)
    if rank == 0:
        return np.zeros((count, 1), np.float32), np.zeros((count, 1), np.float32)
    having = having_of(interactions)
    strength, axes = steps.last(
        "directions",
        (interactions, rank, parameters.customer, parameters.item, parameters.seed),
        lambda: leading(
            entries(interactions, customer=parameters.customer, item=parameters.item),
            rank,
            parameters.seed,
        ),
    )
    ratios = np.minimum(strength.max(initial=0.0) / strength, MOST_LEVELLED)
    level = ratios**parameters.sharpness
    given, taken = np.empty_like(axes), np.empty_like(axes) if steps.kept else axes
    for part in blocks(count, 1 << 14):  # in double precision
        degrees, found = having[part, None], axes[part]
        given[part] = found * level * degrees**-parameters.history_item
        taken[part] = found * degrees**parameters.recommended
    return given, taken


def _sampled(counted: Near, given: Any, taken: Any) -> tuple[Any, Any]:
    """Both parts of the sum for the pairs of some items, spread over the whole catalogue."""
    lengths = np.diff(counted.indptr)
    chosen = np.unique(np.linspace(0, len(lengths) - 1, SAMPLED).astype(np.int64))
    starts, sizes = counted.indptr[chosen], lengths[chosen]
    within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    entries = np.repeat(starts, sizes) + within
    rows = np.repeat(chosen, sizes)
    found = np.zeros(len(entries), np.float32)
    for part in blocks(len(entries), 1 << 14):
        others = counted.neighbours[entries[part]]
        np.einsum("ef,ef->e", given[rows[part]], taken[others], out=found[part])
    return counted.similarity[entries] / ROOM, found


def _summed(
    counted: Near, given: Any, taken: Any, neighbours: int
) -> tuple[Whole, Index, Index, Index]:
    """Each item's best by the sum."""
    lists = sealed(counted.indptr, counted.neighbours, counted.similarity, counted.common)
    tables = sealed(given, taken)
    with blas().limit(limits=1):
        return near.filled(
            lambda span, found: best_sums(lists, tables, span, found),
            np.diff(counted.indptr), neighbours,
        )  # fmt: skip


@compiled
def best_sums(
    lists: tuple[Any, Any, Any, Any],
    tables: tuple[Any, Any],
    span: tuple[int, int],
    found: tuple[Any, Any, Any],
) -> Any:
    """Each list of `span` anew: similarity / ROOM + given[item] · taken[neighbour], the best first.

    lists   : (indptr, items, similarities, histories in common)
    found   : to fill, as `near.filled` says
    returns : how many each row got
    """
    starts, others, similar, common = lists
    given, taken = tables
    to_items, to_similar, to_common = found
    width = to_items.shape[1]
    heap_scores, heap_items = np.empty(width + 1, np.int64), np.empty(width + 1, np.int32)
    both = np.zeros(len(given), np.int32)
    sizes = np.zeros(span[1] - span[0], np.int64)
    for item in range(span[0], span[1]):
        line, own, size = item - span[0], given[item], 0
        for at in range(starts[item], starts[item + 1]):
            other = others[at]
            whole = similar[at] / ROOM + np.dot(own, taken[other])
            both[other] = common[at]
            if whole >= 1 and (size < width or whole >= heap_scores[0]):
                like = int(min(np.rint(whole), MOST))
                size = put(heap_scores, heap_items, size, width, like, other)
        unload(heap_scores, heap_items, size, to_similar[line], to_items[line])
        for at in range(size):
            to_common[line, at] = both[to_items[line, at]]
        sizes[line] = size
    return sizes
