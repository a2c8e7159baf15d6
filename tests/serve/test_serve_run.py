"""A real server in a process of its own: it starts, swaps, refuses a taken port, and stops."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from bespeak.errors import AddressTaken, BadRequest
from bespeak.serve import serve
from bespeak.serve.run import claim

SERVER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import little_shop
from bespeak.errors import ArtifactCorrupt
from bespeak.serve import serve

folder, current = Path(sys.argv[2]), Path(sys.argv[3])

def open_shop():
    version = current.read_text()
    if version == "broken":
        raise ArtifactCorrupt("v9 is not what its manifest says", next_step="Run it again.")
    if version == "odd":
        raise OSError("disk gone")
    return little_shop.shop(folder, version)

serve(open_shop, port=0, watched=current, interval_s=0.05,
      tell=lambda address: print(address, flush=True))
print("stopped cleanly", flush=True)
"""


class Running:
    """A server and a connection to it."""

    def __init__(self, folder: Path, current: Path, *, ready: bool = True) -> None:
        self.current = current
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVER, str(Path(__file__).parent), str(folder), str(current)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        if not ready:
            return
        self.address = self.process.stdout.readline().strip()
        self.port = int(self.address.rpartition(":")[2])

    def get(self, path: str) -> tuple[int, Any]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def publish(self, version: str) -> None:
        aside = self.current.with_name("aside")
        aside.write_text(version)
        aside.replace(self.current)

    def until(self, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """What /health/ready says once `holds` is true of it."""
        for _ in range(300):
            found: dict[str, Any] = self.get("/health/ready")[1]
            if holds(found):
                return found
            time.sleep(0.02)
        raise AssertionError(f"it never became so: {found}")


@pytest.fixture
def running(folder: Path, tmp_path: Path) -> Iterator[Running]:
    current = tmp_path / "current.json"
    current.write_text("v1")
    started = Running(folder, current)
    yield started
    started.process.terminate()
    started.process.communicate(timeout=15)


def test_a_new_version_is_served_and_no_request_is_dropped(running: Running) -> None:
    statuses: list[int] = []
    stop = threading.Event()

    def keep_asking() -> None:
        while not stop.is_set():
            statuses.append(running.get("/v1/customers/c01/recommendations")[0])

    askers = [threading.Thread(target=keep_asking) for _ in range(3)]
    for asker in askers:
        asker.start()
    for version in ("v2", "v3", "v4"):
        running.publish(version)
        running.until(lambda said, wanted=version: said["version"] == wanted)
    stop.set()
    for asker in askers:
        asker.join()
    assert len(statuses) > 20
    assert set(statuses) == {200}
    assert running.get("/v1/customers/c01/recommendations")[1]["version"] == "v4"


def test_a_version_that_can_not_be_opened_leaves_the_old_one(running: Running) -> None:
    running.publish("broken")
    found = running.until(lambda said: said["status"] == "stale")
    assert found["version"] == "v1"
    assert found["problem"]["code"] == "ArtifactCorrupt"
    assert "v9" in found["problem"]["message"]
    assert running.get("/v1/customers/c01/recommendations")[0] == 200
    running.publish("odd")
    running.until(lambda said: said["problem"]["code"] == "OSError")
    running.publish("v5")
    assert running.until(lambda said: said["version"] == "v5")["problem"] is None


@pytest.mark.parametrize("asked", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_cleanly_when_asked(running: Running, asked: signal.Signals) -> None:
    os.kill(running.process.pid, asked)
    out, err = running.process.communicate(timeout=10)
    assert out.strip() == "stopped cleanly"
    assert err == ""
    assert running.process.returncode == 0


def test_a_worker_that_dies_is_replaced(running: Running) -> None:
    pid = running.process.pid
    children = Path(f"/proc/{pid}/task/{pid}/children")
    if not children.is_file():
        pytest.skip("needs Linux's /proc to find the worker")
    worker = int(children.read_text().split()[0])
    os.kill(worker, signal.SIGKILL)
    for _ in range(300):
        with contextlib.suppress(OSError):
            if running.get("/health/live")[0] == 200:
                break
        time.sleep(0.02)
    assert running.get("/health/live") == (200, {"status": "live"})


def test_what_can_not_be_opened_at_the_start_is_said(folder: Path, tmp_path: Path) -> None:
    current = tmp_path / "current.json"
    current.write_text("broken")
    failed = Running(folder, current, ready=False)
    _, err = failed.process.communicate(timeout=20)
    assert failed.process.returncode == 1
    assert "ArtifactCorrupt: v9 is not what its manifest says. Run it again." in err


def test_a_port_in_use_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AddressTaken, match=f"port {port} on 127.0.0.1") as error:
            claim("127.0.0.1", port)
    assert "--port" in str(error.value)


def test_two_servers_do_not_share_a_port(running: Running) -> None:
    with pytest.raises(AddressTaken):
        claim("127.0.0.1", running.port)


def test_another_machines_address_is_refused() -> None:
    def never() -> Any:
        raise AssertionError("opened before the address was checked")

    with pytest.raises(BadRequest, match="this machine only"):
        serve(never, host="0.0.0.0")


def test_a_worker_ends_with_its_supervisor(folder: Path, tmp_path: Path) -> None:
    current = tmp_path / "current"
    current.write_text("v1")
    running = Running(folder, current)
    running.get("/health/live")
    running.process.kill()
    running.process.wait()
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            running.get("/health/live")
        except OSError:
            return
        time.sleep(0.05)
    pytest.fail("the port still answers")
