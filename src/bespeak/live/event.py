"""One event as a shop sends it: checked field by field, then as the log keeps it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, get_args

import msgspec

from bespeak.columns import SESSION
from bespeak.consent import CONSENT, PURPOSES, Purpose
from bespeak.fresh import fresh_id

Identify = Callable[[str, str], str | None]
"""Namespace and value to `namespace:value` as the record spells it; None if nothing is left."""

Permit = Callable[["Event", Mapping[str, str]], tuple[str, str, str] | None]
"""An event and its identifiers as the record spells them to None, or the field, what was found and
what was expected, where its sender may not tell it."""

AHEAD = timedelta(hours=24)
"""How far a sender's clock may run ahead of ours before its event can't be believed."""
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
MONEY_BELOW = 10**14
LIKED = 3
"""Stars, of five, from which a rating speaks for an item."""
SHOWN = "bespeak.shown"
"""The property of an impression that lists the items, first to last."""
ABOUT_ITEMS = frozenset({"rate", "dismiss", "restore"})
TEXTS = ("event_id", "session_id", "item_id", "order_id", "place", "device", "request_id")
NUL = b"\\u0000"
"""As JSON must spell it."""
NAMESPACE = re.compile(r"[a-z][a-z0-9_]{0,31}")

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
Told = Literal[
    "view", "click", "search", "cart", "wishlist", "purchase", "return", "rate", "impression",
    "dismiss", "restore", "survey", "open", "ask", "mention", "login", "consent",
    "other",
]  # fmt: skip
"""The record's types of event, without those that are no doing of a visitor."""


class Event(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a shop tells of one thing that a visitor did; `session_id` or `identifiers` say who."""

    type: Told
    event_id: Id | None = None
    """The sender's own; sent again, the event is taken once. Without it the server makes one."""
    time: datetime | None = None
    """ISO 8601 with its offset; without it, when the server got it."""
    session_id: Id | None = None
    identifiers: Annotated[dict[str, Id], msgspec.Meta(max_length=8)] = {}
    item_id: Id | None = None
    order_id: Id | None = None
    quantity: float | None = None
    rating: Annotated[float, msgspec.Meta(ge=1, le=5)] | None = None
    """Stars, of a `rate`. Fewer than three say "not interested", and are kept as `dismiss`."""
    price: Decimal | None = None
    value: Decimal | None = None
    discount: Decimal | None = None
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Za-z]{3}$")] | None = None
    place: Id | None = None
    device: Id | None = None
    request_id: Id | None = None
    position: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] | None = None
    properties: Annotated[dict[str, Any], msgspec.Meta(max_length=64)] = {}


