"""What people say of consent, taken out of events: the latest word of each, kept beside them.

Events leave the log with time; what somebody refused must not be forgotten with them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import msgspec

from bespeak.consent import CONSENT, PURPOSES, Consent, Purpose, Word, latest
from bespeak.live.event import Entry

Row = tuple[str, str, bool, int]
"""visitor, purpose, agreed, at."""


class _Told(msgspec.Struct, frozen=True):
    """What a kept body says of consent."""

    properties: dict[str, Any] = {}


_told = msgspec.json.Decoder(_Told).decode


def speaking(entries: Iterable[Entry]) -> list[Entry]:
    """Those of the entries that say something of consent."""
    return [one for one in entries if one.type == CONSENT]


def words_of(entry: Entry) -> list[Word]:
    """What the entry says of each purpose that it names."""
    said = _told(entry.body).properties
    return [Word(purpose, said[purpose], entry.time) for purpose in PURPOSES if purpose in said]


def new_words(entries: Iterable[Entry], known: Collection[str]) -> list[Row]:
    """The latest word of each visitor on each purpose, of entries that are new.

    known : event_ids that the log had before
    """
    seen = set(known)
    said: dict[str, list[Word]] = {}
    for entry in entries:
        if entry.event_id not in seen:
            seen.add(entry.event_id)
            said.setdefault(entry.visitor, []).extend(words_of(entry))
    return [
        (visitor, word.purpose, word.agreed, word.at)
        for visitor, words in said.items()
        for word in latest(words).values()
    ]


def consent_of(visitor: str, purpose: Purpose, agreed: int | bool, at: int) -> Consent:
    """A row of the log."""
    return Consent(visitor, Word(purpose, bool(agreed), at))
