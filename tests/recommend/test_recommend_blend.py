from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from bespeak.errors import ArtifactCorrupt, ConfigInvalid, NotFound
from bespeak.recommend.base import RHYTHM, Whys, top_k
from bespeak.recommend.histories import Histories, Interactions
from bespeak.recommend.mathematics import candidates
from bespeak.recommend.models import fit, load, needs, parameters_of
from bespeak.recommend.models.blend import SPREAD, Blend, BlendParameters, Part, blended, spread
from contracts.recommender import RecommenderContract, checkerboard, world

SMALL_ALS = {"model": "als", "parameters": {"factors": 4, "iterations": 2}}


class TestBlend(RecommenderContract):
    name = "blend"
    personal = True
    parameters: ClassVar = {"parts": [{"model": "item_knn", "weight": 2.0}, SMALL_ALS]}


class TestBlendOfThree(RecommenderContract):
    name = "blend"
    parameters: ClassVar = {
        "parts": [{"model": name} for name in ("popular", "frequency", "item_knn")]
    }


def some_world(seed: int = 5) -> Interactions:
    draw = np.random.default_rng(seed)
    return world(
        [(f"c{c}", f"i{i:02}") for c in range(40) for i in range(25) if draw.random() < 0.2]
    )


def fitted(*parts: dict[str, Any]) -> Blend:
    model = fit("blend", some_world(), {"parts": list(parts)})
    assert isinstance(model, Blend)
    return model


def test_a_score_is_the_convex_sum_of_its_parts_in_spreads() -> None:
    model = fitted({"model": "item_knn", "weight": 3.0}, {**SMALL_ALS, "weight": 1.0})
    histories = some_world().histories
    wanted = sum(
        share * np.maximum(part.scores(histories), 0) / size
        for share, part, size in zip((0.75, 0.25), model.parts, model.spreads, strict=True)
    )
    assert np.allclose(model.scores(histories) / SPREAD, wanted, atol=1e-8)


def test_a_spread_is_of_what_histories_do_not_hold() -> None:
    histories, (knn, als) = some_world().histories, fitted({"model": "item_knn"}, SMALL_ALS).parts
    for part in (knn, als):
        scores = np.maximum(part.scores(histories), 0).astype(float)
        scores[histories.rows, histories.indices] = 0
        assert spread(part, histories) == pytest.approx(scores.std(axis=1).mean())


def test_a_model_that_scores_only_what_is_held_is_measured_by_that() -> None:
    model = fitted({"model": "frequency"}, {"model": "item_knn"})
    assert min(model.spreads) > 0
    assert np.array_equal(
        model.recommend(some_world().histories, 5).own > 0, some_world().histories.lengths > 0
    )


def test_a_part_that_never_scores_adds_nothing() -> None:
    strangers = world([("a", "x"), ("b", "y"), ("c", "z")])
    model = fit("blend", strangers, {"parts": [{"model": "item_knn", "parameters": {"own": 0.0}},
                                               {"model": "popular"}]})  # fmt: skip
    assert isinstance(model, Blend)
    assert model.spreads[0] == 0.0
    alone = fit("popular", strangers)
    one, other = (m.recommend(strangers.histories, 3) for m in (model, alone))
    assert np.array_equal(one.items, other.items)


def test_evidence_however_slight_is_not_rounded_away() -> None:
    model = fitted({"model": "item_knn", "weight": 1e-12}, {"model": "frequency", "weight": 1.0})
    histories = some_world().histories
    assert ((model.parts[0].scores(histories) > 0) <= (model.scores(histories) > 0)).all()


