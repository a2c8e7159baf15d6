from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest

from bespeak import serve
from bespeak.engines import Engine
from bespeak.errors import ArtifactCorrupt, BadRequest, NotFound, NotReady
from bespeak.recommend import (
    Catalogue,
    Counting,
    Filters,
    Recommender,
    Since,
    fit,
    load_catalogue,
    open_recommender,
)
from bespeak.recommend.evaluating.files import Rows, interactions_of
from bespeak.recommend.histories import Groups, Interactions
from bespeak.recommend.interactions import DAY, instant
from bespeak.recommend.models.popular import PopularParameters, fit_popular
from bespeak.recommend.texts import Ids, Texts
from contracts.recommender import checkerboard

MARCH, APRIL = instant(datetime(2024, 3, 1)), instant(datetime(2024, 4, 1))


def shop_world() -> Interactions:
    """Ten customers; tea and milk go together, so do ink and pens; ann buys tea every nine days."""
    rows = [(f"t{n}", item, 2) for n in range(5) for item in ("tea", "milk")]
    rows += [(f"p{n}", item, 20) for n in range(4) for item in ("ink", "pens")]
    rows += [("ann", "tea", day) for day in (2, 11, 20)] + [("bob", "ink", 12), ("bob", "pens", 15)]
    found = interactions_of(
        Rows(
            [customer for customer, _, _ in rows], [item for _, item, _ in rows],
            np.array([MARCH + (day - 1) * DAY for _, _, day in rows]), np.ones(len(rows)),
            timed=True,
        ),
        as_of=datetime(2024, 4, 1),
    )  # fmt: skip
    bought = np.ones(len(found.histories.indices), np.bool_)
    return replace(found, histories=replace(found.histories, bought=bought))


def recommender(name: str = "item_knn", **options: object) -> Recommender:
    known = shop_world()
    titles = {"tea": "Green tea", "milk": "Milk", "ink": "Ink"}
    catalogue = Catalogue(
        Texts.of(titles.get(item, "") for item in known.items),
        Groups.of(["stationery", "food", None, "food"]),
        np.array([25_000, 9_900, np.iinfo(np.int64).min, 32_500]),
        *(np.ones(4, np.bool_) for _ in range(3)),
    )
    made = Recommender(
        fit(name, known), "v1", known, catalogue, fit_popular(known, PopularParameters()),
        repeat=False, zone=ZoneInfo("UTC"), alike=fit("item_knn", known), purchases=True,
    )  # fmt: skip
    return replace(made, **options)  # type: ignore[arg-type]


def test_the_answer_is_what_the_api_promises() -> None:
    answer = recommender().answer("ann", k=1)
    (item,) = answer.pop("items")
    assert answer.pop("request_id")
    assert answer == {
        "customer_id": "ann", "model": "item_knn", "version": "v1", "fallback": False,
        "fallback_reason": None, "as_of": "2024-04-01T00:00:00",
    }  # fmt: skip
    assert item.pop("score") > 0
    assert item == {
        "item_id": "milk", "title": "Milk", "category": "food", "price": 0.99,
        "available": True,
        "reason": {
            "code": "bought_with",
            "en": "Often bought with Green tea, which you bought on 20 March",
            "zh": "常与Green tea一起购买（您3月20日买过后者）",
        },
    }  # fmt: skip
    json.dumps(answer)


def test_what_is_owned_comes_back_on_request_with_its_rhythm() -> None:
    first = recommender().answer("ann", k=1, repeat=True)["items"][0]
    assert first["item_id"] == "tea"
    assert first["reason"]["code"] == "rhythm"
    assert first["reason"]["en"] == "You buy this about every 9 days; last on 20 March"
    assert first["reason"]["zh"] == "您大约每9天购买一次，最近一次是3月20日"


def test_the_recommender_s_own_choice_on_repeats_holds_where_nobody_says() -> None:
    assert recommender(repeat=True).answer("ann", k=1)["items"][0]["item_id"] == "tea"


def test_a_history_of_items_is_answered_like_a_customer() -> None:
    answer = recommender().answer(items=["ink", "ghost"], k=1)
    assert answer["customer_id"] is None
    assert not answer["fallback"]
    assert answer["items"][0]["item_id"] == "pens"
    assert answer["items"][0]["reason"]["en"] == "Often bought with Ink"


def test_a_list_that_ends_early_is_filled_with_popular_items() -> None:
    answer = recommender().answer("ann", k=10)
    assert [item["item_id"] for item in answer["items"]] == ["milk", "ink", "pens"]
    assert [item["reason"]["code"] for item in answer["items"]] == [
        "bought_with", "popular", "popular",
    ]  # fmt: skip
    assert [item["score"] for item in answer["items"][1:]] == [0.0, 0.0]
    assert answer["items"][1]["reason"]["en"] == (
        "Popular in the last 28 days: bought by 5 customers"
    )


