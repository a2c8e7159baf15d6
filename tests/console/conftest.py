"""One server in a process of its own, for every page test."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from visiting import SERVE, Site

SERVER = """
import sys
sys.path.insert(0, sys.argv[1])
from functools import partial
from pathlib import Path
import little_shop
from bespeak import console
from bespeak.serve import serve
from bespeak.tasks import Tasks

folder = little_shop.published(Path(sys.argv[2]))
serve(partial(little_shop.shop, folder), port=0, make_console=console.create_app,
      tasks=Tasks(folder.parent / "tasks"),
      tell=lambda address: print(address, flush=True))
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("console") / "snapshot"
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", SERVER, str(SERVE), str(folder)],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    assert address.startswith("http://"), "the server did not start"
    yield Site(address)
    process.terminate()
    process.wait(timeout=15)
