"""What a server serves: one opened version of a workspace, as a frozen value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from bespeak.live import Seen
from bespeak.serve.snapshot import Snapshot


@dataclass(frozen=True)
class Filters:
    """Which items a list may hold: see the fields of the same names in the API."""

    exclude: Sequence[str] = ()
    category: str | None = None
    price_from: float | None = None
    price_to: float | None = None


EVERYTHING = Filters()


class Recommend(Protocol):
    """A list for a customer, or for the history `items` (oldest first) of a visitor.

    customer_id : one that the snapshot knows or that `since` is of, or None
    items       : item ids of the snapshot; only without a customer
    k           : 1 to 1000
    repeat      : whether the list may hold what they have; None: the workspace's choice
    since       : what they did since the snapshot, oldest first
    filters     : which items the list may hold
    returns     : a mapping of the shape of `answers.Recommendations`
    """

    def __call__(
        self,
        *,
        customer_id: str | None,
        items: Sequence[str],
        k: int,
        repeat: bool | None,
        since: Sequence[Seen] = (),
        filters: Filters = EVERYTHING,
    ) -> Mapping[str, Any]: ...


class Trending(Protocol):
    """What most choose lately; a mapping of the shape of `answers.Trending`."""

    def __call__(self, *, k: int, filters: Filters) -> Mapping[str, Any]: ...


class Similar(Protocol):
    """Items that go with one item; a mapping of the shape of `answers.SimilarItems`."""

    def __call__(self, item_id: str, *, k: int) -> Mapping[str, Any]: ...


@dataclass(frozen=True)
class Shop:
    """A snapshot, the functions that answer from it, and how the flow came to it."""

    snapshot: Snapshot
    recommend: Recommend
    similar: Similar
    trending: Trending
    taken: int = 0
    """The last position of the event log that the snapshot has in it."""
    primary: Sequence[str] = ("customer",)
    """Namespaces whose value alone is a customer_id."""
    version: str = ""
    """Names this version to an operator; shown by /health/ready."""
    stages: Sequence[Mapping[str, Any]] = ()
    """Steps of the flow, in order, of the shape of `answers.Stage`."""
    runs: Sequence[Mapping[str, Any]] = ()
    """The latest runs first, of the shape of `answers.Run`."""

    def visitors(self, customer_id: str) -> list[str]:
        """Every identifier of one customer, as the event log spells them."""
        known = self.snapshot.identities.of(customer_id)
        spelled = zip(known["namespace"].to_pylist(), known["value"].to_pylist(), strict=True)
        found = [f"{namespace}:{value}" for namespace, value in spelled]
        return found or [f"{namespace}:{customer_id}" for namespace in self.primary]
