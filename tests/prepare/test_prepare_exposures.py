"""Who was shown what, each once; and what came of it, joined by request or by who and when."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from prepare_worlds import NOON, conformed, said

from bespeak import prepare
from bespeak.columns import EXPOSURES
from bespeak.engines import Engine

Row = dict[str, Any]
LIST = {"model": "item_knn", "version": "v7", "fallback": False}


@pytest.fixture(params=["duckdb", "spark"])
def both(request: pytest.FixtureRequest) -> Engine:
    """Each engine in turn."""
    opened: Engine = request.getfixturevalue(request.param)
    return opened


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def shown(event_id: str, item: str | None, minutes: float = 0, **more: Any) -> Row:
    """An impression; `said` is what its properties say."""
    told = more.pop("said", None)
    return {"event_id": event_id, "type": "impression", "actor": "customer:ann", "item_id": item,
            "time": at(minutes), "properties": told if isinstance(told, str | None)
            else json.dumps(told), **more}  # fmt: skip


def did(kind: str, item: str, minutes: float, **more: Any) -> Row:
    return {"event_id": f"{kind}-{minutes}-{more.get('request_id')}", "type": kind,
            "actor": "customer:ann", "item_id": item, "time": at(minutes), **more}  # fmt: skip


def exposed(engine: Engine, rows: list[Row]) -> tuple[dict[str, Row], dict[str, int]]:
    found, report = prepare.exposures(engine, conformed(engine, rows))
    assert found.columns == tuple(EXPOSURES)
    assert {name: str(kind) for name, kind in found.schema().items()} == dict(EXPOSURES)
    told = said(engine, found)
    assert len({row["event_id"] for row in told}) == len(told)
    return {row["event_id"]: row for row in told}, report


def joined(engine: Engine, rows: list[Row], **more: Any) -> dict[str, Row]:
    """Feedback by the exposure's id; times as minutes after noon."""
    events = conformed(engine, rows)
    found, _ = prepare.exposures(engine, events)
    # the person behind an actor: who is anonymous has none
    named = [table.mutate(customer_id=table["actor"].nullif("session:x"))
             for table in (found, events)]  # fmt: skip
    told = said(engine, prepare.feedback(engine, *named, **more))
    assert (
        len(told)
        == len({row["event_id"] for row in told})
        == said(engine, found.agg(n=found.count()))[0]["n"]
    )
    names = ("clicked", "carted", "bought")
    return {
        row["event_id"]: {name: row[name] and (row[name] - NOON) / timedelta(minutes=1)
                          for name in names if row[name]} | {"joined": row["joined"]}
        for row in told
    }  # fmt: skip


def test_a_list_a_fact_and_a_place_left_empty_are_told_apart(both: Engine) -> None:
    fact = {"fact": "brand", "kind": "attribute", "propensity": 0.25, "policy": "uniform-1"}
    rows = [
        shown("r1-0", "tea", said=LIST, request_id="r1", position=0, place="home", device="phone"),
        shown("r1-1", "cake", said=LIST, request_id="r1", position=1),
        shown("f1", "tea", 1, said={"exposure": fact}, session_id="s1"),
        shown("f2", "tea", 2, said={"exposure": {**fact, "fact": "none", "kind": "none"}}),
        shown("file", "tea", 3, said={"policy": "thompson", "propensity": "0.5", "fact": "茶"}),
        shown("bare", "tea", 4),
        did("click", "tea", 5, request_id="r1"),
    ]
    found, report = exposed(both, rows)
    kinds = {key: (row["kind"], row["fact"], row["propensity"]) for key, row in found.items()}
    assert kinds == {
        "r1-0": ("list", None, None), "r1-1": ("list", None, None),
        "f1": ("fact", "brand", 0.25), "f2": ("none", None, 0.25),
        "file": ("fact", "茶", 0.5), "bare": ("list", None, None),
    }  # fmt: skip
    assert found["r1-0"] == {
        "event_id": "r1-0", "source": "till", "actor": "customer:ann", "session_id": None,
        "item_id": "tea", "fact": None, "kind": "list", "time": NOON, "place": "home",
        "device": "phone", "position": 0, "request_id": "r1", "model": "item_knn",
        "version": "v7", "policy": None, "propensity": None,
    }  # fmt: skip
    assert (found["f1"]["session_id"], found["f1"]["policy"]) == ("s1", "uniform-1")
    assert report == {"list": 3, "fact": 2, "none": 1, "without_propensity": 3, "tries": 0,
                      "propensity_unreadable": 0, "without_item": 0, "again": 0}  # fmt: skip


