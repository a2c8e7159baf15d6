"""Every page, in both languages, both themes, on a desk and on a phone, in a real browser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from visiting import Site

from bespeak import console, pages

pytestmark = pytest.mark.browser

TEXTS = pages.texts(Path(console.__file__).parent / "texts")
CHECK = (Path(__file__).parent / "in_page.js").read_text(encoding="utf-8")
SIZES = {"desktop": (1280, 800), "phone": (375, 740)}
PAGES = {
    "overview": "/console/",
    "customers": "/console/customers",
    "customer": "/console/customers/c02",
    "odd-customer": "/console/customers/e-mail%3A%C3%BC%2F100%25%3F%26%23",
    "segments": "/console/segments?segment=champions",
    "kmeans": "/console/segments?kind=kmeans&segment=1",
    "data": "/console/data",
    "recommendations": "/console/recommendations",
    "report": "/console/recommendations/report",
}
CHARTS = {"overview": 1, "kmeans": 3}
DATA_TEXT = {"中文", "English", "API", "bespeak"}
"""Names of languages and of the product: the same in both."""


@contextmanager
def opened(
    chromium: Browser, site: Site, *, language: str, size: str = "desktop", theme: str = "light"
) -> Iterator[tuple[Page, list[str]]]:
    """A page of a fresh visitor, and what its console complains of."""
    width, height = SIZES[size]
    context = chromium.new_context(
        base_url=site.address, viewport={"width": width, "height": height}, color_scheme=theme,
        locale={"en": "en-GB", "zh": "zh-CN"}[language], reduced_motion="reduce",
    )  # fmt: skip
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda m: said.append(m.text) if m.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append(f"dialog {dialog.message}"))
    yield page, said
    context.close()


def settle(page: Page, charts: int = 0) -> None:
    """Wait until the page has all it asked for."""
    page.wait_for_selector("html[data-ready]")
    page.wait_for_function("() => !document.querySelector('[aria-busy=true], .skeleton')")
    if charts:
        page.wait_for_function(
            "n => [...document.querySelectorAll('.chart:has(svg)')].filter((box) => box.dataset"
            ".drawn === getComputedStyle(document.documentElement).getPropertyValue('--ink')"
            ".trim()).length === n",
            arg=charts,
        )


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("language", pages.LANGUAGES)
def test_every_page_is_readable_whole_and_translated(
    chromium: Browser, site: Site, language: str, size: str
) -> None:
    foreign = _texts_of_the_other_language(language)
    with opened(chromium, site, language=language, size=size) as (page, said):
        for name, path in PAGES.items():
            page.goto(path)
            settle(page, CHARTS.get(name, 0))
            page.evaluate("for (const d of document.querySelectorAll('details')) d.open = true")
            for theme in ("light", "dark"):
                page.emulate_media(color_scheme=theme, reduced_motion="reduce")
                settle(page, CHARTS.get(name, 0))  # the charts are drawn in the theme's colours
                found = page.evaluate(CHECK)
                assert found["complaints"] == [], f"{name} {theme}"
            assert (
                page.locator("html").get_attribute("lang") == {"en": "en", "zh": "zh-CN"}[language]
            )
            assert foreign.intersection(found["text"]) == set(), name
        assert said == []


def _texts_of_the_other_language(language: str) -> set[str]:
    """Texts that must not be seen in `language`: the other's, without those that both have."""
    mine = set(TEXTS[language].values())
    (other,) = (TEXTS[name] for name in TEXTS if name != language)
    return {text for text in other.values() if "{" not in text} - mine - DATA_TEXT


def test_a_customer_is_found_and_gets_the_list_that_the_api_gives(
    chromium: Browser, site: Site
) -> None:
    with opened(chromium, site, language="en") as (page, said):
        page.goto("/console/customers")
        page.get_by_role("searchbox").fill("löwe")
        page.wait_for_url("**?q=l%C3%B6we")
        page.get_by_role("link", name="Ada Löwe").click()
        settle(page)
        assert page.locator("h1").inner_text() == "Ada Löwe"
        assert "Models may learn from them\nYes nothing said" in page.locator("aside").inner_text()
        expected = site.get("/v1/customers/c02/recommendations")["items"]
        assert _ids(page) == [item["item_id"] for item in expected]
        assert page.locator(".offers .why").all_inner_texts() == [
            item["reason"]["en"] for item in expected
        ]
        page.get_by_role("group", name="How many").get_by_text("5", exact=True).click()
        page.wait_for_function("() => document.querySelectorAll('.offers > li').length === 5")
        assert _ids(page) == [item["item_id"] for item in expected[:5]]
        page.get_by_role("button", name="leave out").click()
        fresh = site.get("/v1/customers/c02/recommendations?k=5&repeat=no")["items"]
        page.wait_for_function(
            "ids => [...document.querySelectorAll('.offers > li')].map((li) => li.dataset.item)"
            ".join() === ids", arg=",".join(item["item_id"] for item in fresh)
        )  # fmt: skip
        assert said == []


