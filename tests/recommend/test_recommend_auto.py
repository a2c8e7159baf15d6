from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bespeak.errors import BadRequest, EngineUnavailable, NotReady
from bespeak.recommend.base import Model
from bespeak.recommend.evaluating.evaluate import evaluate, evaluate_files
from bespeak.recommend.evaluating.splits import hold
from bespeak.recommend.histories import Interactions
from bespeak.recommend.models import MODELS, fit, load, parameters_of
from bespeak.recommend.searching import auto, ladder, spaces
from bespeak.recommend.searching.auto import (
    DEFAULT,
    Choice,
    Terms,
    search,
    search_files,
    with_choice,
)
from bespeak.recommend.searching.carving import Trial, by_share
from bespeak.recommend.searching.trying import Config, Progress
from contracts.recommender import checkerboard, world

QUICK = ("popular", "item_knn")


class Hours:
    """A clock that goes on only when a model is fitted, by what its kind takes."""

    def __init__(self, **seconds: float) -> None:
        self.now, self.seconds = 0.0, seconds

    def __call__(self) -> float:
        return self.now

    def fit(self, name: str, known: Interactions, parameters: Mapping[str, Any]) -> Model:
        self.now += self.seconds.get(name, 0.0)
        return fit(name, known, parameters)


def tastes(customers: int = 60, items: int = 24, seed: int = 2) -> Interactions:
    """Four tastes; each has most of its own items, and now and then another."""
    draw = np.random.default_rng(seed)
    return world(
        [
            (f"c{c:03}", f"i{i:02}")
            for c in range(customers)
            for i in range(items)
            if draw.random() < (0.6 if c % 4 == i % 4 else 0.06)
        ]
    )


def found(clock: Hours | None = None, tell: Callable[[Progress], None] | None = None,
          known: Interactions | None = None, **terms: Any) -> Choice:  # fmt: skip
    clock = clock or Hours()
    given: Any = {"names": QUICK, "k": 3} | terms
    trial = by_share(known or tastes(), repeat=bool(given.get("repeat")))
    return search(trial, Terms(**given), clock=clock, fit=clock.fit,
                  tell=tell or (lambda at: None))  # fmt: skip


def tried(choice: Choice, state: str = "tried") -> list[dict[str, Any]]:
    return [row for row in choice.evidence["tried"] if row["state"] == state]


def test_what_is_best_on_the_part_held_back_is_chosen_and_all_is_kept_as_evidence() -> None:
    choice = found()
    assert choice.model == choice.title == "item_knn"
    rows = tried(choice)
    assert [row["model"] for row in rows[:2]] == ["popular", "item_knn"]
    best = max(rows, key=lambda row: row["ndcg@3"])
    assert choice.parameters == best["parameters"]
    assert choice.evidence["ndcg@3"] == best["ndcg@3"]
    assert choice.evidence["held_back"] == "10% of each customer's items"
    assert json.loads(json.dumps(choice.evidence)) == choice.evidence
    assert all(row["fit_s"] >= 0 and row["score_s"] >= 0 for row in rows)


def test_settings_are_searched_around_the_defaults_and_none_twice() -> None:
    titles = [Config(row["model"], row["parameters"]).title for row in found().evidence["tried"]]
    assert len(titles) == len(set(titles))
    assert "item_knn(item=0.4)" in titles
    assert not any("weighting=log" in title for title in titles)  # all weigh the same


def test_the_same_seed_finds_the_same() -> None:
    one, two = found(names=(*QUICK, "rp3beta")), found(names=(*QUICK, "rp3beta"))
    assert (one.model, one.parameters) == (two.model, two.parameters)
    assert one.evidence == two.evidence  # by a clock that is the same too


def test_a_blend_is_made_of_models_that_help_each_other() -> None:
    choice = found(names=("als", "item_knn"))
    blends = [row for row in choice.evidence["tried"] if row["model"] == "blend"]
    assert blends
    if choice.model == "blend":
        assert choice.title == "blend of item_knn and als"
        assert choice.evidence["ndcg@3"] > max(
            row["ndcg@3"] for row in tried(choice) if row["model"] != "blend"
        )
    else:
        assert blends[0]["state"] == "skipped" or (blends[0]["ndcg@3"] <= choice.evidence["ndcg@3"])


def test_lists_rest_on_one_history_only_where_that_is_allowed() -> None:
    def least(choice: Choice) -> set[int]:
        return {row["parameters"].get("least_common", 2) for row in choice.evidence["tried"]}

    assert least(found()) == {2}
    assert 1 in least(found(lone=True))


def test_another_start_is_gone_on_from_where_it_is_better(monkeypatch: pytest.MonkeyPatch) -> None:
    better = {"length": 0.25, "item": 0.1}
    knn = spaces.Space(values=lambda shape: {"history_item": (0.5, 0.6, 0.7)},
                       starts=lambda shape: [better])  # fmt: skip
    monkeypatch.setattr(spaces, "SPACES", {**spaces.SPACES, "item_knn": knn})
    rows = tried(found())
    assert rows[2]["parameters"] == better
    start = max(rows[1:3], key=lambda row: row["ndcg@3"])["parameters"]
    assert rows[3]["parameters"] == {**start, "history_item": 0.7}
    blends = [row for row in rows if row["model"] == "blend"]
    left_out = [row for row in tried(found(), "skipped") if row["model"] == "blend"]
    assert blends or "no second part" in left_out[0]["because"]  # of the same model from both


