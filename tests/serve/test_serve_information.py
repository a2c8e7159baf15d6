"""One fact of a product or none: by chance, alike for all of them, and the same for one visit."""

from __future__ import annotations

import uuid
from collections import Counter

from asking import Ask

from bespeak.serve.information import Fact, chosen, facts


def option(name: str) -> Fact:
    return Fact(name, "attribute", None)


def test_each_fact_and_none_has_the_same_share_of_the_visits() -> None:
    options = [option("brand"), option("category"), option("together:i02")]
    seen = Counter(
        chosen(options, session_id=str(uuid.UUID(int=at)), item_id="i01").fact
        for at in range(8_000)
    )
    assert set(seen) == {"brand", "category", "together:i02", "none"}
    # four standard deviations of a share of a quarter
    assert all(abs(count - 2_000) < 4 * (8_000 * 0.25 * 0.75) ** 0.5 for count in seen.values())


def test_what_one_visit_sees_changes_only_where_its_fact_is_gone() -> None:
    options = [option("brand"), option("category"), option("together:i02")]
    for at in range(500):
        session = str(uuid.UUID(int=at))
        before = chosen(options, session_id=session, item_id="i01")
        after = chosen(options[1:], session_id=session, item_id="i01")
        assert before.fact in {after.fact, "brand"}


def test_a_product_of_which_nothing_is_known_has_none() -> None:
    item = {"brand": None, "category": None}
    assert facts(item, []) == []
    assert chosen([], session_id="s", item_id="i").kind == "none"


def test_the_answer_says_what_chance_it_had_and_is_the_same_again(ask: Ask) -> None:
    kinds = Counter()
    for at in range(60):
        target = f"/v1/items/i00/information?session_id={uuid.UUID(int=at)}"
        answer = ask(target)
        said = answer.json()
        assert answer.status == 200
        assert ask(target).json() == said
        # its category, what goes with it, or nothing: it has no brand
        assert said["propensity"] == 1 / 3
        assert said["policy"] == "uniform-1"
        assert (said["text"] is None) == (said["kind"] == "none")
        kinds[said["fact"]] += 1
    assert set(kinds) == {"category", "together:i01", "none"}


def test_it_wants_a_session_and_a_product_that_is_there(ask: Ask) -> None:
    assert ask("/v1/items/i00/information").status == 422
    assert ask("/v1/items/i00/information?session_id=").status == 422
    assert ask("/v1/items/none%20such/information?session_id=s").status == 404
