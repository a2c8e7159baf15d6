"""The catalogue: one row per item that any source describes or any event names."""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from bespeak.columns import RECORD
from bespeak.engines import Engine
from bespeak.prepare.descriptions import unite_descriptions
from bespeak.prepare.services import Pack, mark_products


def unite_items(
    engine: Engine, described: Sequence[ir.Table], events: ir.Table | None, pack: Pack
) -> ir.Table:
    """One row per item_id, described by the first source that knows.

    described : RECORD.items columns, and `rows` where a table was derived from rows of another
                kind; earlier = more trusted
    events    : item_id; an item that only events name gets a row that says no more
    returns   : RECORD.items columns and is_product
    """
    columns = RECORD["items"].columns
    named = [table.select("item_id") for table in described]
    if events is not None:
        named.append(events.select("item_id").distinct())
    if not named:
        return mark_products(engine, _empty(engine), pack)
    ids = (ibis.union(*named) if len(named) > 1 else named[0]).distinct()
    ids = engine.keep(ids.filter(ids["item_id"].notnull()))
    attributes = [name for name in columns if name != "item_id"]
    if described:
        united = unite_descriptions(ids, described, "item_id", attributes)
    else:
        united = ids.mutate(**{name: ibis.null(columns[name]) for name in attributes})
    return mark_products(engine, united.select(*columns), pack)


def _empty(engine: Engine) -> ir.Table:
    schema = ibis.schema(dict(RECORD["items"].columns))
    return engine.table(schema.to_pyarrow().empty_table())
