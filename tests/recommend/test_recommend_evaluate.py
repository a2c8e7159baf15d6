from __future__ import annotations

import json
from pathlib import Path

import pytest

from bespeak.errors import BadRequest, ConfigInvalid, NotFound
from bespeak.recommend import choose, evaluate, evaluate_files
from bespeak.recommend.evaluating.splits import hold
from contracts.recommender import checkerboard, world

BOTH = ["popular", "item_knn"]


def test_on_a_checkerboard_item_knn_is_perfect() -> None:
    train = checkerboard()
    held = hold(train, [f"c{n}" for n in range(10)], [f"i{n}" for n in range(10)])
    found = evaluate(train, held, BOTH, k=1)
    popular, knn = found["models"]
    assert [popular["name"], knn["name"]] == BOTH
    assert knn["recall@1"] == knn["ndcg@1"] == knn["mrr@1"] == 1.0
    assert knn["recall@1_ci"] == [1.0, 1.0]
    assert knn["coverage@1"] == 1.0
    assert popular["recall@1"] < 1.0
    assert choose(found) == "item_knn"


def test_the_table_is_plain_json_and_says_what_it_cost() -> None:
    train = checkerboard()
    found = evaluate(train, hold(train, ["c1"], ["i1"]), ["popular", "frequency", "item_knn"], k=5)
    table = json.loads(json.dumps(found))
    assert (table["k"], table["repeat"], table["items"]) == (5, False, 10)
    for row in table["models"]:
        assert row["customers"] == 1
        assert row["fit_s"] >= 0
        assert row["score_s"] >= 0
        assert row["peak_rss_mb"] > 10
        assert row["peak_rss_of"] in {"model", "process"}
        assert row["parameters"]
        for measure in ("recall", "ndcg", "mrr", "hit", "map"):
            low, high = row[f"{measure}@5_ci"]
            assert low <= row[f"{measure}@5"] <= high
        assert {"coverage@5", "novelty@5", "diversity@5"} <= row.keys()


def test_what_is_owned_is_neither_recommended_nor_relevant_without_repeat() -> None:
    train = world([("a", "x"), ("a", "y"), ("b", "x"), ("b", "z"), ("c", "z")])
    held = hold(train, ["a", "a", "c"], ["x", "z", "z"])
    (row,) = evaluate(train, held, ["popular"], k=3)["models"]
    assert (row["customers"], row["recall@3"]) == (1, 1.0)


def test_with_repeat_what_is_owned_may_come_again() -> None:
    train = world([("a", "x"), ("b", "y"), ("c", "y")])
    held = hold(train, ["a"], ["x"])
    (row,) = evaluate(train, held, ["frequency"], k=1, repeat=True)["models"]
    assert row["recall@1"] == 1.0
    with pytest.raises(BadRequest, match="no customer has a test item"):
        evaluate(train, held, ["frequency"], k=1, repeat=False)


def test_a_customer_without_history_is_measured_too() -> None:
    train = checkerboard()
    (row,) = evaluate(train, hold(train, ["stranger"], ["i1"]), ["item_knn"], k=3)["models"]
    assert (row["customers"], row["recall@3"], row["novelty@3"]) == (1, 0.0, None)


def test_the_first_of_equals_is_chosen() -> None:
    train = checkerboard()
    held = hold(train, ["c1"], ["i1"])
    assert choose(evaluate(train, held, ["frequency", "popular"], k=10)) == "frequency"
    with pytest.raises(BadRequest):
        choose({"k": 10, "models": []})


@pytest.mark.parametrize("k", [0, -1, 1001, 10**9, True])
def test_k_out_of_range_is_refused(k: int) -> None:
    train = checkerboard()
    with pytest.raises(BadRequest, match="from 1 to 1000"):
        evaluate(train, hold(train, ["c1"], ["i1"]), BOTH, k=k)


def test_an_unknown_model_is_named_before_anything_is_fitted() -> None:
    train = checkerboard()
    held = hold(train, ["c1"], ["i1"])
    with pytest.raises(NotFound, match="Did you mean `item_knn`"):
        evaluate(train, held, ["popular", "item_kn"])
    with pytest.raises(ConfigInvalid, match="Did you mean `neighbours`"):
        evaluate(train, held, ["item_knn"], parameters={"item_knn": {"neighbour": 3}})


def test_files_of_lines_are_evaluated(tmp_path: Path) -> None:
    board = checkerboard()
    lines: dict[str, list[str]] = {}
    for row, item in zip(board.histories.rows, board.histories.indices, strict=True):
        lines.setdefault(board.customers[int(row)], []).append(board.items[int(item)])
    (tmp_path / "train.txt").write_text(
        "".join(f"{customer} {' '.join(items)}\n" for customer, items in lines.items())
    )
    (tmp_path / "test.txt").write_text("".join(f"c{n} i{n}\n" for n in range(10)))
    found = evaluate_files(tmp_path / "train.txt", tmp_path / "test.txt", ["item_knn"], k=1)
    assert found["models"][0]["recall@1"] == 1.0