@pytest.mark.parametrize(
    ("items", "code"), [([], "no_history"), (["👻", "x" * 10_000], "unknown_items")]
)
def test_without_evidence_the_list_is_a_fallback_that_says_so(items: list[str], code: str) -> None:
    answer = recommender().answer(items=items, k=2)
    assert answer["fallback"]
    assert answer["model"] == "popular"
    assert answer["fallback_reason"]["code"] == code
    assert answer["fallback_reason"]["en"]
    assert answer["fallback_reason"]["zh"]
    assert len(answer["items"]) == 2
    assert all(item["score"] > 0 for item in answer["items"])


def test_an_unknown_customer_is_not_found_and_its_id_is_not_repeated_whole() -> None:
    with pytest.raises(NotFound, match="nobody"):
        recommender().answer("nobody")
    with pytest.raises(NotFound) as caught:
        recommender().answer("x" * 10_000)
    assert len(str(caught.value)) < 300


def test_a_customer_somebody_else_knows_gets_a_fallback() -> None:
    answer = recommender().answer("newcomer", k=1, customer_known=True)
    assert (answer["customer_id"], answer["fallback"]) == ("newcomer", True)
    assert answer["fallback_reason"]["code"] == "no_history"


@pytest.mark.parametrize("k", [0, -3, 1001, 10**9])
def test_k_is_one_to_a_thousand(k: int) -> None:
    for ask in (recommender().answer, recommender().similar):
        with pytest.raises(BadRequest, match="from 1 to 1000"):
            ask("ann", k=k)


def test_what_is_not_allowed_or_excluded_is_never_offered() -> None:
    shop = recommender()
    allowed = np.array([item != "milk" for item in shop.known.items])
    shop = replace(shop, catalogue=replace(shop.catalogue, allowed=allowed))
    assert [item["item_id"] for item in shop.answer("ann")["items"]] == ["ink", "pens"]
    answer = shop.answer("ann", filters=Filters(["ink", "ghost", "pens"]))
    assert answer["items"] == []
    assert answer["fallback_reason"]["code"] == "nothing_left"


@pytest.mark.parametrize(
    ("filters", "offered"),
    [
        (Filters(category="food"), ["milk"]),
        (Filters(category="stationery"), ["ink"]),
        (Filters(price_from=0.99, price_to=2.5), ["milk", "ink"]),
        (Filters(price_to=0.98), []),
        (Filters(["milk"], category="food"), []),
        (Filters(), ["milk", "ink", "pens"]),
    ],
)
def test_a_list_holds_only_what_was_asked_for(filters: Filters, offered: list[str]) -> None:
    answer = recommender().answer("ann", filters=filters)
    assert [item["item_id"] for item in answer["items"]] == offered


def test_what_is_out_of_stock_is_listed_where_that_is_asked_for_and_what_is_given_up_never() -> (
    None
):
    shop = recommender()
    allowed = np.array([item not in {"milk", "pens"} for item in shop.known.items])
    sold = np.array([item != "pens" for item in shop.known.items])
    shop = replace(shop, catalogue=replace(shop.catalogue, allowed=allowed, sold=sold))
    anything = Filters(in_stock=False)
    assert [item["item_id"] for item in shop.answer("ann")["items"]] == ["ink"]
    offered = {i["item_id"]: i["available"] for i in shop.answer("ann", filters=anything)["items"]}
    assert offered == {"milk": False, "ink": True}
    found = {item["item_id"] for item in shop.trending(filters=anything)["items"]}
    assert found == {"ink", "milk", "tea"}
    assert shop.similar("tea")["items"] == []
    assert [item["item_id"] for item in shop.similar("tea", filters=anything)["items"]] == ["milk"]
    assert shop.similar("ink", filters=anything)["items"] == []
    food = Filters(category="food", in_stock=False)
    assert [item["item_id"] for item in shop.answer("ann", filters=food)["items"]] == ["milk"]


def test_what_can_not_be_filtered_by_is_said() -> None:
    shop = recommender()
    with pytest.raises(BadRequest, match="Did you mean `food`"):
        shop.answer("ann", filters=Filters(category="foo"))
    with pytest.raises(BadRequest, match="price_from is above price_to"):
        shop.trending(filters=Filters(price_from=2, price_to=1))


def test_trending_is_what_most_chose_lately() -> None:
    found = recommender().trending(k=2)
    assert (found["model"], found["version"]) == ("popular", "v1")
    assert [item["item_id"] for item in found["items"]] == ["ink", "pens"]
    assert all(item["score"] > 0 for item in found["items"])
    assert found["items"][0]["reason"]["code"] == "popular"


