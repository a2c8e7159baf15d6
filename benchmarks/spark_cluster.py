"""A real Spark cluster on this machine alone: a master and workers that can be killed.

All of it comes out of pyspark's wheel, listens on 127.0.0.1 and is gone when the context ends.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bespeak.engines import java

HERE = "127.0.0.1"
PATIENCE_S = 60.0
RUN_S = 3_600.0
CLASSES = "org.apache.spark.deploy"
TASK = "Finished task "
"""What an executor says in its log of each task that it has done."""


@dataclass(frozen=True)
class Node:
    """A process of the cluster, with its own group: what it starts ends with it."""

    process: subprocess.Popen[bytes]
    log: Path
    work: Path
    """Where a worker's executors stand, an application a folder."""

    def end(self, number: signal.Signals = signal.SIGKILL) -> None:
        """To the process and to all that it has started; waits until it is gone."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)
        self.process.wait()

    def tasks(self) -> int:
        """How many tasks its executors have done."""
        return sum(log.read_text("utf-8").count(TASK) for log in self.work.glob("app-*/*/stderr"))


@dataclass(frozen=True)
class Cluster:
    """A master and its workers, and what the master says of them."""

    master: str
    """`spark://127.0.0.1:PORT`"""
    page: str
    workers: Mapping[str, Node]
    """By the ids that the master knows them by."""

    def told(self) -> Mapping[str, Any]:
        """The master's own account: workers, running and finished applications."""
        with urllib.request.urlopen(f"{self.page}/json/", timeout=PATIENCE_S) as answer:
            found: Mapping[str, Any] = json.load(answer)
        return found

    def states(self) -> dict[str, str]:
        """Worker -> ALIVE or DEAD, as the master has it."""
        return {worker["id"]: worker["state"] for worker in self.told()["workers"]}

    def kill(self, worker: str) -> None:
        """End a worker and its executor at once, and wait until the master has seen it."""
        self.workers[worker].end()
        waited(lambda: self.states()[worker] == "DEAD", f"{worker} to be missed")


@contextmanager
def cluster(folder: Path, *, workers: int = 2, memory: str = "1g") -> Iterator[Cluster]:
    """A master and `workers` of one core and `memory` each; logs and their work are in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    environment = _environment(folder)
    nodes: list[Node] = []

    def start(name: str, kind: str, *arguments: str) -> Node:
        node = _started(folder / name, kind, arguments, environment)
        nodes.append(node)
        return node

    try:
        first = start("master", "master.Master")
        address = _said(first, r"Starting Spark master at (spark://\S+)")
        page = _said(first, r"started at (http://\S+)")
        own = ("--cores", "1", "--memory", memory)
        begun = []
        for number in range(1, workers + 1):
            work = ("--work-dir", str(folder / f"worker-{number}"))
            begun.append(start(f"worker-{number}", "worker.Worker", *own, *work, address))
        by_port = {}
        for node in begun:
            _said(node, r"Successfully registered with master (\S+)")
            by_port[_said(node, rf"Starting Spark worker {HERE}:(\d+)")] = node
        made = Cluster(address, page, {})
        known = {worker["id"]: by_port[str(worker["port"])] for worker in made.told()["workers"]}
        yield Cluster(address, page, known)
    finally:
        for node in reversed(nodes):
            node.end()


@dataclass(frozen=True)
class Killed:
    """One worker's end in the middle of a run."""

    worker: str
    tasks: int
    """That its executor had done by then."""
    after_s: float
    """Since the run began."""


def run(command: Sequence[str], log: Path) -> float:
    """Seconds that a command takes against the cluster; it must succeed."""
    started = time.perf_counter()
    process = _begun(command, log)
    _ended(process, command, log)
    return time.perf_counter() - started