def test_what_the_page_tells_again_of_a_list_is_no_second_exposure(both: Engine) -> None:
    rows = [
        # the page's clock runs ahead of the server's
        shown("page", "tea", -3, request_id="r1", position=0, actor="session:x"),
        shown("r1-0", "tea", said=LIST, request_id="r1", position=0),
        shown("page-2", "cake", 1, request_id="r1", position=1),
        shown("fact", "tea", 1, said={"fact": "brand"}, request_id="r1"),
        shown("one", "tea", 2), shown("two", "tea", 2),
        shown("banner", None, 3),
    ]  # fmt: skip
    found, report = exposed(both, rows)
    assert set(found) == {"r1-0", "page-2", "fact", "one", "two"}
    assert (report["again"], report["without_item"]) == (1, 1)


def test_of_a_list_by_which_a_model_was_tried_there_is_no_exposure(both: Engine) -> None:
    tried = {**LIST, "model_asked": "als"}
    rows = [
        shown("r1-0", "tea", said=tried, request_id="r1", position=0),
        shown("page", "tea", 1, request_id="r1", position=0),
        shown("r2-0", "tea", said=LIST, request_id="r2", position=0),
        shown("one", "tea", 2), shown("of a file", "cake", said=tried),
    ]  # fmt: skip
    found, report = exposed(both, rows)
    assert set(found) == {"r2-0", "one"}
    assert (report["tries"], report["list"], report["without_item"]) == (3, 2, 0)


@pytest.mark.parametrize("said", ["", "{", "[1]", '"x"', "null", "7", '{"propensity": {}}'])
def test_properties_that_say_nothing_are_no_error(engine: Engine, said: str) -> None:
    found, _ = exposed(engine, [shown("a", "tea", said=said)])
    assert (found["a"]["kind"], found["a"]["model"], found["a"]["propensity"]) == (
        "list", None, None,
    )  # fmt: skip


def test_a_propensity_that_is_none_is_null_and_counted(both: Engine) -> None:
    bad = [0, -0.1, 1.01, "often", "NaN", "inf", True]
    rows = [shown(f"b{n}", "tea", said={"propensity": p}) for n, p in enumerate(bad)]
    rows += [shown("sure", "tea", said={"propensity": 1}),
             shown("rare", "tea", said={"propensity": 1e-7})]  # fmt: skip
    found, report = exposed(both, rows)
    assert report["propensity_unreadable"] == len(bad)
    assert {key: row["propensity"] for key, row in found.items() if row["propensity"]} == {
        "sure": 1.0, "rare": 1e-7,
    }  # fmt: skip


def test_feedback_goes_to_its_request_or_else_to_the_last_exposure_before_it(
    both: Engine,
) -> None:
    rows = [
        shown("a", "tea", 0, request_id="r1"), shown("b", "tea", 10, request_id="r2"),
        shown("c", "tea", 20), shown("d", "cake", 20), shown("e", "tea", 50),
        shown("f", "tea", 12, said={"fact": "brand"}),
        shown("g", "tea", 200, actor="session:x", request_id="r9"),
        # of the request, though another list showed the item since
        did("click", "tea", 25, request_id="r1"), did("view", "tea", 24, request_id="r1"),
        # of no request: to c, the last list before, and to f, the last fact
        did("purchase", "tea", 30), did("purchase", "tea", 31),
        # of a request that showed something else, or is not known: by who and when
        did("cart", "cake", 40, request_id="r1"), did("cart", "tea", 60, request_id="lost"),
        # too late, of another item, of another customer, before any, of nobody
        did("click", "cake", 20 + 61), did("click", "soap", 21), did("click", "tea", -1),
        did("click", "cake", 22, actor="customer:bob"),
        did("click", "tea", 201, actor="session:x"),
        did("purchase", "tea", 300, actor="session:x", request_id="r9"),
    ]  # fmt: skip
    assert joined(both, rows, within=timedelta(minutes=60)) == {
        "a": {"clicked": 24, "joined": "request"},
        "b": {"joined": None},
        "c": {"bought": 30, "joined": "window"},
        "d": {"carted": 40, "joined": "window"},
        "e": {"carted": 60, "joined": "window"},
        # a click in the request of a list is something about the item all the same
        "f": {"clicked": 24, "carted": 60, "bought": 30, "joined": "window"},
        "g": {"bought": 300, "joined": "request"},
    }


def test_an_exposure_and_what_came_at_the_same_instant_belong_together(engine: Engine) -> None:
    rows = [shown("a", "tea"), shown("b", "tea"), did("click", "tea", 0),
            did("purchase", "tea", 60), did("purchase", "tea", 61)]  # fmt: skip
    # of two at one instant the last by id; the window's end counts
    assert joined(engine, rows, within=timedelta(minutes=60)) == {
        "a": {"joined": None},
        "b": {"clicked": 0, "bought": 60, "joined": "window"},
    }


def test_where_nothing_was_shown_there_is_nothing(engine: Engine) -> None:
    found, report = exposed(engine, [did("purchase", "tea", 1)])
    assert found == {} and set(report.values()) == {0}
    assert joined(engine, [did("purchase", "tea", 1)]) == {}