def test_lists_of_many_histories_are_made_in_small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    model, histories = fitted({"model": "item_knn"}, SMALL_ALS), some_world().histories
    allow = np.arange(25) % 3 > 0
    wanted = top_k(model.scores(histories), 6, exclude=histories, allow=allow)
    facts = model.whys(histories, wanted.items)
    monkeypatch.setattr(candidates, "BLOCK", 60)  # two histories a block
    found = model.recommend(histories, 6, exclude=histories, allow=allow)
    assert np.array_equal(found.items, wanted.items)
    assert np.array_equal(found.scores, wanted.scores)
    again = model.whys(histories, wanted.items)
    assert np.array_equal(facts.kinds, again.kinds)
    assert np.array_equal(facts.others, again.others)


def test_the_reason_is_of_the_part_that_added_most() -> None:
    model = fitted({"model": "item_knn"}, {"model": "frequency", "weight": 1e6})
    history = some_world().histories.take(np.array([3]))
    for why in model.why(history, history.indices):
        assert why.kind == "rhythm"
    new = model.recommend(history, 3, exclude=history).row(0)
    assert {why.kind for why in model.why(history, new)} == {"with"}


def test_reasons_of_many_are_those_of_each() -> None:
    model, histories = fitted({"model": "item_knn"}, {"model": "frequency"}), some_world().histories
    lists = model.recommend(histories, 5).items
    many: Whys = model.whys(histories, lists)
    for row in range(len(histories)):
        items = lists[row][lists[row] >= 0]
        facts = model.why(histories.take(np.array([row])), items)
        assert many.kinds[row, : len(items)].tolist() == [fact.number for fact in facts]
        others = [-1 if fact.number == RHYTHM else fact.other for fact in facts]
        assert many.others[row, : len(items)].tolist() == others


def test_it_says_what_it_is_made_of() -> None:
    said = fitted({"model": "item_knn", "weight": 3.0}, {"model": "popular"}).said()
    assert [(part["model"], part["share"]) for part in said["parts"]] == [
        ("item_knn", 0.75), ("popular", 0.25),
    ]  # fmt: skip
    assert BlendParameters().title == "blend of item_knn and als"
    twice = BlendParameters(parts=(Part(model="graph"), Part(model="als"), Part(model="graph")))
    assert twice.title == "blend of graph and als"


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ([], "is empty"),
        ([{"model": "blend"}], "name its parts"),
        ([{"model": "item_knn", "weight": 0}], "weight"),
        ([{"model": "item_knn", "weight": -1.0}], "weight"),
        ([{"modle": "item_knn"}], "modle"),
        ([{"model": "item_knn", "parameters": {"neighbour": 3}}], "Did you mean `neighbours`"),
        ("item_knn", "Expected `array`"),
    ],
)
def test_parts_that_make_no_sense_are_named(parts: Any, said: str) -> None:
    with pytest.raises(ConfigInvalid, match=said):
        parameters_of("blend", {"parts": parts})


def test_a_part_that_is_no_model_is_named() -> None:
    with pytest.raises(NotFound, match="Did you mean `item_knn`"):
        parameters_of("blend", {"parts": [{"model": "item_kn"}]})


def test_models_must_be_those_of_the_parts() -> None:
    board = checkerboard()
    with pytest.raises(ConfigInvalid, match="not its parts"):
        blended(board.histories, BlendParameters(), (fit("popular", board),))


def test_it_needs_what_its_parts_need() -> None:
    part = {"model": "als", "parameters": {"trainer": "mllib"}}
    assert needs(["blend"], {"blend": {"parts": [part, {"model": "item_knn"}]}}) == {"mllib"}


def test_parts_that_know_different_items_are_refused(tmp_path: Path) -> None:
    fitted({"model": "item_knn"}, {"model": "popular"}).save(tmp_path)
    other = tmp_path / "part1.popular"
    for path in other.iterdir():
        path.unlink()
    fit("popular", checkerboard()).save(other)
    with pytest.raises(ArtifactCorrupt, match="different items"):
        load("blend", tmp_path)


def test_one_who_has_nothing_is_asked_too() -> None:
    model = fitted({"model": "item_knn"}, {"model": "popular"})
    nobody = model.recommend(Histories.empty(2), 4)
    assert (nobody.items >= 0).all()
