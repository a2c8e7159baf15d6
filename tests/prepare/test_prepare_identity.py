"""Identity: who is one person, why, and how that is undone."""

from __future__ import annotations

import itertools
import random
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prepare_worlds import actors, links, said
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from bespeak import prepare
from bespeak.config import Identity
from bespeak.engines import Engine
from bespeak.errors import NotFound
from bespeak.prepare.components import components

LAW = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
Pairs = list[tuple[str, str]]


def found(
    engine: Engine, names: list[str | None], pairs: Pairs, **config: Any
) -> tuple[dict[str, str], dict[str, Any]]:
    """Actor -> customer_id, and the report."""
    linked = links(engine, pairs) if pairs else None
    table, report = prepare.identify(engine, actors(engine, names), linked, Identity(**config))
    return {row["actor"]: row["customer_id"] for row in said(engine, table)}, report


# -- components --------------------------------------------------------------------------------


def groups(engine: Engine, pairs: Pairs) -> tuple[dict[str, str], int]:
    table = engine.table(
        pa.table({"left": pa.array([one for one, _ in pairs], pa.string()),
                  "right": pa.array([two for _, two in pairs], pa.string())})
    )  # fmt: skip
    labels, rounds = components(engine, table)
    return {row["node"]: row["label"] for row in said(engine, labels)}, rounds


def reference(pairs: Pairs) -> dict[str, str]:
    """The same by scipy: node -> least node of its component."""
    nodes = sorted({node for pair in pairs for node in pair if pair[0] != pair[1]})
    at = {node: number for number, node in enumerate(nodes)}
    kept = [pair for pair in pairs if pair[0] != pair[1]]
    rows, columns = [at[one] for one, _ in kept], [at[two] for _, two in kept]
    graph = coo_array((np.ones(len(kept)), (rows, columns)), shape=(len(nodes), len(nodes)))
    _, label = connected_components(graph, directed=False)
    least: dict[int, str] = {}
    for node in nodes:
        least.setdefault(label[at[node]], node)
    return {node: least[label[at[node]]] for node in nodes}


@LAW
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=45))
def test_components_are_those_that_scipy_finds(
    engine: Engine, drawn: list[tuple[int, int]]
) -> None:
    pairs = [(f"n{one:02}", f"n{two:02}") for one, two in drawn]
    assert groups(engine, pairs)[0] == reference(pairs)


@pytest.mark.parametrize("shape", ["in order", "shuffled", "zigzag"])
def test_a_long_chain_takes_few_rounds(engine: Engine, shape: str) -> None:
    length = 200
    numbers = list(range(length))
    if shape == "shuffled":
        random.Random(3).shuffle(numbers)
    if shape == "zigzag":
        numbers = [n for pair in zip(range(100), range(199, 99, -1), strict=True) for n in pair]
    names = [f"n{number:03}" for number in numbers]
    labels, rounds = groups(engine, list(itertools.pairwise(names)))
    assert set(labels.values()) == {"n000"} and len(labels) == length
    assert rounds <= 8  # log2(200)


def test_a_star_of_least_leaves_is_one_component(engine: Engine) -> None:
    pairs = [("z", f"a{leaf:02}") for leaf in range(50)]
    labels, rounds = groups(engine, pairs)
    assert set(labels.values()) == {"a00"}
    assert rounds == 1


# -- customers ---------------------------------------------------------------------------------


def test_identifiers_seen_together_are_one_customer(engine: Engine) -> None:
    people, report = found(
        engine,
        ["customer:7", "device:a", "device:z", None, "customer:7"],
        [("customer:7", "email:x"), ("email:x", "device:a")],
    )
    assert people == {"customer:7": "7", "email:x": "7", "device:a": "7", "device:z": "device:z"}
    assert {name: report[name] for name in ("identifiers", "customers", "joined", "largest")} == {
        "identifiers": 4, "customers": 2, "joined": 3, "largest": 3,
    }  # fmt: skip


def test_without_links_nothing_is_joined(engine: Engine) -> None:
    people, report = found(engine, ["customer:1", "customer:1", "email:x", None], [])
    assert people == {"customer:1": "1", "email:x": "email:x"}
    assert (report["links"], report["rounds"], report["joined"]) == (0, 0, 0)


def test_a_customer_is_called_by_the_first_primary_namespace_and_its_least_value(
    engine: Engine,
) -> None:
    pairs = [("loyalty:1", "customer:9"), ("customer:9", "email:x"), ("email:x", "customer:8")]
    people, _ = found(engine, [], pairs, primary=["customer", "loyalty"])
    assert set(people.values()) == {"8"}


