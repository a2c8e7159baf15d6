"""The server under test, and where its world lives."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

TESTS = Path(__file__).parents[1]
SERVE = TESTS / "serve"
sys.path[:0] = [path for path in (str(TESTS), str(SERVE)) if path not in sys.path]


class Site:
    """The server's address, and its API asked without a browser."""

    def __init__(self, address: str) -> None:
        self.address = address

    def get(self, path: str) -> Any:
        with urlopen(self.address + path, timeout=10) as answer:
            return json.load(answer)

    def post(self, path: str, body: object) -> Any:
        asked = Request(self.address + path, json.dumps(body).encode(), method="POST")
        with urlopen(asked, timeout=10) as answer:
            return json.load(answer)
