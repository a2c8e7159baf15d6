"""Which column plays which role: by what it is called, and only if its values could be that."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from bespeak.collect.evidence import Column
from bespeak.collect.mapping import PERSONAL_WORDS
from bespeak.collect.vocabulary import (
    alike,
    kinds_of,
    meanings,
    names_of,
    plain,
    type_of_event,
    vocabulary,
)

ENOUGH = 0.6
"""Score below which a claim is no better than chance."""

SOMEBODY = "@"
"""Stands before the roles of identifiers: a device may be a property, or somebody's."""

WHO = ("customer", "user", "member", "household")
"""Namespaces that number whole customers."""

_ABOUT = ("country", "region", "city", "gender", "language")
_ITEM = ("title", "category", "brand")
TABLES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "events": (
            "order_id", "item_id", "session_id", "time", "clock", "quantity", "price", "value",
            "discount", "currency", "type", "status", "url", "rating", "text", *_ITEM, "place",
            "channel", "device", "position", "campaign", "sent", "opened", "clicked", "event_id",
            *_ABOUT,
        ),
        "texts": ("text", "item_id", "time", "clock", "rating", "title", "channel", "language",
                  "text_id", "category", *_ABOUT),
        "items": ("item_id", *_ITEM, "price", "available", "time"),
        "customers": ("name", *_ABOUT, "birth", "age", "income", "household", "consent", "time"),
        "offers": ("offer_id", "campaign", "item_id", "from_time", "to_time", "time", "kind"),
        "placements": ("item_id", "place", "display", "from_time", "to_time", "time", "week",
                       "position"),
    }
)  # fmt: skip
"""The roles that may be played in each table."""
MANY = ("discount", "category", "display")
"""Roles that several columns may share."""
PERSONAL = ("name", "birth", "text")
PEOPLE = ("events", "texts", "customers", "offers")


@dataclass(frozen=True)
class Claim:
    """One column's right to one role, from 0 to 1, and what it rests on."""

    role: str
    column: Column
    score: float
    reason: str


@dataclass(frozen=True)
class Cast:
    """Who plays what in one table."""

    table: str
    roles: Mapping[str, Claim]
    shared: Mapping[str, list[Claim]]
    """For roles that several columns may share: the further ones, in the order of the file."""
    people: Mapping[str, Claim]
    """Namespace -> the column of its identifiers."""
    rest: Sequence[Column] = field(default=())
    """Columns without a role."""

    def has(self, *roles: str) -> bool:
        return any(role in self.roles for role in roles)

    def column(self, role: str) -> Column:
        return self.roles[role].column

    @property
    def who(self) -> bool:
        return bool(self.people)


def cast(table: str, columns: Sequence[Column], hints: Sequence[str]) -> Cast:
    """The best columns for the roles of one table, the strongest claim first.

    hints : what the file's name says (see `[files]` in the vocabulary)
    """
    claims = [claim for claim in _claims(table, columns, hints) if claim.score >= ENOUGH]
    order = {column.name: at for at, column in enumerate(columns)}
    ranked = sorted(claims, key=lambda c: (-round(c.score, 3), order[c.column.name], c.role))
    roles: dict[str, Claim] = {}
    taken: set[str] = set()
    for claim in ranked:
        if claim.role not in roles and claim.column.name not in taken:
            roles[claim.role] = claim
            taken.add(claim.column.name)
    shared: dict[str, list[Claim]] = {}
    for claim in sorted(claims, key=lambda c: order[c.column.name]):
        if claim.role in MANY and claim.role in roles and claim.column.name not in taken:
            shared.setdefault(claim.role, []).append(claim)
            taken.add(claim.column.name)
    return Cast(
        table,
        {role: claim for role, claim in roles.items() if not role.startswith(SOMEBODY)},
        shared,
        {r.removeprefix(SOMEBODY): c for r, c in roles.items() if r.startswith(SOMEBODY)},
        [column for column in columns if column.name not in taken],
    )


