"""Read a published snapshot: files mapped into memory, customers found by binary search."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bespeak.compiled import sealed, span
from bespeak.consent import Word, Words, latest
from bespeak.errors import ArtifactCorrupt
from bespeak.serve import answers

FORMAT = 3
"""Of the files; another number is another layout."""

AT_HAND = 2_000
"""Persons of the latest requests that are not read again: visitors ask for a list a page. Some
2 MB."""

FILES = (
    "customers",
    "identities",
    "actors",
    "features",
    "memberships",
    "members",
    "events",
    "items",
    "hidden",
    "consent",
)


class Sorted:
    """An Arrow file in the order of its first key, read where it lies."""

    def __init__(self, path: Path, key: str) -> None:
        try:
            self.rows: pa.Table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
        except (OSError, pa.ArrowInvalid) as error:
            raise ArtifactCorrupt(
                f"{path}: not a readable Arrow file",
                next_step="Delete that folder and run `bespeak run` again.",
            ) from error
        self._keys = [_texts(chunk) for chunk in self.rows[key].chunks]
        self._columns = dict(zip(self.rows.column_names, self.rows.columns, strict=True))

    def of(self, key: str) -> pa.Table:
        """Every row of one key, in the file's order; none if it is not there."""
        start, stop = self._span(key)
        return self.rows.slice(start, stop - start)

    def one(self, key: str) -> dict[str, Any] | None:
        """The first row of one key."""
        start, stop = self._span(key)
        if start == stop:
            return None
        found: dict[str, Any] = self.rows.slice(start, 1).to_pylist()[0]
        return found

    def values(self, key: str, *names: str) -> list[tuple[Any, ...]]:
        """Some columns of every row of one key, in the file's order."""
        start, stop = self._span(key)
        if start == stop:
            return []
        parts = [self._columns[name].slice(start, stop - start).to_pylist() for name in names]
        return list(zip(*parts, strict=True))

    def has(self, key: str) -> bool:
        """Whether there is a row of that key."""
        start, stop = self._span(key)
        return start < stop

    def _span(self, key: str) -> tuple[int, int]:
        """Where its rows begin and end."""
        # engines order text by its UTF-8 bytes
        wanted = np.frombuffer(key.encode("utf-8", "surrogatepass"), np.uint8)
        start = stop = 0
        for blob, ends in self._keys:
            first, last = span(blob, ends, wanted)
            if start == stop:  # none of them has been found so far
                start = stop + first
            stop += last
            if last < len(ends) - 1:
                break
        return start, stop


def _texts(keys: pa.Array) -> tuple[Any, ...]:
    """The bytes and the ends of a piece of a column of text, where they lie."""
    _, ends, blob = keys.buffers()
    kind = np.int64 if pa.types.is_large_string(keys.type) else np.int32
    starts = np.frombuffer(ends, kind)[keys.offset :][: len(keys) + 1]
    return sealed(np.frombuffer(blob or b"", np.uint8), starts)


@dataclass(frozen=True)
class Person:
    """What a snapshot knows of one customer.

    known       : whether there is such a customer
    identifiers : theirs, each once, as the event log spells them
    words       : what they had said of consent
    hidden      : ids of the items that they have dismissed
    """

    known: bool
    identifiers: Sequence[str]
    words: Words
    hidden: Sequence[str]


