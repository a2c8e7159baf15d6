"""All files of a source as one table of the engine, as they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq

from bespeak.collect.names import RESERVED
from bespeak.engines import Engine
from bespeak.errors import SourceMissing, SourceUnreadable

_EXACT = 2**53
"""Below it, a float that is a whole number is exactly that number."""


_NO_VALUES = "none"
"""The family of a column without a single value, which takes any other file's type."""


@dataclass(frozen=True)
class RawFile:
    """One file of a source, readable as Parquet."""

    name: str
    """What messages and lineage call it."""
    path: Path
    """The staged `rows` folder, or the original Parquet file."""
    staged: bool


@dataclass(frozen=True)
class _Shape:
    """A file's Parquet parts, and its columns: lower-case name -> its spelling and type."""

    file: RawFile
    parts: list[Path]
    columns: Mapping[str, tuple[str, str]]


def open_raw(engine: Engine, files: Sequence[RawFile]) -> ir.Table:
    """Every row of `files`, in no particular order.

    columns : the files' own, united by name whatever the case; text where their types differ;
              lists and structs as JSON text; then `_file` (RawFile.name) and `_row`
    raises  : SourceMissing; SourceUnreadable for what is no Parquet or has a name of bespeak's
    """
    if not files:
        raise SourceMissing("a source has no files", next_step="Check `files` in bespeak.toml.")
    shapes = [_shape(file) for file in files]
    tables = [_plain(engine, _open(engine, group)) for group in _groups(shapes)]
    spelling: dict[str, str] = {}
    for shape in shapes:
        for lower, (name, _) in shape.columns.items():
            spelling.setdefault(lower, name)
    united = _united(tables, spelling)
    return united[0] if len(united) == 1 else ibis.union(*united, distinct=False)


def open_refused(engine: Engine, files: Sequence[RawFile]) -> ir.Table | None:
    """The rows of `files` that staging could not split; None if there are none.

    columns : file (RawFile.name), row, reason, found, expected, raw
    """
    parts = {
        part: file.name
        for file in files
        if file.staged
        for part in sorted((file.path.parent / "refused").glob("*.parquet"))
    }
    if not parts:
        return None
    rows = _named(engine, engine.read(list(parts), files_named=True), parts)
    return rows.rename(file="_file")


def _shape(file: RawFile) -> _Shape:
    parts = sorted(file.path.rglob("*.parquet")) if file.staged else [file.path]
    if not parts:
        raise SourceMissing(
            f"{file.name}: its staged rows are not there", next_step="Run `bespeak run` again."
        )
    columns: dict[str, tuple[str, str]] = {}
    for part in parts:
        schema = _schema(file, part)
        names = [name for name in schema.names if not (file.staged and name == "_row")]
        _refuse_ambiguous(file, names)
        for name in names:
            columns.setdefault(name.lower(), (name, _family(schema.field(name).type)))
    return _Shape(file, parts, columns)


def _schema(file: RawFile, part: Path) -> pa.Schema:
    try:
        return pq.read_schema(part)
    except FileNotFoundError as error:
        raise SourceMissing(
            f"{file.name}: there is no such file", next_step="Check the path in `files`."
        ) from error
    except (pa.ArrowInvalid, OSError) as error:
        raise SourceUnreadable(
            f"{file.name}: not readable as Parquet",
            next_step="Check the file, or set `format` for this source.",
        ) from error


def _refuse_ambiguous(file: RawFile, names: Sequence[str]) -> None:
    taken = set(RESERVED)
    for name in names:
        if name.lower() in taken:
            raise SourceUnreadable(
                f"{file.name}, column `{name}`",
                found="a name that bespeak or another column has, but for the case of its letters",
                expected="each name once",
                next_step="Rename the column in the file.",
            )
        taken.add(name.lower())


