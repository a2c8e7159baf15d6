"""The storefront's texts: the same in both languages, each used, none made into markup."""

from __future__ import annotations

import re
from pathlib import Path

from bespeak import pages, storefront
from bespeak.serve.docs import PAGES

FOLDER = Path(storefront.__file__).parent
TEXTS = pages.texts(FOLDER / "texts")
SCRIPTS = {path: path.read_text(encoding="utf-8") for path in (FOLDER / "static").rglob("*.js")}
MODULE = (PAGES / "bespeak.js").read_text(encoding="utf-8")
SHELL = (FOLDER / "templates" / "shell.html").read_text(encoding="utf-8")
FAMILIES = ("page.", "trail.", "error.")
"""Put together from a code."""


def test_both_languages_have_the_same_keys_and_holes() -> None:
    assert list(TEXTS["en"]) == list(TEXTS["zh"])
    for key, text in TEXTS["en"].items():
        holes = sorted(re.findall(r"{\w+}", text))
        assert holes == sorted(re.findall(r"{\w+}", TEXTS["zh"][key])), key
        assert re.search(r"[\u4e00-\u9fff]", TEXTS["zh"][key]), key


def test_every_text_is_asked_for_and_there() -> None:
    everything = SHELL + "".join(SCRIPTS.values())
    for key in TEXTS["en"]:
        assert key.startswith(FAMILIES) or f'"{key}"' in everything or f"'{key}'" in everything, key
    asked = re.findall(r'\bsay\("([^"]+)"', everything) + re.findall(r'text\("([^"]+)"\)', SHELL)
    assert set(asked) <= set(TEXTS["en"])


def test_no_script_makes_markup_of_text() -> None:
    for script in (*SCRIPTS.values(), MODULE):
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", script
        )


def test_the_shell_has_no_script_or_style_of_its_own() -> None:
    assert not re.search(r"<script(?![^>]*src=)[^>]*>|<style| style=| on\w+=", SHELL)
