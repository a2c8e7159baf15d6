from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bespeak.engines import Engine, Spark
from bespeak.recommend.histories import Interactions, Stored
from bespeak.recommend.mathematics.gram import counts_where, gram
from bespeak.recommend.mathematics.measure import ItemKnnParameters, squares
from bespeak.recommend.models import counts_in, fit
from bespeak.recommend.models.item_knn import ItemKnn, fit_item_knn, fit_item_knn_where
from contracts.recommender import checkerboard, world

ARRAYS = ("indptr", "neighbours", "similarity", "common")


def rows_of(interactions: Interactions) -> pa.Table:
    """Interactions as the engine has them, in no order."""
    histories = interactions.histories
    rows = pa.table(
        {
            "customer_id": interactions.customers.arrow().take(pa.array(histories.rows)),
            "item_id": interactions.items.arrow().take(pa.array(histories.indices)),
            "weight": histories.weights,
            "last_time": histories.last_time,
        }
    )
    return rows.take(np.random.default_rng(3).permutation(rows.num_rows))


def counted(engine: Engine, known: Interactions, parameters: ItemKnnParameters) -> ItemKnn:
    return fit_item_knn_where(engine, engine.table(rows_of(known)), known.items, parameters)


def assert_same(one: ItemKnn, other: ItemKnn) -> None:
    assert (one.scale, one.cut) == (other.scale, other.cut)
    for name in ARRAYS:
        mine, theirs = getattr(one, name), getattr(other, name)
        assert mine.dtype == theirs.dtype
        assert np.array_equal(mine, theirs), name


def test_a_gram_matrix_by_hand(engine: Engine) -> None:
    rows = [("a", 0, 2), ("a", 1, 3), ("b", 0, 5), ("b", 1, 7), ("b", 2, 1), ("c", 2, 9)]
    customers, items, values = zip(*rows, strict=True)
    valued = engine.table(pa.table({"customer_id": customers, "item": items, "value": values}))
    found = engine.run(gram(valued).order_by("item", "other")).to_pylist()
    assert [tuple(row.values()) for row in found] == [(0, 1, 41, 2), (0, 2, 5, 1), (1, 2, 7, 1)]
    often = engine.run(gram(valued, least_common=2)).to_pylist()
    assert [(row["item"], row["other"]) for row in often] == [(0, 1)]


def test_sums_beyond_a_float_are_exact(engine: Engine) -> None:
    big = (1 << 30) + 1
    rows = [(c, i, big) for c in "ab" for i in (0, 1)] + [("c", 0, 1), ("c", 1, 1)]
    customers, items, values = zip(*rows, strict=True)
    valued = engine.table(pa.table({"customer_id": customers, "item": items, "value": values}))
    assert engine.run(gram(valued))["total"].to_pylist() == [2 * big * big + 1]


def test_on_a_checkerboard_each_colour_knows_its_own(engine: Engine) -> None:
    known = checkerboard()
    model = counted(engine, known, ItemKnnParameters())
    for item in range(10):
        near = model.neighbours[model.indptr[item] : model.indptr[item + 1]]
        assert sorted(near.tolist()) == [i for i in range(10) if i % 2 == item % 2 and i != item]
    assert_same(model, fit_item_knn(known, ItemKnnParameters()))


def test_one_common_customer_is_no_evidence(engine: Engine) -> None:
    known = world([("secret", "x"), ("secret", "y"), ("b", "x"), ("c", "y")])
    model = counted(engine, known, ItemKnnParameters())
    assert len(model.neighbours) == 0
    assert model.indptr.tolist() == [0, 0, 0]


def test_a_robot_with_everything_joins_only_its_heaviest_items(engine: Engine) -> None:
    robot = [("robot", f"i{n:03}") for n in range(200)]
    people = [(c, i) for c in "ab" for i in ("i000", "i001")]
    known = world(robot + people, [5.0 if n < 3 else 1.0 for n in range(200)] + [1.0] * 4)
    parameters = ItemKnnParameters(longest_history=3, least_common=1)
    model = counted(engine, known, parameters)
    assert model.cut == 1
    assert sorted(set(model.neighbours.tolist())) == [0, 1, 2]
    assert_same(model, fit_item_knn(known, parameters))


def test_equal_weights_are_cut_by_time_then_by_id(engine: Engine) -> None:
    pairs = [("a", i) for i in "pqrs"] + [("b", i) for i in "pqrs"]
    known = world(pairs)
    known.histories.last_time[:] = [1, 9, 9, 9, 1, 9, 9, 9]
    model = counted(engine, known, ItemKnnParameters(longest_history=2))
    assert np.diff(model.indptr).tolist() == [0, 1, 1, 0]


