"""What a person agreed to: a purpose at a time, and the latest word on each holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final, Literal, get_args

import msgspec

Purpose = Literal["personalisation", "training", "marketing"]
"""`personalisation`: lists made from what somebody did. `training`: their rows may be learned from.
`marketing`: they may be written to."""
PURPOSES: tuple[Purpose, ...] = get_args(Purpose)
Unsaid = Literal["use", "refuse"]
"""What holds for who has said nothing."""
CONSENT: Final = "consent"
"""The type of an event that says it."""

REFUSED: Mapping[str, str] = MappingProxyType(
    {
        "code": "no_consent",
        "en": "They have not agreed to personal recommendations, so these are popular items",
        "zh": "未同意个性化推荐，因此推荐热门商品",
    }
)
"""Why a list is what a stranger gets."""


@dataclass(frozen=True)
class Word:
    """What somebody said of one purpose.

    at : microseconds since 1970; 0 where nobody knows when
    """

    purpose: Purpose
    agreed: bool
    at: int


@dataclass(frozen=True)
class Consent:
    """One word as a log keeps it: the latest of one identifier on one purpose.

    visitor : `namespace:value`, or `session:id`
    """

    visitor: str
    word: Word


Words = Mapping[Purpose, Word]
"""The latest of each purpose that somebody spoke of."""


def latest(words: Iterable[Word]) -> Words:
    """The word that holds, for each purpose; of two at the same time, a refusal."""
    found: dict[Purpose, Word] = {}
    for word in words:
        held = found.get(word.purpose)
        if held is None or (word.at, not word.agreed) > (held.at, not held.agreed):
            found[word.purpose] = word
    return found


@dataclass(frozen=True)
class Held:
    """What holds for one purpose.

    said  : whether they spoke of it; else bespeak.toml decides
    since : when they did; None where nobody knows
    """

    allowed: bool
    said: bool
    since: datetime | None


class Privacy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[privacy] of bespeak.toml: what holds where somebody has said nothing."""

    without_consent: Unsaid | dict[Purpose, Unsaid] = "use"
    """For all purposes, or by purpose; one that is not named is used."""

    def unsaid(self, purpose: Purpose) -> Unsaid:
        """What holds for who has said nothing of this purpose."""
        if isinstance(self.without_consent, dict):
            return self.without_consent.get(purpose, "use")
        return self.without_consent

    def allows(self, purpose: Purpose, words: Words) -> bool:
        """Whether somebody's data may be used for this."""
        word = words.get(purpose)
        return self.unsaid(purpose) == "use" if word is None else word.agreed

    def holds(self, words: Words) -> dict[Purpose, Held]:
        """What holds for each purpose after these words."""
        found = {}
        for purpose in PURPOSES:
            word = words.get(purpose)
            since = datetime.fromtimestamp(word.at / 1e6, UTC) if word and word.at else None
            found[purpose] = Held(self.allows(purpose, words), word is not None, since)
        return found
