"""A model behind item lists: its own scores and reasons, of the candidates that they name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bespeak.errors import ArtifactCorrupt
from bespeak.recommend.answering import served
from bespeak.recommend.answering.lists import listed
from bespeak.recommend.base import Model
from bespeak.recommend.evaluating.splits import carve
from bespeak.recommend.histories import Histories, Interactions
from bespeak.recommend.models import fit
from bespeak.recommend.models.popular import PopularParameters, fit_popular
from contracts.recommender import world

SMALL = {"factors": 8, "iterations": 2}
BLEND = {"parts": [{"model": "item_knn"}, {"model": "als", "parameters": SMALL}]}
MODELS: dict[str, dict[str, Any]] = {"als": SMALL, "blend": BLEND, "user_knn": {}}


def shop(seed: int = 3) -> Interactions:
    """Three hundred customers, most of whose items are of one of six kinds of twenty."""
    draw = np.random.default_rng(seed)
    chance = {0: 0.35, 1: 0.03}
    return world(
        [
            (f"c{customer:03}", f"i{item:03}")
            for customer in range(300)
            for item in range(120)
            if draw.random() < chance[min(1, (item // 20 - customer) % 6)]
        ]
    )


@pytest.fixture(scope="module")
def known() -> Interactions:
    return shop()


@pytest.fixture(scope="module", params=sorted(MODELS))
def model(request: pytest.FixtureRequest, known: Interactions) -> Model:
    return fit(request.param, known, MODELS[request.param])


def test_scores_and_reasons_are_the_models_own(known: Interactions, model: Model) -> None:
    made, allow = served.serve(model, known), np.ones(len(known.items), np.bool_)
    for row in range(0, 300, 20):
        history = known.histories.take(np.array([row]))
        alone = made.single(history, 10, exclude=history.indices, allow=allow)
        assert alone is not None
        assert alone.scores.tolist() == model.scores(history)[0, alone.items].tolist()
        assert list(alone.facts) == model.why(history, alone.items)
        order = sorted(zip((-alone.scores).tolist(), alone.items.tolist(), strict=True))
        assert [item for _, item in order] == alone.items.tolist()


def test_the_best_candidate_of_all_is_the_best_of_the_list(
    known: Interactions, model: Model
) -> None:
    made, histories = served.serve(model, known), known.histories.take(np.arange(0, 300, 10))
    own = model.recommend(histories, 10, exclude=histories)
    found = made.recommend(histories, 10, exclude=histories)
    # in so small a catalogue nearly all items go with one of the history's
    assert (found.items == own.items).mean() > 0.9
    assert (found.scores <= own.scores).all()


def test_what_may_not_be_listed_is_not(known: Interactions, model: Model) -> None:
    made, history = served.serve(model, known), known.histories.take(np.array([7]))
    allow = np.ones(len(known.items), np.bool_)
    first = made.single(history, 5, exclude=history.indices, allow=allow)
    assert first is not None
    allow[first.items[:2]] = False
    barred = np.sort(np.append(history.indices, first.items[2])).astype(np.int32)
    again = made.single(history, 5, exclude=barred, allow=allow)
    assert again is not None
    assert not set(again.items.tolist()) & {*first.items[:3].tolist(), *history.indices.tolist()}


def test_where_too_few_candidates_are_named_the_model_answers_itself(
    known: Interactions, model: Model
) -> None:
    made, nobody = served.serve(model, known), Histories.of_lists([[]])
    allow = np.ones(len(known.items), np.bool_)
    assert made.single(nobody, 5, exclude=nobody.indices, allow=allow) is None
    history = known.histories.take(np.array([0]))
    everything = len(known.items) + 5
    assert made.single(history, everything, exclude=nobody.indices, allow=allow) is None
    lists = listed(
        model, fit_popular(known, PopularParameters()), history, everything,
        exclude=None, allow=allow, quick=made,
    )  # fmt: skip
    assert lists.ranked.items.shape[1] == len(known.items)


def test_saved_lists_are_the_same_before_the_same_model(
    known: Interactions, model: Model, tmp_path: Path
) -> None:
    made = served.serve(model, known)
    made.save(tmp_path)
    loaded = served.Served.load(tmp_path, model)
    histories = known.histories.take(np.arange(10))
    one, two = (each.recommend(histories, 5, exclude=histories) for each in (made, loaded))
    assert one.items.tolist() == two.items.tolist()
    other = fit("als", world([("a", "x"), ("a", "y")]), SMALL)
    with pytest.raises(ArtifactCorrupt, match="another model"):
        served.Served.load(tmp_path, other)


def test_a_slow_model_is_measured_with_what_the_lists_keep(
    known: Interactions, monkeypatch: pytest.MonkeyPatch
) -> None:
    train, held = carve(known, 0.2, seed=1)
    histories = held.known(train)
    model = fit("als", train, SMALL)
    asked = served.Asked(histories, held, histories)
    monkeypatch.setattr(served, "LIMIT_MS", 1e6)
    assert served.measured(model, train, asked, 10)["by_lists"] is None
    monkeypatch.setattr(served, "LIMIT_MS", 0.0)
    found = served.measured(model, train, asked, 10)["by_lists"]
    assert found["kept"] == pytest.approx(found["ndcg@10"] / found["whole"])
    assert 0.9 < found["kept"] <= 1.1
    assert found["customers"] == len(held)


def test_item_lists_answer_only_where_they_were_seen_to_keep_enough_and_are_faster(
    known: Interactions, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = fit("als", known, SMALL)
    times = iter([5.0, 0.5, 5.0, 6.0, 5.0, 5.0, 0.9])
    monkeypatch.setattr(served, "list_ms", lambda *given, **options: next(times))
    faster = served.choose_form(model, known, 10, kept=0.99, seed=1)
    assert faster.name == served.LISTED and faster.lists is not None
    assert faster.said == {"list_ms": 5.0, "served_ms": 0.5, "kept": 0.99}
    slower = served.choose_form(model, known, 10, kept=0.99, seed=1)
    assert slower.name == served.ITSELF and slower.lists is None
    for kept in (0.9, None, 0.99):  # too little, not known, and fast enough as it is
        form = served.choose_form(model, known, 10, kept=kept, seed=1)
        assert form.name == served.ITSELF and form.said["served_ms"] is None
