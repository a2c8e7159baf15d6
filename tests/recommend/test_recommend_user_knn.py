from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np
from walks import asked, sessions

from bespeak.recommend.models import fit, load
from contracts.recommender import RecommenderContract, checkerboard, world


class TestUserKnn(RecommenderContract):
    name = "user_knn"
    personal = True


class TestUserKnnOfOne(RecommenderContract):
    name = "user_knn"
    parameters: ClassVar = {"neighbours": 1, "newest": 1, "recency": 2.0, "item": 1.0}


def test_who_has_more_in_common_counts_more() -> None:
    pairs = [("a", i) for i in ("x", "y", "z", "near")] + [("b", i) for i in ("x", "u", "v", "far")]
    known = world(pairs)
    model = fit("user_knn", known)
    asking = asked(known.items, [["x", "y", "z"]])
    assert model.items[int(model.recommend(asking, 1, exclude=asking).items[0, 0])] == "near"


def test_the_order_of_a_history_does_not_count() -> None:
    known = sessions([["a", "b", "c"], ["c", "d"], ["a", "e"]])
    model = fit("user_knn", known)
    one, two = (model.scores(asked(known.items, [each])) for each in (["a", "c"], ["c", "a"]))
    assert np.array_equal(one, two)


def test_a_history_that_is_left_out_leaves_no_trace(tmp_path: Path) -> None:
    pairs = [("a", "x"), ("a", "y"), ("b", "x"), ("b", "y"), ("c", "x"), ("c", "secret")]
    files = []
    for name, drawn in (("with", pairs), ("without", pairs[:4])):
        (folder := tmp_path / name).mkdir()
        fit("user_knn", world(drawn)).save(folder)
        files.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert any(b"secret" in content for content in files[0].values())
    assert not any(b"secret" in content for content in files[1].values())
    assert not any(b'"c"' in content for content in files[0].values())


def test_it_is_read_back_as_itself(tmp_path: Path) -> None:
    known = checkerboard()
    fit("user_knn", known, {"recency": 1.5}).save(tmp_path)
    again = load("user_knn", tmp_path)
    assert (again.name, type(again.parameters).__name__) == ("user_knn", "UserKnnParameters")
