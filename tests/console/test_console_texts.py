"""Both languages say the same things, every text is used, and none is missing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bespeak import columns, console, pages

FOLDER = Path(console.__file__).parent
TEXTS = pages.texts(FOLDER / "texts")
SCRIPTS = {path: path.read_text(encoding="utf-8") for path in (FOLDER / "static").rglob("*.js")}
SHELL = (FOLDER / "templates" / "shell.html").read_text(encoding="utf-8")
FAMILIES = (
    "error.", "stage.", "type.", "model.", "table.", "format.", "found.", "reason.", "column.",
    "attribute.", "feature.", "health.", "metric.", "curve.", "repeat.", "stands.", "words.",
    "nav.", "page.", "kmeans.", "step.", "task.", "consent.",
    "report.by.", "report.part.", "report.search.",
)  # fmt: skip
"""Texts named by a code of the data, or put together from one."""


def test_both_languages_have_the_same_keys_and_holes() -> None:
    assert list(TEXTS["en"]) == list(TEXTS["zh"])
    for key, text in TEXTS["en"].items():
        holes = set(re.findall(r"{(\w+)}", text))
        assert holes == set(re.findall(r"{(\w+)}", TEXTS["zh"][key])), key


def test_no_text_is_empty_and_chinese_is_chinese() -> None:
    same = {"nav.", "format.", "metric."}
    for key, text in TEXTS["zh"].items():
        assert text.strip()
        if not key.startswith(tuple(same)):
            assert re.search(r"[\u4e00-\u9fff]|^{", text), f"{key}: {text}"


def test_every_text_that_a_script_asks_for_is_there() -> None:
    known = TEXTS["en"]
    for path, script in SCRIPTS.items():
        for key in re.findall(r'\bsay\("([^"]+)"', script):
            assert key in known, f"{path.name}: {key}"
        for key in re.findall(r'\bcount\("([^"]+)"', script):
            assert f"{key}.other" in known, f"{path.name}: {key}.other"
        for key in re.findall(r'\bshown\([^"]*"([^"]+)"', script):
            assert f"{key}.other" in known, f"{path.name}: {key}.other"


def test_every_text_is_asked_for() -> None:
    everything = "".join(SCRIPTS.values()) + SHELL
    for key in TEXTS["en"]:
        stem = re.sub(r"\.(one|other)$", "", key)
        assert key.startswith(FAMILIES) or f'"{stem}"' in everything or f"'{stem}'" in everything, (
            key
        )


def test_every_column_type_and_table_of_the_record_has_a_name() -> None:
    known = TEXTS["en"]
    for kind in columns.EVENT_TYPES:
        assert f"type.{kind}" in known
    for table in columns.MAPPABLE:
        assert f"table.{table}" in known


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"), ("zh-CN,zh;q=0.9,en;q=0.8", "zh"), ("en;q=0.3, zh;q=0.9", "zh"), ("de", "en"),
        ("fr-FR, zh-TW;q=0.5", "zh"), ("zh;q=oops, en", "en"), ("*", "en"), ("EN-us", "en"),
    ],
)  # fmt: skip
def test_a_browser_says_which_language_it_prefers(header: str, language: str) -> None:
    assert pages.preferred(header) == language


def test_no_script_makes_markup_of_text() -> None:
    for path, script in SCRIPTS.items():
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", script
        ), path


def test_the_shell_has_no_script_or_style_of_its_own() -> None:
    assert not re.search(r"<script(?![^>]*src=)[^>]*>|<style| style=| on\w+=", SHELL)