@dataclass(frozen=True)
class Snapshot:
    """One published version, opened. Nothing is copied until it is asked for."""

    about: Mapping[str, Any]
    customers: Sorted
    identities: Sorted
    actors: Sorted
    features: Sorted
    meanings: answers.Features
    memberships: Sorted
    members: Sorted
    events: Sorted
    items: Sorted
    hidden: Sorted
    consent: Sorted
    overview: Mapping[str, Any]
    data: answers.Data
    segments: answers.Segments
    lists: answers.ListsShown
    evaluation: answers.Evaluation | None

    @classmethod
    def open(cls, folder: Path) -> Snapshot:
        """The snapshot in `folder`.

        raises : ArtifactCorrupt if a file is missing, unreadable or of another layout
        """
        about = _read(folder / "snapshot.json", dict[str, Any])
        if about.get("format") != FORMAT:
            raise ArtifactCorrupt(
                f"{folder}: its layout is another version's",
                found=repr(about.get("format")),
                expected=repr(FORMAT),
                next_step="Run `bespeak run` again.",
            )
        keys = dict.fromkeys(FILES, "customer_id")
        keys |= {"members": "key", "items": "item_id", "actors": "actor"}
        files = {name: Sorted(folder / f"{name}.arrow", keys[name]) for name in FILES}
        evaluation = folder / "evaluation.json"
        return cls(
            about=about,
            overview=_read(folder / "overview.json", dict[str, Any]),
            data=_read(folder / "data.json", answers.Data),
            meanings=_read(folder / "features.json", answers.Features),
            segments=_read(folder / "segments.json", answers.Segments),
            lists=_read(folder / "lists.json", answers.ListsShown),
            evaluation=_read(evaluation, answers.Evaluation) if evaluation.is_file() else None,
            **files,
        )

    @property
    def features_as_of(self) -> datetime:
        """The instant that the features hold for."""
        return datetime.fromisoformat(self.about["features_as_of"])

    def has_customer(self, customer_id: str) -> bool:
        """Whether there is such a customer."""
        return self.person(customer_id).known

    def history(self, customer_id: str) -> pa.Table:
        """One customer's events, oldest first: time, type, item_id, quantity, value, …"""
        return self.events.of(customer_id)

    def person(self, customer_id: str) -> Person:
        """What is known of one customer, read once for all that a request asks of them."""
        return self._persons(customer_id)

    @cached_property
    def _persons(self) -> Callable[[str], Person]:
        files = (self.customers, self.identities, self.consent, self.hidden)
        return lru_cache(AT_HAND)(partial(_person, *files))

    def hidden_from(self, customer_id: str) -> list[str]:
        """The items that a customer has dismissed."""
        return list(self.person(customer_id).hidden)

    def customer_of(self, actor: str) -> str | None:
        """The customer that an identifier is of, `namespace:value`; None where nobody knows."""
        found = self.actors.one(actor)
        return None if found is None else str(found["customer_id"])

    def consent_of(self, customer_id: str) -> Words:
        """What a customer had said of each purpose."""
        return self.person(customer_id).words

    def find_customers(self, asked: str, limit: int) -> tuple[list[dict[str, Any]], int]:
        """Customers whose id, name or identifier holds `asked`, and how many there are.

        The one whose id is `asked` comes first, then the busiest, then by id.
        """
        rows = self.customers.rows
        if not asked:
            return _busiest(rows, None, "customer_id", asked, limit)
        links = self.identities.rows
        linked = links["customer_id"].filter(_holds(links, asked))
        known = pc.is_in(rows["customer_id"], value_set=linked.combine_chunks())
        return _busiest(rows, pc.or_(_holds(rows, asked), known), "customer_id", asked, limit)

    def find_items(self, asked: str, limit: int) -> tuple[list[dict[str, Any]], int]:
        """Items that hold every word of `asked` in id, title, category or brand; as above."""
        rows, found = self.items.rows, None
        for word in asked.split():
            here = _holds(rows, word)
            found = here if found is None else pc.and_(found, here)
        return _busiest(rows, found, "item_id", asked, limit)


def _person(
    customers: Sorted, identities: Sorted, consent: Sorted, hidden: Sorted, customer_id: str
) -> Person:
    spelled = identities.values(customer_id, "namespace", "value")
    return Person(
        customers.has(customer_id),
        list(dict.fromkeys(f"{namespace}:{value}" for namespace, value in spelled)),
        latest(Word(*said) for said in consent.values(customer_id, "purpose", "agreed", "at")),
        [item for (item,) in hidden.values(customer_id, "item_id")],
    )


def _holds(rows: pa.Table, asked: str) -> Any:
    """Whether each row's `search` text, which is in lower case, holds what was asked."""
    return pc.match_substring(rows["search"], asked.lower())


def _busiest(
    rows: pa.Table, mask: Any, key: str, asked: str, limit: int
) -> tuple[list[dict[str, Any]], int]:
    """Of the rows under `mask`, the `limit` with most events, and how many there are.

    Ties fall to the id; an exact id comes before all. Only the rows returned are copied.
    """
    everyone = pa.array(np.arange(rows.num_rows)) if mask is None else pc.indices_nonzero(mask)
    narrow = pa.table({"place": everyone})
    for column in (key, "events"):
        narrow = narrow.append_column(column, rows[column].take(narrow["place"]))
    exact = pc.equal(narrow[key], asked).cast(pa.int8())
    narrow = narrow.append_column("exact", exact)
    order = [("exact", "descending"), ("events", "descending"), (key, "ascending")]
    best = narrow["place"].take(pc.select_k_unstable(narrow, k=limit, sort_keys=order))
    found: list[dict[str, Any]] = rows.take(best).to_pylist()
    return found, narrow.num_rows


def _read(path: Path, kind: Any) -> Any:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError) as error:
        raise ArtifactCorrupt(
            f"{path}: can't be read as what it should be",
            next_step="Delete that folder and run `bespeak run` again.",
        ) from error
