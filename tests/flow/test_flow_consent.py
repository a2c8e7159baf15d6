"""Who does not want to be learned from is in nothing that was learned; their lists stay theirs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
import pytest

from bespeak import consenting, flow, people, shop
from bespeak.errors import NotFound
from bespeak.everyone import recommend_everyone
from bespeak.privacy import audit
from bespeak.workspace import Workspace
from searching import files_with

WHO = "aurelia-77"
CONFIG = """
[workspace]
name = "Small shop"
[recommend]
models = ["popular", "frequency", "item_knn"]
repeat = "yes"
[segments]
bootstrap = 2
k_max = 3

[[sources]]
name = "till"
files = ["till.csv"]
identifiers = { customer = "who" }
columns = { type = { constant = "purchase" }, item_id = "what", time = "at" }

[[sources]]
name = "crm"
table = "customers"
files = ["crm.csv"]
identifiers = { customer = "id" }
columns = { consent = "consent" }
"""


def lines(*, without: str = "") -> str:
    """Thirty customers and Aurelia, who alone has tea and ink."""
    told = ["who,what,at"]
    for number in range(31):
        name = WHO if number == 30 else f"c{number}"
        basket = ("tea", "milk") if number % 2 else ("ink", "pens")
        for month, item in enumerate(("tea", "ink") if name == WHO else basket, start=1):
            told.append(f"{name},{item},2026-{month:02d}-{1 + number % 24:02d}T10:00:00Z")
    return "\n".join(line for line in told if not without or without not in line) + "\n"


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("agreed")
    (root / "till.csv").write_text(lines(), encoding="utf-8")
    crm = "id,consent\nc1,marketing: no\nc2,personalisation: no\nc3,yes\n"
    (root / "crm.csv").write_text(crm, encoding="utf-8")
    (root / "bespeak.toml").write_text(CONFIG, encoding="utf-8")
    flow.run(Workspace(root))
    return root


@pytest.fixture(scope="module")
def rerun(made_once: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """After Aurelia refused to be learned from, and a run."""
    made = Workspace(shutil.copytree(made_once, tmp_path_factory.mktemp("refused") / "shop"))
    consenting.say(made, WHO, {"training": False}, by="test")
    flow.run(made)
    return made


def learned(workspace: Workspace) -> Iterator[Path]:
    """Everything that was learned from people."""
    for key in workspace.current():
        if key.startswith(("features/", "artifacts/")) and key != "artifacts/snapshot":
            yield workspace.get(key).path


def manifest(workspace: Workspace, key: str) -> dict[str, Any]:
    return dict(workspace.get(key).manifest)


def rows(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ds.dataset(folder, format="parquet").to_table().to_pylist()
    return found


def test_after_a_refusal_a_rerun_has_learned_nothing_of_the_person(
    made_once: Path, rerun: Workspace, tmp_path: Path
) -> None:
    assert any(files_with({WHO}, folder) for folder in learned(Workspace(made_once)))
    assert manifest(rerun, "record/consent")["left_out"] == 1
    for folder in learned(rerun):
        assert not files_with({WHO}, folder), folder
    for key in ("features/customers", "features/interactions", "artifacts/models/item_knn",
                "artifacts/segments/rfm", "artifacts/histories"):  # fmt: skip
        assert manifest(rerun, key)["refused_training"] == 1, key
    # what was learned is what would have been, had the till never seen them
    other = Workspace(tmp_path / "other")
    shutil.copytree(made_once, other.root)
    (other.root / "till.csv").write_text(lines(without=WHO), encoding="utf-8")
    flow.run(other)
    for name in ("item_knn", "popular", "frequency"):
        mine, theirs = (one.get(f"artifacts/models/{name}").path for one in (rerun, other))
        for array in sorted(mine.glob("*.npy")):
            assert array.read_bytes() == (theirs / array.name).read_bytes(), array.name


def test_who_agrees_again_is_learned_from_again(rerun: Workspace, tmp_path: Path) -> None:
    again = Workspace(shutil.copytree(rerun.root, tmp_path / "again"))
    consenting.say(again, WHO, {"training": True}, by="test")
    flow.run(again, only="features")
    assert files_with({WHO}, again.get("features/customers").path)
    assert manifest(again, "features/customers")["refused_training"] == 0


def test_who_is_not_learned_from_still_gets_a_list_of_their_own(
    made_once: Path, rerun: Workspace
) -> None:
    before = shop.answer_one(Workspace(made_once), WHO, (), k=4, repeat=None)
    after = shop.answer_one(rerun, WHO, (), k=4, repeat=None)
    assert not before["fallback"] and not after["fallback"]
    assert {item["item_id"] for item in after["items"]} == {
        item["item_id"] for item in before["items"]
    }
    recommend_everyone(rerun, rerun.root / "lists", k=4)
    own = [row for row in rows(rerun.root / "lists" / "rows") if row["customer_id"] == WHO]
    assert [row["item_id"] for row in sorted(own, key=lambda row: row["rank"])] == [
        item["item_id"] for item in after["items"]
    ]


def test_who_refuses_personal_lists_gets_a_strangers(workspace: Workspace) -> None:
    mine = shop.answer_one(workspace, "c2", (), k=3, repeat=None)
    strangers = shop.answer_one(workspace, None, (), k=3, repeat=None)
    assert (mine["customer_id"], mine["fallback"]) == ("c2", True)
    assert mine["fallback_reason"]["code"] == "no_consent"
    assert mine["items"] == strangers["items"]


def test_lists_for_mail_say_who_may_be_written_to_at_this_moment(workspace: Workspace) -> None:
    consenting.say(workspace, "c4", {"marketing": False, "personalisation": False}, by="test")
    made = recommend_everyone(workspace, workspace.root / "lists", k=3)
    found = {row["customer_id"]: row for row in rows(workspace.root / "lists" / "rows")}
    assert {name for name, row in found.items() if not row["marketing"]} == {"c1", "c4"}
    refused = {name for name, row in found.items() if row["fallback_reason"] == "no_consent"}
    assert refused == {"c2", "c4"}
    assert made["may_be_written_to"] == len(found) - 2
    assert made["fallbacks"]["no_consent"] == 2


def test_an_export_names_the_consent_and_an_erasure_removes_it(workspace: Workspace) -> None:
    consenting.say(workspace, WHO, {"training": False, "marketing": True}, by="test")
    held = people.export(workspace, WHO, by="test")["consent"]
    assert not held["training"]["allowed"] and held["training"]["since"]
    assert held["personalisation"] == {"allowed": True, "said": False, "since": None}
    flow.run(workspace, only="prepare")
    people.erase(workspace, WHO, by="test")
    flow.run(workspace)
    raw = {workspace.root / "till.csv"}
    assert not files_with({WHO}, workspace.root, but=raw)
    with pytest.raises(NotFound):
        consenting.say(workspace, WHO, {"training": True}, by="test")
    acts = [(line["act"], line.get("training")) for line in audit(workspace).lines()]
    assert acts == [("consent", False), ("export", None), ("erase", None)]


def test_a_shop_may_refuse_for_who_has_said_nothing(workspace: Workspace) -> None:
    text = CONFIG + '\n[privacy]\nwithout_consent = { training = "refuse" }\n'
    (workspace.root / "bespeak.toml").write_text(text, encoding="utf-8")
    for name in ("c4", "c5", "c6", "c7", "c8", "c9"):
        consenting.say(workspace, name, {"training": True}, by="test")
    flow.run(workspace, only="features")
    known = {row["customer_id"] for row in rows(workspace.get("features/customers").path / "rows")}
    assert known == {"c3", "c4", "c5", "c6", "c7", "c8", "c9"}
