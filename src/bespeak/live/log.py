"""What keeps events: appended durably, each once, read back by whose they are or in order."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from bespeak.columns import SESSION
from bespeak.consent import Consent
from bespeak.live.changes import Change, KeptChange
from bespeak.live.consents import consent_of
from bespeak.live.event import Entry

SEEN, SAID = 0, 1
"""Kinds of rows of `Lately.of`."""


class Seen(NamedTuple):
    """One thing in a visitor's history."""

    item_id: str
    type: str
    time: int
    """Microseconds since 1970."""


class Shown(NamedTuple):
    """One list that a visitor was shown."""

    items: Sequence[str]
    time: int
    """Microseconds since 1970."""


@dataclass(frozen=True)
class Lately:
    """What a list goes by, of one person and of the catalogue, at one moment.

    seen    : as `Log.history` gives it
    said    : as `Log.consents`
    changed : as `Log.changes_last`
    """

    seen: Sequence[Seen] = ()
    said: Sequence[Consent] = ()
    changed: int = 0

    @classmethod
    def of(cls, rows: Iterable[tuple[Any, ...]]) -> Lately:
        """Of rows (kind, …) in no order: 0, position, item_id, type, time of an event; 1, at,
        visitor, purpose, agreed of a word; 2, position of the latest change, and nothing else."""
        seen: list[tuple[int, Seen]] = []
        said: list[Consent] = []
        changed = 0
        for kind, number, *rest in rows:
            if kind == SEEN:
                seen.append((number, Seen(*rest)))
            elif kind == SAID:
                visitor, purpose, agreed = rest
                said.append(consent_of(visitor, purpose, agreed, number))
            else:
                changed = number or 0
        return cls([one for _, one in sorted(seen)], said, changed)


@dataclass(frozen=True)
class Kept:
    """One entry as it stands in the log; positions grow, with gaps at most."""

    position: int
    received: int
    entry: Entry


@dataclass(frozen=True)
class Held:
    """What a log takes up.

    bytes  : on disk, without what is free for the next events
    oldest : when it got the first of them, in microseconds since 1970; None where it is empty
    """

    events: int
    bytes: int
    oldest: int | None


Admit = Callable[[Sequence[Entry]], Sequence[Entry]]
"""Of some entries, those that may be kept."""


def everybody(entries: Sequence[Entry]) -> Sequence[Entry]:
    """All may be kept, where nobody was erased."""
    return entries


class Log(Protocol):
    """One tenant's events.

    It is opened with who may be kept (`Admit`), which is asked while nobody else can append: so
    whoever is marked as erased before `erase` is called is not in the log after it, nor later.

    Several processes may hold it open. What `append` returned for is there after a crash of any of
    them, and of the machine; every reader sees it from then on.
    """

    def append(self, batches: Sequence[Sequence[Entry]], received: int) -> list[int]:
        """Keep every entry whose event_id is new, all at once; how many were, by batch.

        One that may not be kept is not, and does not count.

        received : microseconds since 1970
        raises   : LogUnavailable when they can't be kept; none of them is then
        """
        ...

    def history(self, visitors: Sequence[str], limit: int, *, after: int = 0) -> list[Seen]:
        """The latest events about items of one person, oldest first; what they were shown is none.

        visitors : every identifier of that person; one who logged in brings the sessions along
        after    : only events beyond this position, and all of a session that became theirs beyond
        """
        ...

    def lately(self, visitors: Sequence[str], limit: int, *, after: int) -> Lately:
        """All that a list goes by, in one read; of `visitors`, each is named once."""
        ...

    def shown(self, visitors: Sequence[str], limit: int, *, since: int) -> list[Shown]:
        """The latest lists that one person was shown after an instant, the latest first.

        visitors : as `history` has them
        since    : microseconds since 1970
        """
        ...

    def index_shown(self) -> None:
        """Make `shown` quick, from now on: to keep a list takes a little longer then."""
        ...

    def since(self, visitors: Sequence[str], limit: int, *, after: int) -> list[Kept]:
        """All that one person did, oldest first, whole and not only about items.

        visitors, after : as `history` has them
        """
        ...

    def after(self, position: int, limit: int) -> Iterator[Kept]:
        """What came after `position`, in order; 0 is the beginning."""
        ...

    def last(self) -> int:
        """The greatest position; 0 when empty."""
        ...

    def part(self, session: str) -> bool:
        """Take a session away from whom it was joined to; whether it was joined to anybody."""
        ...

    def of(self, identifiers: Collection[str], *, after: int = 0) -> list[Kept]:
        """Every event beyond `after` that carries one of these identifiers (`namespace:value`)."""
        ...

    def sessions(self, visitors: Collection[str]) -> list[str]:
        """The sessions that are joined to one of these."""
        ...

    def owner(self, session: str) -> str | None:
        """Whom a session is joined to, as `namespace:value`."""
        ...

    def consents(self, visitors: Collection[str]) -> list[Consent]:
        """The latest words of these, and of the sessions that are joined to them."""
        ...

    def every_consent(self) -> list[Consent]:
        """The latest words of everybody, by visitor and purpose; they stay when events leave."""
        ...

    def erase(self, identifiers: Collection[str]) -> int:
        """Remove every event that carries one of these, their joins and words; how many events.

        Their bytes are gone from the log's files as well, as far as the store can promise it.
        raises : LogUnavailable
        """
        ...

    def drop(self, until: int, *, before: int | None = None, most: int | None = None) -> int:
        """Remove old events up to position `until`; how many.

        before : those that were received earlier than this (microseconds since 1970)
        most   : the oldest, and not more of them than this
        What sessions said of consent before that time leaves as well, but not what others did.
        """
        ...

    def held(self) -> Held: ...

    def change(self, changes: Sequence[Change], received: int) -> None:
        """Keep changes of the catalogue, in order and all at once, but those that change nothing.

        raises : LogUnavailable when they can't be kept; none of them is then
        """
        ...

    def changes_after(self, position: int, limit: int) -> Iterator[KeptChange]:
        """The changes after `position`, in order; these positions are not the events'."""
        ...

    def changes_last(self) -> int:
        """The greatest position of a change; 0 when there is none."""
        ...

    def probe(self) -> None:
        """Do what an append does, and keep nothing.

        raises : LogUnavailable where events could not be kept at this moment
        """
        ...

    def close(self) -> None: ...


def joins_of(batches: Sequence[Sequence[Entry]]) -> dict[str, str]:
    """Session -> whom its latest entry with somebody's identifier joins it to."""
    return {
        one.session: one.visitor
        for entries in batches
        for one in entries
        if one.session is not None and one.visitor != f"{SESSION}:{one.session}"
    }
