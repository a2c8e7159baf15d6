"""A real `bespeak serve` process to be measured and mistreated, and a load of events on it."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPMessage
from pathlib import Path
from typing import Any

PATIENCE_S = 60.0


@dataclass
class Server:
    """One server on one workspace; it may be killed and started again on the same port.

    headers : of every request
    """

    workspace: Path
    log: Path
    port: int = 0
    process: subprocess.Popen[bytes] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def start(self) -> float:
        """Seconds until it answered.

        raises : SystemExit, with what it printed, if it did not
        """
        self.port = self.port or free_port()
        started = time.perf_counter()
        with self.log.open("ab") as said:
            command = serving(self.workspace, self.port)
            self.process = subprocess.Popen(command, stdout=said, stderr=said)
        while not self.answers():
            if self.process.poll() is not None or time.perf_counter() - started > PATIENCE_S:
                raise SystemExit(f"the server did not start: {self.log.read_text()[-2000:]}")
            time.sleep(0.02)
        return time.perf_counter() - started

    def answers(self) -> bool:
        """Whether it serves a version now."""
        try:
            return self.ask("GET", "/health/ready", timeout=5)[0] == 200
        except (OSError, HTTPException):
            return False

    def ask(
        self, method: str, path: str, body: Any = None, *, timeout: float = 30
    ) -> tuple[int, bytes]:
        """One request over a connection of its own: status and body."""
        return self.answer(method, path, body, timeout=timeout)[::2]

    def answer(
        self, method: str, path: str, body: Any = None, *, timeout: float = 30
    ) -> tuple[int, HTTPMessage, bytes]:
        """As `ask`, with the headers between them."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            content = None if body is None else json.dumps(body).encode()
            connection.request(method, path, content, dict(self.headers))
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def workers(self) -> list[int]:
        """Process ids of those that answer."""
        assert self.process is not None
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        try:
            children = [int(child) for child in path.read_text(encoding="ascii").split()]
        except OSError:  # it has ended meanwhile
            return []
        return [child for child in children if b"serve" in _command(child)]

    def kill(self, *, alone: bool = False) -> None:
        """The way a power cut would, all of it.

        alone : only the process that was started; its workers are to end by themselves
        """
        assert self.process is not None
        for pid in (self.process.pid, *([] if alone else self.workers())):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        while self.answers():
            time.sleep(0.02)

    def stop(self) -> float:
        """Seconds until it had ended, asked in the way of a supervisor."""
        if self.process is None or self.ended():
            return 0.0
        started = time.perf_counter()
        self.process.terminate()
        self.process.wait(PATIENCE_S)
        return time.perf_counter() - started


@dataclass
class Load:
    """Threads that tell events and ask for lists, and remember what each was answered.

    acknowledged : ids of events that a 200 was about
    statuses     : how many answers of each status; 0 counts broken connections
    """

    server: Server
    items: Sequence[str]
    threads: int = 4
    acknowledged: set[str] = field(default_factory=set)
    statuses: dict[int, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """At work until the block ends."""
        ended = threading.Event()
        workers = [
            threading.Thread(target=self._work, args=(ended, seed)) for seed in range(self.threads)
        ]
        for worker in workers:
            worker.start()
        try:
            yield
        finally:
            ended.set()
            for worker in workers:
                worker.join()

    def _work(self, ended: threading.Event, seed: int) -> None:
        chance = random.Random(seed)
        while not ended.is_set():
            try:
                self._one(chance)
            except (OSError, HTTPException):
                self._count(0)
                time.sleep(0.02)

    def _one(self, chance: random.Random) -> None:
        session = f"s{chance.randrange(50)}"
        if chance.random() < 0.3:
            status, _ = self.server.ask("POST", "/v1/recommendations", {"session_id": session})
            self._count(status)
            return
        events = [
            {"event_id": str(uuid.uuid4()), "type": "view", "session_id": session,
             "item_id": chance.choice(self.items)}
            for _ in range(chance.choice((1, 1, 20)))
        ]  # fmt: skip
        status, _ = self.server.ask("POST", "/v1/events", {"events": events})
        self._count(status)
        if status == 200:
            with self._lock:
                self.acknowledged |= {str(event["event_id"]) for event in events}

    def _count(self, status: int) -> None:
        with self._lock:
            self.statuses[status] = self.statuses.get(status, 0) + 1

    def failures(self) -> int:
        """Answers that say the server is at fault."""
        return sum(count for status, count in self.statuses.items() if status >= 500)


def serving(workspace: Path, port: int) -> list[str]:
    """The command that serves."""
    where = ["-w", str(workspace), "--port", str(port)]
    return [sys.executable, "-m", "bespeak", "serve", *where]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # it has ended meanwhile
        return b""