def test_two_customers_are_never_called_the_same(engine: Engine) -> None:
    names = ["customer:7", "loyalty:7", "customer:loyalty:7", "customer:email:x", "email:x"]
    people, report = found(engine, list(names), [], primary=["customer", "loyalty"])
    assert report["customers"] == 5
    assert len(set(people.values())) == 5
    assert people["customer:7"] == "7"
    assert people["loyalty:7"] == "loyalty:7"


@LAW
@given(
    st.sets(st.tuples(st.sampled_from(["a", "b", "c"]), st.text("1:a", min_size=1, max_size=4))),
    st.permutations(["a", "b", "c"]),
)
def test_names_are_as_many_as_components_whatever_the_values(
    engine: Engine, drawn: set[tuple[str, str]], primary: list[str]
) -> None:
    names = sorted(f"{namespace}:{value}" for namespace, value in drawn)
    people, _ = found(engine, list(names), [], primary=primary[:2])
    assert sorted(people) == names
    assert len(set(people.values())) == len(names)


@settings(LAW, max_examples=6)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=20),
    st.randoms(use_true_random=False),
)
def test_the_order_of_links_changes_nothing(
    engine: Engine, drawn: list[tuple[int, int]], rng: random.Random
) -> None:
    pairs = [(f"customer:{one}", f"email:{two}") for one, two in drawn]
    once = found(engine, [], pairs)
    again = found(engine, [], [(two, one) for one, two in rng.sample(pairs, len(pairs))])
    assert once == again


# -- shared and apart --------------------------------------------------------------------------


def test_an_identifier_of_many_people_joins_nobody(engine: Engine) -> None:
    pairs = [(f"customer:{n}", "device:tablet") for n in range(4)]
    pairs += [("customer:0", "email:x"), ("device:phone", "customer:0")]
    people, report = found(engine, [], pairs, max_links=3)
    assert people["customer:0"] == people["email:x"] == people["device:phone"] == "0"
    assert people["device:tablet"] == "device:tablet"
    assert len(set(people.values())) == 5
    assert report["shared"] == [
        {"actor": "device:tablet", "namespace": "customer", "identifiers": 4}
    ]
    assert report["shared_count"] == 1


@pytest.mark.parametrize(("accounts", "people"), [(3, 1), (4, 5)])
def test_a_browser_of_a_few_accounts_is_one_person_and_of_more_joins_nobody(
    engine: Engine, accounts: int, people: int
) -> None:
    pairs = [(f"customer:{n}", "cookie:office") for n in range(accounts)]
    labels, _ = found(engine, [], pairs)
    assert len(set(labels.values())) == people


def test_a_person_may_have_many_cookies_and_an_account_many_cards(engine: Engine) -> None:
    pairs = [("customer:1", f"cookie:{n}") for n in range(12)]
    pairs += [("customer:1", f"card:{n}") for n in range(12)]
    labels, report = found(engine, [], pairs, primary=["customer", "card"])
    assert set(labels.values()) == {"1"} and report["shared"] == []


def test_identifiers_of_its_own_namespace_make_nothing_shared(engine: Engine) -> None:
    pairs = [("email:0", f"email:{n}") for n in range(1, 9)]
    people, report = found(engine, [], pairs, max_links=3)
    assert set(people.values()) == {"email:0"}
    assert report["shared"] == []


def test_a_pair_set_apart_is_not_linked_by_any_row(engine: Engine) -> None:
    pairs = [("customer:1", "email:x"), ("customer:2", "email:x"), ("customer:2", "device:a")]
    before, _ = found(engine, [], pairs)
    after, report = found(engine, [], pairs, apart=[("email:x", "customer:2")])
    assert set(before.values()) == {"1"}
    assert after == {"customer:1": "1", "email:x": "1", "customer:2": "2", "device:a": "2"}
    assert report["apart"] == 1


# -- evidence ----------------------------------------------------------------------------------