def test_nothing_that_goes_with_a_history_is_a_fallback() -> None:
    shop = recommender()
    answer = shop.answer("ann", filters=Filters(["milk"]), k=2)
    assert answer["fallback_reason"]["code"] == "no_evidence"


def test_asking_twice_gives_the_same_list() -> None:
    shop = recommender()
    one, two = shop.answer("bob", k=3), shop.answer("bob", k=3)
    assert one["items"] == two["items"]
    assert one["request_id"] != two["request_id"]


COUNTING = Counting({"view": 1.0, "purchase": 3.0}, None)


def test_what_happened_since_the_count_changes_the_list_at_once() -> None:
    shop = recommender(counting=COUNTING)
    before = shop.answer("zoe", k=1, customer_known=True)
    assert before["fallback_reason"]["code"] == "no_history"
    after = shop.answer("zoe", k=1, since=[Since("tea", "view", APRIL)])
    assert not after["fallback"]
    assert [item["item_id"] for item in after["items"]] == ["milk"]
    assert after["items"][0]["reason"]["code"] == "bought_with"


def test_what_happened_since_is_kept_off_the_list_like_what_was_had_before() -> None:
    shop = recommender(counting=COUNTING)
    looked = [Since("ink", "view", APRIL), Since("milk", "view", APRIL + 1)]
    offered = [item["item_id"] for item in shop.answer(k=9, repeat=False, since=looked)["items"]]
    assert set(offered) == {"tea", "pens"}
    again = [item["item_id"] for item in shop.answer(k=9, repeat=True, since=looked)["items"]]
    assert {"ink", "milk"} <= set(again)


def test_what_was_looked_at_before_and_not_bought_may_come_back() -> None:
    shop = recommender(counting=COUNTING)
    told = [Since("tea", "purchase", MARCH), Since("ink", "view", MARCH)]
    offered = shop.answer("zoe", k=9, since=told)["items"]
    said = {item["item_id"]: item["reason"]["en"] for item in offered}
    assert said.keys() == {"milk", "ink", "pens"}
    assert said["ink"] == "In your history; last on 1 March"


def test_what_came_with_the_request_stays_off_the_list_bought_or_not() -> None:
    shop = recommender()
    offered = [item["item_id"] for item in shop.answer(items=["ink", "tea"], k=9)["items"]]
    assert set(offered) == {"milk", "pens"}
    again = shop.answer(items=["ink", "tea"], k=9, repeat=True)["items"]
    assert {"ink", "tea"} <= {item["item_id"] for item in again}


def test_a_reason_never_says_bought_of_what_was_only_looked_at() -> None:
    shop = recommender(counting=COUNTING)
    said = shop.answer(k=1, since=[Since("tea", "view", APRIL)])["items"][0]["reason"]["en"]
    assert said == "Often bought with Green tea, in your history on 1 April"


def test_an_event_about_an_unknown_item_leaves_the_list_and_says_so() -> None:
    answer = recommender(counting=COUNTING).answer(since=[Since("brand new", "view", 1)])
    assert answer["fallback_reason"]["code"] == "unknown_items"


def test_similar_items_say_with_whom() -> None:
    answer = recommender().similar("tea", k=5)
    assert (answer["item_id"], answer["model"], answer["version"]) == ("tea", "item_knn", "v1")
    (milk,) = answer["items"]
    assert milk["item_id"] == "milk"
    assert milk["reason"]["en"] == "Often bought with Green tea"


def test_an_item_nobody_had_has_nothing_similar_or_is_not_found() -> None:
    assert recommender().similar("novelty", item_known=True)["items"] == []
    with pytest.raises(NotFound, match="novelty"):
        recommender().similar("novelty")


def test_without_item_knn_nothing_is_similar() -> None:
    with pytest.raises(NotReady, match="item_knn"):
        recommender(alike=None).similar("tea")


def test_a_label_of_the_call_chooses_the_popular_list() -> None:
    known = shop_world()
    labels = {name: "cafe" if name[0] in "ta" else "office" for name in known.customers}
    known = known.with_groups("place", labels)
    popular = fit_popular(known, PopularParameters(by="place", least_customers=2))
    shop = recommender(known=known, popular=popular)
    first = shop.answer(items=[], k=1, label=("place", "office"))["items"][0]
    assert first["item_id"] == "ink"
    assert first["reason"]["en"] == (
        "Popular among “office” in the last 28 days: bought by 5 customers"
    )
    assert shop.answer(items=[], k=1, label=("place", "cafe"))["items"][0]["item_id"] == "tea"


