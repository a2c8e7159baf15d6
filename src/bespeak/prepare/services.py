"""Which items are products, and which only lines of a bill: postage, fees, corrections."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import ibis.expr.types as ir

from bespeak.engines import Engine

TITLED_SHARE = 0.5
"""Where fewer items have a title, a missing title says nothing about an item."""


class Services(Protocol):
    """A pack's words for what is no product; see its field of the same name."""

    @property
    def whole(self) -> Sequence[str]: ...
    @property
    def heads(self) -> Sequence[str]: ...
    @property
    def starts(self) -> Sequence[str]: ...
    @property
    def anywhere(self) -> Sequence[str]: ...
    @property
    def unless(self) -> Sequence[str]: ...
    @property
    def hints(self) -> Sequence[str]: ...
    @property
    def codes(self) -> Sequence[str]: ...
    @property
    def endings(self) -> Sequence[str]: ...
    @property
    def endings_unless(self) -> Sequence[str]: ...


class Pack(Protocol):
    """What this stage asks of a domain pack."""

    @property
    def services(self) -> Services: ...
    @property
    def id_digits_share(self) -> float: ...


def mark_products(engine: Engine, items: ir.Table, pack: Pack) -> ir.Table:
    """`items` with `is_product`: false for what a bill lists that nobody can be offered.

    items  : item_id, title, category
    A title says so by its words: all of them, the last (what an English name says a thing is) or
    the first. An id says so where it has no digit though nearly all others have, or is a word such
    as `test` with a number; but then the title must be missing or hint at it too, for shops do
    give words as ids to real goods.
    """
    services = pack.services
    # kept, or the engine would split every title anew for every pattern
    worded = engine.keep(
        items.mutate(
            _title=_words(items["title"]),
            _kind=_words(items["category"].re_replace(r"^.*>", "")),
            _letters=_words(items["item_id"]),
        )
    )
    named = _speaks(worded["_title"], services) | worded["_kind"].isin(services.whole)
    if _ids_carry_digits(engine, worded, pack.id_digits_share):
        odd = ~worded["item_id"].re_search("[0-9]") | worded["_letters"].isin(services.codes)
        hinted = worded["title"].isnull() | _has(worded["_title"], services.hints)
        named = named | (odd & hinted)
    return worded.mutate(is_product=~named).drop("_title", "_kind", "_letters")


def _words(text: ir.Value) -> ir.Value:
    """Lower-case words with single spaces between; empty where there are none."""
    return text.lower().re_replace(r"[^\p{L}]+", " ").strip().fill_null("")


def _speaks(title: ir.Value, services: Services) -> ir.BooleanValue:
    """Whether a title's words say that the item is no product."""
    english = (
        title.isin(services.whole)
        | title.re_search(rf"(^| )({_any(services.heads)})$")
        | title.re_search(rf"^({_any(services.starts)})( |$)")
        | _has(title, services.anywhere)
    )
    chinese = title.re_search(rf"({_any(services.endings)})$")
    spared = title.re_search(rf"({_any(services.endings_unless)})$")
    return (english & ~_has(title, services.unless)) | (chinese & ~spared)


def _has(words: ir.Value, phrases: Sequence[str]) -> ir.BooleanValue:
    """Whether any phrase stands among the words, whole."""
    return words.re_search(rf"(^| )({_any(phrases)})( |$)")


def _any(phrases: Iterable[str]) -> str:
    """A pattern for any of the phrases, which are letters and spaces; for none, what can't be."""
    return "|".join(phrases) or "\\d"


def _ids_carry_digits(engine: Engine, items: ir.Table, share: float) -> bool:
    """Whether ids are numbers as a rule, and titles are there to doubt an odd one by."""
    counted = items.agg(
        all=items.count(),
        digits=items["item_id"].re_search("[0-9]").sum(),
        titled=items["title"].notnull().sum(),
    )
    found = engine.run(counted).to_pylist()[0]
    return bool(
        found["all"]
        and found["digits"] >= share * found["all"]
        and found["titled"] >= TITLED_SHARE * found["all"]
    )
