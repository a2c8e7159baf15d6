"""Two tables of an engine, row by row. The order of rows and the layout of files say nothing.

Rows that are equal in every column cancel out first, as a multiset; only what is left is matched,
by the key where it names a row, and compared with the tolerance. So a comparison of equal tables is
one grouping, whatever their size, and all of it stays in the engine.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from functools import reduce
from typing import Any

import ibis
import ibis.expr.types as ir

from bespeak.compare.found import EXAMPLES, FLOAT_TOLERANCE, Column, Compared, Example, Where
from bespeak.engines import Engine

HIDDEN = "(personal)"
COPIES, PLACE = "copies of row", "place of row"
A, B = "in a", "in b"


def compare_rows(
    engine: Engine,
    a: ir.Table,
    b: ir.Table,
    *,
    name: str = "table",
    key: Sequence[str] = (),
    tolerance: float = FLOAT_TOLERANCE,
    hidden: Collection[str] = (),
) -> Compared:
    """What is equal and what differs between two tables.

    key       : columns that name a row; where they are missing, or name several rows, rows are
                matched by all their exact columns, each as often as it stands there
    tolerance : relative, for floats. NaN equals NaN, null equals null only; all else is exact
    hidden    : columns whose values are never shown
    """
    apart, columns = _shared(a, b)
    rows = _size(engine, a)
    found = Compared(name, "table", rows, _size(engine, b), apart=tuple(apart))
    if not columns:
        return found
    rest = engine.keep(_unequal(a.select(columns), b.select(columns)))
    if not _size(engine, rest):
        return replace(found, equal=rows)
    by_key = _names_rows(engine, rest, key)
    matched = list(key) if by_key else [c for c in columns if not _floating(rest[c])]
    if set(matched) == set(columns):
        return _whole(engine, rest, matched, found, hidden)
    pairs = engine.keep(_pairs(rest, matched, numbered=not by_key))
    counts = _counted(engine, pairs, matched, tolerance)
    return replace(
        found,
        **counts,
        equal=rows - counts["only_a"] - counts["differing"],
        matched=tuple(key) if by_key else (),
        examples=tuple(_examples(engine, pairs, matched, tolerance, hidden)),
    )


def _size(engine: Engine, rows: ir.Table) -> int:
    return int(engine.run(rows.agg(n=rows.count()))["n"][0].as_py())


def _floating(value: ir.Value) -> bool:
    return bool(value.type().is_floating())


def _shared(a: ir.Table, b: ir.Table) -> tuple[list[str], list[str]]:
    """What is wrong with the columns, and those that both sides have in one type."""
    left, right = a.schema(), b.schema()
    said = [f"column `{name}` is only in A" for name in left.names if name not in right.names]
    said += [f"column `{name}` is only in B" for name in right.names if name not in left.names]
    both = []
    for name in left.names:
        if name not in right.names:
            continue
        one, other = (schema[name].copy(nullable=True) for schema in (left, right))
        if one == other:
            both.append(name)
        else:
            said.append(f"column `{name}` is {one} in A and {other} in B")
    return said, both


def _unequal(a: ir.Table, b: ir.Table) -> ir.Table:
    """The distinct rows of which one side has more; COPIES says how many more A has."""
    both = a.mutate(**{COPIES: ibis.literal(1, "int64")}).union(
        b.mutate(**{COPIES: ibis.literal(-1, "int64")})
    )
    rows = both.group_by(list(a.columns)).agg(**{COPIES: both[COPIES].sum()})
    return rows.filter(rows[COPIES] != 0)


def _names_rows(engine: Engine, rest: ir.Table, key: Sequence[str]) -> bool:
    """Whether the key names one row a side, among those that are not equal."""
    if not key or not set(key) <= set(rest.columns):
        return False
    sides = rest.select(*key, **{A: rest[COPIES] > 0, COPIES: rest[COPIES].abs()})
    named = sides.group_by([*key, A]).agg(n=sides[COPIES].sum())
    return not _size(engine, named.filter(named["n"] > 1))


def _whole(
    engine: Engine, rest: ir.Table, columns: Sequence[str], found: Compared, hidden: Collection[str]
) -> Compared:
    """Rows that are the same or are not: none of the rest has a partner."""
    more = ibis.ifelse(rest[COPIES] > 0, rest[COPIES], 0).sum()
    less = ibis.ifelse(rest[COPIES] < 0, -rest[COPIES], 0).sum()
    counts = engine.run(rest.agg(only_a=more, only_b=less)).to_pylist()[0]
    examples = [
        Example(where, _key(row, "", columns, hidden), {})
        for where, rows in _sides(rest)
        for row in _first(engine, rows, columns)
    ]
    equal = (found.a or 0) - counts["only_a"]
    return replace(found, **counts, equal=equal, examples=tuple(examples))


def _sides(rest: ir.Table) -> tuple[tuple[Where, ir.Table], ...]:
    return ("only in A", rest.filter(rest[COPIES] > 0)), (
        "only in B",
        rest.filter(rest[COPIES] < 0),
    )


# -- pairs -----------------------------------------------------------------------------------------


def _pairs(rest: ir.Table, matched: Sequence[str], *, numbered: bool) -> ir.Table:
    """`a:column`, `b:column`, A, B (true or null): each row beside its partner, or alone.

    numbered : rows may agree in all of `matched`; then they are paired in the order of their
               floats, which brings those within the tolerance together
    """
    sides = []
    for (_, unequal), mark, prefix in zip(_sides(rest), (A, B), ("a:", "b:"), strict=True):
        rows = _numbered(unequal, matched) if numbered else unequal
        names = [name for name in rows.columns if name != COPIES]
        there = {mark: ibis.literal(True)}
        sides.append(rows.select(**{prefix + name: rows[name] for name in names}, **there))
    left, right = sides
    by = [*matched, PLACE] if numbered else matched
    return left.outer_join(
        right, [left[f"a:{name}"].identical_to(right[f"b:{name}"]) for name in by]
    )


def _numbered(rows: ir.Table, matched: Sequence[str]) -> ir.Table:
    """Each row as often as it stands there, numbered among those that agree in `matched`."""
    copies = rows.mutate(**{COPIES: ibis.range(0, rows[COPIES].abs()).unnest()})
    floats = [name for name in rows.columns if name not in {*matched, COPIES}]
    order = ibis.window(group_by=list(matched), order_by=[*floats, COPIES])
    return copies.mutate(**{PLACE: ibis.row_number().over(order)})


def _names(pairs: ir.Table) -> Iterator[str]:
    return (name[2:] for name in pairs.columns if name.startswith("a:") and name[2:] != PLACE)


def _differs(pairs: ir.Table, name: str, tolerance: float) -> ir.Value:
    """Whether the values of a column are not equal; never null."""
    one, other = pairs[f"a:{name}"], pairs[f"b:{name}"]
    same = one.identical_to(other)
    if not _floating(one):
        return ~same
    one, other = one.cast("float64"), other.cast("float64")
    near = (one - other).abs() <= ibis.greatest(one.abs(), other.abs()) * tolerance
    both_nan = (one.isnan() & other.isnan()).fill_null(False)
    return ~(same | both_nan | (_finite(one, other) & near).fill_null(False))


def _finite(*values: ir.Value) -> ir.Value:
    return reduce(
        lambda one, other: one & other, (~value.isnan() & ~value.isinf() for value in values)
    )


def _relative(pairs: ir.Table, name: str) -> ir.Value:
    """|a - b| / max(|a|, |b|) of a column of numbers; null where it is undefined."""
    one, other = pairs[f"a:{name}"].cast("float64"), pairs[f"b:{name}"].cast("float64")
    larger = ibis.greatest(one.abs(), other.abs())
    usable = (_finite(one, other) & (larger > 0)).fill_null(False)
    return ibis.ifelse(usable, (one - other).abs() / larger.nullif(0.0), ibis.null("float64"))


# -- what is found ---------------------------------------------------------------------------------


def _compared(pairs: ir.Table, matched: Sequence[str]) -> list[str]:
    return [name for name in _names(pairs) if name not in matched]


def _any_differs(pairs: ir.Table, names: Sequence[str], tolerance: float) -> ir.Value:
    return reduce(
        lambda one, other: one | other, (_differs(pairs, name, tolerance) for name in names)
    )


def _counted(
    engine: Engine, pairs: ir.Table, matched: Sequence[str], tolerance: float
) -> dict[str, Any]:
    """only_a, only_b, differing and columns."""
    alone = pairs.agg(only_a=pairs[B].isnull().sum(), only_b=pairs[A].isnull().sum())
    found: dict[str, Any] = engine.run(alone).to_pylist()[0]
    both = pairs.filter(pairs[A].notnull() & pairs[B].notnull())
    names = _compared(pairs, matched)
    asked = {"rows": _any_differs(both, names, tolerance).sum()}
    for name in names:
        asked[f"differing:{name}"] = _differs(both, name, tolerance).sum()
        if both[f"a:{name}"].type().is_numeric():
            asked[f"largest:{name}"] = _relative(both, name).max()
    said = engine.run(both.agg(**asked)).to_pylist()[0]
    columns = tuple(
        Column(name, said[f"differing:{name}"] or 0, said.get(f"largest:{name}") or None)
        for name in names
    )
    return {
        "only_a": int(found["only_a"] or 0),
        "only_b": int(found["only_b"] or 0),
        "differing": int(said["rows"] or 0),
        "columns": tuple(column for column in columns if column.differing or column.largest),
    }


def _examples(
    engine: Engine,
    pairs: ir.Table,
    matched: Sequence[str],
    tolerance: float,
    hidden: Collection[str],
) -> Iterator[Example]:
    """The first rows of each kind that are not the same, in the order of `matched`."""
    names = _compared(pairs, matched)
    both = pairs.filter(pairs[A].notnull() & pairs[B].notnull())
    told = both.mutate(**{f"d:{name}": _differs(both, name, tolerance) for name in names})
    told = told.filter(_any_differs(both, names, tolerance))
    for row in _first(engine, told, [f"a:{name}" for name in matched]):
        values = {
            name: (_shown(row, "a:", name, hidden), _shown(row, "b:", name, hidden))
            for name in names
            if row[f"d:{name}"]
        }
        yield Example("differs", _key(row, "a:", matched, hidden), values)
    alone: tuple[tuple[Where, str, str], ...] = (("only in A", "a:", B), ("only in B", "b:", A))
    for where, prefix, other in alone:
        unpaired = pairs.filter(pairs[other].isnull())
        for row in _first(engine, unpaired, [f"{prefix}{name}" for name in matched]):
            yield Example(where, _key(row, prefix, matched, hidden), {})


def _first(engine: Engine, rows: ir.Table, order: Sequence[str]) -> list[dict[str, Any]]:
    chosen = rows.order_by(list(order)) if order else rows
    found: list[dict[str, Any]] = engine.run(chosen.limit(EXAMPLES)).to_pylist()
    return found


def _key(
    row: dict[str, Any], prefix: str, matched: Sequence[str], hidden: Collection[str]
) -> dict[str, Any]:
    return {
        name: _shown(row, prefix, name, hidden)
        for name in matched
        if row[f"{prefix}{name}"] is not None
    }


def _shown(row: dict[str, Any], prefix: str, name: str, hidden: Collection[str]) -> Any:
    value = row[f"{prefix}{name}"]
    return HIDDEN if name in hidden and value is not None else value