def test_saved_artifacts_answer_as_what_was_fitted(tmp_path: Path) -> None:
    shop = recommender()
    for name, part in (("popular", shop.popular), ("item_knn", shop.model)):
        (tmp_path / "models" / name).mkdir(parents=True)
        part.save(tmp_path / "models" / name)
    for name, kept in (("known", shop.known), ("catalogue", shop.catalogue)):
        (tmp_path / name).mkdir()
        kept.save(tmp_path / name)
    opened = open_recommender(
        "item_knn", models={name: tmp_path / "models" / name for name in ("popular", "item_knn")},
        interactions=tmp_path / "known",
        catalogue=tmp_path / "catalogue", version="v1", repeat=False,
    )  # fmt: skip
    for customer in shop.known.customers:
        assert opened.answer(customer)["items"] == shop.answer(customer)["items"]
    assert opened.similar("ink")["items"] == shop.similar("ink")["items"]


def test_artifacts_of_other_items_are_refused(tmp_path: Path) -> None:
    shop = recommender()
    (tmp_path / "models" / "popular").mkdir(parents=True)
    fit("popular", checkerboard()).save(tmp_path / "models" / "popular")
    for name, kept in (("known", shop.known), ("catalogue", shop.catalogue)):
        (tmp_path / name).mkdir()
        kept.save(tmp_path / name)
    with pytest.raises(ArtifactCorrupt, match="other items"):
        open_recommender(
            "popular", models={"popular": tmp_path / "models" / "popular"},
            interactions=tmp_path / "known", catalogue=tmp_path / "catalogue", version="v1",
            repeat=False,
        )  # fmt: skip


def test_the_catalogue_keeps_what_the_items_say(engine: Engine, tmp_path: Path) -> None:
    rows = pa.table(
        {
            "item_id": ["a", "b", "c", "elsewhere"],
            "title": ["Ä 👻", None, "C", "E"],
            "category": ["x > y", "x", None, "z"],
            "price": pa.array(
                [Decimal("2.5000"), None, Decimal("0.0001"), None], pa.decimal128(18, 4)
            ),
            "available": [None, True, False, True],
            "is_product": [True, False, True, True],
        }
    )
    ids = Ids.of(["a", "b", "c", "unsaid"])
    catalogue = load_catalogue(engine, engine.table(rows), ids)
    assert catalogue.allowed.tolist() == [True, False, False, True]
    assert catalogue.sold.tolist() == [True, False, True, True]
    without = load_catalogue(engine, engine.table(rows), ids, given_up={"c", "elsewhere"})
    assert without.sold.tolist() == [True, False, False, True]
    catalogue.save(tmp_path)
    loaded = Catalogue.load(tmp_path)
    assert [loaded.facts(item) for item in range(4)] == [
        {"title": "Ä 👻", "category": "x > y", "price": 2.5, "available": True},
        {"title": None, "category": "x", "price": None, "available": False},
        {"title": "C", "category": None, "price": 0.0001, "available": False},
        {"title": None, "category": None, "price": None, "available": True},
    ]
    np.save(tmp_path / "prices.npy", np.zeros(2, np.int64))
    with pytest.raises(ArtifactCorrupt, match="do not fit"):
        Catalogue.load(tmp_path)


def test_a_bare_catalogue_allows_everything() -> None:
    bare = Catalogue.bare(3)
    assert bare.allowed.all()
    assert bare.facts(2) == {"title": None, "category": None, "price": None, "available": True}


def test_what_does_not_interest_is_hidden_with_its_near_twins_and_can_be_taken_back() -> None:
    made = recommender(counting=Counting({"view": 1.0}, None))

    def offered(*since: Since, hidden: tuple[str, ...] = ()) -> set[str]:
        filters = Filters(hidden=hidden)
        found = made.answer("t0", k=4, repeat=True, since=since, filters=filters)
        return {item["item_id"] for item in found["items"]}

    assert {"ink", "pens"} <= offered()
    not_ink = Since("ink", "dismiss", MARCH)
    assert offered(not_ink).isdisjoint({"ink", "pens"})  # whoever has ink has pens
    assert offered(hidden=("ink",)).isdisjoint({"ink", "pens"})
    assert {"ink", "pens"} <= offered(not_ink, Since("ink", "restore", MARCH + 1))
    assert {"ink", "pens"} <= offered(Since("ink", "view", MARCH), hidden=("ink",))
    assert offered(Since("unheard of", "dismiss", MARCH)) == offered()


def test_what_a_request_may_ask_for_is_handed_on_field_by_field() -> None:
    assert serve.Filters._fields == Filters._fields  # shop.py hands them on by their order
