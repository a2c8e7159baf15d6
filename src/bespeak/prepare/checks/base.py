"""What a check is: a reason, the column it blames, and the condition that breaks it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import ibis.expr.types as ir


@dataclass(frozen=True)
class Check:
    """One rule over the rows of one table; where `breaks` is null the row passes."""

    reason: str
    column: str
    expected: str
    breaks: Callable[[ir.Table], ir.BooleanValue]
