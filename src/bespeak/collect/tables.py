"""Which table of the record a file's rows belong to, by who plays what in each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from bespeak.collect.evidence import Column
from bespeak.collect.roles import TABLES, Cast, cast

WeekOne = tuple[date, str]

STEPS = ("sent", "opened", "clicked")


@dataclass(frozen=True)
class Fit:
    """A table that a file's rows may belong to, how well, and why."""

    cast: Cast
    score: float
    reason: str
    week_one: WeekOne | None = None
    """For placements by the week: the day on which week 1 began, and what tells it."""


@dataclass(frozen=True)
class Misfit:
    """Why a file's rows can't be told, and the table they might have belonged to."""

    reason: str
    table: str = "events"


def best_fit(
    columns: Sequence[Column], hints: Sequence[str], week_one: WeekOne | None = None
) -> Fit | Misfit:
    """The table that fits best, or what would have been needed.

    hints    : what the file's name says
    week_one : the first day of week 1, if some file tells it
    """
    casts = {table: cast(table, columns, hints) for table in TABLES}
    fits = [
        found
        for found in (
            _events(casts["events"], hints), _texts(casts), _items(casts, hints),
            _customers(casts, hints), _offers(casts, hints),
            _placements(casts["placements"], week_one),
        )
        if isinstance(found, Fit)
    ]  # fmt: skip
    if fits:
        return max(fits, key=lambda fit: fit.score)
    placements = _placements(casts["placements"], week_one)
    if isinstance(placements, Misfit):
        return placements
    return Misfit(_lacking(casts["events"]))


def looks_sold(events: Cast, hints: Sequence[str]) -> bool:
    """Whether rows of events are lines of orders."""
    if events.has("order_id", "quantity", "value", "status"):
        return True
    return events.has("price") and ("rate" not in hints or not events.has("rating"))


def has_time(cast: Cast) -> bool:
    """Whether a row says when it happened."""
    steps = [cast.column(step) for step in STEPS if cast.has(step)]
    return cast.has("time") or any(column.is_time for column in steps)


def _events(events: Cast, hints: Sequence[str]) -> Fit | None:
    somebody = events.who or events.has("session_id", "order_id")
    something = [
        role
        for role in ("order_id", "item_id", "type", "url", "quantity", "price", "value", "status",
                     "session_id", "rating", *STEPS)
        if events.has(role)
    ]  # fmt: skip
    hinted = events.has("campaign") and "send" in hints
    if not (somebody and has_time(events) and (something or hinted)):
        return None
    if _is_list_of_people(events):
        return None
    said = ", ".join(_spoken(role) for role in ["time", *events.people, *something])
    return Fit(events, 1.0 + 0.1 * len(something), f"each row has {said}: something happened")


def _is_list_of_people(events: Cast) -> bool:
    """One row per person, with a date and perhaps a sum: who they are, not what they did."""
    acts = ("order_id", "item_id", "type", "session_id", "url", "rating", *STEPS)
    keys = [claim.column for claim in events.people.values() if claim.column.unique]
    return bool(keys) and len(keys[0].cells) >= 5 and not events.has(*acts)


def _texts(casts: Mapping[str, Cast]) -> Fit | None:
    texts, events = casts["texts"], casts["events"]
    if not texts.has("text") or events.has("order_id", "quantity", "value", "price"):
        return None
    reviewed = events.has("rating") and events.has("item_id") and events.who and has_time(events)
    if reviewed or events.has("session_id", "url"):
        return None
    known = sum(texts.has(role) for role in ("time", "item_id", "rating")) + texts.who
    return Fit(texts, 1.12 + 0.1 * known, "each row carries a text that somebody wrote")


def _items(casts: Mapping[str, Cast], hints: Sequence[str]) -> Fit | None:
    items, events = casts["items"], casts["events"]
    if not items.has("item_id") or events.has("session_id", "order_id", "quantity"):
        return None
    key = items.column("item_id")
    described = [role for role in ("title", "category", "brand", "price") if items.has(role)]
    if not key.unique or not (described or items.rest):
        return None
    if events.who and "items" not in hints:
        return None
    if casts["offers"].has("offer_id") or casts["placements"].has("display"):
        return None
    said = f"`{key.name}` is another in every row, and the rest describes it"
    return Fit(items, 1.0 + 0.1 * len(described), said)


def _customers(casts: Mapping[str, Cast], hints: Sequence[str]) -> Fit | None:
    people, events = casts["customers"], casts["events"]
    if not people.who or events.has("session_id", "order_id", "type", "url", *STEPS):
        return None
    if events.has("item_id") or casts["offers"].has("offer_id", "campaign"):
        return None
    keys = [claim.column for claim in people.people.values()]
    unique = [key for key in keys if key.unique]
    if not unique and "customers" not in hints:
        return None
    if not (people.roles or people.rest or len(keys) > 1):
        return None
    told = f"`{unique[0].name}` is another in every row" if unique else "the file's name says so"
    return Fit(people, 1.0 + 0.05 * len(people.roles), f"{told}, and the rest describes a person")


def _offers(casts: Mapping[str, Cast], hints: Sequence[str]) -> Fit | None:
    offers, events = casts["offers"], casts["events"]
    if events.has("order_id", "quantity", "value", "type", "session_id", "url", *STEPS):
        return None
    if "send" in hints and events.has("time"):
        return None
    detail = offers.who or offers.has("item_id", "from_time", "to_time", "time", "kind")
    if not offers.has("offer_id", "campaign") or not detail:
        return None
    what = "coupon" if offers.has("offer_id") else "campaign"
    return Fit(offers, 1.3, f"each row names a {what}, and whom or what it is for")


def _placements(placements: Cast, week_one: WeekOne | None) -> Fit | Misfit | None:
    if not (placements.has("item_id") and placements.has("display")) or placements.who:
        return None
    if placements.has("from_time", "time"):
        return Fit(placements, 1.25, "each row says where an item stood, and when")
    if placements.has("week"):
        if week_one is not None:
            return Fit(placements, 1.25, "each row says where an item stood, by the week", week_one)
        week = placements.column("week").name
        return Misfit(
            f"it says where items stood by `{week}`, but nothing tells the day on which week 1"
            " began; with that day it maps to placements (see the expression below)",
            "placements",
        )
    return None


def _lacking(events: Cast) -> str:
    """What would have made events of the rows."""
    lacking = []
    if not has_time(events):
        lacking.append("when it happened (no column of times)")
    if not (events.who or events.has("session_id", "order_id")):
        lacking.append("who it was (no customer, visitor, session or order)")
    if not events.has("item_id", "order_id", "type", "url"):
        lacking.append("what it was about (no item, order, page or type of event)")
    return f"nothing in it says {' nor '.join(lacking)}" if lacking else "no table fits its columns"


def _spoken(role: str) -> str:
    return {"type": "a kind of event", "url": "a page", "who": "a customer"}.get(
        role, f"a{'n' if role[0] in 'aeio' else ''} {role.removesuffix('_id').replace('_', ' ')}"
    )
