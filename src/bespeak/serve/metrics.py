"""What a monitor asks for: how many requests and events, how quick; as Prometheus reads it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bespeak.serve.intake import Intake

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
OTHER = "other"
"""Requests for what is no endpoint: pages, and addresses that there are not."""


class Metrics:
    """The counts of one server process; a label is an endpoint's path and never an id in it."""

    def __init__(
        self,
        paths: Mapping[Any, str],
        intake: Intake | None,
        worker: str | None = None,
        tenant: str | None = None,
    ) -> None:
        """
        paths  : endpoint's handler -> its path, as labels show it
        worker : a label of all counts, where others count beside this one; add them up
        tenant : likewise, where other workspaces are served beside this one
        """
        said = {"tenant": tenant, "worker": worker}
        self._paths = paths
        self._labels = {name: value for name, value in said.items() if value is not None}
        self._at_hand: dict[tuple[str, int], tuple[Counter, Histogram]] = {}
        self._registry = CollectorRegistry()
        registry = self._registry
        self._requests = Counter(
            "bespeak_requests", "Requests answered, by address and status", ["path", "status"],
            registry=registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "bespeak_request_seconds", "Seconds to the end of the answer", ["path"],
            buckets=SECONDS, registry=registry,
        )  # fmt: skip
        self._events = Counter(
            "bespeak_events", "Events by what became of them: accepted, duplicate or refused",
            ["became"], registry=registry,
        )  # fmt: skip
        for became in ("accepted", "duplicate", "refused"):
            self._events.labels(became)
        self._impressions = Counter(
            "bespeak_impressions", "Lists shown, by whether there was room to log them: logged or"
            " dropped", ["became"], registry=registry,
        )  # fmt: skip
        for became in ("logged", "dropped"):
            self._impressions.labels(became)
        if intake is not None:
            waiting = Gauge(
                "bespeak_events_waiting", "Events that are not on disk yet", registry=registry
            )
            waiting.set_function(lambda: intake.writer.waiting)

    def impression(self, *, logged: bool) -> None:
        """Count a list that was shown."""
        self._impressions.labels("logged" if logged else "dropped").inc()

    def events(self, *, accepted: int, duplicate: int, refused: int) -> None:
        """Count what became of a request's events."""
        for became, count in zip(
            ("accepted", "duplicate", "refused"), (accepted, duplicate, refused), strict=True
        ):
            self._events.labels(became).inc(count)

    def shown(self) -> Response:
        """All counts, in Prometheus's text format."""
        shown: CollectorRegistry | _Labelled = self._registry
        if self._labels:
            shown = _Labelled(self._registry, self._labels)
        content = generate_latest(shown)
        return Response(content, media_type=CONTENT_TYPE_PLAIN_0_0_4)

    def _of(self, path: str, status: int) -> tuple[Counter, Histogram]:
        """The count and the times of one address and status; looked up by label once."""
        found = self._at_hand.get((path, status))
        if found is None:
            found = self._requests.labels(path, str(status)), self._seconds.labels(path)
            self._at_hand[path, status] = found
        return found

    def path_of(self, scope: Scope) -> str:
        """The address of a request that has been answered, as the documentation has it."""
        return self._paths.get(scope.get("endpoint"), OTHER)

    def around(self, app: ASGIApp) -> ASGIApp:
        """`app`, with its requests counted and timed."""

        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            status, started = 500, time.perf_counter()

            async def noted(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                await send(message)

            try:
                await app(scope, receive, noted)
            finally:
                count, seconds = self._of(self.path_of(scope), status)
                count.inc()
                seconds.observe(time.perf_counter() - started)

        return counted


class _Labelled:
    """A registry's metrics with more labels."""

    def __init__(self, registry: CollectorRegistry, labels: Mapping[str, str]) -> None:
        self._registry, self._labels = registry, labels

    def collect(self) -> Iterator[Metric]:
        for metric in self._registry.collect():
            metric.samples = [
                sample._replace(labels={**self._labels, **sample.labels})
                for sample in metric.samples
            ]
            yield metric
