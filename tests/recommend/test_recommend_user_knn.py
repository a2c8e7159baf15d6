from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from walks import asked, sessions

from bespeak.errors import NotFound
from bespeak.recommend.mathematics.past import Past
from bespeak.recommend.models import fit, load
from bespeak.recommend.models.user_knn import UserKnn
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


def test_one_person_is_deleted_in_place_and_no_file_holds_their_history(tmp_path: Path) -> None:
    known = sessions(
        [["a", "b", "c"], ["c", "d"], ["a", "e", "only"], ["a", "c"], ["e"], ["a", "c"]]
    )
    settings = {"newest": 2, "recency": 0.0}
    gone = np.arange(6) != 2
    left = replace(known, histories=known.histories.where(np.repeat(gone, known.histories.lengths)))
    model = fit("user_knn", known, settings)
    assert isinstance(model, UserKnn)
    for name, made in (
        ("deleted", model.without(known.histories.take(np.array([2])))),
        ("never", fit("user_knn", left, settings)),
    ):
        (tmp_path / name).mkdir()
        made.save(tmp_path / name)
    for file in (tmp_path / "never").iterdir():
        assert (tmp_path / "deleted" / file.name).read_bytes() == file.read_bytes(), file.name
    past = Past.load(tmp_path / "deleted")
    only = known.items.find("only")
    assert only not in past.members.tolist() and past.having[only] == 0
    assert past.starts[only] == past.starts[only + 1]


def test_of_equal_histories_one_goes_and_an_unknown_one_is_refused() -> None:
    known = sessions([["a", "c"], ["a", "c"], ["b"]])
    model = fit("user_knn", known)
    assert isinstance(model, UserKnn)
    once = model.without(known.histories.take(np.array([0])))
    assert len(once.past.factors) == 2
    twice = once.without(known.histories.take(np.array([1])))
    assert twice.past.members.tolist() == [known.items.find("b")]
    with pytest.raises(NotFound, match="no such history"):
        twice.without(known.histories.take(np.array([0])))
