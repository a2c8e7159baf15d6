"""A first bespeak.toml from a look at the files: every guess comes with its reason."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from bespeak import config
from bespeak.collect.dates import find_times
from bespeak.collect.drafting import draft
from bespeak.collect.evidence import Column, decimal_of, look_at
from bespeak.collect.inputs import Place, Preview, Row, Unread, places
from bespeak.collect.mapping import check_mapping
from bespeak.collect.numbering import agree
from bespeak.collect.rendering import Draft, Setting, Stub, as_text, render
from bespeak.collect.roles import Cast
from bespeak.collect.stage import preview as first_rows
from bespeak.collect.tables import STEPS, Fit, Misfit, best_fit
from bespeak.collect.weeks import first_week
from bespeak.config import Source
from bespeak.errors import BespeakError

LOOK = 20_000
"""Rows of each file that are looked at."""
_COINS = {"€": "EUR", "£": "GBP", "₹": "INR", "₽": "RUB", "₩": "KRW", "₺": "TRY", "元": "CNY"}
_TIMES = ("time", "from_time", "to_time", *STEPS)


@dataclass(frozen=True)
class Guess:
    """One line of a proposal: what was chosen, and why."""

    source: str
    key: str
    choice: str
    reason: str


@dataclass(frozen=True)
class Proposal:
    """A mapping for everything that could be told, and what could not.

    toml : a commented bespeak.toml that `config.load` reads
    """

    sources: tuple[Source, ...]
    guesses: tuple[Guess, ...]
    unread: tuple[tuple[str, str], ...]
    toml: str


@dataclass(frozen=True)
class Looked:
    """Files of one shape, and the first rows of the first and the last of them."""

    members: Sequence[Place]
    columns: Sequence[Column]
    said: Sequence[str]


def propose(
    inputs: Sequence[str | Path],
    preview: Preview | None = None,
    *,
    name: str = "workspace",
    root: Path | None = None,
) -> Proposal:
    """Look at `inputs` (files, folders, patterns, database addresses) and propose their mapping.

    preview : gives columns, first rows and what was found out of one file; by default the first
              20,000 rows of whatever `stage` can read
    name    : of the workspace
    root    : its folder; files inside it are named relative to it
    raises  : SourceMissing for an input that is not there
    """
    groups, unread = _looked(inputs, preview or partial(first_rows, rows=LOOK))
    drafts, stubs = list[Draft](), list[Stub]()
    week_one = first_week([group.columns for group in groups])
    for group in groups:
        taken = {made.name for made in drafts}
        found = best_fit(group.columns, group.members[0].hints, week_one)
        if isinstance(found, Misfit):
            stubs.append(_stub(group, found, root))
        else:
            drafts.append(_draft(group, found, taken, root))
    drafts, primary = agree(drafts)
    text = render(drafts, stubs, unread, name=name, primary=primary)
    parsed = config.parse(tomllib.loads(text))
    for source, made in zip(parsed.sources, drafts, strict=True):
        check_mapping(source, [column.name for column in made.columns])
    return Proposal(
        tuple(parsed.sources),
        tuple(guess for made in drafts for guess in _guesses(made)),
        tuple((each.shown, each.why) for each in [*unread, *(stub.unread for stub in stubs)]),
        text,
    )


def _guesses(made: Draft) -> list[Guess]:
    said = [(key, str(choice), reason) for key, choice, reason in made.settings]
    said += [(line.key, as_text(line.mapped), line.reason) for line in made.lines]
    return [Guess(made.name, *each) for each in said]


# -- looking -------------------------------------------------------------------------------------


def _looked(inputs: Sequence[str | Path], preview: Preview) -> tuple[list[Looked], list[Unread]]:
    """Everything readable, files of one shape together."""
    shapes: dict[tuple[object, ...], list[_Seen]] = {}
    unread = []
    for place in places(inputs, preview):
        seen = place if isinstance(place, Unread) else _see(place, preview)
        if isinstance(seen, Unread):
            unread.append(seen)
            continue
        members = shapes.setdefault(seen.shape, [])
        if len(members) > 1:  # of many files the first and the last tell enough
            members[-1] = replace(members[-1], rows=())
        members.append(seen)
    return [_together(members) for members in shapes.values()], unread


@dataclass(frozen=True)
class _Seen:
    """One file and its first rows."""

    place: Place
    names: Sequence[str]
    rows: Sequence[Row]
    said: Sequence[str]

    @property
    def shape(self) -> tuple[object, ...]:
        """Files of the same shape make one source; a table of a database, a topic makes its own."""
        topic = self.place.topic and self.place.topic.topic
        return tuple(sorted(self.names)), self.place.hints, self.place.query, topic


def _see(place: Place, preview: Preview) -> _Seen | Unread:
    try:
        names, rows, said = place.look(preview)
    except BespeakError as error:
        return Unread(place.shown, str(error))
    if not rows or not names:
        return Unread(place.shown, "it has no rows")
    return _Seen(place, names, rows, said)


def _together(members: Sequence[_Seen]) -> Looked:
    columns = look_at(members[0].names, [row for seen in members for row in seen.rows])
    said = dict.fromkeys(sentence for seen in members for sentence in seen.said)
    return Looked([seen.place for seen in members], columns, list(said))


# -- drafting ------------------------------------------------------------------------------------


def _draft(group: Looked, fit: Fit, taken: set[str], root: Path | None) -> Draft:
    hints = group.members[0].hints
    lines = draft(fit, hints)
    settings: list[Setting] = [("table", fit.cast.table, fit.reason), _channel(group, fit)]
    decimal, example = decimal_of(group.columns)
    if decimal == ",":
        settings.append(("decimal", ",", f"fractions of `{example}` stand after a comma"))
    formats, reason = _time_formats(fit.cast)
    if formats:
        settings.append(("time_formats", formats, reason))
    currency = _currency(fit.cast)
    if currency:
        settings.append(("currency", currency, "its sign stands beside the amounts"))
    return Draft(
        name=_name(group.members, fit.cast.table, taken),
        places=tuple(group.members),
        files=tuple(_named(place, root) for place in group.members),
        settings=tuple(settings),
        lines=tuple(lines),
        said=tuple(group.said),
        columns=tuple(group.columns),
    )


def _stub(group: Looked, misfit: Misfit, root: Path | None) -> Stub:
    shown = group.members[0].shown
    more = f" and {len(group.members) - 1} more like it" if len(group.members) > 1 else ""
    return Stub(
        Unread(shown + more, misfit.reason),
        tuple(_named(place, root) for place in group.members),
        tuple(column.name for column in group.columns),
        misfit.table,
    )


def _named(place: Place, root: Path | None) -> str:
    """The path as bespeak.toml should name it: relative to the workspace if it lies inside."""
    if place.path is None:
        return place.shown
    path = place.path.expanduser().resolve()
    if root is not None and path.is_relative_to(root.resolve()):
        return path.relative_to(root.resolve()).as_posix()
    return path.as_posix()


def _name(members: Sequence[Place], table: str, taken: set[str]) -> str:
    """A short name that no other source has."""
    stems = [member.stem.lower() for member in members]
    alike = [len(set(letters)) == 1 for letters in zip(*stems, strict=False)]
    common = stems[0][: (*alike, False).index(False)]
    slug = re.sub(r"[^a-z0-9_-]+", "-", common).strip("-_")[:48]
    if len(re.sub(r"[^a-z]", "", slug)) < 2:
        slug = table
    number, chosen = 2, slug
    while chosen in taken:
        chosen, number = f"{slug}-{number}", number + 1
    return chosen


def _channel(group: Looked, fit: Fit) -> tuple[str, str, str]:
    """Where it happened, by the file's name or by who plays what."""
    stem = {part for part in re.split(r"[\W_\d]+", group.members[0].stem.lower()) if part}
    for channel, words in (
        ("till", {"till", "pos", "store", "receipts"}), ("web", {"web", "weblog", "clickstream"}),
        ("app", {"app", "mobile"}), ("mail", {"mail", "mailing", "newsletter", "email"}),
        ("social", {"social", "twitter", "weibo", "mentions"}), ("crm", {"crm"}),
    ):  # fmt: skip
        if stem & words:
            return "channel", channel, "a guess from the file's name"
    cast = fit.cast
    if cast.table in {"items", "customers"}:
        channel = "catalogue" if cast.table == "items" else "crm"
        return "channel", channel, "a guess from what the rows are"
    for channel, told in (
        ("web", cast.has("url", "session_id") or "cookie" in cast.people),
        ("app", "device" in cast.people), ("mail", cast.has("campaign", *STEPS)),
        ("social", "handle" in cast.people), ("shop", True),
    ):  # fmt: skip
        if told:
            return "channel", channel, "a guess from the columns"
    raise AssertionError("the last channel always fits")


def _time_formats(cast: Cast) -> tuple[tuple[str, ...], str]:
    """Patterns for the source's times, and what decided them."""
    formats: dict[str, None] = {}
    reasons = []
    for role in _TIMES:
        if not cast.has(role):
            continue
        times = cast.column(role).times
        if role == "time" and cast.has("clock") and times is not None and not times.clock:
            days, clocks = cast.column(role).cells, cast.column("clock").cells
            both = [f"{d} {c}" for d, c in zip(days, clocks, strict=True) if d and c]
            times = find_times(both) or times
        if times is not None and times.formats:
            formats |= dict.fromkeys(times.formats)
            doubt = "" if times.sure else "a guess: "
            reasons.append(f"{doubt}{times.reason}")
    return tuple(formats), "; ".join(dict.fromkeys(reasons))


def _currency(cast: Cast) -> str | None:
    """The currency whose sign stands beside amounts; $ and ¥ are signs of several."""
    signs = Counter[str]()
    for role in ("price", "value"):
        if cast.has(role):
            for text in cast.column(role).texts[:200]:
                signs.update(sign for sign in _COINS if sign in text)
    return _COINS[signs.most_common(1)[0][0]] if signs else None