def _family(kind: pa.DataType) -> str:
    """Types of one family can be read together without a change of their values."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return "text"
    if pa.types.is_integer(kind) and kind != pa.uint64():
        return "whole"
    return _NO_VALUES if pa.types.is_null(kind) else str(kind)


def _groups(shapes: Sequence[_Shape]) -> Iterator[list[_Shape]]:
    """Files that the engine can open in one read: staged or not, and alike in every column."""
    families: dict[str, set[str]] = {}
    for shape in shapes:
        for lower, (_, family) in shape.columns.items():
            families.setdefault(lower, set()).update({family} - {_NO_VALUES})
    disputed = sorted(lower for lower, found in families.items() if len(found) > 1)
    groups: dict[tuple[object, ...], list[_Shape]] = {}
    for shape in shapes:
        kinds = (shape.columns.get(lower, ("", _NO_VALUES))[1] for lower in disputed)
        groups.setdefault((shape.file.staged, *kinds), []).append(shape)
    yield from groups.values()


def _open(engine: Engine, group: Sequence[_Shape]) -> ir.Table:
    names = {part: shape.file.name for shape in group for part in shape.parts}
    if group[0].file.staged:
        rows = engine.read(list(names), files_named=True)
    else:
        rows = engine.read(list(names), rows_numbered=True)
    typed = {
        lower
        for shape in group
        for lower, (_, family) in shape.columns.items()
        if family != _NO_VALUES
    }
    # such a column has no type in the engine either; the other files give it one
    untyped = {lower for shape in group for lower in shape.columns if lower not in typed}
    return _named(engine, rows.drop(*(n for n in rows.columns if n.lower() in untyped)), names)


def _named(engine: Engine, rows: ir.Table, names: Mapping[Path, str]) -> ir.Table:
    """`rows` with the files' names in `_file` in place of their paths."""
    if len(set(names.values())) == 1:
        return rows.mutate(_file=ibis.literal(next(iter(names.values()))))
    lookup = engine.table(
        pa.table({"_path": [str(path) for path in names], "_name": list(names.values())})
    )
    joined = rows.left_join(lookup, rows["_file"] == lookup["_path"])
    named = joined.mutate(_file=ibis.coalesce(joined["_name"], joined["_file"]))
    return named.drop("_path", "_name")


def _plain(engine: Engine, table: ir.Table) -> ir.Table:
    """Nested columns as JSON text, bytes as text."""
    changed = {
        name: engine.json_text(table[name]) if kind.is_nested() else table[name].cast("string")
        for name, kind in table.schema().items()
        if kind.is_nested() or kind.is_binary()
    }
    return table.mutate(**changed) if changed else table


def _united(tables: Sequence[ir.Table], spelling: Mapping[str, str]) -> list[ir.Table]:
    """The tables with the same columns in the same order, of the same types."""
    own = [{name.lower(): name for name in table.columns} for table in tables]
    kinds: dict[str, dt.DataType] = {}
    for lower in spelling:
        found = [
            table[names[lower]].type()
            for table, names in zip(tables, own, strict=True)
            if lower in names
        ]
        kinds[lower] = _common(found)
    return [
        table.select(
            *(
                (_as(table[names[lower]], kind) if lower in names else ibis.null(kind)).name(name)
                for (lower, name), kind in zip(spelling.items(), kinds.values(), strict=True)
            ),
            table["_file"],
            table["_row"],
        )
        for table, names in zip(tables, own, strict=True)
    ]


def _common(kinds: Sequence[dt.DataType]) -> dt.DataType:
    """The type that holds all values as they are; text if only text does."""
    if len(set(kinds)) == 1:
        return kinds[0]
    if kinds and all(kind.is_integer() and kind != dt.uint64 for kind in kinds):
        return dt.int64
    if kinds and all(kind.is_floating() for kind in kinds):
        return dt.float64
    if kinds and all(kind.is_timestamp() and kind.timezone is None for kind in kinds):
        return dt.Timestamp(scale=6)
    return dt.string


def _as(value: ir.Value, kind: dt.DataType) -> ir.Value:
    found = value.type()
    if found == kind:
        return value
    if not (kind.is_string() and found.is_floating()):
        return value.cast(kind)
    # 17850.0 beside '17850' in another file is the same number
    whole = (value == value.floor()) & (value.abs() < _EXACT)
    text = ibis.ifelse(whole, value.cast("int64").cast("string"), value.cast("string"))
    return ibis.ifelse(value.isnan(), ibis.null("string"), text)
