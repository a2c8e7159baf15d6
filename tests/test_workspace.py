"""Versions are atomic, named by their inputs, and belong together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bespeak.errors import ArtifactCorrupt, NotFound, NotReady, WorkspaceBusy
from bespeak.workspace import MANIFEST, SNAPSHOT, Workspace, digest, read_manifest


def number(value: int) -> Any:
    def make(folder: Path) -> Mapping[str, Any]:
        (folder / "value.txt").write_text(str(value))
        return {"rows": value}

    return make


def fail(folder: Path) -> Mapping[str, Any]:
    (folder / "half.txt").write_text("half")
    raise RuntimeError("planted")


def test_the_same_inputs_find_the_version_that_is_there(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    first = workspace.build("features", "customers", inputs={"a": 1}, code="c", make=number(1))
    again = workspace.build("features", "customers", inputs={"a": 1}, code="c", make=fail)
    assert first.fresh and not again.fresh
    assert again.path == first.path
    assert again.manifest["rows"] == 1


@pytest.mark.parametrize(("inputs", "code"), [({"a": 2}, "c"), ({"a": 1}, "d")])
def test_other_inputs_or_other_code_make_another_version(
    tmp_path: Path, inputs: dict[str, int], code: str
) -> None:
    workspace = Workspace(tmp_path)
    first = workspace.build("features", "customers", inputs={"a": 1}, code="c", make=number(1))
    other = workspace.build("features", "customers", inputs=inputs, code=code, make=number(2))
    assert other.version != first.version


def test_a_step_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with pytest.raises(RuntimeError):
        workspace.build("features", "customers", inputs={}, code="c", make=fail)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_readers_see_only_what_was_published_together(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    made = workspace.build("features", "customers", inputs={}, code="c", make=number(1))
    with pytest.raises(NotReady):
        workspace.get("features/customers")
    assert workspace.publish({made.key: made.version})
    assert workspace.get("features/customers").path == made.path
    assert not workspace.publish({made.key: made.version}), "publishing the same changes nothing"


def test_sweeping_keeps_this_run_and_the_one_before(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    made = [
        workspace.build("features", "customers", inputs={"n": n}, code="c", make=number(n))
        for n in range(3)
    ]
    used = [{version.key: version.version} for version in made]
    workspace.sweep(keep=used[2], before=used[1])
    assert [version.path.exists() for version in made] == [False, True, True]


def test_a_second_run_is_told_that_one_is_at_work(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with workspace.lock(), pytest.raises(WorkspaceBusy), Workspace(tmp_path).lock():
        pass
    with workspace.lock():
        pass


def test_a_killed_step_leaves_the_last_good_state(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from bespeak.workspace import Workspace\n"
        "def make(folder):\n"
        "    (folder / 'half.txt').write_text('half'); print('half', flush=True); time.sleep(60)\n"
        "workspace = Workspace(Path(sys.argv[1]))\n"
        "workspace.build('features', 'customers', inputs={}, code='c', make=make)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "half"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    workspace = Workspace(tmp_path)
    made = workspace.build("features", "customers", inputs={}, code="c", make=number(7))
    assert made.fresh and made.manifest["rows"] == 7
    workspace.sweep(keep={made.key: made.version}, before={})
    assert [path.name for path in made.path.parent.iterdir()] == [made.version]


def test_a_spoilt_manifest_is_named(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    made = workspace.build("features", "customers", inputs={}, code="c", make=number(1))
    (made.path / MANIFEST).write_text("{")
    with pytest.raises(ArtifactCorrupt, match=r"manifest\.json"):
        read_manifest(made.path)


def test_the_secret_is_made_once_and_is_its_owners(tmp_path: Path) -> None:
    secret = Workspace(tmp_path).secret()
    assert Workspace(tmp_path).secret() == secret and len(secret) == 32
    assert (tmp_path / ".secret").stat().st_mode & 0o077 == 0


@given(st.dictionaries(st.text(), st.integers() | st.text(), max_size=5))
def test_a_digest_depends_on_what_is_said_and_not_on_its_order(said: dict[str, Any]) -> None:
    turned = dict(reversed(list(said.items())))
    assert digest(said) == digest(turned)
    assert digest(said) != digest({**said, "one more": time.time()})


def snapshot(workspace: Workspace, value: int) -> dict[str, str]:
    """A state of the workspace of which servers would read `value`."""
    made = workspace.build(
        "artifacts", "snapshot", inputs={"n": value}, code="c", make=number(value)
    )
    return {made.key: made.version}


def test_going_back_makes_the_state_before_current_and_once_more_undoes_it(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    first, second = snapshot(workspace, 1), snapshot(workspace, 2)
    workspace.publish(first)
    with pytest.raises(NotReady, match="no state to go back to"):
        workspace.rollback()
    workspace.publish(second)
    with pytest.raises(NotFound, match="no state with version `v9`"):
        workspace.rollback("v9")
    assert workspace.rollback(first[SNAPSHOT]).versions == first == workspace.current()
    assert workspace.rollback().versions == second


def test_a_run_that_changes_nothing_leaves_something_to_go_back_to(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    first, second = snapshot(workspace, 1), snapshot(workspace, 2)
    workspace.publish(first)
    workspace.publish(second)
    for _ in range(2):
        assert not workspace.publish(second)
        workspace.sweep(keep=workspace.current(), before=workspace.state().before or {})
    assert workspace.rollback().versions == first


def test_what_was_rolled_back_stays_so_until_a_run_comes_to_something_else(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    first, second = snapshot(workspace, 1), snapshot(workspace, 2)
    workspace.publish(first)
    workspace.publish(second)
    workspace.rollback()
    assert not workspace.publish({**second, "stage/query": "asked anew"})
    assert workspace.current() == first
    third = snapshot(workspace, 3)
    assert workspace.publish(third) and workspace.current() == third
    assert workspace.rollback().versions == first


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def alter(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[0] ^= 1
    path.write_bytes(content)


SPOILT = [
    (truncate, "not as long"), (alter, "other bytes"), (Path.unlink, "can't be read"),
]  # fmt: skip


@pytest.mark.parametrize(("spoil", "said"), SPOILT)
def test_a_spoilt_file_is_named_and_the_next_run_makes_it_again(
    tmp_path: Path, spoil: Callable[[Path], None], said: str
) -> None:
    workspace = Workspace(tmp_path)
    first, second = snapshot(workspace, 1), snapshot(workspace, 12)
    workspace.publish(first)
    workspace.publish(second)
    spoil(workspace.get(SNAPSHOT).path / "value.txt")
    with pytest.raises(ArtifactCorrupt, match=rf"value\.txt.*{said}"):
        workspace.verify(SNAPSHOT)
    workspace.rollback()
    with pytest.raises(ArtifactCorrupt, match=r"value\.txt"):
        workspace.rollback()
    assert workspace.current() == first
    assert snapshot(workspace, 12) == second
    assert workspace.publish(second, fresh=[SNAPSHOT]), "mended, so readers should open it"
    workspace.verify(SNAPSHOT)


def test_of_the_record_only_sizes_are_looked_at(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    made = workspace.build("record", "items", inputs={}, code="c", make=number(1234))
    alter(made.path / "value.txt")
    again = workspace.build("record", "items", inputs={}, code="c", make=fail)
    assert not again.fresh
    truncate(made.path / "value.txt")
    assert workspace.held("record", "items", inputs={}, code="c") is None
    assert workspace.build("record", "items", inputs={}, code="c", make=number(1234)).fresh


def test_a_reader_keeps_to_the_state_that_it_began_with(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    first, second = snapshot(workspace, 1), snapshot(workspace, 2)
    workspace.publish(first)
    reader = workspace.at(workspace.state())
    workspace.publish(second)
    assert reader.get(SNAPSHOT).version == first[SNAPSHOT]
    assert workspace.get(SNAPSHOT).version == second[SNAPSHOT]
