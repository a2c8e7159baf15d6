"""From who plays what to the lines of a mapping, each with its reason."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from bespeak.collect.amounts import amounts
from bespeak.collect.event_types import literal, quoted, type_of
from bespeak.collect.evidence import Column
from bespeak.collect.lines import Line, plain_lines, said
from bespeak.collect.mapping import PERSONAL_WORDS
from bespeak.collect.roles import Cast, Claim
from bespeak.collect.tables import STEPS, Fit, looks_sold
from bespeak.collect.vocabulary import vocabulary
from bespeak.config import Derived, Mapped

_GIVEN = ("first name", "firstname", "given name", "vorname", "名")
_OF_ALL, _OF_MAIL = re.compile("consent|^同意$"), re.compile("market|mail|newsletter")
_FAMILY = ("last name", "lastname", "family name", "surname", "nachname", "姓")

ATTRIBUTES = 8
"""Columns without a role that are kept as attributes."""


def draft(fit: Fit, hints: Sequence[str]) -> list[Line]:
    """The mapping of one file's rows to the table that fits them."""
    cast = fit.cast
    lines = list(_people(cast))
    makers = {
        "events": _events, "texts": _texts, "items": _items, "customers": _customers,
        "offers": _offers, "placements": _placements,
    }  # fmt: skip
    made = list(makers[cast.table](cast, hints))
    if cast.table == "placements" and fit.week_one is not None:
        made += _by_week(cast, *fit.week_one)
    if cast.table == "events" and not lines and cast.has("session_id"):
        claim = cast.roles["session_id"]
        reason = "no column names a person, so a session stands for its visitor"
        lines.append(Line("identifiers", "session", claim.column.name, reason))
    return lines + made


# -- people --------------------------------------------------------------------------------------


def _people(cast: Cast) -> Iterator[Line]:
    """Identifiers, those that number whole customers first."""
    order = list(vocabulary()["identifiers"])
    for namespace in sorted(cast.people, key=order.index):
        claim = cast.people[namespace]
        mapped, cleaned = _cleaned(claim.column)
        yield Line("identifiers", namespace, mapped, said(claim) + cleaned, claim.column.name)


def _cleaned(column: Column) -> tuple[Mapped, str]:
    """The column without what names nobody, and without the `.0` of a float."""
    expression, why = quoted(column.name), ""
    if column.is_float_key:
        expression, why = f"split_part({expression}, '.', 1)", "; its `.0` is a float's trace"
    nobody = vocabulary()["nobody"]
    words = sorted(text for text in column.counts if text.lower() in nobody["words"])
    often = 0.05 * len(column.present)
    words += [text for text in nobody["numbers"] if column.counts[text] > max(often, 1)]
    for word in words:
        expression = f"nullif({expression}, {literal(word)})"
    if words:
        why += f"; {', '.join(f'`{word}`' for word in words)} names nobody"
    return (Derived(expression=expression), why) if why else (column.name, "")


def _about_people(cast: Cast) -> Iterator[Line]:
    """What rows say of their customer, beside what they are about."""
    if cast.who:
        names = ("country", "region", "city", "gender", "language")
        yield from plain_lines(cast, "customers", {name: name for name in names})


# -- events --------------------------------------------------------------------------------------


def _events(cast: Cast, hints: Sequence[str]) -> Iterator[Line]:
    sold = looks_sold(cast, hints)
    chosen = type_of(cast, hints, sold=sold)
    yield Line("columns", "type", chosen.mapped, chosen.reason)
    yield _time(cast)
    names = {name: name for name in ("event_id", "order_id", "session_id")}
    yield from plain_lines(cast, "columns", names)
    if cast.has("item_id"):
        yield _item(cast.roles["item_id"])
    if not cast.has("item_id") and cast.has("url"):
        yield from _item_of_page(cast.column("url"))
    if sold or cast.has("price"):
        yield from amounts(cast, sold=sold)
    names = {name: name for name in ("currency", "channel", "device", "position", "place")}
    yield from plain_lines(cast, "columns", {**names, "request_id": "campaign"})
    if sold and cast.has("country") and not cast.has("place"):
        country = cast.roles["country"].column.name
        yield Line("columns", "place", country, "no column names a shop; the country is the place")
    if cast.has("rating") and not cast.has("text"):
        rating = quoted(cast.column("rating").name)
        expression = f"'rating=' || {rating}"
        yield Line("columns", "properties", Derived(expression=expression), "keeps the rating")
    if cast.has("item_id"):
        yield from _described(cast, "items")
    yield from _about_people(cast)
    if cast.has("text"):
        yield from plain_lines(cast, "texts", {"text": "text", "rating": "rating"})