def _claims(table: str, columns: Sequence[Column], hints: Sequence[str]) -> Iterator[Claim]:
    timed = [column for column in columns if column.is_time]
    for column in columns:
        if not column.present:
            continue
        for role in TABLES[table]:
            yield _claim(role, column, table)
        if table in PEOPLE:
            for namespace, names in vocabulary()["identifiers"].items():
                yield _identifier(namespace, names, column)
        yield from _hinted(table, column, hints)
    if len(timed) == 1 and "time" in TABLES[table]:
        yield Claim("time", timed[0], 0.65, "it is the only column of times")


def _claim(role: str, column: Column, table: str) -> Claim:
    name = alike(column.words, names_of(role))
    if not name or not column.looks(kinds_of(role)):
        return Claim(role, column, 0.0, "")
    score = name * SUITS.get(role, _anything)(column)
    if column.words in {"name", "id"} and role == "title" and table != "items":
        score *= 0.5
    return Claim(role, column, score, _why(column, name, person=role in PERSONAL))


def _why(column: Column, name: float, *, person: bool = False) -> str:
    called = "its name says so" if name > 0.9 else "its name suggests it"
    return f"{called}, {facts(column, person=person)}"


def facts(column: Column, *, person: bool = False) -> str:
    """What stands in a column, without quoting it; of a person's values not even the largest."""
    filled = f"; {column.missing:,} of {len(column.cells):,} rows lack it" if column.missing else ""
    if person:
        return f"{len(column.counts):,} different values in {len(column.cells):,} rows{filled}"
    if column.times is not None:
        return f"{column.times.reason}{filled}"
    if column.is_number:
        kind = "whole numbers" if column.is_whole else "numbers"
        low, high = min(column.figures), max(column.figures)
        return f"{kind} from {low:,.6g} to {high:,.6g}{filled}"
    return f"{len(column.counts):,} different texts in {len(column.cells):,} rows{filled}"


def _identifier(namespace: str, names: Sequence[str], column: Column) -> Claim:
    """By name; an e-mail or IP address also by its values."""
    role = SOMEBODY + namespace
    if namespace in {"email", "ip"} and getattr(column, f"is_{namespace}"):
        return Claim(role, column, 0.97, f"its values are {namespace} addresses")
    name = alike(column.words, names)
    if column.is_email or (namespace == "ip" and column.words != "host") or namespace == "email":
        return Claim(role, column, 0.0, "")
    dotted = namespace == "cookie" and all(isinstance(cell, str) for cell in column.present)
    fits = column.is_whole or column.is_float_key or column.is_text or dotted
    wrong = min(column.figures, default=0) < -1 or column.is_yes_no or _is_kind(column)
    if not name or not fits or wrong:
        return Claim(role, column, 0.0, "")
    score = name * SUITS.get(namespace, _anything)(column)
    return Claim(role, column, score, _why(column, name, person=True))


def _hinted(table: str, column: Column, hints: Sequence[str]) -> Iterator[Claim]:
    """A bare `id` is the key of what the file's name names."""
    if column.words not in {"id", "code", "key", "编号"} or not column.unique:
        return
    if table == "items" and "items" in hints:
        yield Claim("item_id", column, 0.8, "the file's name says what it numbers")
    if table == "customers" and "customers" in hints:
        yield Claim(f"{SOMEBODY}customer", column, 0.8, "the file's name says what it numbers")


# -- what values a role can bear -----------------------------------------------------------------


def _known_share(column: Column, means: Callable[[str], object]) -> float:
    """The share of rows whose value means something."""
    known = sum(count for value, count in column.counts.items() if means(value))
    return known / max(len(column.present), 1)


def _state(value: str) -> str | None:
    return meanings("states").get(plain(value))


def _anything(_: Column) -> float:
    return 1.0


def _is_key(column: Column) -> float:
    """An id has no fraction, no sign, and is no sentence."""
    if column.is_yes_no or column.is_page or (column.is_number and not column.is_whole):
        return 0.0
    if min(column.figures, default=0) < -1:
        return 0.0
    return 1.0 if column.length <= 40 else 0.3


