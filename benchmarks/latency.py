"""One recommendation over HTTP, server warm, beside the smallest answer of the same server.

    python -m benchmarks.latency -w demo [--requests 500]

Limit: median under 5 ms, one client on the same two cores.
"""

from __future__ import annotations

import argparse
import http.client
import json
import socket
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks import machine


@contextmanager
def server(workspace: str) -> Iterator[http.client.HTTPConnection]:
    """A real server on a free port, ready to answer."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [machine.bespeak(), "serve", "-w", workspace, "--port", str(port)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        yield _ready(port)
    finally:
        process.terminate()
        process.wait(10)


def _ready(port: int) -> http.client.HTTPConnection:
    for _ in range(300):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", "/health/ready")
            answer = connection.getresponse()
            answer.read()
        except OSError:
            time.sleep(0.1)
            continue
        if answer.status == 200:
            return connection
        time.sleep(0.1)
    raise SystemExit("the server did not get ready in 30 s")


def latencies(connection: http.client.HTTPConnection, paths: list[str]) -> list[float]:
    """Milliseconds of each request, one after the other over one connection."""
    taken = []
    for path in paths:
        started = time.perf_counter()
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        taken.append((time.perf_counter() - started) * 1e3)
        if answer.status != 200:
            raise SystemExit(f"{path}: status {answer.status}")
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-w", "--workspace", required=True)
    parser.add_argument("--requests", type=int, default=500)
    given = parser.parse_args()
    with server(given.workspace) as connection:
        connection.request("GET", "/v1/customers?limit=100")
        found = json.loads(connection.getresponse().read())["customers"]
        ids = [customer["customer_id"] for customer in found]
        lists = [
            f"/v1/customers/{ids[n % len(ids)]}/recommendations?k=10" for n in range(given.requests)
        ]
        kinds = {
            "/health/live": ["/health/live"] * given.requests,
            "recommendations, k = 10": lists,
        }
        rows = []
        for name, paths in kinds.items():
            latencies(connection, paths[:50])
            taken = latencies(connection, paths)
            high = statistics.quantiles(taken, n=100)[98]
            rows.append([name, f"{statistics.median(taken):.2f}", f"{high:.2f}"])
    print(f"One client, one connection, {machine.described()}\n")
    print(machine.table(["request", "median ms", "p99 ms"], rows))


if __name__ == "__main__":
    main()