def _time(cast: Cast, role: str = "time", name: str = "time") -> Line:
    """The time; of a message that was sent, opened and clicked, the latest of the three."""
    steps = [cast.column(step) for step in reversed(STEPS) if cast.has(step)]
    timed = [column for column in steps if column.is_time]
    if role == "time" and timed:
        names = [quoted(column.name) for column in timed]
        if cast.has("time"):
            names.append(quoted(cast.column("time").name))
        mapped: Mapped = Derived(expression=f"coalesce({', '.join(names)})")
        return Line("columns", name, mapped, "when the message reached its furthest step")
    claim = cast.roles[role]
    times = claim.column.times
    if cast.has("clock") and times is not None and not times.clock:
        clock = cast.column("clock")
        joined = f"concat({quoted(claim.column.name)}, ' ', {quoted(clock.name)})"
        reason = f"day and time of day stand in two columns; {times.reason}"
        return Line("columns", name, Derived(expression=joined), reason)
    unsure = "" if times is None or times.sure else "; look at a few dates before you trust it"
    return Line("columns", name, claim.column.name, said(claim) + unsure)


def _item(claim: Claim) -> Line:
    """The item; where a column of numbers also holds words, only the numbers."""
    column = claim.column
    numbers = sum(text.isdigit() for text in column.texts)
    wordy = sum(" " in text or "," in text for text in column.texts)
    if column.is_whole or numbers < 0.5 * len(column.texts) or wordy < 0.01 * len(column.texts):
        return Line("columns", "item_id", column.name, said(claim))
    expression = f"regexp_extract({quoted(column.name)}, '^[0-9]+$')"
    reason = f"{said(claim)}; most of its values are numbers, the others name no item"
    return Line("columns", "item_id", Derived(expression=expression), reason)


def _item_of_page(column: Column) -> Iterator[Line]:
    """The id after `/product/` or the like, if enough addresses have one."""
    found = Counter[str]()
    words = "|".join(vocabulary()["paths"]["items"])
    shape = re.compile(rf"/({words})/(?:[^/?#]+/)*?([^/?#]*\d[^/?#]*|[^/?#]+)(?=[/?#]|$)")
    for page in column.texts:
        match = re.search(shape, page)
        if match:
            found[match[1]] += 1
    word, count = found.most_common(1)[0] if found else ("", 0)
    if count < 0.02 * len(column.present):
        return
    ids = {m[1] for page in column.texts if (m := re.search(rf"/{word}/([^/?#]+)", page))}
    if len(ids) < 2:
        return
    pattern = f"/{word}/([^/?#]+)"
    expression = f"regexp_extract({quoted(column.name)}, {literal(pattern)}, 1)"
    reason = f"{count:,} of {len(column.present):,} addresses have an item after `/{word}/`"
    yield Line("columns", "item_id", Derived(expression=expression), reason)


# -- items and the other tables ------------------------------------------------------------------


def _described(cast: Cast, part: str) -> Iterator[Line]:
    """Title, category (from coarse to fine) and brand of items."""
    yield from plain_lines(cast, part, {"title": "title"})
    if cast.has("category"):
        claims = [cast.roles["category"], *cast.shared.get("category", [])]
        columns = sorted((claim.column for claim in claims), key=lambda c: len(c.counts))
        if len(columns) == 1:
            yield Line(part, "category", columns[0].name, said(claims[0]))
        else:
            rest = [f"coalesce(' > ' || {quoted(column.name)}, '')" for column in columns[1:]]
            expression = f"concat({', '.join([quoted(columns[0].name), *rest])})"
            names = ", ".join(f"`{column.name}`" for column in columns)
            reason = f"{names} from coarse to fine"
            yield Line(part, "category", Derived(expression=expression), reason)
    yield from plain_lines(cast, part, {"brand": "brand"})


def _items(cast: Cast, _: Sequence[str]) -> Iterator[Line]:
    yield from plain_lines(cast, "columns", {"item_id": "item_id"})
    yield from _described(cast, "columns")
    yield from plain_lines(cast, "columns", {"price": "price"})
    if cast.has("available"):
        claim = cast.roles["available"]
        if claim.column.is_yes_no:
            yield Line("columns", "available", claim.column.name, said(claim))
        elif claim.column.is_number:
            expression = f"{quoted(claim.column.name)} > 0"
            reason = f"{said(claim)}; more than none is available"
            yield Line("columns", "available", Derived(expression=expression), reason)
    if cast.has("time"):
        yield _time(cast)
    yield from _attributes(cast.rest)


def _customers(cast: Cast, _: Sequence[str]) -> Iterator[Line]:
    names = ("gender", "country", "region", "city", "language", "income", "household")
    if cast.has("name"):
        yield _name(cast)
    yield from plain_lines(cast, "columns", {name: name for name in names})
    if cast.has("birth"):
        yield _birth_year(cast.roles["birth"])
    if cast.has("consent"):
        yield _consent(cast.roles["consent"])
    rest = list(cast.rest)
    if cast.has("age"):
        rest.insert(0, cast.column("age"))
    yield from _attributes(rest)


