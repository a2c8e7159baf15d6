"""The report as a file: read offline, in both languages and themes, on a desk and on a phone."""

from __future__ import annotations

from pathlib import Path

import little_evaluation
import pytest
from playwright.sync_api import Browser, Page, expect
from visiting import Site

from bespeak import console, pages

pytestmark = pytest.mark.browser

CHECK = (Path(__file__).parent / "in_page.js").read_text(encoding="utf-8")
IMAGE = "<img src=x onerror=\"document.title='ran'\">"
SIZES = {"desktop": (1280, 800), "phone": (375, 740)}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    evaluation = little_evaluation.evaluation()
    for name in ("served", "why", "split"):
        del evaluation[name]
    evaluation["files"] = {"train": f"{IMAGE}</script>.csv", "test": "test.csv"}
    place = evaluation["models"][0]["slices"][-1]
    place["label"] = place["name"] = IMAGE
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(console.report_page(evaluation), encoding="utf-8")
    return path


def opened(page: Page, file: Path) -> list[str]:
    """Go there; what the browser complains of, and whatever the page asks of a network."""
    said: list[str] = []
    page.on("console", lambda m: said.append(m.text) if m.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda r: said.append(r.url) if not r.url.startswith("file:") else None)
    page.goto(file.as_uri())
    page.wait_for_selector("html[data-ready]", state="attached")
    return said


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("language", pages.LANGUAGES)
def test_the_file_is_readable_whole_and_translated(
    chromium: Browser, file: Path, language: str, size: str
) -> None:
    width, height = SIZES[size]
    context = chromium.new_context(
        viewport={"width": width, "height": height}, reduced_motion="reduce", offline=True,
        locale={"en": "en-GB", "zh": "zh-CN"}[language],
    )  # fmt: skip
    page = context.new_page()
    said = opened(page, file)
    page.evaluate("for (const d of document.querySelectorAll('details')) d.open = true")
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        found = page.evaluate(CHECK)
        assert found["complaints"] == [], theme
    other = pages.texts(Path(console.__file__).parent / "texts")[pages.other_than(language)]
    unsaid = {text for key, text in other.items() if key.startswith("report.") and "{" not in text}
    assert unsaid.intersection(found["text"]) == set()
    assert any(IMAGE in text for text in found["text"]), "markup in data is shown as text"
    assert page.title() != "ran"
    assert said == []
    context.close()


def test_its_choices_theme_and_language_can_be_changed(chromium: Browser, file: Path) -> None:
    context = chromium.new_context(locale="en-GB", color_scheme="light")
    page = context.new_page()
    said = opened(page, file)
    first = page.locator(".lanes").first
    expect(first).to_contain_text("0.2134")
    page.get_by_role("button", name="Recall@10", exact=True).first.click()
    expect(first).to_contain_text("0.2347")
    page.get_by_role("button", name="Switch between light and dark").click()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    page.get_by_role("link", name="中文").click()
    page.wait_for_selector("html[data-ready][lang=zh-CN]", state="attached")
    expect(page.get_by_role("heading", level=1)).to_contain_text("领先")
    page.get_by_role("link", name="English").click()
    page.wait_for_selector("html[data-ready][lang=en]", state="attached")
    assert said == []
    context.close()


def test_the_console_has_the_same_report_of_the_last_run(chromium: Browser, site: Site) -> None:
    context = chromium.new_context(base_url=site.address, locale="en-GB")
    page = context.new_page()
    page.goto("/console/recommendations")
    page.get_by_role("link", name="The whole report").click()
    page.wait_for_url("**/console/recommendations/report")
    page.wait_for_selector("html[data-ready]")
    models = site.get("/v1/evaluation")["models"]
    shown = page.locator("main").inner_text()
    for model in models:
        assert f"{model['metrics']['ndcg@10']['value']:.4f}" in shown
    groups = {group["kind"]: group["segments"] for group in site.get("/v1/segments")["groupings"]}
    (named,) = (one["name"]["en"] for one in groups["rfm"] if one["id"] == "champions")
    for text in ("Cold items apart: 3 of 61", "surely behind", "For how long", named,
                 "3 configurations tried and 1 left out"):  # fmt: skip
        assert text in shown, text
    context.close()
