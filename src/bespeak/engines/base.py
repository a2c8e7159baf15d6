"""What a stage may ask of an engine. Everything else is an Ibis expression."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Batches = Iterator[pa.RecordBatch]
Mapper = Callable[[Any, Batches], Batches]
"""What `map` runs: (given, batches in) -> batches out. A module's own function: it may travel."""


class Engine(Protocol):
    """One connection to where the rows are. A stage gets it as an argument and never asks which."""

    name: str
    can: frozenset[str]
    """What it does beyond these methods (`mllib`); a config that asks for more fails early."""

    def read(
        self, paths: Sequence[Path], *, files_named: bool = False, rows_numbered: bool = False
    ) -> ir.Table:
        """Parquet files or folders of them, as one table; columns are united by name.

        files_named   : adds `_file` (the path)
        rows_numbered : adds `_file` and `_row` (int64, from 1, in file order)
        """

    def table(self, rows: pa.Table) -> ir.Table:
        """Rows in memory, as a table of the engine."""

    def run(self, expression: ir.Table) -> pa.Table:
        """A small result: statistics, a sample, a lookup."""

    def batches(self, expression: ir.Table, *, rows: int = 262_144) -> Batches:
        """A large result, in order, a batch at a time."""

    def write(self, expression: ir.Table, folder: Path, *, by: str | None = None) -> int:
        """Write Parquet under `folder` and return the rows counted from what was written.

        by : a string column; each of its values gets files of its own (`by=value/…`), and the
             column is left out of them
        """

    def map(
        self,
        expression: ir.Table,
        function: Mapper,
        schema: pa.Schema,
        *,
        given: Any,
        together: str | None = None,
    ) -> ir.Table:
        """Rows through a Python function, a batch at a time, wherever the rows are; computed once.

        function : sees some batches of the rows in no promised order, maybe several times in
                   several processes, and yields batches of `schema`
        given    : what it needs beside the rows (a model); sent to each process once
        together : a column; one call sees all rows of any of its values, one after another
        """

    def keep(self, expression: ir.Table) -> ir.Table:
        """Compute once, on disk, for the steps that follow; gone when the engine closes."""

    def keep_apart(
        self, rows: ir.Table, column: str, each: Callable[[ir.Table], ir.Table]
    ) -> ir.Table:
        """`each` of `rows`, kept: for sums over so many groups that memory could not hold them.

        column : text; rows that have the same in it are always in one part, and null is a value
        each   : what to make of one part; of all parts together it must make the same
        """

    def micros(self, time: ir.Value) -> ir.Value:
        """Whole microseconds since 1970 of a timestamp."""

    def moment(self, micros: ir.Value) -> ir.Value:
        """The timestamp of whole microseconds since 1970."""

    def parse_time(self, text: ir.Value, pattern: str) -> ir.Value:
        """Text to a timestamp by a strptime pattern; null where it does not fit."""

    def to_utc(self, time: ir.Value, zone: str) -> ir.Value:
        """A zone's wall-clock time to UTC."""

    def json_text(self, value: ir.Value) -> ir.Value:
        """A list, struct or map as JSON text."""

    def json_value(self, text: ir.Value, path: str) -> ir.Value:
        """What a JSON object in text has at `path` (names joined by dots), as text.

        Null where it has nothing, or the text is no JSON.
        """

    def row_hash(self, table: ir.Table, columns: Sequence[str]) -> ir.Value:
        """A 64-bit hash of some columns, to narrow a search only: it differs between engines."""

    def close(self) -> None:
        """Let go of files, memory and scratch space."""


@dataclass(frozen=True, eq=False)
class Factors:
    """What ALS found: a line of `values` (float64, items by factors) per item of `items`."""

    items: NDArray[np.int32]
    values: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Centres:
    """What k-means found: `values`, shape (k, columns), and the squared distances' sum to them."""

    values: NDArray[np.float64]
    inertia: float


@runtime_checkable
class Trainer(Engine, Protocol):
    """What an engine does besides that can `mllib`: training where the rows are."""

    def als(
        self,
        interactions: ir.Table,
        *,
        factors: int,
        regularization: float,
        alpha: float,
        iterations: int,
        seed: int,
        implicit: bool,
    ) -> Factors:
        """Items' factors from customer int, item int, weight float64 > 0; a row a pair.

        Rows are held back by `regularization` times the number of their entries.
        """

    def kmeans(self, points: ir.Table, columns: Sequence[str], *, k: int, seed: int) -> Centres:
        """k centres over float64 columns without nulls; in no particular order."""