def test_the_final_is_on_rows_that_the_search_has_not_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auto, "LEAST_ASKED", 40)
    monkeypatch.setattr(ladder, "FEWEST", 20)
    monkeypatch.setattr(auto, "ASKED", 40)
    choice = found(names=("als", "item_knn"), known=tastes(customers=120))
    assert (choice.evidence["asked"], choice.evidence["of"]) == (40, 118)
    finalists = {row["model"]: row["ndcg@3"] for row in choice.evidence["final"]}
    assert len(finalists) >= 2
    assert choice.evidence["because"].endswith("on rows that the search had not seen")
    winner = max(finalists, key=lambda title: finalists[title])
    assert winner.startswith(choice.title)
    few = found(names=("als", "item_knn"), known=tastes(customers=50))
    assert few.evidence["final"] == []


def test_halves_of_the_truth_are_blended() -> None:
    """Some come back to what they have, others want what is new: neither model alone serves."""
    draw = np.random.default_rng(4)
    pairs, weights = [], []
    for c in range(80):
        for i in range(24):
            if draw.random() < (0.7 if c % 4 == i % 4 else 0.05):
                pairs.append((f"c{c:03}", f"i{i:02}"))
                weights.append(float(draw.integers(1, 9)))
    train = world(pairs, weights)
    again = [max((w, p) for p, w in zip(pairs, weights, strict=True) if p[0] == f"c{c:03}")[1]
             for c in range(0, 80, 2)]  # fmt: skip
    owned = set(pairs)
    new = [next((f"c{c:03}", f"i{i:02}") for i in range(c % 4, 24, 4)
                if (f"c{c:03}", f"i{i:02}") not in owned)
           for c in range(1, 80, 2)
           if any((f"c{c:03}", f"i{i:02}") not in owned for i in range(c % 4, 24, 4))]  # fmt: skip
    wanted = again + new
    held = hold(train, [pair[0] for pair in wanted], [pair[1] for pair in wanted])
    trial = Trial(train, held, True, "made up")
    choice = search(trial, Terms(k=4, repeat=True, names=("frequency", "item_knn", "popular")))
    model = choice.fit(train)
    assert model.recommend(train.histories, 4).items.shape == (80, 4)
    assert choice.evidence["shape"]["repeat"]
    assert "own" in {key for row in tried(choice) for key in row["parameters"]}


def test_the_winner_is_fitted_on_all_saved_and_read_back(tmp_path: Path) -> None:
    known = tastes()
    choice = found(names=("als", "item_knn"))
    model = choice.fit(known)
    assert len(model.items) == len(known.items)
    model.save(tmp_path)
    one, two = model, load(choice.model, tmp_path)
    assert np.array_equal(
        one.recommend(known.histories, 5).items, two.recommend(known.histories, 5).items
    )


def test_what_makes_no_sense_for_the_data_is_left_out_and_said() -> None:
    choice = found(names=("frequency", "popular"))
    (row,) = tried(choice, "skipped")
    assert (row["model"], choice.model) == ("frequency", "popular")
    assert "ruled out" in row["because"]
    assert tried(found(names=("frequency", "popular"), repeat=True), "skipped") == []
    (row,) = tried(found(names=("transitions", "popular")), "skipped")
    assert "no times are known" in row["because"]


def test_what_is_foreseen_to_take_too_long_is_left_out_and_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dear = spaces.Space(seconds=lambda shape: 1000.0)
    monkeypatch.setattr(spaces, "SPACES", {**spaces.SPACES, "als": dear})
    choice = found(names=("als", "popular"), budget_s=100)
    (row,) = tried(choice, "skipped")
    assert row["model"] == "als"
    assert row["because"] == "foreseen to take 1e+03 s, with 0 s left for it"
    assert choice.model == "popular"


def test_what_one_took_foretells_what_its_like_will_take() -> None:
    clock = Hours(item_knn=10.0)
    choice = found(clock, budget_s=65)
    assert clock.now <= 65
    knn = [row for row in tried(choice) if row["model"] == "item_knn"]
    assert len(knn) == 5  # and ten seconds for the winner
    assert all("foreseen to take" in row["because"] for row in tried(choice, "skipped"))


def test_time_is_kept_for_the_blend_and_for_the_winner() -> None:
    clock = Hours(item_knn=10.0, als=10.0)
    choice = found(clock, names=("item_knn", "als"), budget_s=100)
    assert any(row["model"] == "blend" for row in choice.evidence["tried"])
    assert clock.now <= 80


def test_where_nothing_fits_the_budget_the_default_is_chosen_untested_and_said() -> None:
    choice = found(budget_s=1e-12)
    assert (choice.model, choice.parameters) == (DEFAULT, {})
    assert choice.evidence["because"] == (
        "nothing could be tried within the budget; this is the default, untested"
    )
    assert {row["state"] for row in choice.evidence["tried"]} == {"skipped"}


