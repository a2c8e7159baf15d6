"""Values for empty cells from other rows: mean, median, mode, or the line between neighbours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial, reduce
from types import MappingProxyType
from typing import Any

import ibis
import ibis.expr.types as ir

from bespeak.columns import NUMBER, RECORD, WHOLE
from bespeak.engines import Engine
from bespeak.prepare.statistics import finite, mean_of, moments, unit_of, whole


@dataclass(frozen=True)
class Filling:
    """How one column's empty cells are filled."""

    table: str
    column: str
    method: str
    within: str | None = None

    @property
    def kind(self) -> str:
        return RECORD[self.table].columns[self.column]


Fill = Callable[[ir.Table], ir.Table]


def filler(
    engine: Engine, seen: ir.Table, filling: Filling
) -> tuple[Fill, float | str | bool | None]:
    """How to fill the empty cells of one column; one that no other row can tell stays empty.

    seen    : the columns of judged rows that matter here: `_reason` (rows that have one neither
              fill nor are filled), the column, `within`; to interpolate file, row and time too
    returns : what fills a table of such rows, and the value that stands where no row shares
              `within` (null where there is no such single value). First come rows that share
              `within`, then all rows.
    """
    if filling.method == "interpolate":
        return _interpolated(engine, seen, filling), None
    overall = STATISTICS[filling.method](engine, _known(seen, filling), filling, None)
    found = engine.run(overall)["_fill"].to_pylist()
    if not found or found[0] is None:
        return lambda rows: rows, None
    everywhere = ibis.literal(found[0], filling.kind)
    if filling.within is None:
        return partial(_all_alike, filling=filling, value=everywhere), _plain(found[0])
    grouped = STATISTICS[filling.method](engine, _known(seen, filling), filling, filling.within)
    shares = engine.keep(grouped.rename(_group=filling.within))
    fill = partial(_by_group, filling=filling, shares=shares, elsewhere=everywhere)
    return fill, _plain(found[0])


def _all_alike(rows: ir.Table, *, filling: Filling, value: ir.Value) -> ir.Table:
    filled = _where_open(rows, rows[filling.column], value)
    return rows.mutate(**{filling.column: filled})


def _by_group(
    rows: ir.Table, *, filling: Filling, shares: ir.Table, elsewhere: ir.Value
) -> ir.Table:
    joined = rows.left_join(shares, rows[filling.within] == shares["_group"])
    nearest = ibis.coalesce(joined["_fill"], elsewhere)
    filled = _where_open(joined, joined[filling.column], nearest)
    return joined.mutate(**{filling.column: filled}).drop("_group", "_fill")


def _plain(value: Any) -> float | str | bool:
    """A value as JSON can say it."""
    if isinstance(value, str | bool):
        return value
    return value.isoformat() if isinstance(value, datetime) else float(value)


def _where_open(rows: ir.Table, value: ir.Value, filler: ir.Value) -> ir.Value:
    return ibis.ifelse(rows["_reason"].isnull() & value.isnull(), filler, value)


def _known(rows: ir.Table, filling: Filling) -> ir.Table:
    """The rows that can tell: let in, and with a value."""
    names = {filling.column} | ({filling.within} if filling.within else set())
    good = rows.filter(rows["_reason"].isnull() & rows[filling.column].notnull())
    return good.select(*sorted(names))


def _typed(value: ir.Value, kind: str) -> ir.Value:
    return (value.round() if kind == WHOLE else value).cast(kind)


# -- statistics: one row, or one per group; the value in `_fill` -----------------------------------


def _mean(engine: Engine, known: ir.Table, filling: Filling, within: str | None) -> ir.Table:
    values = finite(known, filling.column)
    found = moments(engine, values)
    unit = unit_of(0.0 if found is None else max(abs(found.least), abs(found.most)))
    sums = _grouped(values, within).agg(
        _total=whole(values["value"], unit).sum(), _rows=values.count()
    )
    if within is None:
        row = engine.run(sums).to_pylist()[0]
        mean = mean_of(row["_total"], row["_rows"], unit) if row["_rows"] else None
        return _constant(sums, mean, filling)
    exact = sums["_total"].cast(NUMBER) / sums["_rows"] / unit
    return sums.select(within, _fill=_typed(exact, filling.kind))


def _constant(one_row: ir.Table, value: float | None, filling: Filling) -> ir.Table:
    return one_row.select(_fill=_typed(ibis.literal(value, NUMBER), filling.kind))


