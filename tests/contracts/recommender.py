"""What every recommender must do. A new one is tested by three lines:

class TestMine(RecommenderContract):
    name = "mine"
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bespeak.errors import BadRequest, ConfigInvalid
from bespeak.recommend.answering.reasons import CODES, Telling, reason
from bespeak.recommend.base import Model, Pointed, Ranked, top_k, whys
from bespeak.recommend.evaluating.files import Rows, interactions_of
from bespeak.recommend.histories import NO_TIME, Histories, Index, Interactions
from bespeak.recommend.models import fit, load, parameters_of

Pair = tuple[str, str]


def world(pairs: Sequence[Pair], weights: Sequence[float] | None = None) -> Interactions:
    """Interactions of (customer, item) pairs without times."""
    count = len(pairs)
    return interactions_of(
        Rows(
            [customer for customer, _ in pairs],
            [item for _, item in pairs],
            np.full(count, NO_TIME),
            np.ones(count) if weights is None else np.array(weights, np.float64),
        )
    )


def checkerboard(size: int = 10) -> Interactions:
    """Even customers have the even items and odd ones the odd, each but the one of their number."""
    return world(
        [
            (f"c{customer}", f"i{item}")
            for customer in range(size)
            for item in range(size)
            if customer % 2 == item % 2 and customer != item
        ]
    )


def files(folder: Path) -> list[Path]:
    """What a model saved; one that is made of others keeps them in folders."""
    return [path for path in folder.rglob("*") if path.is_file()]


pairs = st.lists(
    st.tuples(st.sampled_from("abcdef"), st.sampled_from("uvwxyz")), min_size=1, max_size=30
)


class RecommenderContract:
    """The suite; `name` is the model's row in `MODELS`."""

    name: ClassVar[str]
    parameters: ClassVar[Mapping[str, Any]] = {}
    personal: ClassVar[bool] = False
    """Whether it finds what people of the same taste have: the checkerboard's answer is due."""

    carried: ClassVar[float] = 0.9
    """Of the reasons that name a member of the history, so many are of one without which the score
    is less: not all, where another history has other neighbours, or weighs them anew."""

    def fit(self, interactions: Interactions) -> Model:
        return fit(self.name, interactions, self.parameters)

    def lists(self, model: Model, histories: Histories, k: int, **options: Any) -> list[list[str]]:
        ranked = model.recommend(histories, k, **options)
        assert ranked.items.dtype == np.int32
        assert ranked.scores.dtype == np.int64
        assert len(ranked.items) == len(ranked.scores) == len(ranked.own) == len(histories)
        return [
            [model.items[item] for item in ranked.row(row).tolist()]
            for row in range(len(histories))
        ]

    def test_it_is_registered_under_its_own_name(self) -> None:
        assert self.fit(checkerboard()).name == self.name

    def test_on_a_checkerboard_everybody_is_offered_their_own_colour(self) -> None:
        interactions = checkerboard()
        owned = interactions.histories
        found = self.lists(self.fit(interactions), owned, 1, exclude=owned)
        if self.personal:
            assert found == [[f"i{number}"] for number in range(10)]
        assert all(len(items) <= 1 for items in found)

    def test_excluded_items_never_appear(self) -> None:
        interactions = checkerboard()
        owned = interactions.histories
        ranked = self.fit(interactions).recommend(owned, 10, exclude=owned)
        for row in range(len(owned)):
            assert not set(ranked.row(row)) & set(owned.indices[owned.row(row)])

    def test_items_that_are_not_allowed_never_appear(self) -> None:
        interactions = checkerboard()
        allow = np.array([item in {"i2", "i3"} for item in interactions.items])
        found = self.lists(self.fit(interactions), interactions.histories, 10, allow=allow)
        assert set().union(*found) <= {"i2", "i3"}

    def test_an_empty_allow_list_gives_empty_lists(self) -> None:
        interactions = checkerboard()
        nothing = np.zeros(len(interactions.items), np.bool_)
        found = self.lists(self.fit(interactions), interactions.histories, 5, allow=nothing)
        assert found == [[]] * 10

    def test_excluding_everything_gives_empty_lists(self) -> None:
        interactions = checkerboard()
        count = len(interactions.items)
        everything = Histories.of_lists([range(count)] * 10)
        found = self.lists(self.fit(interactions), interactions.histories, 5, exclude=everything)
        assert found == [[]] * 10

    def test_a_list_has_each_item_once_and_at_most_k(self) -> None:
        interactions = checkerboard()
        for items in self.lists(self.fit(interactions), interactions.histories, 4):
            assert len(items) == len(set(items)) <= 4

    def test_k_beyond_the_catalogue_gives_what_there_is(self) -> None:
        interactions = checkerboard()
        for items in self.lists(self.fit(interactions), interactions.histories, 1000):
            assert len(items) <= len(interactions.items)

    def test_k_below_one_is_refused(self) -> None:
        interactions = checkerboard()
        with pytest.raises(BadRequest, match="k is too small"):
            self.fit(interactions).recommend(interactions.histories, 0)

    def test_exclusions_must_be_one_a_history(self) -> None:
        interactions = checkerboard()
        with pytest.raises(BadRequest, match="other rows"):
            self.fit(interactions).recommend(interactions.histories, 1, exclude=Histories.empty(3))

    def test_one_customer_and_one_item_can_be_fitted_and_asked(self) -> None:
        interactions = world([("only", "thing")])
        found = self.lists(self.fit(interactions), interactions.histories, 3)
        assert found in ([["thing"]], [[]])

    def test_customers_without_overlap_can_be_fitted_and_asked(self) -> None:
        interactions = world([("a", "x"), ("b", "y"), ("c", "z")])
        owned = interactions.histories
        for mine, items in zip("xyz", self.lists(self.fit(interactions), owned, 3, exclude=owned),
                               strict=True):  # fmt: skip
            assert mine not in items

    def test_no_history_at_all_can_be_asked(self) -> None:
        model = self.fit(checkerboard())
        assert len(self.lists(model, Histories.empty(2), 3)) == 2
        assert self.lists(model, Histories.empty(0), 3) == []

    def test_equal_weights_fall_to_the_item_id(self) -> None:
        interactions = world([(c, i) for c in "abc" for i in ("i10", "i2", "i1")])
        model = self.fit(interactions)
        for items in self.lists(model, interactions.histories, 3):
            assert items == sorted(items)

    def test_the_same_input_gives_the_same_bytes_whatever_its_order(self, tmp_path: Path) -> None:
        board = [(f"c{a}", f"i{b}") for a in range(8) for b in range(8) if (a * b) % 3 != 1]
        written = []
        for name, ordered in (("one", board), ("two", board[::-1])):
            folder = tmp_path / name
            folder.mkdir()
            self.fit(world(ordered)).save(folder)
            written.append({path.relative_to(folder): path.read_bytes() for path in files(folder)})
        assert written[0] == written[1]

    def test_nothing_is_pickled(self, tmp_path: Path) -> None:
        self.fit(checkerboard()).save(tmp_path)
        assert {path.suffix for path in files(tmp_path)} <= {".npy", ".json"}

    def test_a_saved_model_answers_as_the_fitted_one(self, tmp_path: Path) -> None:
        interactions = checkerboard()
        fitted = self.fit(interactions)
        fitted.save(tmp_path)
        loaded = load(self.name, tmp_path)
        assert loaded.parameters == fitted.parameters
        assert loaded.unit == fitted.unit
        assert list(loaded.items) == list(fitted.items)
        _assert_same(
            loaded.recommend(interactions.histories, 5), fitted.recommend(interactions.histories, 5)
        )
        assert np.array_equal(
            loaded.scores(interactions.histories), fitted.scores(interactions.histories)
        )

    def test_scores_of_some_items_are_those_of_all(self) -> None:
        interactions = checkerboard()
        model = self.fit(interactions)
        if not isinstance(model, Pointed):
            return
        wanted = np.array([[3, -1, 0, 9]] * 10, np.int32)
        every = model.scores(interactions.histories)
        for some in (wanted, wanted[:, :0]):
            found = model.scores_at(interactions.histories, some)
            assert found.dtype == np.int64
            assert np.array_equal(found, np.where(some < 0, 0, every[:, np.maximum(some[0], 0)]))

    def test_one_history_is_answered_as_it_is_among_many(self) -> None:
        interactions = checkerboard()
        model = self.fit(interactions)
        together = model.recommend(interactions.histories, 3)
        for row in range(len(interactions.histories)):
            alone = model.recommend(interactions.histories.take(np.array([row])), 3)
            assert np.array_equal(alone.items[0], together.items[row])

    def test_every_recommended_item_has_a_reason(self) -> None:
        interactions = checkerboard()
        model = self.fit(interactions)
        for row in range(len(interactions.histories)):
            history = interactions.histories.take(np.array([row]))
            items = model.recommend(history, 5).row(0)
            reasons = model.why(history, items)
            assert len(reasons) == len(items)
            for why in reasons:
                assert why.other == -1 or why.other in history.indices

    def test_a_reason_is_what_carries_the_score_and_holds_of_the_data(self) -> None:
        """The member of the history that a reason names speaks for the item by itself, and without
        it the score is less; where that weighs the other members anew, nearly always so."""
        known = drawn()
        model, have = self.fit(known), dense(known)
        less = []
        for history, items in asked(model, known):
            for item, why in zip(items.tolist(), model.why(history, items), strict=True):
                if why.kind == "popular":
                    assert 0 < (why.customers or 0) <= have[:, item].sum()
                elif why.kind == "rhythm":
                    assert item in history.indices
                else:
                    other = history.indices == why.other
                    if why.customers is not None:
                        assert 0 < why.customers <= (have[:, item] & have[:, why.other]).sum()
                    whole, alone, without = (
                        int(model.scores(part)[0, item])
                        for part in (history, history.where(other), history.where(~other))
                    )
                    assert alone > 0
                    less.append(without < whole)
        assert np.mean(less or [True]) >= self.carried

    def test_reasons_of_many_lists_are_those_of_each(self) -> None:
        known = drawn()
        model = self.fit(known)
        for history, items in asked(model, known):
            facts, many = model.why(history, items), whys(model, history, items[None, :])
            assert many.kinds[0].tolist() == [fact.number for fact in facts]
            others = [fact.other if fact.kind == "with" else -1 for fact in facts]
            assert many.others[0].tolist() == others

    def test_reasons_are_words_in_both_languages(self) -> None:
        known = drawn()
        model = self.fit(known)
        telling = Telling(lambda item: f"“{known.items[item]}”", True, None, ZoneInfo("UTC"))
        for history, items in asked(model, known):
            for why in model.why(history, items):
                said = reason(why, history, telling)
                assert said.code in CODES
                assert said.en[0].isupper() and "{" not in said.en + said.zh
                assert any("\u4e00" <= letter <= "\u9fff" for letter in said.zh)
                if why.kind == "with":
                    assert f"“{known.items[why.other]}”" in said.en
                    assert f"“{known.items[why.other]}”" in said.zh

    def test_too_large_a_block_of_scores_is_refused(self) -> None:
        model = self.fit(checkerboard())
        with pytest.raises(BadRequest, match="too many scores"):
            model.scores(_Endless())  # type: ignore[arg-type]

    def test_an_unknown_parameter_is_named(self) -> None:
        with pytest.raises(ConfigInvalid, match="no_such_thing"):
            parameters_of(self.name, {"no_such_thing": 1})

    def test_lists_are_the_best_scores_then_the_least_ids(self) -> None:
        @settings(max_examples=30, deadline=None)
        @given(pairs)
        def holds(drawn: list[Pair]) -> None:
            interactions = world(drawn)
            model, histories = self.fit(interactions), interactions.histories
            for exclude in (None, histories):
                ranked = model.recommend(histories, 4, exclude=exclude)
                wanted = top_k(model.scores(histories), 4, exclude=exclude)
                for row, own in enumerate(ranked.own.tolist()):
                    assert own == len(wanted.row(row))
                    assert np.array_equal(ranked.items[row, :own], wanted.row(row))
                    assert np.array_equal(ranked.scores[row, :own], wanted.scores[row, :own])

        holds()

    def test_the_order_of_rows_never_decides(self) -> None:
        @settings(max_examples=20, deadline=None)
        @given(pairs, st.randoms(use_true_random=False))
        def holds(drawn: list[Pair], random: Any) -> None:
            shuffled = list(drawn)
            random.shuffle(shuffled)
            one, two = world(drawn), world(shuffled)
            _assert_same(
                self.fit(one).recommend(one.histories, 6),
                self.fit(two).recommend(two.histories, 6),
            )

        holds()


