"""The storefront in a real browser: each step changes the shelf, and the shelf says why."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import little_store
import pytest
from little_store import Open
from playwright.sync_api import Page, Route, expect

from bespeak import live
from bespeak.access import Keyring, sign
from bespeak.serve.information import chosen, facts

pytestmark = pytest.mark.browser

Told = Callable[[], list[live.Entry]]
PATHS = ("/store/", "/store/item/i21", "/store/item/i23", "/store/basket", "/store/search?q=tea")
NASTY = "i20"
"""Its title is markup with a script in it."""


def drawn(page: Page) -> None:
    page.wait_for_selector("html[data-drawn]", state="attached")


def shelf(page: Page, name: str = "for-you") -> list[str]:
    return page.locator(f"#{name} .card h3").all_inner_texts()


def soon(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 8
    while not condition():
        assert time.monotonic() < until, "it did not come to be"
        time.sleep(0.05)


def of(entries: list[live.Entry], kind: str, session: str) -> list[live.Entry]:
    return [entry for entry in entries if (entry.type, entry.session) == (kind, session)]


def come(told: Told, kind: str, session: str, *, count: int = 1) -> list[live.Entry]:
    """Events of this kind, once so many are in the log: a page goes on before they are."""
    soon(lambda: len(of(told(), kind, session)) >= count)
    return of(told(), kind, session)


def session_of(page: Page) -> str:
    return page.evaluate(
        "Object.entries(sessionStorage).find(([name]) => name.startsWith('bespeak session'))[1]"
    )


def test_a_click_changes_the_next_list_which_says_what_is_new_and_why(
    visit: Open, told: Told
) -> None:
    page = visit("/store/")
    assert shelf(page)[0] == "Assam breakfast tea"
    expect(page.locator("#for-you .said")).to_contain_text("Nobody knows you yet")
    expect(page.locator("#for-you .why").first).to_contain_text("Nothing is known")
    page.locator("#for-you .card h3 a").nth(5).click()
    page.wait_for_url("**/store/item/i05")
    drawn(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Filter coffee")
    # the world's recommender goes on from the last thing that was seen
    assert shelf(page)[0] == "Cold brew"
    expect(page.locator("#for-you .said")).to_contain_text("6 of 10 are new here since")
    fresh = page.locator("#for-you .card.fresh")
    expect(fresh).to_have_count(6)
    expect(fresh.first.locator(".new")).to_be_visible()
    expect(page.locator("#for-you .why").first).to_contain_text("Often bought with Filter coffee")
    expect(page.locator("#trail")).to_contain_text("Looked at Filter coffee")
    clicks = come(told, "click", session_of(page))
    assert [(one.item_id, json.loads(one.body)["position"]) for one in clicks] == [("i05", 5)]
    assert json.loads(clicks[0].body)["request_id"].startswith("r-")


def test_one_fills_a_basket_and_buys(visit: Open, told: Told) -> None:
    page = visit("/store/item/i04")
    page.get_by_role("button", name="Put in the basket").click()
    expect(page.locator("#count")).to_have_text("1")
    page.locator("#for-you .card .add").first.click()
    expect(page.locator("#count")).to_have_text("2")
    page.get_by_role("link", name=re.compile("Basket")).click()
    drawn(page)
    expect(page.locator("#lines li")).to_have_count(2)
    expect(page.locator("#total b")).to_have_text("€27.50")
    page.get_by_role("button", name="Buy", exact=True).click()
    expect(page.get_by_text("Bought, in this game")).to_be_visible()
    expect(page.locator("#lines li")).to_have_count(0)
    expect(page.locator("#count")).to_be_hidden()
    bought = come(told, "purchase", session_of(page), count=2)
    assert [one.item_id for one in bought] == ["i04", "i05"]
    assert len({json.loads(one.body)["order_id"] for one in bought}) == 1
    assert json.loads(bought[0].body)["price"] == "18.4"


def test_a_line_leaves_the_basket(visit: Open) -> None:
    page = visit("/store/item/i04")
    page.get_by_role("button", name="Put in the basket").click()
    page.goto("/store/basket")
    page.get_by_role("button", name="Take Espresso beans 1 kg out of the basket").click()
    expect(page.get_by_text("The basket is empty.")).to_be_visible()


def test_what_is_not_wanted_is_told(visit: Open, told: Told) -> None:
    page = visit("/store/item/i04")
    page.get_by_role("button", name="Not interested").click()
    expect(page.locator("#trail")).to_contain_text("Not for you Espresso")
    assert [one.item_id for one in come(told, "dismiss", session_of(page))] == ["i04"]


def test_one_becomes_a_customer_and_a_newcomer_again(visit: Open, told: Told) -> None:
    page = visit("/store/")
    first = session_of(page)
    page.locator("#who").click()
    page.get_by_label("A customer, by id or name").fill("ada")
    page.get_by_role("button", name=re.compile("Ada Löwe")).click()
    page.wait_for_url("**/store/")
    drawn(page)
    expect(page.locator("#who")).to_have_text("Customer c02")
    expect(page.locator("#for-you .said")).to_contain_text("From what this customer bought")
    known = session_of(page)
    assert known != first
    (login,) = come(told, "login", known)
    assert json.loads(login.body)["identifiers"] == {"customer": "customer:c02"}
    page.locator("#who").click()
    page.locator("#newcomer").click()
    page.wait_for_url("**/store/")
    drawn(page)
    expect(page.locator("#who")).to_have_text("A newcomer")
    expect(page.locator("#for-you .said")).to_contain_text("Nobody knows you yet")
    assert session_of(page) not in {first, known}


def test_offline_events_are_kept_and_sent_once_when_the_server_is_back(
    visit: Open, told: Told
) -> None:
    page = visit("/store/item/i07")
    session = session_of(page)
    page.context.set_offline(True)
    page.get_by_role("button", name="Put in the basket").click()
    expect(page.get_by_role("alert")).to_contain_text("can't be reached")
    page.locator("#for-you .card .add").first.click()
    assert of(told(), "cart", session) == []
    page.context.set_offline(False)
    come(told, "cart", session, count=2)
    page.reload()
    drawn(page)
    assert [one.item_id for one in of(told(), "cart", session)] == ["i07", "i08"]
    left = "Object.keys(localStorage).filter((name) => name.startsWith('bespeak event'))"
    soon(lambda: page.evaluate(left) == [])


def test_a_server_without_room_is_asked_again_when_it_said(visit: Open, told: Told) -> None:
    page = visit("/store/")
    tries: list[float] = []

    def refuse_once(route: Route) -> None:
        tries.append(time.monotonic())
        if len(tries) > 1:
            return route.continue_()
        said = {"error": {"code": "Busy", "message": "Too much waits"}}
        return route.fulfill(status=429, headers={"retry-after": "2"}, json=said)

    page.route("**/v1/events", refuse_once)
    # the page's requests pass by here only while one waits for the page
    with page.expect_response(lambda said: said.url.endswith("/v1/events") and said.ok):
        page.locator("#for-you .add").first.click()
    assert len(come(told, "cart", session_of(page))) == 1
    assert tries[1] - tries[0] >= 2


def test_a_page_that_is_left_tells_what_was_done_on_it(visit: Open, told: Told) -> None:
    page = visit("/store/")
    session = session_of(page)
    page.evaluate(
        """() => {
          const start = document.querySelector("script[type=module]").src;
          // not waited for: the answer would be lost with the page
          import(start.replace("store.js", "visit.js")).then(({ shop }) => {
            shop.send({ type: "wishlist", item_id: "i03" });
            location.assign("/docs");
          });
        }"""
    )
    page.wait_for_url("**/docs")
    assert len(come(told, "wishlist", session)) == 1


def test_a_script_in_a_title_is_text(visit: Open) -> None:
    page = visit(f"/store/item/{NASTY}")
    title = '<b>Bold</b> & "sweet" <img src=x onerror=alert(1)>'
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    page.goto("/store/search?q=bold")
    drawn(page)
    expect(page.locator("#results h3")).to_have_text(title)
    assert page.locator("main img, main script, main h3 b").count() == 0


def test_the_fact_that_chance_chose_is_told_and_so_is_none(visit: Open, told: Told) -> None:
    page = visit("/store/item/i00")
    session = session_of(page)
    for number in (_item_with(session, "none"), _item_with(session, "together")):
        page.goto(f"/store/item/i{number:02d}")
        drawn(page)
        soon(lambda item=f"i{number:02d}": _exposure(told, session, item) is not None)
        exposure = _exposure(told, session, f"i{number:02d}")
        assert exposure is not None
        assert (exposure["policy"], exposure["propensity"]) == ("uniform-1", 1 / 3)
        assert page.locator("#fact").is_visible() == (exposure["kind"] != "none")
    expect(page.locator("#fact")).to_contain_text("Customers who chose it also chose")


def _item_with(session: str, kind: str) -> int:
    """An item of which chance says that to this session: none has a brand, all a category."""
    for number in range(20):
        near = {"item_id": f"i{number + 1:02d}", "title": "T"}
        options = facts({"brand": None, "category": "Tea"}, [near])
        if chosen(options, session_id=session, item_id=f"i{number:02d}").kind == kind:
            return number
    raise AssertionError("chance says it of no item")


def _exposure(told: Told, session: str, item_id: str) -> dict[str, object] | None:
    for one in of(told(), "impression", session):
        said = json.loads(one.body).get("properties", {}).get("exposure")
        if one.item_id == item_id and said is not None:
            return said
    return None


@pytest.mark.parametrize(
    ("language", "theme", "own"),
    [("en-GB", "light", "For you, now"), ("zh-CN", "dark", "此刻为您推荐")],
)
def test_every_page_reads_well_on_a_phone(visit: Open, language: str, theme: str, own: str) -> None:
    size = {"width": 360, "height": 740}
    page = visit(
        "/store/", language=language, viewport=size, color_scheme=theme, reduced_motion="reduce"
    )
    check = (little_store.HERE.parent / "console" / "in_page.js").read_text(encoding="utf-8")
    for path in PATHS:
        page.goto(path)
        drawn(page)
        expect(page.get_by_role("heading", name=own)).to_be_visible()
        found = page.evaluate(f"({check})()")
        assert found["complaints"] == [], path


@pytest.mark.parametrize("path", ["/store/item/none", "/store/item/%25zz"])
def test_a_product_that_is_not_there_is_said_not_to_be(visit: Open, path: str) -> None:
    page = visit(path)
    expect(page.get_by_role("alert")).to_have_text("There is no such product here.")
    expect(page.locator("#for-you .card")).to_have_count(10)


def test_the_keyboard_alone_is_enough(visit: Open) -> None:
    page = visit("/store/")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.locator("#who").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#persona")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#persona")).to_be_hidden()
    expect(page.locator("#who")).to_be_focused()
    page.locator("#for-you .add").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#count")).to_have_text("1")


def test_nothing_moves_for_who_wants_no_motion(visit: Open) -> None:
    page = visit("/store/", reduced_motion="reduce")
    page.locator("#for-you .add").nth(3).click()
    expect(page.locator("#for-you .card.fresh").first).to_be_visible()
    assert page.evaluate("document.getAnimations().length") == 0


def test_with_keys_the_page_says_how_to_give_it_one(visit: Open, tmp_path: Path) -> None:
    ring = Keyring(tmp_path)
    public = ring.create("public", name="shop")[1]
    secret = ring.create("secret", name="server")[1]
    with little_store.running(tmp_path) as address:
        page = visit("/store/", address=address)
        expect(page.get_by_role("alert")).to_contain_text("/store?key=bsp_public_")
        page.goto(f"/store?key={public}")
        drawn(page)
        assert public not in page.url
        assert shelf(page)[0] == "Assam breakfast tea"
        page.locator("#who").click()
        expect(page.locator("#keyed")).to_be_visible()
        page.goto(f"/store?customer=c02&token={sign('c02', secret)}")
        drawn(page)
        expect(page.locator("#who")).to_have_text("Customer c02")
        expect(page.locator("#for-you .said")).to_contain_text("From what this customer bought")