def _median(engine: Engine, known: ir.Table, filling: Filling, within: str | None) -> ir.Table:
    values = finite(known, filling.column)
    middle = _grouped(values, within).agg(_middle=values["value"].quantile(0.5))
    kept = () if within is None else (within,)
    return middle.select(*kept, _fill=_typed(middle["_middle"], filling.kind))


def _mode(engine: Engine, known: ir.Table, filling: Filling, within: str | None) -> ir.Table:
    """The most frequent value; of equally frequent ones the smallest."""
    kept = [] if within is None else [within]
    renamed = known.select(*kept, _fill=known[filling.column])
    counted = renamed.group_by([*kept, "_fill"]).agg(_rows=renamed.count())
    order = ibis.window(group_by=kept, order_by=[ibis.desc("_rows"), "_fill"])
    ranked = counted.mutate(_rank=ibis.row_number().over(order))
    return ranked.filter(ranked["_rank"] == 0).select(*kept, "_fill")


def _grouped(values: ir.Table, within: str | None) -> ir.Table:
    return values if within is None else values.group_by(within)


STATISTICS: Mapping[str, Callable[[Engine, ir.Table, Filling, str | None], ir.Table]] = (
    MappingProxyType({"mean": _mean, "median": _median, "mode": _mode})
)


# -- interpolation ---------------------------------------------------------------------------------


def time_of(table: str) -> str:
    """The time that rows of a table are interpolated along."""
    grain = RECORD[table]
    return grain.time or ("time" if "time" in grain.columns else "from_time")


def _interpolated(engine: Engine, seen: ir.Table, filling: Filling) -> Fill:
    """Linear in time between the known values before and after; held level beyond the ends."""
    steps: list[Fill] = []
    for within in [filling.within, None] if filling.within else [None]:
        fills = engine.keep(_on_the_line(engine, seen, filling, within))
        steps.append(partial(_placed, fills=fills, column=filling.column))
        seen = steps[-1](seen)
    return lambda rows: reduce(lambda table, step: step(table), steps, rows)


def _placed(rows: ir.Table, *, fills: ir.Table, column: str) -> ir.Table:
    """Each value where its file and row say."""
    joined = rows.left_join(
        fills, [rows["file"] == fills["_file"], rows["row"] == fills["_number"]]
    )
    filled = ibis.coalesce(joined[column], joined["_fill"])
    return joined.mutate(**{column: filled}).drop("_file", "_number", "_fill")


def _on_the_line(engine: Engine, rows: ir.Table, filling: Filling, within: str | None) -> ir.Table:
    """File, row and value of every empty cell that has a neighbour in time."""
    time = time_of(filling.table)
    timed = rows.filter(rows["_reason"].isnull() & rows[time].notnull())
    if within is not None:
        timed = timed.filter(timed[within].notnull())
    group = [] if within is None else ["_group"]
    points = timed.select(
        **({} if within is None else {"_group": timed[within]}),
        _file=timed["file"],
        _number=timed["row"],
        _at=engine.micros(timed[time]),
        _value=timed[filling.column].cast(NUMBER),
    )
    sided = _neighbour(points, group, "before", descending=False)
    sided = _neighbour(sided, group, "after", descending=True)
    step = (sided["_at"] - sided["_at_before"]).cast(NUMBER)
    length = (sided["_at_after"] - sided["_at_before"]).cast(NUMBER)
    rise = sided["_value_after"] - sided["_value_before"]
    between = sided["_value_before"] + rise * step / length.nullif(0.0)
    line = ibis.coalesce(between, sided["_value_before"], sided["_value_after"])
    fills = sided.select(
        "_file", "_number", _fill=_typed(line, filling.kind), _open=sided["_value"].isnull()
    )
    return fills.filter(fills["_open"] & fills["_fill"].notnull()).drop("_open")


def _neighbour(points: ir.Table, group: list[str], side: str, *, descending: bool) -> ir.Table:
    """Time and value of the nearest known point on one side, as `_at_SIDE` and `_value_SIDE`.

    Each known point opens a block that lasts until the next one: it is the only one with a value.
    """
    keys: list[ir.Value] = [points["_at"], points["_file"], points["_number"]]
    order = ibis.window(
        group_by=group,
        order_by=[ibis.desc(key) for key in keys] if descending else keys,
        preceding=None,
        following=0,
    )
    blocked = points.mutate(_block=points["_value"].count().over(order))
    known = ibis.ifelse(blocked["_value"].isnull(), ibis.null("int64"), blocked["_at"])
    block = ibis.window(group_by=[*group, "_block"])
    made = blocked.mutate(
        **{
            f"_at_{side}": known.max().over(block),
            f"_value_{side}": blocked["_value"].max().over(block),
        }
    )
    return made.drop("_block")
