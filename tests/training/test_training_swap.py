"""A real server over a real workspace: versions change under load, and a broken one is refused."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from bespeak import flow
from bespeak.errors import ArtifactCorrupt
from bespeak.workspace import CURRENT, SNAPSHOT, State, Workspace
from served import Served

MODEL = "artifacts/models/item_knn"


@contextmanager
def load(server: Served) -> Iterator[list[int]]:
    """Two askers that ask all the time; the statuses that they get."""
    statuses: list[int] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            for path in ("/v1/customers/c3", "/v1/items/i2/similar", "/v1/trending"):
                statuses.append(server.get(path)[0])

    askers = [threading.Thread(target=ask) for _ in range(2)]
    for asker in askers:
        asker.start()
    try:
        yield statuses
    finally:
        stop.set()
        for asker in askers:
            asker.join()


@pytest.fixture
def workspace(twice: Path, tmp_path: Path) -> Workspace:
    shutil.copytree(twice, tmp_path, dirs_exist_ok=True)
    return Workspace(tmp_path)


@pytest.fixture
def server(workspace: Workspace) -> Iterator[Served]:
    started = Served(workspace.root)
    yield started
    started.stop()


def array(workspace: Workspace) -> Path:
    """An array of the current model."""
    return workspace.get(MODEL).path / "similarity.npy"


def truncate(path: Path) -> None:
    content = path.read_bytes()
    path.unlink()  # the server has the old file mapped: as a copy gone wrong, not a cut under it
    path.write_bytes(content[: len(content) // 2])


def alter(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.unlink()
    path.write_bytes(content)


def publish(workspace: Workspace, state: State) -> None:
    """Make it current by hand, unseen by all that would object."""
    aside = workspace.root / "aside.json"
    aside.write_bytes(msgspec.json.encode(state))
    aside.replace(workspace.root / CURRENT)


def test_a_version_is_swapped_in_and_put_back_under_load(
    workspace: Workspace, server: Served
) -> None:
    second = workspace.current()[SNAPSHOT]
    workspace.rollback()
    assert not flow.run(workspace).changed, "what was rolled back stays so"
    workspace.rollback()
    with load(server) as statuses:
        server.serves(second)
        for _ in range(2):
            first = workspace.rollback().versions[SNAPSHOT]
            server.serves(first)
            workspace.rollback(second)
            server.serves(second)
            assert server.get("/v1/customers/c3/recommendations")[0] == 200
    assert len(statuses) > 100 and set(statuses) == {200}


def test_a_broken_version_is_refused_under_load_and_the_next_run_mends_it(
    workspace: Workspace, server: Served
) -> None:
    newest = workspace.state()
    first, second = workspace.rollback().versions[SNAPSHOT], newest.versions[SNAPSHOT]
    path = array(workspace.at(newest))
    whole = path.read_bytes()
    with load(server) as statuses:
        server.serves(first)
        for spoil, told in ((truncate, "not as long"), (alter, "other bytes")):
            path.write_bytes(whole)
            spoil(path)
            with pytest.raises(ArtifactCorrupt, match=told):
                workspace.at(newest).verify(MODEL)
            publish(workspace, newest)
            stale = server.until(lambda found, told=told: told in str(found["problem"]))
            assert (stale["status"], stale["version"]) == ("stale", first)
            assert stale["problem"]["code"] == "ArtifactCorrupt"
            assert str(path) in stale["problem"]["message"]
        assert flow.run(workspace).changed, "the run makes the spoilt version again"
        server.serves(second)
    assert len(statuses) > 50 and set(statuses) == {200}


def test_a_server_that_starts_on_a_broken_version_serves_the_one_before(
    workspace: Workspace,
) -> None:
    second = workspace.current()[SNAPSHOT]
    first = (workspace.state().before or {})[SNAPSHOT]
    truncate(array(workspace))
    server = Served(workspace.root)
    try:
        ready = server.get("/health/ready")[1]
        assert (ready["status"], ready["version"]) == ("stale", first)
        assert "similarity.npy" in ready["problem"]["message"]
        flow.run(workspace)
        server.serves(second)
    finally:
        server.stop()
