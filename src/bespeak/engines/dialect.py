"""Where engines differ: functions that Ibis lacks, and what it would let differ in silence.

DuckDB's meaning is the one that holds. Each difference here has a test that runs on every engine
(tests/engines/test_engine_dialect.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import sqlglot.expressions as sge
from ibis.backends.sql.compilers.base import NULL
from ibis.backends.sql.compilers.pyspark import PySparkCompiler

from bespeak.errors import BespeakError

Function = Callable[..., ir.Value]


def _builtin(name: str, returns: str, *takes: str) -> Function:
    """A function that the engine has under `name`."""
    signature = (tuple(dt.dtype(kind) for kind in takes), dt.dtype(returns))

    def body(*_: object) -> None: ...

    declared: Function = ibis.udf.scalar.builtin(
        _named(body, len(takes)), name=name, signature=signature
    )
    return declared


def _named(body: Callable[..., None], arity: int) -> Callable[..., None]:
    """Ibis reads the argument names from the signature, so the function must have some."""
    shapes: tuple[Callable[..., None], ...] = (
        lambda: None,
        lambda a: None,
        lambda a, b: None,
    )
    shape = shapes[arity]
    shape.__name__ = shape.__qualname__ = f"builtin_{arity}"
    return shape


DUCKDB: Mapping[str, Function] = MappingProxyType(
    {
        "micros": _builtin("epoch_us", "int64", "timestamp(6)"),
        "moment": _builtin("make_timestamp", "timestamp(6)", "int64"),
        "parse_time": _builtin("try_strptime", "timestamp(6)", "string", "string"),
        # timezone(zone, wall clock) is an instant; the session's zone is UTC, so its cast is UTC
        "to_instant": _builtin("timezone", "timestamp('UTC')", "string", "timestamp(6)"),
        "json_valid": _builtin("json_valid", "boolean", "string"),
        "json_value": _builtin("json_extract_string", "string", "string", "string"),
    }
)
SPARK: Mapping[str, Function] = MappingProxyType(
    {
        "micros": _builtin("unix_micros", "int64", "timestamp(6)"),
        "moment": _builtin("timestamp_micros", "timestamp(6)", "int64"),
        "parse_time": _builtin("try_to_timestamp", "timestamp(6)", "string", "string"),
        "to_instant": _builtin("to_utc_timestamp", "timestamp(6)", "timestamp(6)", "string"),
        "json_value": _builtin("get_json_object", "string", "string", "string"),
        "to_wall": _builtin("from_utc_timestamp", "timestamp(6)", "timestamp(6)", "string"),
    }
)

REPEATED_MINUTES = (60, 30, 20, 120, 180, 1440)
"""How long the time can be that comes twice when a zone sets its clocks back."""

# -- patterns of times ---------------------------------------------------------------------------

_DIRECTIVE = re.compile("%(.)|([^%]+)")
_JAVA: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "Y": ("yyyy", "yyyy"), "m": ("M", "MM"), "d": ("d", "dd"), "H": ("H", "HH"),
        "I": ("h", "hh"), "M": ("m", "mm"), "S": ("s", "ss"), "f": ("SSSSSS", "SSSSSS"),
        "p": ("a", "a"), "b": ("MMM", "MMM"), "B": ("MMMM", "MMMM"), "z": ("[XXX][XX][X]",) * 2,
        "%": ("'%'", "'%'"),
    }
)  # fmt: skip
"""strptime directive -> Java's letters: alone, where one digit will do, and beside other digits."""


def unreadable_on_spark(pattern: str) -> str | None:
    """What a strptime pattern has that Spark has no equal of; None where there is nothing."""
    known = ", ".join(f"%{letter}" for letter in _JAVA)
    for directive, _ in _DIRECTIVE.findall(pattern):
        if directive and directive not in _JAVA:
            return f"`%{directive}`, which Spark can't read: it knows {known}"
    return None


def java_pattern(pattern: str) -> str:
    """A strptime pattern as Spark reads times.

    raises : BespeakError for a directive that Spark has no equal of
    """
    problem = unreadable_on_spark(pattern)
    if problem is not None:
        raise BespeakError(f"the pattern `{pattern}`", found=problem)
    parts = [found.groups() for found in _DIRECTIVE.finditer(pattern)]
    written = []
    for at, (directive, text) in enumerate(parts):
        if text is not None:
            written.append("'" + text.replace("'", "''") + "'")
            continue
        beside = any(near is not None and near[0] for near in _around(parts, at))
        written.append(_JAVA[directive][beside])
    return "".join(written)


