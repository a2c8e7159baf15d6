"""The whole mission on seven dirty channels whose truth is known."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
import pytest
import seven_channels as world

from bespeak import flow, ledger, shop
from bespeak.errors import BadRequest, NotFound
from bespeak.everyone import recommend_everyone
from bespeak.workspace import Workspace

BESPEAK = str(Path(sys.executable).with_name("bespeak"))


@dataclass(frozen=True)
class Built:
    workspace: Workspace
    truth: world.Truth
    status: Mapping[str, Any]

    def account(self, source: str) -> Mapping[str, Any]:
        return next(line for line in self.status["account"] if line["source"] == source)

    def rows(self, key: str, part: str = "rows") -> list[dict[str, Any]]:
        folder = self.workspace.get(key).path / part
        found: list[dict[str, Any]] = ds.dataset(folder, partitioning=None).to_table().to_pylist()
        return found


@pytest.fixture(scope="module")
def built(seven: world.Seven) -> Built:
    return Built(seven.workspace, seven.truth, ledger.status(seven.workspace, recount=True))


def test_every_row_of_every_source_is_accounted_for(built: Built) -> None:
    for line in built.status["account"]:
        placed = line["kept"] + line["merged"] + sum(line["quarantined"].values()) + line["erased"]
        assert line["rows_in"] == placed == built.truth.rows[line["source"]], line["source"]


def test_the_planted_dirt_is_found_and_nothing_else(built: Built) -> None:
    till = built.account("till")
    planted = built.truth.planted
    assert till["merged"] == till["found"]["exact_duplicate"] == planted["exact_duplicate"]
    assert till["found"]["missing:customer"] == planted["missing:card"]
    held = ("unparsable_time", "unparsable_number", "negative_quantity", "ragged_row")
    assert till["quarantined"] == {reason: planted[reason] for reason in held}
    assert built.account("app")["quarantined"] == {"invalid_json": planted["invalid_json"]}


def test_a_quarantined_row_says_where_it_stands_and_what_is_wrong(built: Built) -> None:
    rows = {row["reason"]: row for row in ledger.quarantined(built.workspace, source="till")}
    spoilt = rows["unparsable_time"]
    assert spoilt["file"] == "till.csv" and spoilt["column"] == "when"
    assert spoilt["found"] == "31.31.2025 99:99" and spoilt["row"] > 1
    line = (built.workspace.root / "raw" / "till.csv").read_text("latin-1").splitlines()
    assert "31.31.2025" in line[spoilt["row"] - 1], "the row is where a person would look for it"


def test_one_person_is_found_behind_many_identifiers(built: Built) -> None:
    people: dict[str, set[str]] = {}
    for row in built.rows("record/identities"):
        people.setdefault(row["customer_id"], set()).add(row["actor"])
    namespaces = {
        customer: sorted(actor.split(":")[0] for actor in actors)
        for customer, actors in people.items()
    }
    expected = {
        str(person.number): sorted(name.split(":")[0] for name in person.identifiers())
        for person in built.truth.people
    }
    assert namespaces == expected


def test_personal_identifiers_are_nowhere_in_the_record(built: Built) -> None:
    for name in ("record", "features", "artifacts"):
        for path in (built.workspace.root / name).rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                assert b"@example.org" not in content and b"@EXAMPLE" not in content, path


def test_times_are_utc_and_money_is_exact(built: Built) -> None:
    rows = built.rows("record/sources/till", "events")
    catalogue = {row["item_id"]: row for row in built.rows("record/items")}
    first = next(row for row in rows if row["item_id"] == "SKU-001")
    assert str(first["value"]) == "1.8500"
    assert catalogue["SKU-001"]["title"] == 'The "coffee" one,\nno. 001'
    assert not catalogue["POST"]["is_product"] and catalogue["SKU-001"]["is_product"]


def test_recommendations_follow_the_taste_of_each_person(built: Built) -> None:
    opened = shop.open_shop(built.workspace)
    category = {row["item_id"]: row["category"] for row in built.rows("record/items")}
    right = total = 0
    for person in built.truth.people[:50]:
        answer = opened.recommend(customer_id=str(person.number), items=(), k=5, repeat=None)
        offered = [category[item["item_id"]] for item in answer["items"]]
        right += sum(name == f"shop > {person.taste}" for name in offered)
        total += len(offered)
        assert all(item["reason"]["en"] and item["reason"]["zh"] for item in answer["items"])
    assert right / total > 0.5, "four tastes, so chance gives a quarter"


def test_a_stranger_is_not_found_and_a_visit_gets_a_list(built: Built) -> None:
    opened = shop.open_shop(built.workspace)
    with pytest.raises(NotFound):
        opened.recommend(customer_id="nobody", items=(), k=5, repeat=None)
    answer = opened.recommend(customer_id=None, items=["SKU-001"], k=5, repeat=None)
    assert len(answer["items"]) == 5
    unknown = opened.recommend(customer_id=None, items=["no such item"], k=5, repeat=None)
    assert unknown["fallback"] and unknown["fallback_reason"]["en"]


def test_a_second_run_does_nothing_and_says_so(built: Built) -> None:
    again = flow.run(built.workspace)
    assert not again.changed and {step.state for step in again.steps} == {"kept"}


def test_an_incremental_run_equals_a_run_from_nothing(built: Built, tmp_path: Path) -> None:
    """Half of the mail first, then all of it: only what depends on mail is redone."""
    shutil.copytree(built.workspace.root / "raw", tmp_path / "raw")
    shutil.copy(built.workspace.root / ".secret", tmp_path / ".secret")
    (tmp_path / "bespeak.toml").write_text(world.CONFIG, encoding="utf-8")
    mail = tmp_path / "raw" / "mail.csv"
    whole = mail.read_bytes()
    mail.write_bytes(b"".join(whole.splitlines(keepends=True)[:200]))
    flow.run(Workspace(tmp_path))
    mail.write_bytes(whole)
    outcome = flow.run(Workspace(tmp_path))
    redone = {(step.stage, step.name) for step in outcome.steps if step.state == "done"}
    assert ("prepare", "mail") in redone and ("prepare", "till") not in redone
    assert Workspace(tmp_path).current() == built.workspace.current(), (
        "versions are named by content"
    )
    assert _content(tmp_path, "features/customers") == _content(
        built.workspace.root, "features/customers"
    )


def _content(root: Path, key: str) -> list[dict[str, Any]]:
    folder = Workspace(root).get(key).path / "rows"
    rows = ds.dataset(folder, partitioning=None).to_table().to_pylist()
    return sorted(rows, key=lambda row: str(row["customer_id"]))


def test_a_run_killed_at_any_moment_leaves_the_last_good_state(
    built: Built, tmp_path: Path
) -> None:
    shutil.copytree(built.workspace.root, tmp_path / "shop")
    root = tmp_path / "shop"
    before = Workspace(root).current()
    till = root / "raw" / "till.csv"
    till.write_bytes(till.read_bytes() + b"T9999;90000001;SKU-001;Cafe;1;1,85;01.04.2025 10:00\r\n")
    for wait in (0.6, 1.5, 2.5):
        process = subprocess.Popen(
            [BESPEAK, "run", "-w", str(root), "--json"], stdout=-3, stderr=-3
        )
        time.sleep(wait)
        process.kill()
        process.wait()
        assert ledger.status(Workspace(root), recount=True)["versions"] in (
            before,
            Workspace(root).current(),
        )
    outcome = flow.run(Workspace(root))
    after = ledger.status(Workspace(root), recount=True)
    assert outcome.versions == Workspace(root).current()
    rows = next(line["rows_in"] for line in after["account"] if line["source"] == "till")
    assert rows == built.truth.rows["till"] + 1
    assert not list(root.rglob(".aside-*")), "what the killed runs left is gone"


def test_a_mended_rule_recovers_rows_from_the_quarantine(built: Built, tmp_path: Path) -> None:
    shutil.copytree(built.workspace.root, tmp_path / "shop")
    root = tmp_path / "shop"
    till = root / "raw" / "till.csv"
    config = root / "bespeak.toml"
    mended = "case when qty like '-%' then 'return' else 'purchase' end"
    config.write_text(
        config.read_text("utf-8").replace(
            'type = { constant = "purchase" }', f'type = {{ expression = "{mended}" }}'
        ),
        encoding="utf-8",
    )
    planned = flow.replay(Workspace(root), dry_run=True)
    expected = {"source": "till", "reason": "negative_quantity"}
    expected |= {"recovered": 1, "held": 0, "new": 0}
    assert planned == [expected]
    assert Workspace(root).current() == built.workspace.current(), "a dry run changes nothing"
    assert flow.replay(Workspace(root), dry_run=False) == [expected]
    account = next(
        line for line in ledger.status(Workspace(root), recount=True)["account"]
        if line["source"] == "till"
    )  # fmt: skip
    assert "negative_quantity" not in account["quarantined"] and till.is_file()


def test_the_command_line_says_the_same(built: Built) -> None:
    place = ["-w", str(built.workspace.root), "--json"]
    told = json.loads(subprocess.check_output([BESPEAK, "status", *place]))
    assert told["account"] == json.loads(json.dumps(built.status["account"]))
    answer = json.loads(subprocess.check_output([BESPEAK, "recommend", "7", "-k", "5", *place]))
    inside = shop.open_shop(built.workspace).recommend(customer_id="7", items=(), k=5, repeat=None)
    assert [item["item_id"] for item in answer["items"]] == [
        item["item_id"] for item in inside["items"]
    ]


def test_a_merge_is_explained_previewed_and_undone(built: Built, tmp_path: Path) -> None:
    shutil.copytree(built.workspace.root, tmp_path / "shop")
    root = tmp_path / "shop"
    found = flow.explain_identity(Workspace(root), "7")
    link = next(link for link in found["links"] if "handle" in link["left"] + link["right"])
    pairs = [[one["left"], one["right"]] for one in found["links"] if "handle:@p7" in one.values()]
    assert link["sources"] == ["crm"] and pairs
    config = root / "bespeak.toml"
    text = config.read_text("utf-8")
    config.write_text(
        text.replace("[identity]", f"[identity]\napart = {json.dumps(pairs)}"), encoding="utf-8"
    )
    planned = flow.preview_identities(Workspace(root))
    assert planned["merged"] == []
    assert [(one["customer_id"], len(one["into"])) for one in planned["split"]] == [("7", 2)]
    assert Workspace(root).current() == built.workspace.current(), "a preview changes nothing"


def test_scaled_features_come_with_their_parameters(built: Built, tmp_path: Path) -> None:
    shutil.copytree(built.workspace.root, tmp_path / "shop")
    config = tmp_path / "shop" / "bespeak.toml"
    config.write_text(config.read_text("utf-8") + '\n[features]\nscale = "z"\n', encoding="utf-8")
    workspace = Workspace(tmp_path / "shop")
    flow.run(workspace, only="features")
    made = workspace.get("features/customers_scaled")
    kept = made.manifest["scaling"]["scales"]["orders"]
    plain = {row["customer_id"]: row["orders"] for row in built.rows("features/customers")}
    folder = made.path / "rows"
    for row in ds.dataset(folder, partitioning=None).to_table().to_pylist():
        expected = (plain[row["customer_id"]] - kept["center"]) / kept["spread"]
        assert row["orders"] == pytest.approx(expected)


def test_everybody_gets_the_list_that_each_is_answered(built: Built, tmp_path: Path) -> None:
    out = tmp_path / "lists"
    made = recommend_everyone(built.workspace, out, k=5)
    rows = ds.dataset(out / "rows").to_table().to_pylist()
    opened = shop.open_shop(built.workspace)
    customers = sorted(row["customer_id"] for row in built.rows("record/customers"))
    expected = []
    for customer in customers:
        answer = opened.recommend(customer_id=customer, items=(), k=5, repeat=None)
        because = answer["fallback_reason"]
        expected += [
            {
                "customer_id": customer, "rank": at, "item_id": item["item_id"],
                "score": item["score"], "reason": item["reason"]["code"], "model": answer["model"],
                "version": answer["version"], "fallback": answer["fallback"],
                "fallback_reason": because["code"] if because else None,
                "marketing": True,
            }
            for at, item in enumerate(answer["items"], start=1)
        ]  # fmt: skip
    assert [{k: v for k, v in row.items() if k != "reason_item"} for row in rows] == expected
    assert (made["customers"], made["rows"]) == (len(customers), len(rows))
    manifest = json.loads((out / "manifest.json").read_text("utf-8"))
    assert made == {**manifest, "out": str(out)}
    assert manifest["engine"] == "duckdb" and manifest["model"] in {row["model"] for row in rows}


def test_only_lists_are_replaced_by_lists(built: Built, tmp_path: Path) -> None:
    precious = tmp_path / "letters"
    precious.mkdir()
    (precious / "dear.txt").write_text("keep me")
    with pytest.raises(BadRequest, match="holds no recommendations"):
        recommend_everyone(built.workspace, precious, k=5)
    assert (precious / "dear.txt").read_text() == "keep me"
    recommend_everyone(built.workspace, tmp_path / "lists", k=5)
    again = recommend_everyone(built.workspace, tmp_path / "lists", k=2)
    assert ds.dataset(tmp_path / "lists" / "rows").count_rows() == again["rows"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["letters", "lists"]


def test_pairs_counted_in_the_engine_give_the_same_model(built: Built, tmp_path: Path) -> None:
    shutil.copytree(built.workspace.root, tmp_path / "shop")
    config = tmp_path / "shop" / "bespeak.toml"
    workspace = Workspace(tmp_path / "shop")
    shutil.rmtree(workspace.root / "artifacts" / "models" / "item_knn")
    config.write_text(
        config.read_text("utf-8") + '\n[recommend]\ngram = "engine"\n', encoding="utf-8"
    )
    flow.run(workspace)
    here, there = (w.get("artifacts/models/item_knn") for w in (built.workspace, workspace))
    assert (here.manifest["counted_in"], there.manifest["counted_in"]) == ("memory", "engine")
    for file in here.path.glob("*.npy"):
        assert (there.path / file.name).read_bytes() == file.read_bytes(), file.name