def test_evidence_names_the_strongest_link_and_hides_hashes(engine: Engine) -> None:
    schema = ibis.schema({"left": "string", "right": "string", "rows": "int64",
                          "first_row": "int64", "source": "string"}).to_pyarrow()  # fmt: skip
    email, other = "email:" + "3fa9" * 8, "email:" + "77aa" * 8
    rows = [
        {"left": "customer:1", "right": email, "rows": 12, "source": "till"},
        {"left": "customer:1", "right": email, "rows": 2, "source": "web"},
        {"left": "customer:1", "right": other, "rows": 1, "source": "crm"},
        *({"left": "device:kiosk", "right": f"card:{n:032}", "rows": 1, "source": "till"}
          for n in range(3)),
    ]  # fmt: skip
    table, _ = prepare.identify(
        engine, actors(engine, ["customer:5"]),
        engine.table(pa.Table.from_pylist(rows, schema=schema)), Identity(max_links=2),
    )  # fmt: skip
    evidence = {row["actor"]: row["evidence"] for row in said(engine, table)}
    assert evidence["customer:1"] == "with email:3fa9… in 12 rows of till"
    assert evidence[other] == "with customer:1 in 1 row of crm"
    assert evidence["customer:5"] == "seen with no other identifier"
    assert evidence["device:kiosk"] == (
        "seen with 3 identifiers of card, so shared and joined to nobody"
    )
    assert evidence[f"card:{0:032}"] == "seen only with identifiers that are shared or set apart"


# -- looking at merges -------------------------------------------------------------------------

CHAIN: Pairs = [("customer:1", "email:x"), ("customer:2", "email:x"), ("customer:1", "device:a"),
                ("device:a", "email:x"), ("customer:3", "email:y")]  # fmt: skip


def test_an_explanation_says_which_link_holds_whom(engine: Engine) -> None:
    linked = links(engine, CHAIN)
    table, _ = prepare.identify(engine, actors(engine, []), linked, Identity())
    edges = prepare.explain(engine, table, linked, "1")
    splits = {(edge["left"], edge["right"]): edge["splits"] for edge in edges}
    assert splits == {
        ("customer:1", "device:a"): [],
        ("customer:1", "email:x"): [],
        ("device:a", "email:x"): [],
        ("customer:2", "email:x"): [["customer:1", "device:a", "email:x"], ["customer:2"]],
    }
    assert edges[0]["sources"] == ["till"]


def test_what_an_explanation_says_of_a_link_is_what_setting_it_apart_does(engine: Engine) -> None:
    linked = links(engine, CHAIN)
    before, _ = prepare.identify(engine, actors(engine, []), linked, Identity())
    apart = Identity(apart=[("customer:2", "email:x")])
    after, _ = prepare.identify(engine, actors(engine, []), linked, apart)
    assert prepare.compare_identities(engine, before, after) == {
        "merged": [],
        "split": [{"customer_id": "1", "into": ["1", "2"]}],
    }
    assert prepare.compare_identities(engine, after, before) == {
        "merged": [{"customer_id": "1", "was": ["1", "2"]}],
        "split": [],
    }
    assert prepare.compare_identities(engine, before, before) == {"merged": [], "split": []}


def test_nobody_is_explained_who_is_not_there(engine: Engine) -> None:
    table, _ = prepare.identify(engine, actors(engine, ["customer:1"]), None, Identity())
    assert prepare.explain(engine, table, None, "1") == []
    with pytest.raises(NotFound, match="no customer `2`"):
        prepare.explain(engine, table, None, "2")


# -- a world of several channels with its truth kept apart ---------------------------------------


def test_planted_people_are_found_again_across_channels(engine: Engine) -> None:
    """60 people on five channels; a kiosk and a noreply address that many of them touch."""
    rng = random.Random(11)
    truth: dict[str, int] = {}
    pairs: Pairs = []
    for person in range(60):
        card, mail = f"loyalty:{1000 + person}", f"email:{person:032x}"
        devices = [f"device:{person}-{n}" for n in range(rng.randint(0, 4))]
        handles = [f"handle:@{person}"] if rng.random() < 0.5 else []
        truth |= dict.fromkeys([card, mail, *devices, *handles], person)
        pairs.append((card, mail))  # the crm knows both
        pairs += [(device, mail) for device in devices]  # web and app log in by mail
        pairs += [(handle, rng.choice([card, mail])) for handle in handles]  # social
        if rng.random() < 0.6:
            pairs.append((card, "device:kiosk"))
        if rng.random() < 0.6:
            pairs.append((mail, "email:noreply"))
            pairs.append((card, "email:noreply"))
    rng.shuffle(pairs)
    people, report = found(engine, sorted(truth), pairs, primary=["loyalty"])
    assert {row["actor"] for row in report["shared"]} == {"device:kiosk", "email:noreply"}
    assert {actor: people[actor] for actor in truth} == {
        actor: str(1000 + person) for actor, person in truth.items()
    }
    assert report["customers"] == 62