def test_where_nothing_can_be_held_back_the_default_is_chosen_untested_and_said() -> None:
    choice = search(lambda: by_share(world([("only", "thing")]), repeat=False), Terms())
    assert choice.model == DEFAULT
    assert "nothing can be held back to choose by" in choice.evidence["because"]
    assert choice.fit(world([("only", "thing")])).name == DEFAULT


@pytest.mark.parametrize("budget", [0, -1, float("nan"), float("inf"), True])
def test_a_budget_that_is_none_is_refused(budget: float) -> None:
    with pytest.raises(BadRequest, match="seconds, a number above 0"):
        Terms(budget_s=budget)


def test_what_fails_is_said_and_the_search_goes_on() -> None:
    def broken(name: str, known: Interactions, parameters: Mapping[str, Any]) -> Model:
        if name == "item_knn":
            raise MemoryError
        if name == "als":
            raise EngineUnavailable("als: no engine")
        return fit(name, known, parameters)

    trial = by_share(tastes(), repeat=False)
    terms = Terms(k=3, names=("item_knn", "als", "popular"))
    choice = search(trial, terms, fit=broken)
    assert choice.model == "popular"
    assert {row["model"]: row["because"] for row in tried(choice, "failed")} == {
        "item_knn": "memory ran out", "als": "als: no engine.",
    }  # fmt: skip


def test_it_tells_what_it_is_at_and_the_best_so_far() -> None:
    told: list[Progress] = []
    choice = found(tell=told.append)
    assert told[0].now == "popular"
    assert told[-1].now is told[-1].done is None
    assert told[-1].best is not None
    assert told[-1].best.config.model == choice.model
    reached = [at.best.figures[at.measure] for at in told if at.best]
    assert reached == sorted(reached)


@pytest.mark.parametrize("name", [name for name in MODELS if name != "blend"])
def test_every_value_of_a_space_can_be_had_and_defaults_lie_among_them(name: str) -> None:
    shape, space = spaces.Shape.of(tastes(), repeat=True), spaces.SPACES[name]
    for setting, values in space.values(shape).items():
        assert getattr(parameters_of(name), setting) in values
        for value in values:
            assert getattr(parameters_of(name, {setting: value}), setting) == value
    assert space.seconds(shape) > 0
    assert all(hasattr(parameters_of(name), setting) for setting in space.grows)


def test_in_a_table_it_is_one_line_named_by_what_won() -> None:
    choice = found()
    entries, evidence = with_choice(["auto"], lambda: choice)
    train = tastes()
    table = evaluate(train, hold(train, ["c000"], ["i08"]), entries, k=3, repeat=True)
    assert [row["name"] for row in table["models"]] == ["item_knn"]
    assert evidence == choice.evidence
    both, _ = with_choice(["item_knn", "auto", "auto"], lambda: choice)
    names = [
        row["name"]
        for row in evaluate(train, hold(train, ["c000"], ["i08"]), both, k=3, repeat=True)["models"]
    ]
    assert names == ["item_knn", "item_knn (auto)"]
    assert with_choice(["popular"], lambda: choice) == (["popular"], None)


def test_files_of_interactions_are_searched_without_a_look_at_the_answers(tmp_path: Path) -> None:
    board = checkerboard()
    lines = [
        f"{board.customers[int(row)]},{board.items[int(item)]}"
        for row, item in zip(board.histories.rows, board.histories.indices, strict=True)
    ]
    train, test = tmp_path / "train.csv", tmp_path / "test.csv"
    train.write_text("user,item\n" + "\n".join(lines) + "\n")
    test.write_text("user,item\n" + "".join(f"c{n},i{n}\n" for n in range(10)))
    terms = Terms(k=1, names=QUICK)
    choice = search_files(train, test, terms)
    assert choice.evidence["shape"]["lone"]  # nobody is shown what it finds
    test.write_text("user,item\nc0,other\n")
    assert search_files(train, test, terms).parameters == choice.parameters
    table = evaluate_files(train, test, [choice.entry], k=1)
    assert len(table["models"]) == 1


def test_files_of_sessions_are_searched_by_their_beginnings(tmp_path: Path) -> None:
    visits = [[f"i{(start + step) % 12}" for step in range(3)] for start in range(12)] * 5
    train, test = tmp_path / "train.parquet", tmp_path / "test.parquet"
    pq.write_table(pa.table({"items": visits}), train)
    pq.write_table(pa.table({"prefix": [["i1", "i2"]], "target": ["i3"]}), test)
    choice = search_files(train, test, Terms(k=2, names=QUICK))
    assert choice.evidence["held_back"] == "the newest 10% of sessions, each of their beginnings"
    assert choice.evidence["shape"]["sessions"]
    table = evaluate_files(train, test, [choice.entry], k=2)
    assert table["of"] == "sessions"


def test_a_search_on_nothing_at_all_says_so() -> None:
    def nothing() -> Trial:
        raise NotReady("nobody did anything")

    assert search(nothing, Terms()).evidence["because"].startswith("nobody did anything")
