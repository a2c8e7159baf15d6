"""Rows as they came, quoted beside the reason why they were not let in."""

from __future__ import annotations

from functools import reduce

import ibis
import ibis.expr.types as ir

from bespeak.collect import parse
from bespeak.collect.mapping import ADDED, personal_columns
from bespeak.collect.verdict import without_mail
from bespeak.columns import TEXT, TIME, WHOLE
from bespeak.config import Source


def quote(raw: ir.Table, source: Source, places: ir.Table) -> ir.Table:
    """The rows of `places` as text; few rows, since the text of every row would be dear.

    raw     : the source's own columns, `_file`, `_row`
    places  : file, row, distinct
    returns : file, row, raw: `column=value; …`, personal columns and e-mail addresses masked
    """
    own = [name for name in raw.columns if name not in ADDED]
    hidden = personal_columns(source, own)
    asked = raw.semi_join(places, [("_file", "file"), ("_row", "row")])
    parts = []
    for at, name in enumerate(own):
        shown = ibis.coalesce(_written(asked[name]), ibis.literal(""))
        if name in hidden:
            shown = ibis.ifelse(shown == "", ibis.literal(""), ibis.literal("***"))
        parts += [ibis.literal(f"{'; ' if at else ''}{name}="), shown]
    text = reduce(lambda one, other: one + other, parts, ibis.literal(""))
    return asked.select(
        file=asked["_file"].cast(TEXT), row=asked["_row"].cast(WHOLE), raw=without_mail(text)
    )


def _written(value: ir.Value) -> ir.Value:
    """A raw value as text; engines write a moment with its offset or without, so ours is said."""
    kind = value.type()
    if kind.is_timestamp() and kind.timezone is not None:
        return value.cast(parse.INSTANT).cast(TIME).cast(TEXT) + ibis.literal("Z")
    return value.cast(TEXT)
