"""Somebody who was erased is in no file of the workspace, and stays out of it."""

from __future__ import annotations

import shutil
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_shop import tell, view

from bespeak import flow, ledger, people, privacy, shop
from bespeak.errors import NotFound, NotReady
from bespeak.everyone import recommend_everyone
from bespeak.flow.keeping import let_go, read_up_to
from bespeak.opening import open_log
from bespeak.privacy import audit, tombstones
from bespeak.workspace import Workspace
from searching import files_with

WHO, MAIL, SESSION, PHONE = "aurelia-77", "aurelia@mail.example", "sess-aurelia", "0049 555 7734"
RAW = ("till.csv", "web.parquet", "shops.jsonl")
CONFIG = """
[workspace]
name = "Small shop"
[recommend]
models = ["popular", "frequency", "item_knn"]
[segments]
bootstrap = 2
k_max = 3

[[sources]]
name = "till"
files = ["till.csv"]
identifiers = { customer = "who", email = "mail" }
columns = { type = { constant = "purchase" }, item_id = "what", time = "at" }
customers = { city = "town" }

[[sources]]
name = "web"
files = ["web.parquet"]
identifiers = { email = "mail" }
columns = { type = { constant = "view" }, item_id = "what", time = "at" }

[[sources]]
name = "people"
table = "customers"
files = ["shops.jsonl"]
identifiers = { customer = "id", phone = "phone" }
columns = { country = "land", name = "called" }
"""


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty customers and Aurelia, in three sources and the log."""
    tmp_path = tmp_path_factory.mktemp("made")
    lines = ["who,mail,what,at,town"]
    names = [*(f"c{number}" for number in range(30)), WHO]
    for number, name in enumerate(names):
        mail = MAIL if name == WHO else f"{name}@shop.example"
        for month, item in enumerate(("tea", "milk") if number % 2 else ("ink", "pens"), start=1):
            lines.append(
                f"{name},{mail},{item},2026-{month:02d}-{1 + number % 25:02d}T10:00:00Z,Ulm"
            )
    lines.append(lines[-1])  # twice the same
    lines.append(f"{WHO},{MAIL},tea,no time,Ulm")  # to the quarantine
    lines.append(f"{WHO},{MAIL},tea,2026-02-01T10:00:00Z,Ulm,and,more")  # can't be split
    (tmp_path / "till.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    times = [datetime(2026, 2, 20, 10, minute) for minute in range(4)]
    web = {"mail": [MAIL.upper(), "c1@shop.example", "c2@shop.example", MAIL],
           "what": ["ink", "tea", "tea", "pens"], "at": times}  # fmt: skip
    pq.write_table(pa.table(web), tmp_path / "web.parquet")
    said = [{"id": name, "phone": PHONE if name == WHO else f"0049 1 {at}", "land": "DE",
             "called": f"Name of {name}"} for at, name in enumerate(names)]  # fmt: skip
    text = "\n".join(msgspec.json.encode(one).decode() for one in said)
    (tmp_path / "shops.jsonl").write_text(text + "\n", encoding="utf-8")
    (tmp_path / "bespeak.toml").write_text(CONFIG, encoding="utf-8")
    made = Workspace(tmp_path)
    tell(made, view("e1", "s1", customer="c1"), view("e2", SESSION), view("e3", "s2"))
    tell(made, view("e4", SESSION, customer=WHO, device="dev-aurelia"))
    flow.run(made)
    tell(made, view("e5", "sess-aurelia-2"), view("e6", "sess-aurelia-2", email=MAIL))
    return tmp_path


def words(workspace: Workspace) -> set[str]:
    """All by which Aurelia may be found; what is hashed, as it was and as it is kept."""
    hashed = [
        str(privacy.identifier(name, value, workspace.secret())).partition(":")[2]
        for name, value in (("email", MAIL), ("phone", PHONE))
    ]
    return {"aurelia", "Aurelia", MAIL.upper(), "555 7734", *hashed}


def found(workspace: Workspace) -> dict[str, set[str]]:
    """Where she is, outside of the shop's own files."""
    raw = {workspace.root / name for name in RAW}
    return files_with(words(workspace), workspace.root, but=raw)


def accounts(workspace: Workspace) -> list[tuple[str, dict[str, Any]]]:
    """Source and account, which adds up: it is recounted."""
    return [(line["source"], line) for line in ledger.status(workspace, recount=True)["account"]]


def test_no_file_of_the_workspace_holds_who_was_erased_and_no_source_brings_them_back(
    workspace: Workspace,
) -> None:
    recommend_everyone(workspace, workspace.root / "lists", k=3)
    before, rows_in = (
        found(workspace),
        {name: line["rows_in"] for name, line in accounts(workspace)},
    )
    assert {"live.db", "lists"} <= {name.partition("/")[0] for name in before}
    report = people.erase(workspace, WHO, by="test")
    assert report["identifiers"] == {
        "customer": 1, "device": 1, "email": 1, "phone": 1, "session": 2,
    }  # fmt: skip
    assert report["removed"]["event log"] == 4
    assert report["removed"][str(workspace.root / "lists")] > 0
    held = {trace["what"]: trace["rows"] for trace in report["until_next_run"]}
    assert held["record/sources/till"] == {"customers": 1, "events": 2}
    assert {"features/customers", "artifacts/models/item_knn", "artifacts/snapshot"} <= held.keys()
    assert not [name for name in found(workspace) if name.startswith(("live.db", "lists"))]

    flow.run(workspace)
    assert found(workspace) == {}
    done = people.carried_out(workspace)
    assert done["pending"] is False
    assert done["erased"] == {"till": 4, "web": 2, "people": 1}
    assert {file["file"]: file["rows"] for file in done["raw_files"]} == {
        "till.csv": 4, "web.parquet": 2, "shops.jsonl": 1,
    }  # fmt: skip
    assert {name: line["rows_in"] for name, line in accounts(workspace)} == rows_in | {"live": 2}

    with (workspace.root / "till.csv").open("a", encoding="utf-8") as more:
        more.write(f"{WHO},x@y.example,ink,2026-02-27,Ulm\n")
    flow.run(workspace)
    assert found(workspace) == {}
    assert dict(accounts(workspace))["till"]["erased"] == 5


