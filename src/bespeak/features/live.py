"""Features brought up to date event by event, by the declarations that the tables are made from.

`Live.add` takes an event into the state of a customer or an item; `Live.values` gives the features
at an instant after it: the same that a table would have whose `as_of` is that instant. States
merge (`State.merged`), in any grouping, to that of all their events.

What the clock alone changes (windows, decay) is kept by the instant of its event, all else in one
cell, or one per value of what is counted. An item's category counts as it is when the event is
added; a table takes the present one for all events.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from bespeak.errors import BadRequest
from bespeak.features.clock import micros, offset
from bespeak.features.declare import (
    DAY,
    Aggregate,
    Feature,
    Is,
    Number,
    Where,
    Within,
    aggregates,
    evaluate,
)
from bespeak.features.kinds import FEE, HOUR, WEIGHT_ONE

Row = Mapping[str, Any]
"""An event as declarations see it: dimension or measure -> value."""
Key = tuple[Any, int | None]
"""The value that is counted (None where nothing is), and the instant where time matters."""
Cell = Any
"""Of a count: rows. Of a sum: rows, and the sum of those that have a value. Of min, max and last:
the value. Of followed: the first `where` and the last `then`. Of distinct: True."""
QUANTUM = Decimal("0.0001")
NARROW = ("category", "channel", "part", "weekday", "type")
"""Columns that tell most aggregates from those that an event adds to, the surest first."""


@dataclass(frozen=True)
class State:
    """What is remembered of one customer or item: for each aggregate, its cells."""

    cells: dict[Aggregate, dict[Key, Cell]] = field(default_factory=dict)

    def add(self, need: Aggregate, key: Key, cell: Cell) -> None:
        """Merge one cell in."""
        known = self.cells.get(need)
        if known is None:
            known = self.cells[need] = {}
        known[key] = _merge(need.kind, known[key], cell) if key in known else cell

    def merged(self, other: State) -> State:
        """The state of the events of both."""
        whole = State({need: dict(cells) for need, cells in self.cells.items()})
        for need, cells in other.cells.items():
            for key, cell in cells.items():
                whole.add(need, key, cell)
        return whole


class Live:
    """The features that can be brought up to date by event, of customers or of items."""

    def __init__(
        self, features: Iterable[Feature], zone: str, categories: Mapping[str, str | None]
    ) -> None:
        """zone       : whose clocks tell hour and weekday
        categories : item_id -> category (the first level)
        raises     : ValueError for `followed` within a window, which no state can tell
        """
        self.features = tuple(one for one in features if not one.batch_only)
        self._needs = (*aggregates(self.features), LATEST)
        self._asked = _by_what_they_ask(self._needs)
        self._zone, self._categories = ZoneInfo(zone), categories
        for need in self._needs:
            if need.kind == "followed" and _timed(need):
                raise ValueError(f"`followed` within a window has no live value: {need}")

    def add(self, state: State, event: Mapping[str, Any]) -> None:
        """Take one event in; the order in which they are taken does not matter.

        event : as the record has it, with is_product
        """
        row = happened(event)
        if row is None:
            return
        row = self._timed(row)
        for column in (None, *NARROW):
            value = None if column is None else row[column]
            for asked in self._asked.get((column, value), ()):
                cell = asked.cell(row)
                if cell is not None:
                    state.add(asked.need, asked.key(row), cell)

    def values(self, state: State, as_of: datetime) -> dict[str, int | float | None]:
        """Each feature at an instant after all events of the state; null where undefined.

        raises : BadRequest for an instant that is not after them
        """
        at = micros(as_of)
        known: dict[Aggregate, Number | None] = {
            need: _value(need, state.cells.get(need, {}), at) for need in self._needs
        }
        latest = known[LATEST]
        if latest is not None and latest >= at:
            raise BadRequest(
                "features: the state knows of events at or after as_of",
                found=as_of.isoformat(),
                expected="an instant after the latest event",
            )
        found = {one.name: (one, evaluate(one.term, known, at)) for one in self.features}
        return {
            name: None if value is None else int(value) if one.whole else float(value)
            for name, (one, value) in found.items()
        }

    def trimmed(self, state: State, as_of: datetime) -> State:
        """The state without what can't count from as_of on."""
        at = micros(as_of)
        return State(
            {
                need: {
                    key: cell
                    for key, cell in cells.items()
                    if key[1] is None or at - key[1] <= _horizon(need)
                }
                for need, cells in state.cells.items()
            }
        )

    def _timed(self, row: Row) -> Row:
        """With the dimensions that follow from when it was, and from its item."""
        hour = (row["at"] + offset(self._zone, row["at"])) // HOUR
        return {
            **row,
            "hour": hour,
            "day": hour // 24,
            "part": hour % 24 // 6,
            "weekday": (hour // 24 + 3) % 7,
            "category": self._categories.get(row["item"]),
        }


LATEST = Aggregate("max", "at")


@dataclass(frozen=True)
class _Asked:
    """An aggregate, and what of it is asked for each event: worked out once."""

    need: Aggregate
    tests: tuple[tuple[str, frozenset[Any]], ...]
    counted: str | None
    timed: bool

    @classmethod
    def of(cls, need: Aggregate) -> _Asked:
        parts = () if need.kind == "followed" else need.where
        tests = tuple((one.column, frozenset(one.values)) for one in parts if isinstance(one, Is))
        counted = need.of if need.kind in {"distinct", "followed"} else None
        return cls(need, tests, counted, _timed(need))

    def cell(self, row: Row) -> Cell | None:
        """What one row adds; None where it adds nothing."""
        for column, values in self.tests:
            if row[column] not in values:
                return None
        return _lift(self.need, row)

    def key(self, row: Row) -> Key:
        """Where that goes."""
        counted = None if self.counted is None else row[self.counted]
        return counted, row["at"] if self.timed else None


def _by_what_they_ask(
    needs: Iterable[Aggregate],
) -> Mapping[tuple[str | None, Any], Sequence[_Asked]]:
    """(column, value) -> the aggregates that only rows with that can add to.

    An event can add to a few of them, and most of the time went into finding that it can't to
    the others. Under (None, None) are those that any row may add to.
    """
    found: dict[tuple[str | None, Any], list[_Asked]] = {}
    for need in needs:
        asked = {part.column: part.values for part in need.where if isinstance(part, Is)}
        column = next((one for one in NARROW if one in asked and need.kind != "followed"), None)
        for value in (None,) if column is None else asked[column]:
            found.setdefault((column, value), []).append(_Asked.of(need))
    return found


def happened(event: Mapping[str, Any]) -> Row | None:
    """One event as `behaviour.happened` has it; None for `adjust`, which is nobody's doing."""
    kind, at = event["type"], micros(event["time"])
    if kind == "adjust":
        return None
    fee = event["is_product"] is False and kind in {"purchase", "return"}
    order = (event["order_id"] or f"@{at}") if kind == "purchase" and not fee else None
    value, discount, quantity = event["value"], event["discount"], event["quantity"]
    known = value is not None and discount is not None
    return {
        "customer": event["customer_id"],
        "item": event["item_id"],
        "type": FEE if fee else kind,
        "channel": event["channel"],
        "session": event["session_id"],
        "order": order,
        "at": at,
        "quantity": None if quantity is None else Decimal(str(quantity)).quantize(QUANTUM),
        "price": event["price"],
        "value": value,
        "discount": discount,
        "list_value": value + discount if known else None,
    }


# -- cells -------------------------------------------------------------------------------------


def _lift(need: Aggregate, row: Row) -> Cell | None:
    """What one row that meets its conditions adds; None where it adds nothing."""
    if need.kind == "followed":
        on = row[need.on]
        pair = (on if _meets(row, need.where) else None, on if _meets(row, need.then) else None)
        return None if pair == (None, None) or row[need.of] is None else pair
    match need.kind:
        case "count":
            return 1
        case "distinct":
            return True
        case "sum" | "decayed":
            return 1, row[need.of]
        case "last":
            return None if row[need.of] is None else (row["at"], row[need.of])
        case _:
            return row[need.of]


def _merge(kind: str, one: Cell, other: Cell) -> Cell:
    match kind:
        case "count":
            return one + other
        case "distinct":
            return True
        case "sum" | "decayed":
            return one[0] + other[0], _both(one[1], other[1], lambda a, b: a + b)
        case "followed":
            return _both(one[0], other[0], min), _both(one[1], other[1], max)
        case "min":
            return min(one, other)
        case _:
            return max(one, other)


def _both(one: Any, other: Any, how: Any) -> Any:
    """The two together; the one that is there where the other is not."""
    return other if one is None else one if other is None else how(one, other)


def _value(need: Aggregate, cells: Mapping[Key, Cell], as_of: int) -> Number | None:
    """The aggregate over the cells that count at the instant."""
    held: dict[Key, Any] = {
        key: cell for key, cell in cells.items() if _counts(need.where, key[1], as_of)
    }
    match need.kind:
        case "count":
            return int(sum(held.values()))
        case "distinct":
            found = len({counted for counted, _ in held} - {None})
            return found if found or not held else None
        case "followed":
            pairs = held.values()
            return int(sum(a is not None and b is not None and a < b for a, b in pairs))
        case "sum":
            valued = [total for _, total in held.values() if total is not None]
            return sum(valued, Decimal(0)) if valued or not held else None
        case "decayed":
            weighed = [
                total * _weight(need, as_of - at)
                for (_, at), (_, total) in held.items()
                if total is not None and at is not None
            ]
            return float(sum(weighed, Decimal(0))) / WEIGHT_ONE if weighed or not held else None
        case _:
            return _extreme(need.kind, list(held.values()))


def _extreme(kind: str, cells: list[Any]) -> Number | None:
    """Of `min`, `max` or `last`; None of no cells."""
    if not cells:
        return None
    found: Number = min(cells) if kind == "min" else max(cells)[1] if kind == "last" else max(cells)
    return found


def _weight(need: Aggregate, ago: int) -> int:
    """What a row of so many microseconds ago weighs, in millionths."""
    halved: float = 2.0 ** (-(ago // DAY) / need.half_life_days)
    return round(halved * WEIGHT_ONE)


def _timed(need: Aggregate) -> bool:
    """Whether the clock alone changes its value."""
    windows = [part for part in need.where + need.then if isinstance(part, Within)]
    return need.kind == "decayed" or bool(windows)


def _horizon(need: Aggregate) -> int:
    """After how long a row no longer counts: microseconds."""
    windows = [part.days * DAY for part in need.where if isinstance(part, Within)]
    if windows:
        return min(windows)
    # below half a millionth a weight is 0
    return need.half_life_days * DAY * (2 * WEIGHT_ONE).bit_length() + DAY


def _meets(row: Row, where: Where) -> bool:
    """Whether the row holds all that is asked but of the clock."""
    return all(row[part.column] in part.values for part in where if isinstance(part, Is))


def _counts(where: Where, at: int | None, as_of: int) -> bool:
    """Whether an instant lies in every window."""
    windows = [part for part in where if isinstance(part, Within)]
    if at is None:
        return True
    ago = as_of - at
    return all(
        ago <= part.days * DAY and (part.until == 0 or ago > part.until * DAY) for part in windows
    )
