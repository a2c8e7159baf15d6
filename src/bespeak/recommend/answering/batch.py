"""Lists for everybody: histories stream by as rows, the model travels to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bespeak.recommend.answering.answer import Recommender
from bespeak.recommend.answering.lists import Lists, facts, listed
from bespeak.recommend.answering.owned import owned
from bespeak.recommend.answering.reasons import CODES, codes, why_fallback
from bespeak.recommend.base import Model
from bespeak.recommend.evaluating.evaluate import checked_k
from bespeak.recommend.histories import Flags, Groups, Histories, compressed
from bespeak.recommend.models.popular import Popular
from bespeak.recommend.texts import Ids

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from bespeak.engines import Engine

SCHEMA = pa.schema(
    [
        ("customer_id", pa.string()),
        ("rank", pa.int64()),
        ("item_id", pa.string()),
        ("score", pa.float64()),
        ("reason", pa.string()),
        ("reason_item", pa.string()),
        ("model", pa.string()),
        ("version", pa.string()),
        ("fallback", pa.bool_()),
        ("fallback_reason", pa.string()),
    ]
)
"""A row an item of a list, best first from rank 1; `reason_item` is the one it goes with."""

ROWS = 100_000
"""Rows of histories that are looked at together, at least: a call costs a pass over the items."""
_ENTRY = ("item", "weight", "times", "first_time", "last_time", "bought")


@dataclass(frozen=True, eq=False)
class Travelling:
    """What making lists takes, without anybody's history: it is sent to where the rows are."""

    model: Model
    popular: Popular
    allowed: Flags
    version: str
    k: int
    repeat: bool
    buys: bool
    as_of: int | None


def recommend_all(
    engine: Engine,
    maker: Recommender,
    customers: ir.Table,
    interactions: ir.Table,
    *,
    groups: Mapping[str, ir.Table],
    k: int,
    repeat: bool | None = None,
) -> ir.Table:
    """The list of every customer, as `maker` would answer each of them.

    customers    : customer_id, once each; who has no interaction gets what is popular
    interactions : as `interactions` gives it
    groups       : kind -> customer_id, label: as the interactions of `maker` were labelled
    returns      : SCHEMA, in no order; a customer for whom nothing is left has no row
    raises       : BadRequest unless k is 1 to 1000
    """
    given = Travelling(
        maker.model, maker.popular, maker.catalogue.allowed, maker.version, checked_k(k),
        maker.repeat if repeat is None else repeat, maker.known.buys, maker.known.as_of,
    )  # fmt: skip
    rows = _histories(engine, customers, interactions, maker.known.items, groups)
    return engine.map(rows, _offer, SCHEMA, given=given, together="customer_id")


def _histories(
    engine: Engine,
    customers: ir.Table,
    interactions: ir.Table,
    items: Ids,
    groups: Mapping[str, ir.Table],
) -> ir.Table:
    """customer_id, what `_ENTRY` says of one of their items (null for who has none), labels."""
    ids = pa.table({"item_id": items.arrow(), "item": np.arange(len(items))})
    rows = interactions.inner_join(engine.table(ids), "item_id").select("customer_id", *_ENTRY)
    for kind, labels in groups.items():
        rows = rows.left_join(
            labels.select("customer_id", **{kind: labels["label"]}), "customer_id"
        )
        rows = rows.drop("customer_id_right")
    everybody = customers.select("customer_id")
    return everybody.left_join(rows, "customer_id").drop("customer_id_right")


def _offer(given: Travelling, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for rows in _whole_customers(batches):
        names, histories = _read(rows)
        out = None if given.repeat else owned(histories, buys=given.buys, as_of=given.as_of)
        lists = listed(
            given.model, given.popular, histories, given.k, exclude=out, allow=given.allowed
        )
        yield _written(given, names, histories, lists)


def _whole_customers(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    """The rows in parts that end where a customer's rows end."""
    held: list[pa.RecordBatch] = []
    for batch in batches:
        held.append(batch)
        if sum(part.num_rows for part in held) < ROWS:
            continue
        rows = pa.Table.from_batches(held).combine_chunks()
        last = pc.index(rows["customer_id"], rows["customer_id"][-1]).as_py()
        if last:
            yield rows.slice(0, last)
        held = rows.slice(last).to_batches()
    if held and sum(part.num_rows for part in held):
        yield pa.Table.from_batches(held).combine_chunks()


def _read(rows: pa.Table) -> tuple[pa.Array, Histories]:
    """The customers of rows that stand together, and the history of each."""
    runs = pc.run_end_encode(rows["customer_id"].combine_chunks())
    ends = runs.run_ends.to_numpy().astype(np.int64)
    row = np.repeat(np.arange(len(ends)), np.diff(ends, prepend=0))
    known = rows["item"].is_valid().to_numpy()
    entries = {name: rows[name].filter(rows["item"].is_valid()).to_numpy() for name in _ENTRY}
    row = row[known]
    order = np.lexsort((entries["item"], row))
    kept = {name: values[order] for name, values in entries.items()}
    firsts = np.concatenate([[0], ends[:-1]])
    groups = {
        kind: Groups.of(rows[kind].take(pa.array(firsts)).to_pylist())
        for kind in rows.column_names[1 + len(_ENTRY) :]
    }
    histories = Histories(
        compressed(row, len(ends)), kept["item"].astype(np.int32),
        kept["weight"].astype(np.int64), kept["times"].astype(np.int32),
        kept["first_time"].astype(np.int64), kept["last_time"].astype(np.int64),
        kept["bought"].astype(np.bool_), groups,
    )  # fmt: skip
    return runs.values, histories


def _written(
    given: Travelling, names: pa.Array, histories: Histories, lists: Lists
) -> pa.RecordBatch:
    """A row an item of a list."""
    items, ids = lists.ranked.items, given.model.items.arrow().cast(pa.string())
    fact = facts(given.model, given.popular, histories, lists)
    code = codes(fact, histories, items)
    row, place = np.nonzero(items >= 0)
    fallback = ~lists.by_model
    unit = np.where(fallback, given.popular.unit, given.model.unit)[row]
    because = [
        None if by else why_fallback(length, 0, 1)
        for by, length in zip(lists.by_model.tolist(), histories.lengths.tolist(), strict=True)
    ]
    maker = pa.array([given.popular.name, given.model.name]).take(
        pa.array(lists.by_model[row].astype(np.int8))
    )
    other = fact.others[row, place]
    columns = {
        "customer_id": names.take(pa.array(row)),
        "rank": place + 1,
        "item_id": ids.take(pa.array(items[row, place])),
        "score": lists.ranked.scores[row, place] / unit,
        "reason": pa.array(CODES).take(pa.array(code[row, place])),
        "reason_item": ids.take(pa.array(other, mask=other < 0)),
        "model": maker,
        "version": pa.array([given.version] * len(row), pa.string()),
        "fallback": fallback[row],
        "fallback_reason": pa.array(because, pa.string()).take(pa.array(row)),
    }
    return pa.record_batch(columns, schema=SCHEMA)
