"""One server in a process of its own, and one browser, for every page test."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright
from visiting import SERVE, Site

import browser as installed

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
SWITCHES = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
]  # fmt: skip


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


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    path = installed.find()
    if path is None:
        pytest.fail(
            "The page tests need a browser. Install `chromium` with your system's package manager,"
            " or run `python -m playwright install chromium`, or name one in BESPEAK_BROWSER.",
            pytrace=False,
        )
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=SWITCHES)
        yield opened
        opened.close()
