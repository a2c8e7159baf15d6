"""/bespeak.js on somebody else's page: the one of docs/shop.md, copied and pasted."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import little_store
import pytest
from playwright.sync_api import Browser, expect

from bespeak import live
from bespeak.access import Keyring

DOCS = Path(__file__).parents[2] / "docs" / "shop.md"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Another server, as the shop's is, and the folder that it serves."""
    folder = tmp_path / "pages"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", folder
    server.shutdown()
    server.server_close()


@pytest.mark.browser
def test_the_page_of_the_docs_works_as_it_is(
    chromium: Browser, elsewhere: tuple[str, Path], tmp_path: Path
) -> None:
    origin, folder = elsewhere
    key = Keyring(tmp_path).create("public", name="shop")[1]
    (page_text,) = re.findall(r"```html\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    with little_store.running(tmp_path, origin) as address:
        page_text = page_text.replace("https://bespeak.example", address).replace("4012", "i05")
        text = page_text.replace("bsp_public_…", key)
        (folder / "index.html").write_text(text, encoding="utf-8")
        context = chromium.new_context(viewport={"width": 800, "height": 900})
        page = context.new_page()
        page.goto(origin)
        expect(page.locator("#for-you li")).to_have_count(6)
        first = page.locator("#for-you li").first
        expect(first).to_contain_text("Cold brew")
        expect(first).to_contain_text("€4.30")
        expect(first).to_contain_text("Often bought with Filter coffee")
        assert first.locator("a").get_attribute("href") == "/product/i06"
        page.get_by_role("button", name="Put in the basket").click()
        # six cards, in view for a second, and what is left is told as the page goes
        page.wait_for_timeout(1_300)
        page.goto("about:blank")
        log = live.SQLiteLog(tmp_path / "live.db")
        until = time.monotonic() + 8
        while (found := _kinds(log)).count("impression") < 6 or "cart" not in found:
            assert time.monotonic() < until, found
            time.sleep(0.05)
        assert sorted(found) == ["cart", *["impression"] * 6, "view"]
        log.close()
        context.close()


def _kinds(log: live.SQLiteLog) -> list[str]:
    """Types of the events that the page told; the server's own word of its lists aside."""
    entries = [kept.entry for kept in log.after(0, 100)]
    assert all(json.loads(entry.body)["time"] for entry in entries)
    return [entry.type for entry in entries if not entry.event_id.startswith("shown-")]