class Events(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A batch; one event may also be sent as it is."""

    events: Annotated[list[Event], msgspec.Meta(min_length=1, max_length=1_000)]


@dataclass(frozen=True)
class Wrong:
    """Why one event of a batch was not taken; never a personal value."""

    index: int
    field: str
    found: str
    expected: str


@dataclass(frozen=True)
class Entry:
    """One event as the log keeps it.

    visitor : whose history it is: the first identifier as `namespace:value`, else `session:id`
    session : the session it came from, if any
    time    : microseconds since 1970
    body    : JSON of what the record's columns need; identifiers hashed where they are personal
    """

    event_id: str
    visitor: str
    session: str | None
    item_id: str | None
    type: str
    time: int
    body: bytes


class _Named(msgspec.Struct, frozen=True):
    """What a kept body says of whose it is."""

    identifiers: dict[str, str] = {}


class _List(msgspec.Struct, frozen=True):
    """What the properties of an impression say of the list."""

    items: list[str] = msgspec.field(default_factory=list, name=SHOWN)


class _Impression(msgspec.Struct, frozen=True):
    """What a kept body says of the list that was shown."""

    properties: _List = _List()


_decode = msgspec.json.Decoder(Event, strict=True).decode
_impression = msgspec.json.Decoder(_Impression).decode
_named = msgspec.json.Decoder(_Named).decode
_encode = msgspec.json.Encoder(decimal_format="string").encode
_AT = re.compile(r"^(?P<said>.*?)(?: - at `\$\.?(?P<field>[^`]*)`)?$", re.DOTALL)
_TYPES = re.compile(r"^Expected `(?P<expected>[^`]*)`.*got `(?P<found>[^`]*)`$")


def check(
    raw: bytes,
    index: int,
    received: datetime,
    identify: Identify,
    permit: Permit | None = None,
) -> Entry | Wrong:
    """One event of a request, or the first thing that is wrong with it.

    raw      : its JSON
    index    : its place in the batch, from 0
    received : when the server got it (UTC)
    permit   : whether the sender may tell it; None: anything
    """
    try:
        event = _decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        return _unreadable(str(error), index)
    except RecursionError:
        return Wrong(index, "", "nested too deeply", "lists and objects in one another, a few")
    wrong = _impossible(event, received) or (_with_nul(event) if NUL in raw else None)
    if wrong is not None:
        return Wrong(index, *wrong)
    known = {}
    for namespace, value in event.identifiers.items():
        spelled = identify(namespace, value)
        if spelled is None:
            return Wrong(index, f"identifiers.{namespace}", "nothing but space", "an identifier")
        known[namespace] = spelled
    refused = None if permit is None else permit(event, known)
    if refused is not None:
        return Wrong(index, *refused)
    return _entry(event, known, received)


def identifiers_of(entry: Entry) -> set[str]:
    """Every identifier that the entry carries, as `namespace:value`; its session is one."""
    session = set() if entry.session is None else {f"{SESSION}:{entry.session}"}
    return {entry.visitor, *_named(entry.body).identifiers.values(), *session}


def _entry(event: Event, known: Mapping[str, str], received: datetime) -> Entry:
    event_id = event.event_id or f"live-{fresh_id()}"
    actor = next(iter(known.values()), None)
    time = event.time or received
    if event.type == CONSENT:
        time = min(time, received)  # lest a fast clock make the next word the older one
    kept = msgspec.structs.replace(
        _as_meant(event), event_id=event_id, identifiers=dict(known), time=time.astimezone(UTC)
    )
    return _kept(kept, event_id, actor, time)


def _kept(event: Event, event_id: str, actor: str | None, time: datetime) -> Entry:
    """An event as the log has it; its id and its time stand in it too."""
    return Entry(
        event_id=event_id,
        visitor=actor or f"{SESSION}:{event.session_id}",
        session=event.session_id,
        item_id=event.item_id,
        type=event.type,
        time=(time - EARLIEST) // timedelta(microseconds=1),
        body=_encode(event),
    )


def impression(
    request_id: str,
    items: Sequence[str],
    *,
    actor: str | None,
    session: str | None,
    time: datetime,
    said: Mapping[str, Any],
    place: str | None = None,
    device: str | None = None,
) -> Entry:
    """A list as it was shown, for the log: one entry, which its copies take apart by item.

    actor : whose list it was, as `namespace:value`; or else the visitor of `session`
    said  : which model made it, and so on
    """
    event_id, time = f"shown-{request_id}", time.astimezone(UTC)
    event = Event(
        "impression", event_id=event_id, time=time, session_id=session,
        identifiers={} if actor is None else {actor.partition(":")[0]: actor},
        request_id=request_id, place=place, device=device, properties={SHOWN: items, **said},
    )  # fmt: skip
    return _kept(event, event_id, actor, time)


def items_shown(body: bytes) -> list[str]:
    """The items of a list that was shown, first to last, from an entry's body."""
    return _impression(body).properties.items


def consented(actor: str, said: Mapping[Purpose, bool], *, time: datetime) -> Entry:
    """What somebody agreed to or refused, for the log, though they did nothing else.

    actor : who, as `namespace:value`; or the visitor of `session:id`
    """
    namespace, _, value = actor.partition(":")
    who: dict[str, Any] = {"identifiers": {namespace: actor}}
    if namespace == SESSION:
        who = {"session_id": value}
    event = Event(
        CONSENT, time=time, properties={str(name): agreed for name, agreed in said.items()}, **who
    )
    return _entry(event, event.identifiers, time)


def _as_meant(event: Event) -> Event:
    """A rating as what it says of the interest; its stars stand in the properties."""
    if event.rating is None:
        return event
    said = {**event.properties, "rating": event.rating}
    kind: Told = "dismiss" if event.rating < LIKED else event.type
    return msgspec.structs.replace(event, type=kind, properties=said, rating=None)


def _impossible(event: Event, received: datetime) -> tuple[str, str, str] | None:
    """Field, found and expected of what no type can tell."""
    if event.session_id is None and not event.identifiers:
        return "session_id", "nobody", "session_id or identifiers, to say whose event it is"
    for namespace in event.identifiers:
        if NAMESPACE.fullmatch(namespace) is None:
            return "identifiers", repr(namespace[:40]), "a name like `customer` or `email`"
    if (event.type == "rate") != (event.rating is not None):
        return "rating", "none" if event.rating is None else "stars", "stars with a rate, 1 to 5"
    if event.type in ABOUT_ITEMS and event.item_id is None:
        return "item_id", "nothing", f"the item, since this is a {event.type}"
    if event.type == CONSENT:
        unclear = _unclear(event.properties)
        if unclear is not None:
            return unclear
    if SHOWN in event.properties:
        return f"properties.{SHOWN}", "a name that bespeak keeps for itself", "another name"
    if event.time is not None:
        if event.time.tzinfo is None:
            return "time", event.time.isoformat(), "an offset, like 2026-01-31T10:00:00Z"
        if not EARLIEST <= event.time <= received + AHEAD:
            return "time", event.time.isoformat(), "a time from 1970 to a day from now"
    return _impossible_number(event)


def _unclear(said: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """What keeps a consent from being one: a purpose at least, each with true or false."""
    named = [purpose for purpose in PURPOSES if purpose in said]
    if not named:
        return "properties", "no purpose", f"true or false for one of {', '.join(PURPOSES)}"
    strange = next((purpose for purpose in named if not isinstance(said[purpose], bool)), None)
    if strange is None:
        return None
    return f"properties.{strange}", type(said[strange]).__name__, "true or false"


def _with_nul(event: Event) -> tuple[str, str, str] | None:
    """The first field whose text holds a NUL, which PostgreSQL can't keep and nobody means."""
    named = {f"identifiers.{name}": value for name, value in event.identifiers.items()}
    texts = {name: getattr(event, name) for name in TEXTS} | named
    broken = next((name for name, text in texts.items() if text and "\0" in text), None)
    return None if broken is None else (broken, "a NUL character", "text without one")


def _impossible_number(event: Event) -> tuple[str, str, str] | None:
    if event.quantity is not None and not 0 <= event.quantity < 1e9:
        return "quantity", _shown(event.quantity), "a number from 0 to 10^9"
    for name in ("price", "value", "discount"):
        amount: Decimal | None = getattr(event, name)
        if amount is not None and not (amount.is_finite() and 0 <= amount < MONEY_BELOW):
            return name, str(amount)[:40], "an amount from 0 to 10^14; a return says so by its type"
    return None


def _shown(number: float) -> str:
    return str(number) if math.isfinite(number) else "no finite number"


def _unreadable(said: str, index: int) -> Wrong:
    """The decoder's complaint, taken apart."""
    at = _AT.match(said)
    what, field = (at["said"], at["field"] or "") if at else (said, "")
    types = _TYPES.match(what)
    if types is not None:
        return Wrong(index, field, types["found"], types["expected"])
    word = re.match(r"Invalid enum value '(.*)'$", what)
    if word is not None:
        return Wrong(index, field, word[1][:40], f"one of {', '.join(get_args(Told))}")
    unknown = re.search(r"unknown field `([^`]*)`", what)
    if unknown is not None:
        known = ", ".join(Event.__struct_fields__)
        return Wrong(index, unknown[1][:40], "an unknown field", f"one of {known}")
    missing = re.search(r"missing required field `([^`]*)`", what)
    if missing is not None:
        return Wrong(index, missing[1], "nothing", "a value")
    return Wrong(index, field, "what can't be taken", what)