def _is_order(column: Column) -> float:
    bare = column.words == "name"  # as some shops call the order
    shape = r"#?[A-Z]{0,4}-?\d+" if bare else r".*\d.*"
    numbered = sum(bool(re.fullmatch(shape, text)) for text in column.counts)
    if numbered < (0.95 if bare else 0.5) * len(column.counts):
        return 0.0
    return _is_key(column)


def _is_item(column: Column) -> float:
    wordy = sum(" " in text for text in column.counts) > 0.5 * len(column.counts)
    return _is_key(column) * (0.75 if wordy else 1.0)


def _is_type(column: Column) -> float:
    return 0.0 if len(column.counts) > 200 else _known(_known_share(column, type_of_event))


def _is_status(column: Column) -> float:
    return _known(_known_share(column, _state))


def _known(share: float) -> float:
    return 0.0 if share < 0.5 else 0.9 + 0.1 * share


def _is_region(column: Column) -> float:
    return 0.0 if _known_share(column, _state) >= 0.5 else _few(column)


def _few(column: Column) -> float:
    """A property that many share: not nearly as many values as rows."""
    rows = len(column.present)
    return 1.0 if len(column.counts) <= max(0.6 * rows, 12) else 0.4


def _is_text(column: Column) -> float:
    return 1.0 if column.length >= 20 and not column.is_page else 0.0


def _is_title(column: Column) -> float:
    wrong = column.is_page or column.is_email or PERSONAL_WORDS.search(column.words)
    return 0.0 if column.length < 2.5 or wrong else 1.0


def _is_rating(column: Column) -> float:
    figures = column.figures
    return 1.0 if figures and min(figures) >= -1 and max(figures) <= 100 else 0.0


def _is_amount(column: Column) -> float:
    """Money: no long whole numbers, which are ids."""
    return 0.3 if column.is_whole and min(map(abs, column.figures)) > 1e7 else 1.0


def _is_birth(column: Column) -> float:
    years = all(1900 <= number <= 2035 for number in column.figures)
    return 1.0 if column.is_time or (column.is_whole and years) else 0.0


def _is_counter(column: Column) -> float:
    return 1.0 if not column.is_whole or min(column.figures) >= 0 else 0.0


def _is_discount(column: Column) -> float:
    """An amount, no percentage."""
    shares = re.search(r"percent|pct|rate|ratio|率", column.words)
    return 0.0 if shares else 1.0


def _is_page(column: Column) -> float:
    return 1.0 if column.is_page else 0.0


def _is_person(column: Column) -> float:
    return 0.0 if column.is_email or column.is_page else 1.0


def _is_cookie(column: Column) -> float:
    """`client id` is a browser where its values are no plain numbers."""
    return 0.7 if column.is_whole and column.words == "client id" else 1.0


def _is_kind(column: Column) -> bool:
    """Whether so few values stand in so many rows that they are kinds, not people."""
    kinds = vocabulary()["devices"]["names"]
    few = len(column.present) >= 50 and len(column.counts) <= 5
    return few or all(text.lower() in kinds for text in column.counts)


def _is_handle(column: Column) -> float:
    wordy = sum(" " in text for text in column.counts) > 0.3 * len(column.counts)
    return 0.5 if wordy else 1.0


SUITS: Mapping[str, Callable[[Column], float]] = MappingProxyType(
    {
        "order_id": _is_order,
        "item_id": _is_item,
        "session_id": _is_key,
        "offer_id": _is_key,
        "event_id": lambda column: 1.0 if column.unique else 0.0,
        "text_id": lambda column: 1.0 if column.unique else 0.0,
        "price": _is_amount,
        "value": _is_amount,
        "discount": _is_discount,
        "type": _is_type,
        "status": _is_status,
        "url": _is_page,
        "text": _is_text,
        "title": _is_title,
        "rating": _is_rating,
        "category": _few,
        "country": _few,
        "region": _is_region,
        "city": _few,
        "gender": _few,
        "language": _few,
        "place": _few,
        "display": _few,
        "kind": _few,
        "brand": _few,
        "birth": _is_birth,
        "sent": _is_counter,
        "opened": _is_counter,
        "clicked": _is_counter,
        "name": _is_person,
        "cookie": _is_cookie,
        "handle": _is_handle,
    }
)
