"""What is sold now: the changes of the catalogue since a version, as this worker last read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from bespeak.live import Log

READ = 10_000
"""Changes that are read at once."""

Changes = Mapping[str, Mapping[str, Any]]
"""item_id -> all that was said of it: see `live.changes.FIELDS`."""
UNCHANGED: Changes = MappingProxyType({})


@dataclass(frozen=True)
class _Held:
    base: int
    last: int
    changes: Changes


class Assortment:
    """The changes of one log; only those beyond one position are held."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._held = _Held(0, 0, UNCHANGED)

    def since(self, base: int, last: int | None = None) -> Changes:
        """What changed beyond position `base`, up to this moment; the same object while nothing
        more does.

        One look at the log's last position, and a read only where that has moved.

        last : that position, where the caller has just seen it
        """
        held = self._held
        if last is None:
            last = self._log.changes_last()
        if held.base != base:
            held = _Held(base, base, UNCHANGED)
        if last > held.last:
            held = self._read(held)
        self._held = held
        return held.changes

    def known(self, base: int) -> Changes:
        """What was last read of what changed beyond `base`."""
        held = self._held
        return held.changes if held.last > base else UNCHANGED

    def _read(self, held: _Held) -> _Held:
        changes, position = dict(held.changes), held.last
        while batch := list(self._log.changes_after(position, READ)):
            changes |= {one.item_id: one.said for one in batch}
            position = batch[-1].position
        return _Held(held.base, position, changes)


def described(
    item_id: str, row: Mapping[str, Any] | None, changes: Changes
) -> dict[str, Any] | None:
    """One item as it is now: a row of the snapshot with what was said since, or that alone.

    returns : as the snapshot's items; None where nobody knows it
    """
    said = changes.get(item_id)
    if said is None:
        return None if row is None else dict(row)
    known = {"item_id": item_id, "is_product": True, "events": 0, "customers": 0}
    empty = dict.fromkeys(("title", "category", "brand", "price", "available"))
    now = {**empty, **(known if row is None else row), **said}
    if isinstance(now["price"], str):
        now["price"] = Decimal(now["price"])
    if now.pop("sold", True) is False:
        now["available"] = False
    return now