def _consent(claim: Claim) -> Line:
    """What a person agreed to; a column about mail says nothing of other purposes."""
    if _OF_ALL.search(claim.column.words) and not _OF_MAIL.search(claim.column.words):
        return Line("columns", "consent", claim.column.name, said(claim))
    expression = f"'marketing: ' || {quoted(claim.column.name)}"
    reason = f"{said(claim)}; it speaks of being written to, and of no other purpose"
    return Line("columns", "consent", Derived(expression=expression), reason)


def _name(cast: Cast) -> Line:
    """The name, put together where it stands in two columns."""
    claim = cast.roles["name"]
    family = [c for c in cast.rest if c.words in _FAMILY] if claim.column.words in _GIVEN else []
    if not family:
        return Line("columns", "name", claim.column.name, said(claim))
    expression = f"concat({quoted(claim.column.name)}, ' ', {quoted(family[0].name)})"
    return Line("columns", "name", Derived(expression=expression), "first and last name together")


def _birth_year(claim: Claim) -> Line:
    column = claim.column
    if column.is_whole and max(column.figures) < 3000:
        return Line("columns", "birth_year", column.name, said(claim))
    first = column.texts[0][:4].isdigit()
    cut = f"{'left' if first else 'right'}({quoted(column.name)}, 4)"
    reason = f"{said(claim)}; only the year is kept"
    return Line("columns", "birth_year", Derived(expression=cut), reason)


def _attributes(rest: Sequence[Column]) -> Iterator[Line]:
    """Columns without a role that many rows share, in one text; nothing personal."""
    kept = [
        column
        for column in rest
        if column.present
        and len(column.counts) <= max(0.5 * len(column.cells), 12)
        and column.length <= 40
        and not PERSONAL_WORDS.search(column.words)
    ][:ATTRIBUTES]
    if not kept:
        return
    parts = []
    for at, column in enumerate(kept):
        shown = literal(f"{'; ' if at else ''}{column.name} ")
        parts += [shown, quoted(column.name)]
    expression = f"concat({', '.join(parts)})"
    reason = "what else the rows say, kept as text"
    yield Line("columns", "attributes", Derived(expression=expression), reason)


def _texts(cast: Cast, hints: Sequence[str]) -> Iterator[Line]:
    yield from plain_lines(
        cast, "columns", {"text_id": "text_id", "text": "text", "item_id": "item_id"}
    )
    kind = "mention" if "mention" in hints or "handle" in cast.people else "review"
    if re.search("quer|search|question|搜索", cast.column("text").words):
        kind = "query"
    yield Line("columns", "kind", Derived(constant=kind), "a guess from the columns")
    if cast.has("time"):
        yield _time(cast)
    yield from plain_lines(
        cast, "columns", {name: name for name in ("rating", "channel", "language")}
    )
    if cast.has("item_id"):
        yield from _described(cast, "items")
    yield from _about_people(cast)


def _offers(cast: Cast, hints: Sequence[str]) -> Iterator[Line]:
    key = "offer_id" if cast.has("offer_id") else "campaign"
    yield from plain_lines(cast, "columns", {"offer_id": key, "campaign": "campaign"})
    yield from plain_lines(cast, "columns", {"item_id": "item_id"})
    if cast.has("from_time"):
        yield _time(cast, "from_time", "from_time")
    elif cast.has("time"):
        yield _time(cast, "time", "from_time")
    if cast.has("to_time"):
        yield _time(cast, "to_time", "to_time")
    if cast.has("kind"):
        yield from plain_lines(cast, "columns", {"kind": "kind"})
        return
    redeemed = "redemption" in hints or (cast.who and cast.has("time") and key == "offer_id")
    kind = "redemption" if redeemed else "coupon" if key == "offer_id" else "campaign"
    yield Line("columns", "kind", Derived(constant=kind), "a guess from the columns")


def _by_week(cast: Cast, week_one: date, told: str) -> Iterator[Line]:
    """From the first day of a numbered week to the first day of the next."""
    week = quoted(cast.column("week").name)
    reason = f"week 1 began on {week_one}, as {told}"
    for name, before in (("from_time", 7), ("to_time", 0)):
        start = week_one - timedelta(days=before)
        expression = f"time_add(timestamp '{start} 00:00:00', {week} * 7, 'day')"
        yield Line("columns", name, Derived(expression=expression), reason)


def _placements(cast: Cast, _: Sequence[str]) -> Iterator[Line]:
    yield from plain_lines(cast, "columns", {"item_id": "item_id", "place": "place"})
    role = next((role for role in ("from_time", "time") if cast.has(role)), None)
    if role is not None:
        yield _time(cast, role, "from_time")
    if cast.has("to_time"):
        yield _time(cast, "to_time", "to_time")
    claims = [cast.roles["display"], *cast.shared.get("display", [])]
    if len(claims) == 1:
        yield Line("columns", "kind", claims[0].column.name, said(claims[0]))
    else:
        names = ", '/', ".join(quoted(claim.column.name) for claim in claims)
        yield Line("columns", "kind", Derived(expression=f"concat({names})"), "where it stood")
    yield from plain_lines(cast, "columns", {"position": "position"})