def test_ties_beyond_the_kept_neighbours_fall_to_the_least_id(engine: Engine) -> None:
    known = world([(c, i) for c in "ab" for i in ("p", "q", "r", "s")])
    model = counted(engine, known, ItemKnnParameters(neighbours=2))
    assert model.neighbours.reshape(4, 2).tolist() == [[1, 2], [0, 2], [0, 1], [0, 1]]


def test_pairs_are_counted_in_memory_while_they_fit() -> None:
    assert not counts_where("auto", 1_000_000, 2 * 10**9)
    assert counts_where("auto", 100_000_000, 2 * 10**9)
    assert counts_where("engine", 1, 2 * 10**9)
    assert not counts_where("memory", 10**12, 1)


def test_a_model_says_where_it_was_counted_and_what_was_cut(engine: Engine) -> None:
    known = checkerboard()
    there = replace(known, stored=Stored(engine, engine.table(rows_of(known)), counts=True))
    assert [counts_in("item_knn", one) for one in (known, there)] == ["memory", "engine"]
    assert counts_in("popular", there) == "memory"
    settings = {"longest_history": 2}
    here, model = (fit("item_knn", one, settings) for one in (known, there))
    assert isinstance(here, ItemKnn) and isinstance(model, ItemKnn)
    assert_same(model, here)
    assert model.said() == here.said()
    assert (model.said()["histories_cut"], model.said()["longest_history"]) == (10, 2)


def test_nobody_and_nothing_give_an_empty_model(engine: Engine) -> None:
    known = world([("a", "x")])
    model = counted(engine, known, ItemKnnParameters())
    assert_same(model, fit_item_knn(known, ItemKnnParameters()))


parameter_sets = st.builds(
    ItemKnnParameters,
    neighbours=st.sampled_from([1, 3, 100]),
    weighting=st.sampled_from(["linear", "log", "binary", "tfidf", "bm25"]),
    length=st.sampled_from([0.0, 0.75, 1.0]),
    history_item=st.sampled_from([0.5, 0.6]),
    item=st.sampled_from([0.3, 0.5]),
    shrinkage=st.sampled_from([0.0, 0.1, 5.0]),
    least_common=st.sampled_from([1, 2, 3]),
    longest_history=st.sampled_from([2, 4, 500]),
)
worlds = st.lists(
    st.tuples(
        st.sampled_from("abcdefgh"),
        st.sampled_from("uvwxyzä你"),
        st.sampled_from([1e-6, 0.1, 1.0, 1.0, 3.7, 1000.0, 1e6]),
    ),
    min_size=1,
    max_size=40,
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=worlds, parameters=parameter_sets)
def test_the_engine_and_memory_come_to_the_same_lists(
    engine: Engine, rows: list[tuple[str, str, float]], parameters: ItemKnnParameters
) -> None:
    known = world([(c, i) for c, i, _ in rows], [w for _, _, w in rows])
    assert_same(counted(engine, known, parameters), fit_item_knn(known, parameters))


WEIGHTED: dict[str, Any] = {"weighting": "tfidf", "shrinkage": 0.1, "item": 0.45}


def larger_world() -> Interactions:
    draw = np.random.default_rng(5)
    pairs = sorted({(f"c{c}", f"i{int(i)}") for c in range(400) for i in draw.zipf(1.3, 12) % 300})
    return world(pairs, np.round(draw.lognormal(0, 1, len(pairs)), 4).tolist())


@pytest.mark.parametrize("settings", [{}, WEIGHTED])
def test_the_same_lists_on_a_larger_world(engine: Engine, settings: dict[str, Any]) -> None:
    known, parameters = larger_world(), ItemKnnParameters(neighbours=20, **settings)
    assert_same(counted(engine, known, parameters), fit_item_knn(known, parameters))


def test_spark_comes_to_the_same_lists(spark: Spark) -> None:
    known = larger_world()
    parameters = ItemKnnParameters(neighbours=20, longest_history=8, **WEIGHTED)
    assert_same(counted(spark, known, parameters), fit_item_knn(known, parameters))


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 10**12)), max_size=30))
def test_sums_of_squares_are_exact(entries: list[tuple[int, int]]) -> None:
    items = np.array([item for item, _ in entries], np.int32)
    weights = np.array([weight for _, weight in entries], np.int64)
    wanted = [sum(w * w for i, w in entries if i == item) for item in range(3)]
    assert squares(items, weights, 3) == wanted