def drawn() -> Interactions:
    """Thirty customers of three tastes, who have a little of everything."""
    draw = np.random.default_rng(4)
    taken = draw.integers(0, 10, (30, 6)) + 8 * (np.arange(30) % 3)[:, None]
    stray = draw.integers(0, 26, 30)
    pairs = {(f"c{at}", f"i{item}") for at, row in enumerate(taken) for item in (*row, stray[at])}
    return world(sorted(pairs))


def dense(known: Interactions) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Customers by items: who has what."""
    have = np.zeros((len(known.customers), len(known.items)), np.bool_)
    have[known.histories.rows, known.histories.indices] = True
    return have


def asked(model: Model, known: Interactions) -> Iterator[tuple[Histories, Index]]:
    """A few histories, each with a list of what is new to it and a list of anything."""
    for row in range(0, len(known.customers), 4):
        history = known.histories.take(np.array([row]))
        for exclude in (history, None):
            items = model.recommend(history, 4, exclude=exclude).row(0)
            if len(items):
                yield history, items


class _Endless:
    """Stands for more histories than memory could hold scores of."""

    def __len__(self) -> int:
        return 1 << 40


def _assert_same(one: Ranked, two: Ranked) -> None:
    assert np.array_equal(one.items, two.items)
    assert np.array_equal(one.scores, two.scores)
    assert np.array_equal(one.own, two.own)