def _around(parts: list[Any], at: int) -> list[Any]:
    return [parts[i] if 0 <= i < len(parts) else None for i in (at - 1, at + 1)]


# -- Spark's SQL with DuckDB's meaning -----------------------------------------------------------

_PLAIN = 1e-4, 1e16
"""DuckDB writes floats between these without an exponent."""
_BACKREFERENCE = re.compile(r"\\(\d)")


class SparkCompiler(PySparkCompiler):  # type: ignore[misc]  # Ibis has no types
    """Ibis's SQL for Spark, except where it would mean something else than on DuckDB."""

    __slots__ = ()

    # Ibis calls these by the names of its operations
    def visit_IsNull(self, op: Any, *, arg: Any) -> Any:  # noqa: N802
        """Not-a-number is a value, not a missing one."""
        return arg.is_(NULL)

    def visit_NotNull(self, op: Any, *, arg: Any) -> Any:  # noqa: N802
        return sge.Not(this=arg.is_(NULL))

    def visit_NonNullLiteral(self, op: Any, *, value: Any, dtype: Any) -> Any:  # noqa: N802
        """0.5 would be a decimal, which computes otherwise."""
        if dtype.is_floating():
            return self.cast(repr(float(value)), dt.float64)
        if dtype.is_date():
            return self.cast(value.isoformat(), dtype)
        return super().visit_NonNullLiteral(op, value=value, dtype=dtype)

    def visit_Field(self, op: Any, *, rel: Any, name: Any) -> Any:  # noqa: N802
        return super(PySparkCompiler, self).visit_Field(op, rel=rel, name=name)

    def visit_Divide(self, op: Any, *, left: Any, right: Any) -> Any:  # noqa: N802
        """Always in floats; by zero it is infinite or not a number, and never an error."""
        top, bottom = (self.cast(side, dt.float64) for side in (left, right))
        return self.if_(
            sge.EQ(this=bottom, expression=sge.convert(0)),
            top * self.cast("Infinity", dt.float64),
            sge.paren(top / bottom),
        )

    def visit_FloorDivide(self, op: Any, *, left: Any, right: Any) -> Any:  # noqa: N802
        top, bottom = (self.cast(side, dt.float64) for side in (left, right))
        return self.cast(self.f.floor(sge.paren(top / bottom)), op.dtype)

    def visit_CountStar(self, op: Any, *, arg: Any, where: Any) -> Any:  # noqa: N802
        """Of no rows it is 0."""
        return self.f.count(sge.Star() if where is None else self.if_(where, 1, NULL))

    def visit_ArrayIndex(self, op: Any, *, arg: Any, index: Any) -> Any:  # noqa: N802
        """Beyond the end there is nothing, which is no error."""
        return self.f.anon.try_element_at(arg, index + 1)

    def visit_Hash(self, op: Any, *, arg: Any) -> Any:  # noqa: N802
        """Of 64 bits; Spark's `hash` has 32."""
        return self.f.anon.xxhash64(arg)

    def visit_RegexSearch(self, op: Any, *, arg: Any, pattern: Any) -> Any:  # noqa: N802
        return self.f.anon.regexp_like(arg, _strict(pattern))

    def visit_RegexReplace(  # noqa: N802
        self, op: Any, *, arg: Any, pattern: Any, replacement: Any
    ) -> Any:
        """Groups are `$1` here, not `\\1`."""
        shown = replacement.this if isinstance(replacement, sge.Literal) else None
        if shown is not None:
            replacement = sge.convert(_BACKREFERENCE.sub(r"$\1", shown.replace("$", "\\$")))
        return self.f.anon.regexp_replace(arg, _strict(pattern), replacement)

    def visit_Cast(self, op: Any, *, arg: Any, to: Any) -> Any:  # noqa: N802
        if to.is_json():
            nulls = self.f.map("ignoreNullFields", "false")
            return self.f.anon.to_json(arg, nulls)
        known = op.arg.dtype
        if known.is_floating() and to.is_string():
            return self._float_text(arg)
        if known.is_floating() and to.is_decimal():
            return self._float_decimal(arg, to, self.cast)
        return self.cast(self._rounded(arg, known, to), to)

    def visit_TryCast(self, op: Any, *, arg: Any, to: Any) -> Any:  # noqa: N802
        known = op.arg.dtype
        if known.is_floating() and to.is_decimal():
            return self._float_decimal(arg, to, self._tried)
        if known.is_string():
            arg = self._readable(arg, to)
            if to.is_integer():
                arg, known = self._tried(arg, dt.Decimal(38, 9)), dt.Decimal(38, 9)
        return self._tried(self._rounded(arg, known, to), to)

    def _tried(self, arg: Any, to: Any) -> Any:
        return sge.TryCast(this=arg, to=self.type_mapper.from_ibis(to), safe=True)

    def _float_decimal(self, arg: Any, to: Any, cast: Callable[[Any, Any], Any]) -> Any:
        """By rounding the float's own value; Spark would round the digits it is written with."""
        units = self.f.anon.round(sge.paren(arg * self.cast(repr(10.0**to.scale), dt.float64)), 0)
        whole = cast(units, dt.Decimal(min(to.precision, 36 - to.scale), 0))
        unit = self.cast(f"1e-{to.scale}", dt.Decimal(to.scale + 1, to.scale))
        return cast(sge.paren(whole * unit), to)

    def _rounded(self, arg: Any, known: Any, to: Any) -> Any:
        """A fraction is rounded into a whole number, not cut off: floats to even, money up."""
        if not to.is_integer():
            return arg
        if known.is_floating():
            return self.f.anon.rint(arg)
        return self.f.anon.round(arg, 0) if known.is_decimal() else arg

    def _readable(self, arg: Any, to: Any) -> Any:
        """Text that both engines read alike: `1d` is no number, `2020/1/2` is a day."""
        if to.is_numeric():
            return self.if_(self.f.anon.regexp_like(arg, "[0-9.][dDfF]\\s*$"), NULL, arg)
        if to.is_timestamp():
            dashed = self.f.anon.regexp_replace(
                arg, "^(\\s*[0-9]{4})/([0-9]{1,2})/([0-9]{1,2})", "$1-$2-$3"
            )
            return self.f.anon.regexp_replace(
                dashed, "([T ][0-9]{1,2}:[0-9]{2})(Z|UTC|[-+].*)$", "$1:00$2"
            )
        return arg

    def _float_text(self, arg: Any) -> Any:
        """`12345678.5`, which Java would write `1.23456785E7`."""
        size = self.f.abs(arg)
        shown = self.cast(arg, dt.string)
        digits = self.cast(self.cast(arg, dt.Decimal(38, 20)), dt.string)
        bare = self.f.anon.regexp_replace(digits, "0+$", "")
        plain = self.f.anon.regexp_replace(bare, "[.]$", ".0")
        short = self.f.anon.regexp_replace(shown, "[.]0E", "E")
        signed = self.f.anon.regexp_replace(short, "E([0-9])", "e+$1")
        minus = self.f.anon.regexp_replace(signed, "E-", "e-")
        padded = self.f.anon.regexp_replace(minus, "e([-+])([0-9])$", "e$10$2")
        low, high = (self.cast(repr(end), dt.float64) for end in _PLAIN)
        within = sge.And(
            this=sge.GTE(this=size, expression=low), expression=sge.LT(this=size, expression=high)
        )
        nothing = sge.EQ(this=arg, expression=sge.convert(0))
        return sge.Case(
            ifs=[
                self.if_(nothing, "0.0"),
                self.if_(within, plain),
                self.if_(self.f.anon.isnan(arg), "nan"),
                self.if_(sge.EQ(this=shown, expression=sge.convert("Infinity")), "inf"),
                self.if_(sge.EQ(this=shown, expression=sge.convert("-Infinity")), "-inf"),
            ],
            default=padded,
        )


def _strict(pattern: Any) -> Any:
    """`$` is the end of the text, and not also the place before a last line break."""
    if not isinstance(pattern, sge.Literal):
        return pattern
    return sge.convert(re.sub(r"(?<!\\)\$(?=$|\))", r"\\z", pattern.this))
