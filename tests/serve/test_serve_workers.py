"""Several workers behind one port: all answer, one may die, and all end when asked."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest

SERVER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import little_shop
from bespeak.serve import serve

def open_shop():
    return little_shop.shop(Path(sys.argv[2]), "v1")

serve(open_shop, port=0, workers=2, tell=lambda address: print(address, flush=True))
"""
pytestmark = pytest.mark.skipif(
    not Path("/proc/self/task").is_dir(), reason="needs Linux's /proc to find the workers"
)


class Running:
    """A server of two workers."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVER, str(Path(__file__).parent), str(folder)],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip

    def until_ready(self) -> None:
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline().strip().rpartition(":")[2])

    def workers(self) -> list[int]:
        pid = self.process.pid
        return [
            int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        ]

    def status(self) -> int:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", "/v1/customers/c01/recommendations")
            return connection.getresponse().status
        except (OSError, HTTPException):
            return 0
        finally:
            connection.close()

    def stopped_after(self) -> float:
        started = time.monotonic()
        self.process.terminate()
        self.process.communicate(timeout=30)
        return time.monotonic() - started


@pytest.fixture
def running(folder: Path) -> Iterator[Running]:
    started = Running(folder)
    yield started
    if started.process.poll() is None:
        started.stopped_after()


def test_one_worker_answers_while_the_other_is_dead_and_replaced(running: Running) -> None:
    running.until_ready()
    first = running.workers()
    assert len(first) == 2
    os.kill(first[0], signal.SIGKILL)
    statuses = [running.status() for _ in range(100)]
    # what the dead one had taken in at that moment is lost with it
    assert statuses.count(200) >= 95
    for _ in range(400):
        now = running.workers()
        if len(now) == 2 and first[0] not in now:
            break
        time.sleep(0.02)
    assert first[1] in now
    assert running.status() == 200


def test_the_metrics_of_each_worker_carry_its_label(running: Running) -> None:
    running.until_ready()
    assert {running.status() for _ in range(20)} == {200}
    connection = HTTPConnection("127.0.0.1", running.port, timeout=10)
    connection.request("GET", "/metrics")
    said = connection.getresponse().read().decode()
    connection.close()
    labels = set(re.findall(r'worker="(\d+)"', said))
    assert len(labels) == 1
    assert int(labels.pop()) in running.workers()


def test_all_requests_are_answered_side_by_side(running: Running) -> None:
    running.until_ready()
    statuses: list[int] = []
    askers = [
        threading.Thread(target=lambda: statuses.extend(running.status() for _ in range(25)))
        for _ in range(4)
    ]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert statuses == [200] * 100


@pytest.mark.parametrize("wait_s", [0.1, 0.8, 1.2, 1.6])
def test_it_ends_within_five_seconds_of_the_signal_right_after_its_start(
    running: Running, wait_s: float
) -> None:
    time.sleep(wait_s)
    assert running.stopped_after() < 5


def test_all_workers_end_with_a_supervisor_that_was_killed(running: Running) -> None:
    running.until_ready()
    workers = running.workers()
    running.process.kill()
    running.process.wait()
    for _ in range(250):
        left = [pid for pid in workers if Path(f"/proc/{pid}").is_dir()]
        if not left:
            break
        time.sleep(0.02)
    assert left == []
