"""Events to interactions: how much each customer's each item counts, summed where the rows are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bespeak.columns import DISMISS, EVENT_TYPES, RESTORE
from bespeak.errors import ColumnMissing, ConfigInvalid, NotReady
from bespeak.recommend.histories import UNIT, Histories, Interactions
from bespeak.recommend.texts import Ids

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from bespeak.engines import Engine

DAY = 86_400_000_000
_COLUMNS: Mapping[str, type[np.generic]] = {
    "item": np.int32,
    "weight": np.int64,
    "times": np.int32,
    "first_time": np.int64,
    "last_time": np.int64,
    "bought": np.bool_,
}
STEP = 1 / 8
"""Of a half-life: so long weights stay as they are; an event counts 9 % more than whole at most."""
WEIGHABLE = tuple(kind for kind in EVENT_TYPES if kind not in {"return", DISMISS, RESTORE})
NEEDED = ("customer_id", "item_id", "type", "time", "quantity", "is_product")


def interactions(
    engine: Engine,
    events: ir.Table,
    *,
    weights: Mapping[str, float],
    half_life_days: float | None,
    as_of: datetime,
) -> ir.Table:
    """How much each item counts for each customer, and when they had it.

    events  : RECORD.events with customer_id and is_product; rows without customer or item, of
              services, and at or after `as_of` (UTC) are left out
    weights : event type -> what one event counts; a type that is not named counts nothing
    returns : customer_id, item_id, weight int64 (millionths, >= 1), times, first_time, last_time
              (microseconds), bought; one row per pair
    An event t days before `faded_to` counts weights[type] · 2^(-t / half_life_days), rounded to
    whole millionths (at least one: nothing is forgotten) before it is summed. Quantity does not
    count: six eggs are one wish. A pair's purchases count by the share of the quantity that was not
    returned; when all came back, they count nothing and were no purchases. A pair whose last word
    is a `dismiss` counts nothing. `times` are distinct instants: of the purchases where any stand,
    else of the other events; `bought` says which.
    raises  : ColumnMissing; ConfigInvalid on an unknown type or a weight that is no number >= 0
    """
    for name in NEEDED:
        if name not in events.columns:
            raise ColumnMissing(f"events: there is no column `{name}`", expected=", ".join(NEEDED))
    counted = _weighed(engine, events, _checked(weights), half_life_days, as_of)
    return engine.keep_apart(counted, "customer_id", lambda part: _kept(_summed(_instants(part))))


def faded_to(as_of: int, half_life_days: float) -> int:
    """When an event counts whole: the last whole STEP of a half-life at or before `as_of`.

    Weights say how events compare, whatever that instant is. As it stands still for a while, the
    history of who did nothing is the same in run after run, and so is what was counted of it.
    as_of : microseconds since 1970, as the instant that is returned
    """
    return as_of - as_of % max(round(half_life_days * DAY * STEP), 1)


def latest(engine: Engine, events: ir.Table) -> datetime:
    """One microsecond after the latest event, UTC: the default `as_of`.

    raises : NotReady where there is no event
    """
    found = engine.run(events.aggregate(last=engine.micros(events["time"]).max()))["last"][0]
    if found.as_py() is None:
        raise NotReady("there are no events", next_step="Check the sources in bespeak.toml.")
    return moment(found.as_py() + 1)


def usual_places(events: ir.Table) -> ir.Table:
    """customer_id, place: where each customer has most events; ties fall to the least name."""
    import ibis

    named = events.filter(events["customer_id"].notnull(), events["place"].notnull())
    counts = named.group_by(["customer_id", "place"]).aggregate(n=named.count())
    ranked = counts.mutate(
        rank=ibis.row_number().over(
            group_by="customer_id", order_by=[ibis.desc("n"), ibis.asc("place")]
        )
    )
    return ranked.filter(ranked["rank"] == 0).select("customer_id", "place")


def load_interactions(engine: Engine, table: ir.Table, *, as_of: datetime) -> Interactions:
    """The rows of `interactions(…)` in memory; any row order gives the same.

    The engine sorts them, and what arrives is numbers: some forty bytes a row, and no more for a
    while. It looks at `table` three times, so that should be kept already.
    raises : NotReady where there is no row
    """
    items, _ = _counted(engine, table, "item_id")
    customers, lengths = _counted(engine, table, "customer_id")
    if not len(customers):
        raise NotReady(
            "no customer has an interaction with a product",
            next_step="Check that events carry an identifier and an item, [recommend.weights], and"
            " whether all refused training ([privacy] without_consent).",
        )
    indptr = np.zeros(len(customers) + 1, np.int64)
    np.cumsum(lengths, out=indptr[1:])
    places = engine.table(pa.table({"item_id": items.arrow(), "item": np.arange(len(items))}))
    rows = table.inner_join(places, "item_id").order_by("customer_id", "item")
    columns = {name: np.empty(int(indptr[-1]), kind) for name, kind in _COLUMNS.items()}
    filled = 0
    for batch in engine.batches(rows.select(*_COLUMNS)):
        for name, column in columns.items():
            column[filled : filled + batch.num_rows] = batch[name].to_numpy(zero_copy_only=False)
        filled += batch.num_rows
    histories = Histories(
        indptr, columns["item"], columns["weight"], columns["times"],
        columns["first_time"], columns["last_time"], columns["bought"],
    )  # fmt: skip
    return Interactions(customers, items, histories, instant(as_of))


def _counted(engine: Engine, table: ir.Table, name: str) -> tuple[Ids, Any]:
    """The distinct texts of a column in order of their bytes, and how many rows each has."""
    counts = table.group_by(name).aggregate(rows=table.count().cast("int64"))
    found = engine.run(counts)
    texts = found[name].cast(pa.large_string()).combine_chunks()
    order = pc.sort_indices(texts)
    return Ids.of_arrow(texts.take(order)), found["rows"].take(order).to_numpy()


def ranked_ids(texts: pa.ChunkedArray) -> tuple[Ids, Any]:
    """The distinct texts of a column in order of their bytes, and each row's rank among them."""
    large = texts.cast(pa.large_string()).combine_chunks()
    distinct = pc.unique(large)
    distinct = distinct.take(pc.sort_indices(distinct))
    return Ids.of_arrow(distinct), pc.index_in(large, distinct).to_numpy().astype(np.int64)


