"""Markup and script in everything that a shop's data can name: shown as text, and never run."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page

from bespeak import flow
from bespeak.workspace import Workspace
from served import Served

pytestmark = [pytest.mark.browser, pytest.mark.slow]

IMAGE = "<img src=x onerror=\"document.title='ran'\">"
SCRIPT = "\"'></script></title><script>document.title='ran'</script>"
FORMULA = "=HYPERLINK(\"javascript:document.title='ran'\")"
LINK = "javascript:document.title='ran'"
COLUMNS = (
    "who", "what", "at", "where", "price", "title", "shelf", "maker", "called", "land",
)  # fmt: skip
WHO, WHAT = f"c1{IMAGE}", f"i1{SCRIPT}"
CONFIG = f"""
[workspace]
name = '''Shop {IMAGE}'''
[segments]
bootstrap = 2
k_max = 3
[recommend]
models = ["popular", "item_knn"]
[[sources]]
name = "till"
channel = "till"
files = ["till.csv"]
identifiers = {{ customer = "who" }}
columns = {{ type = {{ constant = "purchase" }}, item_id = "what", time = "at", place = "where", price = "price" }}
items = {{ title = "title", category = "shelf", brand = "maker" }}
customers = {{ name = "called", country = "land" }}
"""  # noqa: E501 - a line of TOML
PAGES = (
    "/console/", "/console/customers", f"/console/customers?q={quote(IMAGE)}",
    f"/console/customers/{quote(WHO, safe='')}", "/console/segments",
    "/console/segments?kind=kmeans",
    "/console/data", f"/console/recommendations?customer={quote(WHO)}",
    "/console/recommendations/report",
    f"/console/segments?kind={quote(SCRIPT)}&segment={quote(IMAGE)}",
)  # fmt: skip
STORE = (
    "/store/", f"/store/item/{quote(WHAT, safe='')}", f"/store/search?q={quote(IMAGE)}",
    f"/store/item/{quote(IMAGE, safe='')}", "/store/basket",
)  # fmt: skip
FOUND = """() => [...document.querySelectorAll('*')].filter((one) =>
    (one.tagName === 'SCRIPT' && !one.src) || one.getAttribute('src') === 'x'
    || [...one.attributes].some(({name, value}) => /^on/.test(name)
        || (/^(href|src|action|formaction)$/.test(name) && /^\\s*javascript:/i.test(value))))
    .map((one) => one.outerHTML.slice(0, 200))"""
"""Elements that only markup in the data can have made."""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of a shop whose every text is an attack."""
    folder = tmp_path_factory.mktemp("hostile")
    with (folder / "till.csv").open("w", encoding="utf-8", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(COLUMNS)
        for number in range(120):
            who, what = 1 + number % 12, 1 + number % 5
            when = SCRIPT if number % 40 == 7 else f"2026-02-{1 + number % 28:02d}T10:00:00Z"
            out.writerow(
                [WHO if who == 1 else f"c{who}{FORMULA}", WHAT if what == 1 else f"i{what}{LINK}",
                 when, IMAGE, "2.50", f"Tea {IMAGE}", f"{SCRIPT} > {FORMULA}", LINK,
                 f"Ada {SCRIPT}", IMAGE]
            )  # fmt: skip
    (folder / "bespeak.toml").write_text(CONFIG, encoding="utf-8")
    flow.run(Workspace(folder))
    server = Served(folder)
    event = {"type": "search", "session_id": SCRIPT, "identifiers": {"customer": WHO},
             "properties": {"query": IMAGE, SCRIPT: LINK}, "place": IMAGE}  # fmt: skip
    assert server.post("/v1/events", event)[0] in {200, 422}
    assert server.post("/v1/events", {**event, "type": "view", "item_id": WHAT})[0] == 200
    yield f"http://127.0.0.1:{server.port}"
    server.stop()


@pytest.fixture
def page(chromium: Browser, address: str) -> Iterator[Page]:
    """A browser that would let script in a page run, if there were some."""
    context = chromium.new_context(base_url=address, bypass_csp=True, locale="en-GB")
    opened = context.new_page()
    opened.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    yield opened
    context.close()


def check(page: Page) -> str:
    """Nothing in the page is made of data but text.

    returns : its text
    """
    page.wait_for_function(
        "() => !document.querySelector('[aria-busy=true]:not([hidden]), .skeleton')"
    )
    page.evaluate("for (const d of document.querySelectorAll('details')) d.open = true")
    assert page.evaluate(FOUND) == []
    assert page.title() != "ran"
    return page.locator("body").inner_text()


def test_the_console_shows_script_as_text(page: Page) -> None:
    seen = ""
    for path in PAGES:
        page.goto(path)
        page.wait_for_selector("html[data-ready]")
        seen += check(page)
    for text in (IMAGE, f"Ada {SCRIPT}", f"Tea {IMAGE}", WHO, SCRIPT):
        assert text in seen, text
    page.evaluate("(text) => document.body.insertAdjacentHTML('beforeend', text)", IMAGE)
    assert page.evaluate(FOUND), "markup would have been found"


def test_the_storefront_shows_script_as_text(page: Page) -> None:
    seen = ""
    for path in STORE:
        page.goto(path)
        page.wait_for_selector("html[data-drawn]", state="attached")
        seen += check(page)
    for text in (f"Tea {IMAGE}", f"Shop {IMAGE}"):
        assert text in seen, text
