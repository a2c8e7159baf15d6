"""Item by item, how often the same people have both: counted where the rows are (law 2).

What reaches NumPy is a number or two per item, and each item's best neighbours; the rows of the
customers and their pairs stay in the engine. Only whole numbers are summed, so every engine, and
the loops in memory, come to the same lists.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa

from bespeak.recommend.histories import UNIT, Flags, Index, Whole, compressed
from bespeak.recommend.mathematics.kernels import MOST, likeness
from bespeak.recommend.mathematics.measure import (
    ItemKnnParameters,
    Measure,
    Population,
    Real,
    Weighting,
    sizes_of,
    weighed,
)
from bespeak.recommend.mathematics.near import Near
from bespeak.recommend.texts import Ids

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from bespeak.engines import Engine

Counting = Literal["auto", "memory", "engine"]
BYTES_AN_ENTRY = 150
"""What the loops in memory take at their peak for each item of each history."""

_KEPT = ("item", "place", "other", "similarity", "common")


def counts_where(wanted: Counting, entries: int, memory: int) -> bool:
    """Whether the pairs of so many interactions are to be counted where the rows are.

    memory : bytes that may be used here
    """
    return entries * BYTES_AN_ENTRY > memory if wanted == "auto" else wanted == "engine"


def nearest(
    engine: Engine, interactions: ir.Table, items: Ids, parameters: ItemKnnParameters
) -> Near:
    """The n items most like each item, from the histories that hold both.

    interactions : customer_id, item_id, weight, last_time; a row a pair, as `interactions` gives it
    items        : the ids to count; others are left out
    """
    counted, cut = _counted(engine, interactions, items, parameters.longest_history)
    population = _population(engine, counted, len(items))
    weighted = _weighted(engine, counted, population, parameters.weighting)
    sizes = _sizes(engine, weighted, population, parameters.weighting)
    measure = Measure.of(sizes, parameters)
    enough = population.having >= parameters.least_common
    valued = engine.keep(_valued(engine, weighted, measure, enough))
    sums = engine.keep(gram(valued, least_common=parameters.least_common))
    return Near(measure, cut, *_best(engine, sums, measure, parameters.neighbours))


def gram(valued: ir.Table, *, least_common: int = 1) -> ir.Table:
    """The item-item matrix X'X of a sparse customer-item matrix X, above its diagonal.

    valued       : customer_id, item int64, value int64; each pair once. Its sums must fit 63 bits
    least_common : entries to which fewer customers contribute are left out
    returns      : item, other (item < other), total int64, common int64 (customers with both)
    The work is the sum of the squares of the customers' lengths, so those must have been capped.
    """
    one, two = valued, valued.view()
    both = one.inner_join(
        two, [one["customer_id"] == two["customer_id"], one["item"] < two["item"]]
    )
    pairs = both.select(item=one["item"], other=two["item"], product=one["value"] * two["value"])
    sums = pairs.group_by(["item", "other"]).aggregate(
        total=pairs["product"].sum().cast("int64"), common=pairs.count().cast("int64")
    )
    return sums.filter(sums["common"] >= least_common)


def _counted(
    engine: Engine, interactions: ir.Table, items: Ids, longest: int
) -> tuple[ir.Table, int]:
    """Entries that count: customer_id, item, weight, length of the history, place in it from 0.

    Of a longer history than `longest` the heaviest count: by weight, then the latest, then by id.
    """
    import ibis

    ids = pa.table({"item_id": items.arrow(), "item": np.arange(len(items))})
    known = interactions.inner_join(engine.table(ids), "item_id")
    heaviest = [ibis.desc("weight"), ibis.desc("last_time"), ibis.asc("item")]
    placed = known.mutate(
        place=ibis.row_number().over(group_by="customer_id", order_by=heaviest),
        length=known.count().over(group_by="customer_id"),
    )
    kept = engine.keep(
        placed.filter(placed["place"] < longest).select(
            "customer_id",
            "item",
            "weight",
            length=placed["length"].cast("int64"),
            first=placed["place"] == 0,
        )
    )
    cut = kept.filter(kept["first"], kept["length"] > longest)
    many = engine.run(cut.aggregate(cut=cut.count()))["cut"][0].as_py()
    return kept.mutate(length=ibis.least(kept["length"], ibis.literal(longest, "int64"))), many


def _population(engine: Engine, counted: ir.Table, items: int) -> Population:
    rows = engine.run(
        counted.group_by("item").aggregate(
            having=counted.count(), first=counted.count(where=counted["first"])
        )
    )
    having = np.zeros(items, np.int64)
    having[rows["item"].to_numpy()] = rows["having"].to_numpy()
    return Population(int(rows["first"].to_numpy().sum()), int(having.sum()), having)


def _weighted(
    engine: Engine, counted: ir.Table, population: Population, weighting: Weighting
) -> ir.Table:
    """The same with the weights as `weighting` makes them, by the same code as in memory."""
    import ibis

    rows = counted.select("customer_id", "item", "weight", "length")
    if weighting == "linear":
        return rows
    if weighting == "binary":
        return rows.mutate(weight=ibis.literal(UNIT, "int64"))
    schema = pa.schema(
        [("customer_id", pa.string()), ("item", pa.int64()), ("weight", pa.int64()),
         ("length", pa.int64())]
    )  # fmt: skip
    return engine.map(rows, _weigh, schema, given=(population, weighting))


def _weigh(
    given: tuple[Population, Weighting], batches: Iterator[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    population, weighting = given
    for batch in batches:
        customers, items = batch["customer_id"].cast(pa.string()), batch["item"].to_numpy()
        weights, lengths = batch["weight"].to_numpy(), batch["length"].to_numpy()
        made = weighed(weights, lengths, items, population, weighting)
        yield pa.record_batch(
            {"customer_id": customers, "item": items, "weight": made, "length": lengths}
        )


def _sizes(
    engine: Engine, weighted: ir.Table, population: Population, weighting: Weighting
) -> Real:
    """Per item, the sum of its squared weights, rounded once."""
    if weighting == "binary":
        return sizes_of(having * UNIT * UNIT for having in population.having.tolist())
    weight = weighted["weight"].cast("decimal(19, 0)")
    rows = engine.run(
        weighted.group_by("item").aggregate(size=(weight * weight).sum().cast("string"))
    )
    exact = [0] * len(population.having)
    for item, size in zip(rows["item"].to_pylist(), rows["size"].to_pylist(), strict=True):
        exact[item] = int(size)
    return sizes_of(exact)


def _valued(engine: Engine, weighted: ir.Table, measure: Measure, enough: Flags) -> ir.Table:
    """customer_id, item, value of the entries of items that enough histories hold."""
    import ibis

    lengths = np.arange(len(measure.factors))
    # floats reach the engine in tables: in the text of a query one may lose its last bit
    factors = engine.table(pa.table({"length": lengths, "factor": measure.factors}))
    common = engine.table(pa.table({"item": np.flatnonzero(enough)}))
    known = weighted.semi_join(common, "item").inner_join(factors, "length")
    value = (known["weight"].cast("float64") * known["factor"] + 0.5).floor().cast("int64")
    return known.select("customer_id", "item", value=ibis.greatest(value, ibis.literal(1, "int64")))


def _best(
    engine: Engine, sums: ir.Table, measure: Measure, n: int
) -> tuple[Whole, Index, Index, Index]:
    """Each item's n best, ranked in the engine: indptr, neighbours, similarity, common."""
    import ibis

    count = len(measure.left)
    norms = pa.table(
        {"item": np.arange(count), "left": measure.left, "right": measure.right,
         "shrinkage": np.full(count, measure.shrinkage)}
    )  # fmt: skip
    table = engine.table(norms)
    lefts = table.select("item", "left", "shrinkage")
    rights = table.select("right", other=table["item"])
    turned = sums.select("total", "common", item="other", other="item")
    both = sums.union(turned.select(*sums.columns))
    known = both.inner_join(lefts, "item").inner_join(rights, "other")
    alike = likeness(
        known["total"].cast("float64"), known["left"], known["right"], known["shrinkage"]
    )
    scored = known.select(
        "item", "other", "common",
        similarity=ibis.least((alike + 0.5).floor().cast("int64"), ibis.literal(MOST, "int64")),
    )  # fmt: skip
    scored = scored.filter(scored["similarity"] > 0)
    order = [ibis.desc("similarity"), ibis.asc("other")]
    placed = scored.mutate(place=ibis.row_number().over(group_by="item", order_by=order))
    kept = placed.filter(placed["place"] < n)
    rows = engine.run(kept.select(**{name: kept[name].cast("int32") for name in _KEPT}))
    item, place, *columns = (rows[name].to_numpy() for name in _KEPT)
    at = np.lexsort((place, item))
    neighbours, similarity, common = (column[at] for column in columns)
    return compressed(item, count), neighbours, similarity, common
