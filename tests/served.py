"""`bespeak serve` over a real workspace, in a process of its own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

SERVER = "from bespeak.cli import main; main()"
IN_A_ROW = 16
"""Answers by which all of two workers have been heard, but once in thirty thousand times."""


class Served:
    """`bespeak serve` in a process of its own."""

    def __init__(self, root: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVER, "serve", "-w", str(root), "--port", "0"],
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stderr is not None
        said = ""
        while "API:" not in said:
            line = self.process.stderr.readline()
            assert line, said
            said += line
        found = re.search(r"http://127\.0\.0\.1:(\d+)", said)
        assert found is not None
        self.port = int(found[1])
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

    def get(self, path: str) -> tuple[int, Any]:
        return self._asked("GET", path)

    def post(self, path: str, body: Any) -> tuple[int, Any]:
        return self._asked("POST", path, json.dumps(body).encode())

    def _asked(self, method: str, path: str, body: bytes | None = None) -> tuple[int, Any]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, body, {"content-type": "application/json"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def until(self, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """What /health/ready says once `holds` is true of it, whichever worker answers."""
        agreed = 0
        for _ in range(800):
            found: dict[str, Any] = self.get("/health/ready")[1]
            agreed = agreed + 1 if holds(found) else 0
            if agreed == IN_A_ROW:
                return found
            time.sleep(0.01 if agreed else 0.05)
        raise AssertionError(f"it never became so: {found}")

    def serves(self, version: str) -> dict[str, Any]:
        return self.until(lambda said: said["version"] == version and said["problem"] is None)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=15)
