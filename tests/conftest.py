"""Fixtures that every stage's tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bespeak.engines import DuckDB, Engine


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An engine with its scratch space in the test's own folder."""
    with DuckDB(scratch=tmp_path, memory="1GB", threads=2) as opened:
        yield opened
