"""Signing in to the console: nothing before it, the page one wanted after it, out again."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from visiting import SERVE, Site

from bespeak.access import Keyring

pytestmark = pytest.mark.browser

SERVER = """
import sys
sys.path.insert(0, sys.argv[1])
from functools import partial
from pathlib import Path
import little_shop
from bespeak import console
from bespeak.access import Keyring
from bespeak.serve import Admission, serve

folder = little_shop.published(Path(sys.argv[2]))
door = Admission(Keyring(Path(sys.argv[2])), b"s" * 32, open=True)
serve(partial(little_shop.shop, folder), port=0, make_console=console.create_app, admission=door,
      tell=lambda address: print(address, flush=True))
"""


@pytest.fixture
def keyed(tmp_path: Path) -> Iterator[tuple[Site, str]]:
    key = Keyring(tmp_path).create("secret", name="The owner")[1]
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", SERVER, str(SERVE), str(tmp_path)],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    yield Site(process.stdout.readline().strip()), key
    process.terminate()
    process.wait(timeout=15)


def test_one_signs_in_sees_the_page_and_signs_out(
    chromium: Browser, keyed: tuple[Site, str]
) -> None:
    site, key = keyed
    context = chromium.new_context(base_url=site.address, locale="en-GB")
    page = context.new_page()
    page.goto("/console/segments?kind=kmeans")
    page.wait_for_url("**/console/sign-in?next=*")
    box = page.get_by_label("Secret key")
    box.fill("bsp_secret_00000000_" + "0" * 48)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("bespeak key create")
    box.fill(key)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/console/segments?kind=kmeans")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert key not in str(context.storage_state())
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/console/sign-in?next=*")
    context.close()


def test_the_way_back_leads_to_no_other_site(chromium: Browser, keyed: tuple[Site, str]) -> None:
    site, key = keyed
    for next_page in ("https://evil.example/", "//evil.example/", "javascript:alert(1)", "/docs"):
        context = chromium.new_context(base_url=site.address, locale="zh-CN")
        page = context.new_page()
        page.goto(f"/console/sign-in?next={next_page}")
        page.get_by_label("私钥").fill(key)
        page.get_by_role("button", name="登录").click()
        page.wait_for_url(f"{site.address}/console/")
        context.close()
