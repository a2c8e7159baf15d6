"""A catalogue with changes laid over it is the one that would have been made with them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bespeak.recommend.answering.catalogue import NO_PRICE, Catalogue
from bespeak.recommend.answering.current import changed, newcomers
from bespeak.recommend.histories import Groups
from bespeak.recommend.texts import Ids, Texts

ITEMS = ("ink", "milk", "pens", "tea")
WORDS = st.sampled_from(["", "Tea", "绿茶", "A long title of something"])
LABELS = st.sampled_from(["Desk", "Drinks", "Drinks > Hot", "茶"])


def made(titles: list[str], labels: list[str | None]) -> Catalogue:
    return Catalogue(
        Texts.of(titles), Groups.of(labels), np.array([NO_PRICE, 100, 200, 300]),
        np.array([True, False, True, False]), np.array([True, True, True, False]),
        np.array([True, True, True, False]),
    )  # fmt: skip


def facts(catalogue: Catalogue) -> list[tuple[object, ...]]:
    rows = (catalogue.facts(at) for at in range(len(catalogue.titles)))
    return [(row["title"], row["category"], row["price"]) for row in rows]


@given(
    titles=st.lists(WORDS, min_size=4, max_size=4),
    labels=st.lists(st.none() | LABELS, min_size=4, max_size=4),
    said=st.dictionaries(
        st.sampled_from([*ITEMS, "new"]),
        st.fixed_dictionaries({}, optional={"title": WORDS, "category": LABELS}),
    ),
)
def test_titles_and_categories_are_as_if_they_had_been_so_from_the_start(
    titles: list[str], labels: list[str | None], said: dict[str, dict[str, str]]
) -> None:
    items = Ids.of(ITEMS)
    found = changed(made(titles, labels), items, said)
    wanted = made(
        [said.get(item, {}).get("title", was) for item, was in zip(ITEMS, titles, strict=True)],
        [said.get(item, {}).get("category", was) for item, was in zip(ITEMS, labels, strict=True)],
    )
    assert facts(found) == facts(wanted)
    assert facts(changed(found, items, said)) == facts(wanted)


def test_price_and_stock_are_as_was_said_last_and_no_service_comes_on_a_list() -> None:
    before = made(["", "", "", ""], [None] * 4)
    found = changed(
        before, Ids.of(ITEMS),
        {
            "ink": {"price": "0.0001", "sold": False, "available": True},
            "milk": {"available": True, "sold": True}, "pens": {"available": False},
            "tea": {"available": True, "price": "12.34"},
        },
    )  # fmt: skip
    assert found.prices.tolist() == [1, 100, 200, 123_400]
    assert found.allowed.tolist() == [False, True, False, False]
    assert found.sold.tolist() == [False, True, True, False]
    again = changed(found, Ids.of(ITEMS), {"ink": {"sold": True, "available": False}})
    assert (again.allowed[0], again.sold[0]) == (False, True)
    assert before.prices.tolist() == [NO_PRICE, 100, 200, 300]
    assert before.allowed.tolist() == [True, False, True, False]


def test_newcomers_are_the_items_that_are_not_known_in_order() -> None:
    said: dict[str, dict[str, object]]
    said = {"tea": {"price": "1"}, "vase": {"title": "Vase"}, "cup": {"available": False}}
    found = newcomers(said, lambda item: item in ITEMS)
    assert list(found.items) == ["cup", "vase"]
    assert [row["item_id"] for row in found.facts(found.catalogue.allowed, 5)] == ["vase"]