def _ids(page: Page) -> list[str]:
    return [str(li.get_attribute("data-item")) for li in page.locator(".offers > li").all()]


def test_a_history_can_be_tried_with_the_keyboard_alone(chromium: Browser, site: Site) -> None:
    with opened(chromium, site, language="en") as (page, said):
        page.goto("/console/recommendations")
        settle(page)
        # a newcomer's list is a fallback
        expect(page.locator(".provenance .notice")).to_be_visible()
        before = _ids(page)
        page.get_by_role("combobox").focus()
        page.keyboard.type("espresso")
        page.wait_for_selector("[role=option]:only-child")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        page.wait_for_function(
            "before => document.querySelector('.offers > li').dataset.item !== before",
            arg=before[0],
        )
        expected = site.post("/v1/recommendations", {"items": ["i04"], "k": 10})["items"]
        assert _ids(page) == [item["item_id"] for item in expected]
        assert page.locator(".provenance .notice").count() == 0
        assert page.locator(".moved").count() > 0, "what moved is shown"
        page.locator(".add").nth(3).click()
        page.wait_for_function("() => document.querySelectorAll('.picked li').length === 2")
        page.get_by_role("button", name="Start again").click()
        page.wait_for_selector(".provenance .notice")
        assert _ids(page) == before
        assert said == []


def test_segments_open_from_the_map_and_lead_to_people(chromium: Browser, site: Site) -> None:
    with opened(chromium, site, language="en") as (page, said):
        page.goto("/console/segments")
        settle(page)
        page.locator(".cell[data-segment=loyal]:enabled").first.click()
        page.wait_for_selector(".members tbody tr")
        assert page.locator(".segments [aria-pressed=true] .name").inner_text() == "Loyal"
        assert page.locator(".members tbody tr").count() == 9
        assert "segment=loyal" in page.url
        page.get_by_role("button", name="By how they buy").click()
        settle(page, 3)
        page.locator(".segments button").first.click()
        page.locator(".members a").first.click()
        settle(page)
        first = site.get("/v1/segments/kmeans/0?limit=1")["customers"][0]["customer_id"]
        assert page.url.endswith(first)
        assert said == []


def test_the_theme_is_remembered_and_known_before_the_page_is_drawn(
    chromium: Browser, site: Site
) -> None:
    with opened(chromium, site, language="en") as (page, _):
        page.goto("/console/data")
        settle(page)
        page.locator("#theme").click()
        assert page.locator("html").get_attribute("data-theme") == "dark"
        page.goto("/console/segments", wait_until="commit")
        page.wait_for_selector("body")
        assert page.locator("html").get_attribute("data-theme") == "dark"


def test_the_language_is_chosen_by_the_browser_then_by_the_reader(
    chromium: Browser, site: Site
) -> None:
    with opened(chromium, site, language="zh") as (page, said):
        page.goto("/console/customers?q=c0")
        settle(page)
        assert page.title().startswith("顾客")
        page.locator("#language").click()
        page.wait_for_selector("html[lang=en][data-ready]")
        assert "q=c0" in page.url, "the search is kept"
        page.goto("/console/data")
        settle(page)
        assert page.locator("html").get_attribute("lang") == "en"
        assert said == []


def test_a_chart_names_its_values_and_follows_the_theme(chromium: Browser, site: Site) -> None:
    with opened(chromium, site, language="en") as (page, said):
        page.goto("/console/")
        settle(page, 1)
        bars = page.locator(".chart [aria-roledescription=bar]")
        light = bars.first.get_attribute("fill")
        bars.first.hover()
        page.wait_for_selector("#vg-tooltip-element.visible")
        assert "Sat, 1 Mar 2025" in page.locator("#vg-tooltip-element").inner_text()
        page.emulate_media(color_scheme="dark")
        page.wait_for_function(
            "old => document.querySelector('.chart [aria-roledescription=bar]')"
            "?.getAttribute('fill') !== old", arg=light
        )  # fmt: skip
        assert said == []


