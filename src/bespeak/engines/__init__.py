"""Where rows live and are joined, filtered and counted: the only place that knows a database."""

from __future__ import annotations

from bespeak.engines.base import Engine
from bespeak.engines.duckdb import DuckDB

__all__ = ["DuckDB", "Engine"]
