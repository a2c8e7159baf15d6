"""The latest word holds, a refusal wins a tie, and bespeak.toml says what holds without one."""

from __future__ import annotations

import itertools

import pytest

from bespeak.config import parse
from bespeak.consent import PURPOSES, Privacy, Word, latest
from bespeak.errors import ConfigInvalid


def test_the_latest_word_on_each_purpose_holds_in_whatever_order_they_come() -> None:
    words = [
        Word("training", True, 5), Word("training", False, 7), Word("marketing", False, 0),
        Word("marketing", True, 1), Word("personalisation", True, 3),
        Word("personalisation", False, 3),
    ]  # fmt: skip
    for order in itertools.permutations(words):
        held = latest(order)
        assert {one: word.agreed for one, word in held.items()} == {
            "training": False, "marketing": True, "personalisation": False,
        }  # fmt: skip


def test_who_said_nothing_is_used_unless_the_config_refuses() -> None:
    head = {"workspace": {"name": "Shop"}}
    default = parse(head).privacy
    assert all(default.allows(purpose, {}) for purpose in PURPOSES)
    strict = parse({**head, "privacy": {"without_consent": "refuse"}}).privacy
    assert not any(strict.allows(purpose, {}) for purpose in PURPOSES)
    assert strict.allows("training", latest([Word("training", True, 1)]))
    mixed = parse({**head, "privacy": {"without_consent": {"marketing": "refuse"}}}).privacy
    assert [one for one in PURPOSES if not mixed.allows(one, {})] == ["marketing"]
    assert not Privacy().allows("training", latest([Word("training", False, 1)]))


@pytest.mark.parametrize("wrong", ["maybe", {"selling": "use"}, {"training": "yes"}, 1])
def test_what_the_config_may_not_say_is_named(wrong: object) -> None:
    with pytest.raises(ConfigInvalid, match="privacy"):
        parse({"workspace": {"name": "Shop"}, "privacy": {"without_consent": wrong}})
