from __future__ import annotations

from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest

from bespeak.engines import Engine, Spark
from bespeak.errors import BadRequest
from bespeak.recommend.answering import batch
from bespeak.recommend.answering.answer import Recommender
from bespeak.recommend.answering.batch import SCHEMA, recommend_all
from bespeak.recommend.answering.catalogue import Catalogue
from bespeak.recommend.histories import Interactions
from bespeak.recommend.models import fit
from bespeak.recommend.models.popular import Popular
from contracts.recommender import world

DAY = 86_400_000_000


def shop() -> Interactions:
    """Forty customers of two tastes, of whom some have bought often, lately, or nearly nothing."""
    draw = np.random.default_rng(11)
    pairs = [
        (f"c{c}", f"i{i:02}")
        for c in range(40)
        for i in range(30)
        if draw.random() < (0.4 if c % 2 == i % 2 else 0.03)
    ]
    known = world([*pairs, ("lonely", "i99")], [*draw.integers(1, 4, len(pairs)).tolist(), 1])
    histories, entries = known.histories, len(pairs) + 1
    as_of = 400 * DAY
    last = as_of - draw.integers(1, 90, entries) * DAY
    times = draw.integers(1, 6, entries).astype(np.int32)
    histories = replace(
        histories, times=times, last_time=last, first_time=last - times.astype(np.int64) * DAY,
        bought=draw.random(entries) < 0.8,
    )  # fmt: skip
    known = replace(known, histories=histories, as_of=as_of)
    labels = {customer: "east" if at % 3 else "west" for at, customer in enumerate(known.customers)}
    return known.with_groups("place", labels)


def maker(known: Interactions, model: str, **settings: Any) -> Recommender:
    popular = fit("popular", known, {"by": "place", "least_customers": 2})
    assert isinstance(popular, Popular)
    catalogue = Catalogue.bare(len(known.items))
    catalogue.allowed[1::4] = len(known.items) < 4
    fitted = popular if model == "popular" else fit(model, known, settings)
    return Recommender(fitted, "v1", known, catalogue, popular, False, ZoneInfo("UTC"))


def tables(engine: Engine, known: Interactions) -> tuple[Any, Any, Any]:
    """Customers (two of whom have no history), interactions and places, as the engine has them."""
    h = known.histories
    names = np.array(list(known.customers))
    rows = pa.table(
        {
            "customer_id": names[h.rows], "item_id": np.array(list(known.items))[h.indices],
            "weight": h.weights, "times": h.times.astype(np.int64), "first_time": h.first_time,
            "last_time": h.last_time, "bought": h.bought,
        }
    )  # fmt: skip
    rows = rows.take(np.random.default_rng(2).permutation(rows.num_rows))
    group = h.groups["place"]
    labels = [group.names[at] for at in group.of_row.tolist()]
    everybody = pa.table({"customer_id": ["!first", *names.tolist(), "zz"]})
    return (
        engine.table(everybody),
        engine.table(rows),
        engine.table(pa.table({"customer_id": names, "label": labels})),
    )


def lists(engine: Engine, known: Interactions, made: Recommender, **asked: Any) -> list[Any]:
    customers, rows, places = tables(engine, known)
    found = recommend_all(engine, made, customers, rows, groups={"place": places}, **asked)
    return list(engine.run(found.order_by("customer_id", "rank")).to_pylist())


def as_answered(made: Recommender, **asked: Any) -> list[dict[str, Any]]:
    """The same rows from one answer a customer."""
    rows = []
    for customer in sorted(["!first", *made.known.customers, "zz"]):
        answer = made.answer(customer, customer_known=True, **asked)
        because = answer["fallback_reason"]
        for at, item in enumerate(answer["items"]):
            rows.append(
                {
                    "customer_id": customer, "rank": at + 1, "item_id": item["item_id"],
                    "score": item["score"], "reason": item["reason"]["code"],
                    "model": answer["model"], "version": answer["version"],
                    "fallback": answer["fallback"],
                    "fallback_reason": because["code"] if because else None,
                }
            )  # fmt: skip
    return rows


def assert_as_answered(
    engine: Engine, known: Interactions, made: Recommender, **asked: Any
) -> None:
    found = lists(engine, known, made, **asked)
    assert [{k: v for k, v in row.items() if k != "reason_item"} for row in found] == as_answered(
        made, **asked
    )


@pytest.mark.parametrize("model", ["popular", "frequency", "item_knn", "als"])
@pytest.mark.parametrize("repeat", [True, False])
def test_everybody_gets_what_each_would_be_answered(
    engine: Engine, model: str, repeat: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "ROWS", 50)
    known = shop()
    assert_as_answered(engine, known, maker(known, model), k=7, repeat=repeat)


def test_spark_gives_everybody_the_same(spark: Spark) -> None:
    known = shop()
    assert_as_answered(spark, known, maker(known, "item_knn"), k=7)


def test_lists_longer_than_the_catalogue_end_with_it(engine: Engine) -> None:
    known = shop()
    assert_as_answered(engine, known, maker(known, "item_knn", least_common=1), k=100)


def test_the_rows_say_who_made_them_and_what_with(engine: Engine) -> None:
    known = shop()
    rows = lists(engine, known, maker(known, "item_knn"), k=3)
    assert list(rows[0]) == SCHEMA.names
    first = [row for row in rows if row["customer_id"] == "!first"]
    assert {(row["model"], row["fallback_reason"]) for row in first} == {("popular", "no_history")}
    history = known.histories
    for row in rows:
        assert (row["reason_item"] is not None) == (row["reason"] == "bought_with")
        if row["reason_item"] is not None:
            at = history.row(known.customers.find(row["customer_id"]))
            assert known.items.find(row["reason_item"]) in history.indices[at]


def test_who_has_nothing_left_has_no_row(engine: Engine) -> None:
    known = world([("all", "x"), ("all", "y"), ("some", "x")])
    known = known.with_groups("place", {})
    made = maker(known, "item_knn")
    customers, rows, _ = tables(engine, known.with_groups("place", {"all": "a", "some": "a"}))
    found = engine.run(recommend_all(engine, made, customers, rows, groups={}, k=5))
    assert "all" not in found["customer_id"].to_pylist()
    assert "some" in found["customer_id"].to_pylist()


def test_a_customer_is_never_cut_in_two_by_a_batch() -> None:
    names = ["a"] * 3 + ["b"] * 5 + ["c"] * 1 + ["d"] * 4
    rows = pa.table({"customer_id": names, "item": list(range(len(names)))})
    for size in range(1, 7):
        parts = list(batch._whole_customers(iter(rows.to_batches(size))))
        assert pa.concat_tables(parts).equals(rows)
    small = [part["customer_id"].to_pylist() for part in split(rows, 2)]
    assert small == [["a"] * 3, ["b"] * 5, ["c"], ["d"] * 4]


def split(rows: pa.Table, at_least: int) -> list[pa.Table]:
    kept, batch.ROWS = batch.ROWS, at_least
    try:
        return list(batch._whole_customers(iter(rows.to_batches(1))))
    finally:
        batch.ROWS = kept


def test_k_is_checked_before_any_work(engine: Engine) -> None:
    known = shop()
    with pytest.raises(BadRequest):
        lists(engine, known, maker(known, "popular"), k=0)