def test_who_was_erased_is_unknown_from_that_moment(workspace: Workspace) -> None:
    opened = shop.open_shop(workspace)
    assert opened.recommend(customer_id=WHO, items=(), k=2, repeat=None)["items"]
    people.erase(workspace, WHO, by="test")
    assert not opened.knows(WHO)
    assert opened.knows("c1")
    with pytest.raises(NotFound):
        opened.recommend(customer_id=WHO, items=(), k=2, repeat=None)
    with pytest.raises(NotReady, match="bespeak run"):
        recommend_everyone(workspace, workspace.root / "lists", k=3)
    with pytest.raises(NotFound):
        people.erase(workspace, "nobody", by="test")
    again = people.erase(workspace, WHO, by="test")
    assert again["removed"] == {"event log": 0}
    # as if a run had removed them, and an older version came back
    tombstones(workspace).carried_out(tombstones(workspace).now())
    assert not shop.open_shop(workspace).knows(WHO)
    with pytest.raises(NotFound):
        people.export(workspace, WHO, by="test")


def test_late_events_stay_out_and_an_incremental_run_equals_one_from_nothing(
    workspace: Workspace,
) -> None:
    people.erase(workspace, WHO, by="test")
    late = (
        view("l1", SESSION), view("l2", "new", customer=WHO), view("l3", "new", email=MAIL),
        view("e4", "other", device="dev-aurelia"), view("l5", "s1", customer="c1"),
    )  # fmt: skip
    assert tell(workspace, *late) == 1
    flow.run(workspace)
    assert found(workspace) == {}
    versions = workspace.current()
    for kind in ("stage", "record", "features", "artifacts"):
        shutil.rmtree(workspace.root / kind)
    (workspace.root / "current.json").unlink()
    flow.run(workspace)
    assert workspace.current() == versions
    assert found(workspace) == {}


def test_only_what_holds_them_is_made_anew(workspace: Workspace) -> None:
    before = workspace.current()
    people.erase(workspace, "session:s2", by="test")
    flow.run(workspace)
    remade = {key for key, version in workspace.current().items() if before.get(key) != version}
    assert "record/sources/live" in remade
    assert not {"record/sources/web", "record/sources/people"} & remade


def test_an_erasure_while_a_run_is_at_work_waits_for_the_next(workspace: Workspace) -> None:
    told: list[str] = []

    def meanwhile(step: flow.Step) -> None:
        if step.name == "customers" and not told:
            told.append(step.name)
            people.erase(workspace, WHO, by="test")

    with (workspace.root / "till.csv").open("a", encoding="utf-8") as more:
        more.write("c1,c1@shop.example,tea,2026-02-28T10:00:00Z,Ulm\n")
    flow.run(workspace, tell=meanwhile)
    assert told
    assert people.carried_out(workspace)["pending"]
    assert not shop.open_shop(workspace).knows(WHO)


def test_an_export_is_whole_and_an_act_on_record_names_nobody(workspace: Workspace) -> None:
    held = people.export(workspace, WHO, by="test")
    assert f"customer:{WHO}" in held["identifiers"]
    assert {name: sorted(tables) for name, tables in held["record"].items()} == {
        "live": ["events"], "people": ["customers"], "till": ["customers", "events"],
        "web": ["events"],
    }  # fmt: skip
    assert [event["event_id"] for event in held["since"]] == ["e5", "e6"]
    assert held["attributes"]["city"] == "Ulm"
    assert held["features"]
    assert held["segments"]["rfm"]
    assert held["interactions"]
    people.erase(workspace, WHO, by="test")
    with pytest.raises(NotFound):
        people.export(workspace, "nobody", by="test")
    lines = audit(workspace).lines()
    assert [line["act"] for line in lines] == ["export", "erase"]
    assert {line["customer"] for line in lines} == {audit(workspace).named(WHO)}


def test_old_events_leave_the_log_when_a_run_has_read_them(workspace: Workspace) -> None:
    def left() -> list[str]:
        with closing(open_log(workspace, workspace.config())) as log:
            return [kept.entry.event_id for kept in log.after(0, 9)]

    def after(**live: float) -> list[str]:
        config = workspace.config()
        kept = msgspec.structs.replace(config.live, **live)
        let_go(workspace, msgspec.structs.replace(config, live=kept), until=read_up_to(workspace))
        return left()

    everything = left()
    assert after() == everything == ["e1", "e2", "e3", "e4", "e5", "e6"]
    assert after(keep_mb=0.025) not in (everything, ["e5", "e6"])
    assert after(keep_days=1e-9) == ["e5", "e6"], "what no run has read stays"
