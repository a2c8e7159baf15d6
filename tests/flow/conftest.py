"""A shop that several files mistreat, made once."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.shop_of_faults import made


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small shop, run once; no keys."""
    return made(tmp_path_factory.mktemp("faults") / "shop")
