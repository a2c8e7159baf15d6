"""The report as one file: the numbers in a page, with the console's own scripts, styles and texts.

It asks no network, and its policy lets it ask none: only the two scripts that it holds may run,
each named by its digest.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bespeak import __version__, pages

HERE = Path(__file__).parent
SCRIPTS = ("dom.js", "words.js", "parts.js", "plots.js", "report.js", "alone.js")
"""In the order in which they need each other; put together they are one script, so no name may
stand on the top of two of them."""
TEXTS = ("report.", "metric.", "model", "unit.", "evaluation.", "customers.", "page.", "error.")
"""What texts of the console a report may say begins so, or is one of WORDS."""
WORDS = frozenset({"undefined", "tiny", "fit", "products", "theme"})


def report_page(report: Mapping[str, Any]) -> str:
    """HTML in English and Chinese, light and dark, of what `bespeak.report.report` made."""
    early, script = _read("language.js"), _joined()
    return pages.template(HERE / "templates" / "report.html").render(
        version=__version__,
        policy=_policy(early, script),
        style=_read("console.css"),
        early=early,
        script=script,
        mark=_read("mark.svg"),
        numbers=_data(report),
        texts=_data(_texts()),
    )


def _read(name: str) -> str:
    return (HERE / "static" / name).read_text(encoding="utf-8")


def _joined() -> str:
    """Our modules as one script: none imports anything but others of them."""
    parts = (re.sub(r"^import [^;]*;\n", "", _read(name), flags=re.M) for name in SCRIPTS)
    return re.sub(r"^export (?=async |const |function |class )", "", "".join(parts), flags=re.M)


def _texts() -> dict[str, dict[str, str]]:
    return {
        language: {key: text for key, text in known.items()
                   if key.startswith(TEXTS) or key in WORDS}
        for language, known in pages.texts(HERE / "texts").items()
    }  # fmt: skip


def _data(value: object) -> str:
    """JSON that stands in a script element: nothing in it can end that."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text.replace("<", "\\u003c")


def _policy(*scripts: str) -> str:
    digests = (base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src {allowed}"
