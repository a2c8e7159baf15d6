"""What was shown, through the whole flow: from server, page and file to the record, each once."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.dataset as ds
import pytest
from small_shop import NOW, QUICK, tell

from bespeak import flow, ledger, people
from bespeak.live import impression
from bespeak.workspace import Workspace

LATER = NOW + timedelta(hours=1)
CONFIG = """
[workspace]
name = "Small shop"
[[sources]]
name = "till"
files = ["till.csv"]
identifiers = { customer = "who" }
columns = { type = { constant = "purchase" }, item_id = "what", time = "at" }
[[sources]]
name = "mails"
files = ["mails.jsonl"]
identifiers = { customer = "who" }
columns = { type = { constant = "impression" }, item_id = "what", time = "at", place = { constant = "mail" }, properties = "said" }
"""  # noqa: E501 - a line of TOML


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Thirty customers, and two mails to the first of them."""
    lines = ["who,what,at"]
    for number in range(30):
        for day, item in enumerate(("tea", "milk") if number % 2 else ("ink", "pens"), start=1):
            lines.append(f"c{number},{item},2026-02-{day + number % 20:02d}T10:00:00Z")
    lines.append("c0,tea,2026-02-27T10:00:00Z")
    (tmp_path / "till.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    said = [{"who": "c0", "what": item, "at": f"2026-02-26T0{hour}:00:00Z",
             "said": '{"policy": "coin", "propensity": 0.5}'}
            for hour, item in enumerate(("tea", "milk"))]  # fmt: skip
    text = b"\n".join(msgspec.json.encode(one) for one in said)
    (tmp_path / "mails.jsonl").write_bytes(text)
    (tmp_path / "bespeak.toml").write_text(CONFIG + QUICK, encoding="utf-8")
    return Workspace(tmp_path)


def exposures(workspace: Workspace) -> dict[str, dict[str, Any]]:
    rows = ds.dataset(workspace.get("record/exposures").path / "rows").to_table().to_pylist()
    assert len({(row["source"], row["event_id"]) for row in rows}) == len(rows)
    return {row["event_id"]: row for row in rows}


def came_of(workspace: Workspace) -> dict[tuple[str, str, str | None], tuple[Any, ...]]:
    with flow.looking(workspace) as looked:
        seen = looked.feedback()
        rows = looked.engine.run(seen).to_pylist()
    return {
        (row["customer_id"], row["item_id"], row["fact"] or row["place"] or row["kind"]): (
            *(row[name] is not None for name in ("clicked", "bought")), row["joined"],
        )
        for row in rows
    }  # fmt: skip


def test_what_server_page_and_file_show_is_in_the_record_once_with_what_came_of_it(
    workspace: Workspace,
) -> None:
    at = {"time": NOW.isoformat()}
    fact = {"fact": "brand", "kind": "attribute", "propensity": 1 / 3, "policy": "uniform-1"}
    page = {"session_id": "s1", "item_id": "tea", **at}
    tell(
        workspace,
        impression("r1", ["tea", "ink"], actor=None, session="s1", time=NOW, place="home",
                   said={"model": "popular", "version": "v1", "fallback": True}),
        {**page, "type": "impression", "event_id": "again", "request_id": "r1", "position": 0},
        {**page, "type": "impression", "event_id": "fact", "properties": {"exposure": fact}},
        {**page, "type": "click", "event_id": "e1", "request_id": "r1"},
        {**page, "type": "purchase", "event_id": "e2", "identifiers": {"customer": "c1"}},
        now=LATER,
    )  # fmt: skip
    flow.run(workspace)
    found = exposures(workspace)
    live = {key: row for key, row in found.items() if row["source"] == "live"}
    assert set(live) == {"shown-r1-0", "shown-r1-1", "fact"}
    assert live["shown-r1-1"]["item_id"] == "ink" and live["shown-r1-1"]["position"] == 1
    assert live["shown-r1-0"]["model"] == "popular" and live["shown-r1-0"]["actor"] == "session:s1"
    assert (live["fact"]["fact"], live["fact"]["propensity"]) == ("brand", 1 / 3)
    mails = [row for row in found.values() if row["source"] == "mails"]
    assert {(row["policy"], row["propensity"], row["place"]) for row in mails} == {
        ("coin", 0.5, "mail"),
    }  # fmt: skip
    report = workspace.get("record/exposures").manifest["report"]
    assert (report["list"], report["fact"], report["again"]) == (4, 1, 1)
    assert ledger.status(workspace)["tables"]["record/exposures"] == 5
    # the visit is c1's by now: the purchase that names no request came of the fact as well
    assert came_of(workspace) == {
        ("c0", "tea", "mail"): (False, True, "window"),
        ("c0", "milk", "mail"): (False, False, None),
        ("c1", "tea", "home"): (True, True, "request"),
        ("c1", "ink", "home"): (False, False, None),
        ("c1", "tea", "brand"): (True, True, "window"),
    }


def test_exposures_are_made_again_only_where_impressions_came_and_forget_who_is_erased(
    workspace: Workspace,
) -> None:
    flow.run(workspace)
    first = workspace.get("record/exposures")
    assert not flow.run(workspace).changed
    tell(workspace, impression("r1", ["tea"], actor="customer:c2", session=None, time=NOW, said={}))
    flow.run(workspace)
    assert set(exposures(workspace)) - {"shown-r1-0"} == {
        row["event_id"] for row in ds.dataset(first.path / "rows").to_table().to_pylist()
    }
    people.erase(workspace, "c0", by="a test")
    flow.run(workspace)
    assert [row["actor"] for row in exposures(workspace).values()] == ["customer:c2"]
