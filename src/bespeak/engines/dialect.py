"""Functions that Ibis lacks or that differ in silence: one row per function and engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

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
    }
)