def test_a_failure_says_what_to_do_and_can_be_tried_again(chromium: Browser, site: Site) -> None:
    with opened(chromium, site, language="zh") as (page, _):
        page.route("**/v1/data", lambda route: route.abort())
        page.goto("/console/data")
        settle(page)
        alert = page.get_by_role("alert")
        assert TEXTS["zh"]["error.Unreachable"] in alert.inner_text()
        page.unroute("**/v1/data")
        page.get_by_role("button").filter(has_text="重试").click()
        page.wait_for_selector(".account")


def test_an_unknown_customer_is_said_and_the_way_back_is_offered(
    chromium: Browser, site: Site
) -> None:
    with opened(chromium, site, language="en") as (page, _):
        page.goto("/console/customers/nobody")
        settle(page)
        page.get_by_role("alert").get_by_role("link").click()
        page.wait_for_url("**/console/customers")


EMPTY = {
    "/v1/segments": ({"as_of": "2025-05-30T00:00:00Z", "groupings": []}, "/console/segments"),
    "/v1/data": (
        {"as_of": "2025-05-30T00:00:00Z", "sources": [], "quarantine": []},
        "/console/data",
    ),
    "/v1/customers?*": ({"customers": [], "total": 0}, "/console/customers?q=zzz"),
}


@pytest.mark.parametrize("endpoint", EMPTY)
def test_where_there_is_nothing_the_page_says_so(
    chromium: Browser, site: Site, endpoint: str
) -> None:
    answer, path = EMPTY[endpoint]
    with opened(chromium, site, language="en", size="phone") as (page, said):
        page.route(f"**{endpoint}", lambda route: route.fulfill(body=json.dumps(answer)))
        page.goto(path)
        settle(page)
        expect(page.locator(".empty")).to_be_visible()
        assert page.evaluate(CHECK)["complaints"] == []
        assert said == []


def test_customers_who_form_no_groups_are_one_group(chromium: Browser, site: Site) -> None:
    answer = site.get("/v1/segments")
    (kmeans,) = (g for g in answer["groupings"] if g["kind"] == "kmeans")
    alone = {**kmeans, "k": 1, "segments": kmeans["segments"][:1]}
    alone["curve"] = [{"k": 1, "inertia": 950, "silhouette": None, "stability": None},
                      *kmeans["curve"]]  # fmt: skip
    body = json.dumps({**answer, "groupings": [alone]})
    with opened(chromium, site, language="en") as (page, said):
        page.route("**/v1/segments", lambda route: route.fulfill(body=body))
        page.goto("/console/segments")
        settle(page, 3)
        expect(page.get_by_role("heading", name="Why one group")).to_be_visible()
        assert page.evaluate(CHECK)["complaints"] == []
        assert said == []


def test_what_prepare_says_of_identifiers_is_said_in_chinese(chromium: Browser, site: Site) -> None:
    with opened(chromium, site, language="zh") as (page, _):
        for number in range(2, 7):
            page.goto(f"/console/customers/c{number:02d}")
            settle(page)
            for text in page.locator(".identities small").all_inner_texts():
                assert any("\u4e00" <= letter <= "\u9fff" for letter in text), text


def test_a_workspace_before_its_first_evaluation_still_shows_a_page(
    chromium: Browser, site: Site
) -> None:
    missing = {"error": {"code": "NotFound", "message": "none yet"}}
    with opened(chromium, site, language="zh") as (page, _):
        page.route(
            "**/v1/evaluation", lambda route: route.fulfill(status=404, body=json.dumps(missing))
        )
        page.goto("/console/recommendations")
        settle(page)
        expect(page.locator(".empty")).to_be_visible()
        assert page.locator(".offers > li").count() == 10


def test_a_long_history_is_shown_in_parts(chromium: Browser, site: Site) -> None:
    with opened(chromium, site, language="en") as (page, said):
        page.goto("/console/customers/c01")
        settle(page)
        shown = page.locator(".visit").count()
        page.get_by_role("button", name="Show more").click()
        page.wait_for_function("n => document.querySelectorAll('.visit').length > n", arg=shown)
        assert said == []


def test_the_first_tab_skips_to_the_content(chromium: Browser, site: Site) -> None:
    with opened(chromium, site, language="en") as (page, _):
        page.goto("/console/data")
        settle(page)
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"
        page.keyboard.press("Tab")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid", "what has the focus is seen"
