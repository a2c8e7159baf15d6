"""Raw rows as rows of the record: typed, in one spelling, each with a verdict where it fails."""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from bespeak.collect import parse, zones
from bespeak.collect.cells import Cell, Work, cells_of, identified
from bespeak.collect.mapping import ADDED, check_mapping, places
from bespeak.collect.verdict import amount_follows, verdict
from bespeak.columns import LINEAGE, MONEY, NUMBER, RECORD, TEXT, WHOLE
from bespeak.config import Source, Workspace
from bespeak.engines import Engine


def conform(
    engine: Engine, raw: ir.Table, source: Source, workspace: Workspace, secret: bytes
) -> ir.Table:
    """Every row of `raw` as a row of the source's table, in the record's types; lazily.

    raw     : the source's own columns, `_file`, `_row`, and `_copies` if equal rows were merged
    secret  : under which personal identifiers are hashed
    returns : RECORD's columns, `_id_<namespace>`, `_items__…`, `_customers__…`, `_texts__…`,
              lineage, `_copies`, and `_reason`, `_column`, `_found`, `_expected` (null where
              the row is fine); one row per row. Times are UTC; quantity and money of a return
              are positive
    raises  : MappingImpossible, with every problem of the mapping at once
    """
    check_mapping(source, [name for name in raw.columns if name not in ADDED])
    work = Work(engine, _tidied(raw, source), source, workspace, secret)
    cells = cells_of(work)
    typed = work.raw.select([*_carried(work), *_typed(work, cells)])
    whole = typed.mutate(**_utc(typed, work, cells), **_completed(typed, source))
    grain = RECORD[source.table].columns
    derived = [cell.target for cell in cells if cell.target not in grain]
    lineage = [name for name in LINEAGE if name != "source"]
    named = ibis.literal(source.name).name("source")
    judged = verdict(whole, source, cells)
    return whole.select([*grain, *derived, named, *lineage, "_copies", *judged])


def _tidied(raw: ir.Table, source: Source) -> ir.Table:
    """Text that the mapping reads without the space around it; once, for all that read it."""
    read = {name for place in places(source) for name in place.reads()}
    texts = [name for name in sorted(read) if raw[name].type().is_string()]
    return raw.mutate([parse.tidy(raw[name]).name(name) for name in texts]) if texts else raw


def _carried(work: Work) -> list[ir.Value]:
    """The raw columns under names that can't meet the record's, and the lineage."""
    raw = work.raw
    copies = raw["_copies"].cast(WHOLE) if "_copies" in raw.columns else ibis.literal(1, WHOLE)
    return [
        *(raw[name].name(carried) for name, carried in work.carried.items()),
        raw["_file"].cast(TEXT).name("file"),
        raw["_row"].cast(WHOLE).name("row"),
        copies.name("_copies"),
    ]


def _typed(work: Work, cells: Sequence[Cell]) -> list[ir.Value]:
    """Every column of the record, mapped or not, what is derived, and what the cells carry."""
    values = {cell.target: cell.value for cell in cells}
    defaults = _defaults(work)
    made = []
    for name, kind in RECORD[work.source.table].columns.items():
        value = identified(cells) if name == "actor" else values.pop(name, ibis.null(kind))
        if name in defaults:
            value = ibis.coalesce(value, defaults[name])
        made.append(value.cast(kind).name(name))
    made += [value.name(name) for name, value in values.items()]
    return made + [kept for cell in cells for kept in cell.carry()]


def _defaults(work: Work) -> dict[str, ir.Value]:
    """What stands where the mapping says nothing or the cell is empty."""
    source = work.source
    digest = work.raw["_file"].cast(TEXT).hexdigest("md5").left(12)
    number = work.raw["_row"].cast(TEXT)
    key = ibis.literal(f"{source.name}-") + digest + ibis.literal("-") + number
    currency = source.currency or work.workspace.currency
    return {
        "event_id": key,
        "text_id": key,
        "channel": ibis.literal(source.channel),
        "currency": ibis.literal(currency.upper()),
    }


# -- what follows from typed columns -------------------------------------------------------------


def _utc(typed: ir.Table, work: Work, cells: Sequence[Cell]) -> dict[str, ir.Value]:
    """Wall clocks as UTC; a step of its own, for each is compared with its zone's changes."""
    reader = work.scope.reader
    return {
        cell.target: ibis.coalesce(
            zones.to_utc(reader.engine, typed[cell.clock], reader.zone), typed[cell.moment]
        )
        for cell in cells
        if cell.wall is not None
    }


def _completed(typed: ir.Table, source: Source) -> dict[str, ir.Value]:
    """The amount from price and quantity, or the price from the amount; returns made positive."""
    if source.table != "events":
        return {}
    mapped = source.columns
    made: dict[str, ir.Value] = {}
    if amount_follows(source):
        # 19 digits: of two decimals of up to 18 an engine may make one of 18, and overflow
        price, pieces = (typed[name].try_cast("decimal(19, 5)") for name in ("price", "quantity"))
        made["value"] = (price * pieces).try_cast(MONEY)
    elif "price" not in mapped and {"value", "quantity"} <= set(mapped):
        pieces = typed["quantity"].nullif(0.0)
        made["price"] = (typed["value"].cast(NUMBER) / pieces).try_cast(MONEY)
    if not _may_return(source):
        return made
    returned = typed["type"] == "return"
    for name in ("quantity", "price", "value", "discount"):
        if name in made or name in mapped:
            value = made.get(name, typed[name])
            made[name] = ibis.ifelse(returned, value.abs(), value)
    return made


def _may_return(source: Source) -> bool:
    mapped = source.columns["type"]
    constant = None if isinstance(mapped, str) else mapped.constant
    return constant is None or str(constant).strip().lower() == "return"