def run_and_kill(
    made: Cluster, command: Sequence[str], log: Path, *, when: Callable[[], bool]
) -> tuple[float, Killed]:
    """The same; once `when` says so, the first worker that has done a task is killed."""
    started = time.perf_counter()
    process = _begun(command, log)
    busy: list[str] = []

    def due() -> bool:
        if process.poll() is not None:
            raise RuntimeError(f"{' '.join(command)} ended before its time; see {log}")
        if when():
            busy.extend(name for name, node in made.workers.items() if node.tasks())
        return bool(busy)

    try:
        waited(due, "the moment to kill a worker", seconds=RUN_S)
        after = time.perf_counter() - started
        made.kill(busy[0])
        killed = Killed(busy[0], made.workers[busy[0]].tasks(), after)
        if process.poll() is not None or not made.told()["activeapps"]:
            raise RuntimeError("the run was over when the worker was")
    except BaseException:
        process.kill()
        raise
    _ended(process, command, log)
    return time.perf_counter() - started, killed


def _begun(command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as stream:
        return subprocess.Popen(
            [*_guard(), *command],
            env={**os.environ, "SPARK_LOCAL_IP": HERE}, stdout=stream, stderr=stream,
        )  # fmt: skip


def _ended(process: subprocess.Popen[bytes], command: Sequence[str], log: Path) -> None:
    try:
        status = process.wait(RUN_S)
    finally:
        process.kill()
    if status != 0:
        told = log.read_text("utf-8")[-2000:]
        raise RuntimeError(f"{' '.join(command)} ended with status {status}: {told}")


def config(made: Cluster, *, memory: str = "1g") -> str:
    """The part of bespeak.toml that sends a flow there."""
    settings = {
        "spark.executor.memory": memory,
        "spark.executor.cores": "1",
        "spark.sql.shuffle.partitions": "4",
        "spark.task.maxFailures": "8",
        "spark.driver.host": HERE,
        "spark.driver.bindAddress": HERE,
        "spark.ui.enabled": "false",
    }
    lines = [f'"{key}" = "{value}"' for key, value in settings.items()]
    return "\n".join(["", "[spark]", f'master = "{made.master}"', "[spark.settings]", *lines, ""])


def waited(done: Callable[[], bool], what: str, *, seconds: float = PATIENCE_S) -> None:
    """Wait until `done`, asking five times a second."""
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds:.0f} s for {what}")
        time.sleep(0.2)


def _environment(folder: Path) -> dict[str, str]:
    """This process's, with nothing of another Spark's configuration."""
    found = find_spec("pyspark")
    if found is None or found.origin is None:
        raise SystemExit("pyspark is not installed: pip install 'bespeak[spark]'")
    empty = folder / "conf"
    empty.mkdir(exist_ok=True)
    own = {key: value for key, value in os.environ.items() if not key.startswith("SPARK_")}
    return {
        **own,
        "JAVA_HOME": str(java.home(folder)),
        "SPARK_HOME": str(Path(found.origin).parent),
        "SPARK_CONF_DIR": str(empty),
        "SPARK_LOCAL_IP": HERE,
        "SPARK_LOCAL_DIRS": str(folder / "local"),
        "SPARK_DAEMON_MEMORY": "256m",
    }


def _started(
    folder: Path, kind: str, arguments: tuple[str, ...], environment: Mapping[str, str]
) -> Node:
    script = str(Path(environment["SPARK_HOME"]) / "bin" / "spark-class")
    place = ("--host", HERE, "--port", "0", "--webui-port", "0")
    folder.mkdir(exist_ok=True)
    log = folder / "log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [*_guard(), script, f"{CLASSES}.{kind}", *place, *arguments],
            env=environment, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream,
            start_new_session=True,
        )  # fmt: skip
    return Node(process, log, folder)


def _guard() -> list[str]:
    """Before a command: it ends when this process does, however that ends, where the system can."""
    return ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []


def _said(node: Node, pattern: str) -> str:
    """Wait until the process has logged a line like this."""
    found: list[str] = []

    def looked() -> bool:
        text = node.log.read_text("utf-8")
        if node.process.poll() is not None:
            raise RuntimeError(f"{node.log}: ended at once: {text[-2000:]}")
        found.extend(re.findall(pattern, text))
        return bool(found)

    waited(looked, f"`{pattern}` in {node.log}")
    return found[0]
