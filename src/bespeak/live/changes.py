"""Changes of the catalogue, as a shop tells them: in order, so that it is known what held when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

FIELDS = ("title", "category", "brand", "price", "available", "sold")
"""What a change may say of an item; `sold` is false when the shop has given it up."""


@dataclass(frozen=True)
class Change:
    """Some fields of one item, as they are from now on; what is not named stays as it was.

    said : of FIELDS; price as a decimal text
    """

    item_id: str
    said: Mapping[str, Any]


@dataclass(frozen=True)
class KeptChange:
    """One change as it stands in the log; positions grow, with gaps at most.

    time : when it came, in microseconds since 1970
    said : all that changes have said of the item up to this one
    """

    position: int
    item_id: str
    time: int
    said: Mapping[str, Any]


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


def folded(changes: Iterable[Change], before: Mapping[str, bytes]) -> list[tuple[str, bytes]]:
    """item_id and body of the changes that change something, each with what was said before it.

    before : item_id -> the body of its latest change, as far as there is one
    """
    known = {item_id: _decode(body) for item_id, body in before.items()}
    rows = []
    for change in changes:
        was = known.get(change.item_id)
        now = {**(was or {}), **change.said}
        if now != was:
            known[change.item_id] = now
            rows.append((change.item_id, _encode(now)))
    return rows


def kept_change(position: int, item_id: str, time: int, body: bytes) -> KeptChange:
    """A row of the log."""
    return KeptChange(position, item_id, time, _decode(body))


def named(changes: Sequence[Change]) -> list[str]:
    """The items that these change, each once."""
    return sorted({change.item_id for change in changes})
