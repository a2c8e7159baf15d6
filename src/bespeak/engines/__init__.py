"""Where rows live and are joined, filtered and counted: the only place that knows a database."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from bespeak.engines.base import Engine
from bespeak.engines.dialect import unreadable_on_spark
from bespeak.engines.duckdb import DuckDB
from bespeak.engines.spark import Spark

OPENERS: Mapping[str, Callable[..., Engine]] = MappingProxyType({"duckdb": DuckDB, "spark": Spark})
"""Name in bespeak.toml -> what opens it. pyspark is imported when Spark is opened."""

ABLE: Mapping[str, frozenset[str]] = MappingProxyType({"duckdb": DuckDB.can, "spark": Spark.can})
"""Name -> what it does beyond what all do; known without opening it."""

PATTERNS: Mapping[str, Callable[[str], str | None]] = MappingProxyType(
    {"duckdb": lambda pattern: None, "spark": unreadable_on_spark}
)
"""Name -> what a strptime pattern has that it can't read, or None; known without opening it."""

__all__ = ["ABLE", "OPENERS", "PATTERNS", "DuckDB", "Engine", "Spark"]
