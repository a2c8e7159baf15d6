"""`bespeak compare`: two workspaces of one small shop, and one changed value."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import seven_channels as world
from typer.testing import CliRunner

from bespeak import flow
from bespeak.cli import app
from bespeak.compare import Compared
from bespeak.errors import BespeakError
from bespeak.flow.comparing import compare_workspaces
from bespeak.workspace import Workspace

SETTINGS = "\n[segments]\nbootstrap = 2\nk_max = 3\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace that has run."""
    root = tmp_path_factory.mktemp("compare") / "a"
    world.build(root / "raw", people=80)
    (root / "bespeak.toml").write_text(world.CONFIG + SETTINGS, encoding="utf-8")
    flow.run(Workspace(root))
    return root


@pytest.fixture
def other(made: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    return Path(shutil.copytree(made, tmp_path / "b"))


def bespeak(*words: str | Path) -> Any:
    return CliRunner().invoke(app, ["compare", *map(str, words)])


def spoil(root: Path, key: str, column: str, value: Any, part: str = "rows") -> None:
    """Change one value in one row of a table."""
    (file,) = (Workspace(root).get(key).path / part).rglob("*.parquet")
    table = pq.read_table(file)
    rows = table[column].to_pylist()
    rows[len(rows) // 2] = value
    at = table.column_names.index(column)
    # a column without gaps may be written as one that can have none
    field = table.field(at).with_nullable(True)
    pq.write_table(table.set_column(at, field, pa.array(rows, field.type)), file)


def differing(made: Path, other: Path, **options: Any) -> dict[str, Compared]:
    found = compare_workspaces(Workspace(made), Workspace(other), **options)
    return {each.name: each for each in found.found if not each.same}


def test_two_runs_of_the_same_files_are_equal(made: Path, tmp_path: Path) -> None:
    root = tmp_path / "again"
    shutil.copytree(made / "raw", root / "raw")
    for name in (".secret", "bespeak.toml"):
        shutil.copy(made / name, root / name)
    flow.run(Workspace(root), only="features")
    assert differing(made, root, only=["record", "features/customers", "features/items"]) == {}


def test_everything_that_a_run_leaves_is_compared(made: Path, other: Path) -> None:
    found = compare_workspaces(Workspace(made), Workspace(other))
    assert found.equal, [each for each in found.found if not each.same]
    names = {each.name for each in found.found}
    assert names >= {
        "record/sources/till/events", "record/sources/till/about", "record/sources/web/links",
        "record/identities", "features/customers", "artifacts/segments/kmeans/kmeans.npz/centres",
        "artifacts/models/item_knn/similarity.npy", "artifacts/evaluation/evaluation.json",
        "artifacts/snapshot/events.arrow",
    }  # fmt: skip
    assert not any(name.startswith("stage/") for name in names)
    assert found.a.engines == ("duckdb",)


@pytest.mark.parametrize(
    ("key", "part", "column", "value"),
    [
        ("record/sources/till", "events", "quantity", 2.0),
        ("record/sources/till", "quarantine", "reason", "mood"),
        ("record/sources/till", "merged", "into_row", 1),
        ("record/sources/crm", "links", "rows", 77),
        ("record/sources/social", "texts", "item_id", None),
        ("record/identities", "rows", "evidence", "gossip"),
        ("record/items", "rows", "is_product", None),
        ("features/customers", "rows", "spend", 1e9),
        ("artifacts/segments/rfm", "rows", "segment_id", "whales"),
    ],
)
def test_one_changed_value_in_one_row_of_any_table_is_found(
    made: Path, other: Path, key: str, part: str, column: str, value: Any
) -> None:
    spoil(other, key, column, value, part)
    name = key if part == "rows" else f"{key}/{part}"
    (each,) = differing(made, other, only=[name]).values()
    assert each.name == name and (each.only_a, each.only_b, each.differing) in {
        (0, 0, 1),
        (1, 1, 0),
    }
    assert [row.values[column][1] for row in each.examples if row.where == "differs"] in (
        [value],
        [],
    )


def test_a_changed_array_or_document_is_found(made: Path, other: Path) -> None:
    knn = Workspace(other).get("artifacts/models/item_knn").path
    values = np.load(knn / "similarity.npy")
    values[5] += 1
    np.save(knn / "similarity.npy", values)
    evaluation = Workspace(other).get("artifacts/evaluation").path / "evaluation.json"
    said = json.loads(evaluation.read_text("utf-8"))
    said["models"][0]["fit_s"] += 9
    evaluation.write_text(json.dumps(said), encoding="utf-8")
    manifest = Workspace(other).get("record/sources/till").path / "manifest.json"
    told = json.loads(manifest.read_text("utf-8"))
    told |= {"seconds": 99, "made_at": "2001-01-01", "engine": "spark"}
    told["account"]["kept"] -= 1
    manifest.write_text(json.dumps(told), encoding="utf-8")
    only = ["artifacts/models", "artifacts/evaluation", "record/sources/till/about"]
    found = differing(made, other, only=only)
    assert set(found) == {"artifacts/models/item_knn/similarity.npy", "record/sources/till/about"}
    assert found["record/sources/till/about"].examples[0].key == {"at": "account.kept"}
    both = compare_workspaces(Workspace(made), Workspace(other), only=only)
    assert both.b.engines == ("duckdb", "spark"), "which engine made it is said, not compared"


def test_only_names_what_is_compared(made: Path, other: Path) -> None:
    spoil(other, "record/identities", "evidence", "gossip")
    assert differing(made, other, only=["record/events", "features"]) == {}
    assert set(differing(made, other, only=["record/identities"])) == {"record/identities"}
    found = compare_workspaces(Workspace(made), Workspace(other), only=["record/events"]).found
    assert {each.name for each in found} == {
        f"record/sources/{name}/events" for name in ("till", "web", "app", "mail")
    }


def test_a_table_that_only_one_side_has_is_a_difference(made: Path, other: Path) -> None:
    shutil.rmtree(Workspace(other).get("record/sources/till").path / "merged")
    current = other / "current.json"
    versions = json.loads(current.read_text("utf-8"))
    del versions["versions"]["features/items"]
    current.write_text(json.dumps(versions), encoding="utf-8")
    found = differing(made, other, only=["record", "features"])
    assert found["record/sources/till/merged"].only_a == 40
    assert found["features/items"].b is None and "features/items/about" in found
    shown = " ".join(bespeak(made, other, "--only", "features").output.split())
    assert "only in A: features/items (2 things)" in shown


def test_the_version_of_a_rule_is_no_difference(made: Path, other: Path) -> None:
    spoil(other, "record/sources/till", "rule", "of another version", "quarantine")
    assert differing(made, other, only=["record/quarantine"]) == {}


def test_the_command_says_equal_different_or_why_it_can_not_tell(made: Path, other: Path) -> None:
    same = bespeak(made, other, "--only", "features")
    assert same.exit_code == 0 and "Equal" in same.output
    spoil(other, "features/customers", "spend", 1e9)
    different = bespeak(made, other, "--only", "features")
    assert different.exit_code == 1
    assert "spend" in different.output and "1000000000" in different.output
    told = bespeak(made, other, "--json", "--only", "features")
    assert told.exit_code == 1
    document = json.loads(told.stdout)
    assert document["equal"] is False and document["a"]["engines"] == ["duckdb"]
    (thing,) = [each for each in document["things"] if not each["same"]]
    assert thing["name"] == "features/customers" and thing["differing"] == 1


def could_not(*words: str | Path) -> str:
    result = bespeak(*words)
    assert result.exit_code == 2 and "Traceback" not in result.output, result.output
    return " ".join(result.output.split())


def test_what_can_not_be_compared_is_said_with_a_next_step(made: Path, other: Path) -> None:
    assert "bespeak init" in could_not(made, other / "nowhere")
    assert "the beginning of a name" in could_not(made, other, "--only", "recrod")
    assert "0 to 1" in could_not(made, other, "--tolerance", "7")
    (file,) = (Workspace(other).get("features/items").path / "rows").glob("*.parquet")
    content = file.read_bytes()
    file.write_bytes(b"rubbish" * 100)
    assert "features/items" in could_not(made, other)
    file.write_bytes(content)
    (other / "current.json").unlink()
    assert "bespeak run" in could_not(made, other)


def test_different_secrets_are_told_apart_from_different_data(made: Path, other: Path) -> None:
    for manifest in (other / "record" / "sources").rglob("manifest.json"):
        said = json.loads(manifest.read_text("utf-8"))
        said["inputs"]["secret"] = "another"
        manifest.write_text(json.dumps(said), encoding="utf-8")
    said = could_not(made, other)
    assert "different secrets" in said and f"cp {made}/.secret {other}/.secret" in said
    with pytest.raises(BespeakError, match="card, email"):
        compare_workspaces(Workspace(made), Workspace(other))


def test_no_name_and_no_text_of_a_person_is_shown(made: Path, other: Path) -> None:
    spoil(other, "record/sources/crm", "name", "Mallory Secret", "customers")
    spoil(other, "record/sources/social", "text", "my secret words", "texts")
    result = bespeak(made, other, "--only", "record")
    assert result.exit_code == 1 and "(personal)" in result.output
    shown = result.output + bespeak(made, other, "--only", "record", "--json").output
    assert "Secret" not in shown and "secret words" not in shown and "Name 2" not in shown
