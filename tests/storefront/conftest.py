"""One shop, without keys, for every page test; and pages that must not complain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import little_store
import pytest
from little_store import Open
from playwright.sync_api import Browser, Page

from bespeak import live


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def store(folder: Path) -> Iterator[str]:
    with little_store.running(folder) as address:
        yield address


@pytest.fixture
def told(folder: Path) -> Callable[[], list[live.Entry]]:
    """What has come to the server's log, but for the lists that it shows."""

    def entries() -> list[live.Entry]:
        log = live.SQLiteLog(folder / "live.db")
        found = [kept.entry for kept in log.after(0, 10_000)]
        log.close()
        return [entry for entry in found if not entry.event_id.startswith("shown-")]

    return entries


@pytest.fixture
def visit(chromium: Browser, store: str) -> Iterator[Open]:
    """A fresh visitor's page; at the end, none may have complained."""
    opened, complaints = [], []

    def open_page(
        path: str, *, address: str = store, language: str = "en-GB", **more: object
    ) -> Page:
        context = chromium.new_context(base_url=address, locale=language, **more)
        page = context.new_page()
        page.on("console", lambda said: complaints.append(said.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        opened.append(context)
        page.goto(path)
        page.wait_for_selector("html[data-drawn]", state="attached")
        return page

    yield open_page
    for context in opened:
        context.close()
    # a browser says of each refusal and each lost request that it was one
    assert [said for said in complaints if "Failed to load resource" not in said] == []
