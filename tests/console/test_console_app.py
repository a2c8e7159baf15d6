"""The shells, the scripts and the chart library, asked without a browser."""

from __future__ import annotations

import re
from pathlib import Path
from threading import Thread

import pytest
import vl_convert
from asking import Ask, ask_of

from bespeak.console import create_app
from bespeak.console.charts import Bundle


@pytest.fixture(scope="module")
def ask() -> Ask:
    return ask_of(create_app())


@pytest.mark.parametrize(
    "path", ["/", "/overview", "/customers", "/segments", "/data", "/recommendations",
             "/customers/any%2Fid%22%3E%3Cscript%3E"]
)  # fmt: skip
def test_a_page_is_a_small_shell_that_names_its_script(ask: Ask, path: str) -> None:
    answer = ask(path)
    html = answer.body.decode()
    assert answer.status == 200
    assert len(html) < 5000
    assert "<script>" not in html
    named = re.search(r'data-page="(\w+)" data-version="(\w+)"', html)
    assert named is not None
    script = ask(f"/static/{named[2]}/pages/{named[1]}.js")
    assert script.status == 200
    assert script.headers["content-type"].startswith("text/javascript")
    assert "immutable" in script.headers["cache-control"]


def test_every_address_in_a_shell_is_served(ask: Ask) -> None:
    html = ask("/").body.decode()
    for address in set(re.findall(r'(?:href|src)="/console(/static/[^"#]+)', html)):
        assert ask(address).status == 200, address


def test_what_is_imported_is_served(ask: Ask) -> None:
    version = re.search(r'data-version="(\w+)"', ask("/").body.decode())
    assert version is not None
    for page in ("overview", "customer", "customers", "segments", "data", "recommendations"):
        script = ask(f"/static/{version[1]}/pages/{page}.js").body.decode()
        for name in re.findall(r'from "\.\./([\w.]+)"', script):
            assert ask(f"/static/{version[1]}/{name}").status == 200, name


def test_a_chosen_language_is_kept(ask: Ask) -> None:
    answer = ask("/data?lang=zh")
    assert '<html lang="zh-CN"' in answer.body.decode()
    assert "bespeak-language=zh" in answer.headers["set-cookie"]
    assert "set-cookie" not in ask("/data?lang=tlh").headers


@pytest.mark.parametrize(
    "path", ["/static/x/../app.py", "/static/x/%2e%2e/app.py", "/static/x/texts/xx.json",
             "/static/x/none.js", "/nothing"]
)  # fmt: skip
def test_what_is_not_there_is_not_found(ask: Ask, path: str) -> None:
    assert ask(path).status == 404


def test_the_chart_library_is_built_once_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[str] = []

    def bundle(snippet: str) -> str:
        built.append(snippet)
        return f"{snippet} // the library"

    monkeypatch.setattr(vl_convert, "javascript_bundle", bundle)
    first = Bundle(tmp_path)
    askers = [Thread(target=first.script) for _ in range(4)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert len(built) == 1
    assert Bundle(tmp_path).script() == first.script()
    assert len(built) == 1, "the next start finds it on disk"
    Bundle().script()
    assert len(built) == 2, "without a folder it is kept in memory only"
