from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from bespeak.errors import BadRequest
from bespeak.recommend import evaluate
from bespeak.recommend.base import Ranked
from bespeak.recommend.evaluating.metrics import gini, ips_recall
from bespeak.recommend.evaluating.paired import compared, holm, p_value
from bespeak.recommend.evaluating.splits import hold
from contracts.recommender import world


def test_holm_corrects_as_the_paper_does() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_many_customers_are_compared_by_a_paired_t_test() -> None:
    draw = np.random.default_rng(1)
    one, other = draw.random(200) + 0.03, draw.random(200)
    (row,) = compared({"a": {"m": one}, "b": {"m": other}}, ["m"], seed=7)
    wanted = stats.ttest_rel(one, other)
    assert (row["better"], row["worse"], row["test"]) == ("a", "b", "paired t")
    assert row["p"] == row["p_holm"] == pytest.approx(wanted.pvalue)
    assert row["ci"] == pytest.approx(list(wanted.confidence_interval()))


def test_few_are_compared_by_flipping_signs() -> None:
    p, test = p_value(np.array([1.0, 1.0, 1.0]), seed=7)
    assert (p, test) == (0.25, "sign flips")
    drawn, _ = p_value(np.full(20, 0.5), seed=7)
    assert 0 < drawn < 0.001


def test_no_difference_is_none() -> None:
    same = {"m": np.ones(50)}
    (row,) = compared({"a": same, "b": same}, ["m"], seed=7)
    assert (row["difference"], row["p"], row["test"]) == (0.0, 1.0, "equal")


def test_the_same_difference_for_all_is_no_proof_beyond_how_many_there_are() -> None:
    p, test = p_value(np.full(40, 0.1), seed=7)
    assert test == "sign flips"
    assert 0 < p < 0.001


def test_one_customer_proves_nothing() -> None:
    (row,) = compared({"a": {"m": np.ones(1)}, "b": {"m": np.zeros(1)}}, ["m"], seed=7)
    assert (row["ci"], row["p"]) == (None, 1.0)


def test_two_models_that_do_not_differ_are_rarely_called_different() -> None:
    draw = np.random.default_rng(3)
    found = [p_value(draw.standard_normal(12), seed=7)[0] < 0.05 for _ in range(200)]
    assert np.mean(found) < 0.1


def shop() -> tuple[Any, Any]:
    """a has much, b and c a little, d nothing; x is in fashion."""
    train = world(
        [("a", item) for item in "xyzvw"] + [("b", "x"), ("c", "x"), ("c", "y"), ("e", "x")]
    )
    held = hold(train, ["a", "b", "c", "d", "d"], ["new", "y", "z", "x", "q"])
    return train, held


def sliced(by: str) -> dict[str, int]:
    train, held = shop()
    (row,) = evaluate(train, held, ["popular"], k=3, by=[by])["models"]
    for part in row["slices"]:
        low, high = part["ndcg@3_ci"]
        assert low <= part["ndcg@3"] <= high
    return {part["slice"]: part["customers"] for part in row["slices"]}


def test_customers_are_told_apart_by_how_much_they_have_and_new_ones_too() -> None:
    assert sliced("activity") == {
        "new customers": 1, "2 items": 1, "1 item": 1, "3 to 5 items": 1
    }  # fmt: skip


def test_items_are_told_apart_by_how_many_have_them() -> None:
    found = sliced("popularity")
    assert found["items nobody has"] == 2
    assert sum(found.values()) == 5
    assert any(name.startswith("head") for name in found)


def test_groups_are_told_apart_where_they_are_known() -> None:
    train, held = shop()
    known = train.with_groups("segment", {"a": "loyal", "b": "new", "c": "new"})
    (row,) = evaluate(known, held, ["popular"], k=3, by=["segment"])["models"]
    assert [(part["slice"], part["customers"]) for part in row["slices"]] == [
        ("loyal", 1), ("new", 2), ("none", 1),
    ]  # fmt: skip


def test_what_customers_are_not_known_by_is_named() -> None:
    train, held = shop()
    with pytest.raises(BadRequest, match="activity, popularity"):
        evaluate(train, held, ["popular"], k=3, by=["segment"])


def test_pairs_of_the_test_that_train_has_are_counted_and_said_to_be_left_out() -> None:
    train = world([("a", "x"), ("a", "y"), ("b", "x")])
    held = hold(train, ["a", "a", "b"], ["x", "z", "y"])
    assert evaluate(train, held, ["popular"], k=1)["leaks"] == {
        "pairs": 3, "in_train": 1, "dropped": True
    }  # fmt: skip
    assert not evaluate(train, held, ["popular"], k=1, repeat=True)["leaks"]["dropped"]


def test_the_same_list_for_all_is_as_uneven_as_can_be() -> None:
    def shown(items: list[list[int]]) -> Ranked:
        table = np.array(items, np.int32)
        return Ranked(table, np.ones(table.shape, np.int64), np.ones(len(table), np.int64))

    assert gini(shown([[0], [0], [0], [0]]), 4) == 0.75
    assert gini(shown([[0], [1], [2], [3]]), 4) == 0.0
    assert gini(shown([[-1]]), 4) == 0.0


def test_rare_items_count_more_where_all_are_to_be_seen_as_often() -> None:
    train = world([(f"c{n}", "hit") for n in range(9)] + [("c0", "rare")])
    held = hold(train, ["d", "d", "e"], ["hit", "rare", "unheard of"])
    hit, rare = train.items.find("hit"), train.items.find("rare")

    def found(item: int) -> float | None:
        table = np.array([[item], [item]], np.int32)
        return ips_recall(
            Ranked(table, np.ones((2, 1), np.int64), np.ones(2, np.int64)), held, train
        )

    assert found(hit) == pytest.approx(0.1)
    assert found(rare) == pytest.approx(0.9)
    nobody = hold(train, ["e"], ["unheard of"])
    lists = Ranked(np.zeros((1, 1), np.int32), np.ones((1, 1), np.int64), np.ones(1, np.int64))
    assert ips_recall(lists, nobody, train) is None