def instant(time: datetime) -> int:
    """Whole microseconds since 1970; a time without an offset is UTC."""
    aware = time if time.tzinfo else time.replace(tzinfo=UTC)
    return (aware - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def moment(micros: int) -> datetime:
    """The UTC time of whole microseconds since 1970, without an offset as the record keeps it."""
    return datetime(1970, 1, 1) + timedelta(microseconds=micros)


def _checked(weights: Mapping[str, float]) -> dict[str, float]:
    for kind, weight in weights.items():
        if kind not in WEIGHABLE:
            raise ConfigInvalid(
                f"recommend.weights: `{kind}` can't be weighed",
                expected="one of " + ", ".join(WEIGHABLE),
            )
        if not (math.isfinite(weight) and 0 <= weight <= 1000):
            raise ConfigInvalid(
                f"recommend.weights.{kind}", found=str(weight), expected="a number from 0 to 1000"
            )
    counted = {kind: weight for kind, weight in sorted(weights.items()) if weight > 0}
    if not counted:
        raise ConfigInvalid("recommend.weights: nothing counts", expected="a weight above 0")
    return counted


def _weighed(
    engine: Engine,
    events: ir.Table,
    weights: Mapping[str, float],
    half_life_days: float | None,
    as_of: datetime,
) -> ir.Table:
    """Events that count, and returns: pair, micros, what it counts, thousandths of a unit."""
    import ibis

    end = instant(as_of)
    micros = engine.micros(events["time"])
    kept = events.filter(
        events["customer_id"].notnull(),
        events["item_id"].notnull(),
        events["is_product"].fill_null(True),
        events["type"].isin([*weights, "return", DISMISS, RESTORE]),
        micros < end,
    )
    kind = kept["type"]
    weight = kind.cases(*((name, ibis.literal(w)) for name, w in weights.items()), else_=0.0)
    if half_life_days is not None:
        whole = faded_to(end, half_life_days)
        age = (ibis.literal(whole) - engine.micros(kept["time"])).cast("float64") / float(DAY)
        weight = weight * (age * (-math.log(2) / half_life_days)).exp()
    return kept.select(
        "customer_id", "item_id",
        at=engine.micros(kept["time"]),
        purchase=kind == "purchase",
        back=kind == "return",
        word=ibis.cases((kind == DISMISS, -1), (kind == RESTORE, 1), else_=0).cast("int8"),
        counts=ibis.greatest((weight * float(UNIT)).round().cast("int64"), ibis.literal(1)),
        units=(kept["quantity"].fill_null(1.0).abs() * 1000.0).round().cast("int64"),
    )  # fmt: skip


def _instants(counted: ir.Table) -> ir.Table:
    """One row a pair, instant and kind: with those counted, times need no set of them a pair."""
    keys = ["customer_id", "item_id", "at", "purchase", "back", "word"]
    return counted.group_by(keys).aggregate(
        counts=counted["counts"].sum(), units=counted["units"].sum()
    )


def _summed(instants: ir.Table) -> ir.Table:
    """One row a pair: purchases and other events apart, and units in and back."""
    purchase, back = instants["purchase"], instants["back"]
    word = instants["word"]
    other = ~purchase & ~back & (word == 0)
    at, counts, units = instants["at"], instants["counts"], instants["units"]
    return instants.group_by(["customer_id", "item_id"]).aggregate(
        paid=counts.sum(where=purchase).fill_null(0),
        paid_times=purchase.sum(),
        paid_first=at.min(where=purchase),
        paid_last=at.max(where=purchase),
        units_in=units.sum(where=purchase).fill_null(0),
        units_back=units.sum(where=back).fill_null(0),
        other=counts.sum(where=other).fill_null(0),
        other_times=other.sum(),
        other_first=at.min(where=other),
        other_last=at.max(where=other),
        dismissed=at.max(where=word < 0),
        wanted=at.max(where=(word >= 0) & ~back),
    )


def _kept(pairs: ir.Table) -> ir.Table:
    """Purchases net of returns, and one set of times; pairs that count nothing are left out."""
    import ibis

    pairs = pairs.filter(_wanted(pairs))
    whole, back = pairs["units_in"].cast("float64"), pairs["units_back"].cast("float64")
    returned = pairs["units_back"] > 0
    share = ibis.cases((~returned, 1.0), (back >= whole, 0.0), else_=(whole - back) / whole)
    net = (pairs["paid"].cast("float64") * share).round().cast("int64")
    bought = (pairs["paid"] > 0) & (share > 0)
    netted = pairs.mutate(
        bought=bought,
        net=ibis.cases(
            (~bought, ibis.literal(0)),
            (returned, ibis.greatest(net, ibis.literal(1))),
            else_=pairs["paid"],
        ),
    )
    named = {
        name: ibis.ifelse(netted["bought"], netted[f"paid_{name}"], netted[f"other_{name}"])
        for name in ("times", "first", "last")
    }
    result = netted.select(
        "customer_id", "item_id",
        weight=(netted["net"] + netted["other"]).cast("int64"),
        times=named["times"].cast("int64"),
        first_time=named["first"],
        last_time=named["last"],
        bought=netted["bought"],
    )  # fmt: skip
    return result.filter(result["weight"] > 0, result["times"] > 0)


def dismissed(
    engine: Engine, events: ir.Table, *, weights: Mapping[str, float], as_of: datetime
) -> ir.Table:
    """customer_id, item_id: the pairs whose last word is a `dismiss`; as `interactions` sees it."""
    counted = _weighed(engine, events, _checked(weights), None, as_of)
    pairs = counted.group_by(["customer_id", "item_id"]).aggregate(
        dismissed=counted["at"].max(where=counted["word"] < 0),
        wanted=counted["at"].max(where=(counted["word"] >= 0) & ~counted["back"]),
    )
    return pairs.filter(~_wanted(pairs)).select("customer_id", "item_id")


def _wanted(pairs: ir.Table) -> ir.Value:
    """Whether the last word on an item is not that it does not interest."""
    return pairs["dismissed"].isnull() | (pairs["wanted"].fill_null(-1) > pairs["dismissed"])
