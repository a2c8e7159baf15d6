"""What a server serves: one opened version of a workspace, as a frozen value."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol

from bespeak.consent import Privacy, Purpose
from bespeak.errors import NotFound
from bespeak.live import Kept, Seen
from bespeak.privacy import Marks
from bespeak.serve.assortment import UNCHANGED, Changes
from bespeak.serve.snapshot import Snapshot


class Filters(NamedTuple):
    """Which items a list may hold: see the fields of the same names in the API."""

    exclude: Sequence[str] = ()
    category: str | None = None
    price_from: float | None = None
    price_to: float | None = None
    hidden: Sequence[str] = ()
    """What the customer had dismissed as of the snapshot."""
    in_stock: bool = True


EVERYTHING = Filters()


@dataclass(frozen=True)
class Cap:
    """An item rests once it was shown `most` times `within`, and nothing came of it."""

    most: int
    within: timedelta


class Recommend(Protocol):
    """A list for a customer, or for the history `items` (oldest first) of a visitor.

    customer_id : one that the snapshot knows or that `since` is of, or None
    items       : item ids of the snapshot; only without a customer
    k           : 1 to 1000
    repeat      : whether the list may hold what they have; None: the workspace's choice
    since       : what they did since the snapshot, oldest first
    filters     : which items the list may hold
    changes     : of the catalogue, since the snapshot
    label       : (kind, label) of the request, like ("place", "home"), for what is popular
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
        changes: Changes = UNCHANGED,
        label: tuple[str, str] | None = None,
    ) -> Mapping[str, Any]: ...


class Trending(Protocol):
    """What most choose lately; a mapping of the shape of `answers.Trending`."""

    def __call__(
        self,
        *,
        k: int,
        filters: Filters,
        changes: Changes = UNCHANGED,
        label: tuple[str, str] | None = None,
    ) -> Mapping[str, Any]: ...


class Similar(Protocol):
    """Items that go with one item; a mapping of the shape of `answers.SimilarItems`."""

    def __call__(
        self,
        item_id: str,
        *,
        k: int,
        filters: Filters = EVERYTHING,
        changes: Changes = UNCHANGED,
    ) -> Mapping[str, Any]: ...


@dataclass(frozen=True)
class FeaturesNow:
    """What is known of one customer.

    values : feature -> value, in the order of the table's columns
    as_of  : the instant that they hold for
    by_run : the names of those that hold for the last run's instant instead: no event alone can
             bring them up to date
    """

    values: Mapping[str, Any]
    as_of: datetime
    by_run: Sequence[str] = ()


class FeaturesLately(Protocol):
    """One customer's features with what they did since the snapshot.

    since   : what the log has of them since, at least one
    moment  : now
    changes : of the catalogue, since the snapshot
    """

    def __call__(
        self,
        customer_id: str,
        since: Sequence[Kept],
        *,
        moment: datetime,
        changes: Changes = UNCHANGED,
    ) -> FeaturesNow: ...


class Act(Protocol):
    """Something done with all that is held of one customer; a mapping of what came of it.

    by : who asked
    """

    def __call__(self, customer_id: str, *, by: str) -> Mapping[str, Any]: ...


class Heard(Protocol):
    """What a customer said of consent, for the record of acts.

    by : who told
    """

    def __call__(self, customer_id: str, said: Mapping[Purpose, bool], *, by: str) -> None: ...


@dataclass(frozen=True)
class People:
    """What a person may ask for, and who must not be known any more.

    erase   : of the shape of `answers.Erased`
    export  : of the shape of `answers.Exported`
    heard   : is told what they agreed to or refused, once it is kept
    marks   : who was erased, at this moment
    """

    erase: Act
    export: Act
    heard: Heard
    marks: Callable[[], Marks]


@dataclass(frozen=True)
class Shop:
    """A snapshot, the functions that answer from it, and how the flow came to it."""

    snapshot: Snapshot
    recommend: Recommend
    similar: Similar
    trending: Trending
    tried: Callable[[str], Recommend] | None = None
    """Lists of another fitted model, by its name; raises NotFound for one that is not fitted."""
    taken: int = 0
    """The last position of the event log that the snapshot has in it."""
    changed: int = 0
    """The last change of the catalogue that the snapshot has in it."""
    primary: Sequence[str] = ("customer",)
    """Namespaces whose value alone is a customer_id."""
    version: str = ""
    """Names this version to an operator; shown by /health/ready."""
    by_hand: bool = False
    """Whether somebody put it back, so that it is not held against the one before."""
    stages: Sequence[Mapping[str, Any]] = ()
    """Steps of the flow, in order, of the shape of `answers.Stage`."""
    runs: Sequence[Mapping[str, Any]] = ()
    """The latest runs first, of the shape of `answers.Run`."""

    lately: FeaturesLately | None = None
    """Without it, features are those of the last run, whatever happened since."""
    people: People | None = None
    """Without it, nobody can be erased, and nobody was."""
    privacy: Privacy = field(default_factory=Privacy)
    """What holds for who has said nothing."""

    cap: Cap | None = None
    """How often one item is shown to one customer; without it, as often as it comes."""

    def lists_of(self, model: str | None) -> Recommend:
        """How this model makes lists; None: the one that is served.

        raises : NotFound for one that is not fitted
        """
        if model is None:
            return self.recommend
        if self.tried is None:
            raise NotFound(f"there is no fitted model `{model[:80]}`")
        return self.tried(model)

    def erased(self, customer_id: str) -> bool:
        """Whether this customer was erased, though the snapshot may still have them."""
        if self.people is None:
            return False
        marks = self.people.marks()
        return bool(marks) and marks.hold(self.visitors(customer_id))

    @property
    def pending(self) -> bool:
        """Whether somebody was erased whom files of the last run may still hold."""
        return self.people is not None and self.people.marks().pending

    def knows(self, customer_id: str) -> bool:
        """Whether there is such a customer, and they were not erased."""
        return self.snapshot.has_customer(customer_id) and not self.erased(customer_id)

    def actor(self, customer_id: str) -> str:
        """The identifier under which the log keeps what is told of one customer alone."""
        known = self.visitors(customer_id)
        named = [f"{namespace}:" for namespace in self.primary]
        first = (one for name in named for one in known if one.startswith(name))
        return next(first, known[0])

    def visitors(self, customer_id: str) -> list[str]:
        """Every identifier of one customer, as the event log spells them."""
        known = self.snapshot.person(customer_id).identifiers
        return list(known) or [f"{namespace}:{customer_id}" for namespace in self.primary]
