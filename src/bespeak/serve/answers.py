"""Every answer of the API, as a type: what is sent, and what /openapi.json says is sent.

Times are UTC. Money is a number in the workspace's currency. What is undefined is null, never 0.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

import msgspec
from starlette.responses import Response

from bespeak.serve.evaluated import ByLists, Compared, Leaks, Machine, Measure, Part, Parts, Search

Value = str | float | bool | None


class Words(msgspec.Struct, frozen=True):
    """One thing said in both languages."""

    en: str
    zh: str


class Reason(msgspec.Struct, frozen=True):
    """Why something is so: a code for programs, words for people."""

    code: str
    en: str
    zh: str


class Problem(msgspec.Struct, frozen=True):
    """What went wrong, and what to do about it."""

    code: str
    message: str
    found: str | None = None
    expected: str | None = None
    next_step: str | None = None


class Refusal(msgspec.Struct, frozen=True):
    """The answer to a request that could not be met."""

    error: Problem


class Offered(msgspec.Struct, frozen=True):
    """One item of a list, its place being its rank."""

    item_id: str
    title: str | None
    category: str | None
    price: float | None
    available: bool
    score: float
    reason: Reason


class Recommendations(msgspec.Struct, frozen=True):
    """A list for one customer, or for a history that was sent."""

    customer_id: str | None
    request_id: str
    model: Annotated[str, msgspec.Meta(description="The model that made the list.")]
    version: str
    fallback: bool
    fallback_reason: Reason | None
    as_of: datetime
    items: list[Offered]
    model_asked: Annotated[
        str | None,
        msgspec.Meta(description="What `model` asked for; another one answers in a fallback."),
    ]
    live: Annotated[
        bool,
        msgspec.Meta(
            description="Whether it goes by what was told since `as_of`; false while the event log"
            " can't be read."
        ),
    ]


class Trending(msgspec.Struct, frozen=True):
    """What most customers chose lately."""

    model: str
    version: str
    as_of: datetime
    items: list[Offered]


class SimilarItems(msgspec.Struct, frozen=True):
    """Items that go with one item."""

    item_id: str
    model: str
    version: str
    items: list[Offered]


class Information(msgspec.Struct, frozen=True):
    """One fact of an item, or none, as chance has it for one visit; the page tells it was shown.

    Tell it as an `impression` of the item with properties {"exposure": {fact, kind, propensity,
    policy}}, also where there is no text: what was not said counts as well.
    """

    item_id: str
    fact: Annotated[str, msgspec.Meta(description="`brand`, `category`, `together:…` or `none`.")]
    kind: Literal["attribute", "together", "none"]
    text: Words | None
    propensity: Annotated[float, msgspec.Meta(description="The chance that it had, above 0.")]
    policy: str


class EventError(msgspec.Struct, frozen=True):
    """Why one event, or one item, of a batch was not taken."""

    index: Annotated[int, msgspec.Meta(description="Its place in the batch, from 0.")]
    field: str
    found: str
    expected: str


class NoEventTaken(Refusal, frozen=True):
    """The answer to a batch of which nothing could be taken."""

    errors: list[EventError]


class ItemsTaken(msgspec.Struct, frozen=True):
    """What became of changes of the catalogue: they are on disk, and the next list knows them."""

    accepted: int
    errors: list[EventError] = []


class EventsTaken(msgspec.Struct, frozen=True):
    """What became of a batch: accepted events are on disk, and seen by the next request."""

    accepted: int
    duplicates: Annotated[int, msgspec.Meta(description="Their event_id was there already.")]
    errors: list[EventError]


class CustomerFound(msgspec.Struct, frozen=True):
    """One customer of a list."""

    customer_id: str
    name: str | None
    events: int
    orders: int
    value: float | None
    first_seen: datetime | None
    last_seen: datetime | None
    identifiers: int


class CustomersFound(msgspec.Struct, frozen=True):
    """Customers that match a search, the busiest first."""

    customers: list[CustomerFound]
    total: int


class Identity(msgspec.Struct, frozen=True):
    """One identifier of a customer; a keyed hash where it is personal."""

    namespace: str
    value: str
    evidence: str | None


class SegmentName(msgspec.Struct, frozen=True):
    """One segment that a customer is in."""

    kind: str
    id: str
    name: Words


class Happening(msgspec.Struct, frozen=True):
    """One event of a customer's history."""

    time: datetime
    type: str
    item_id: str | None
    title: str | None
    quantity: float | None
    value: float | None
    channel: str | None
    order_id: str | None
    place: str | None


class ConsentSaid(msgspec.Struct, frozen=True):
    """What holds for one purpose."""

    allowed: bool
    said: Annotated[
        bool, msgspec.Meta(description="False where nobody has said: bespeak.toml decides then.")
    ]
    since: Annotated[
        datetime | None, msgspec.Meta(description="When they said so; null where nobody knows.")
    ]


class Consents(msgspec.Struct, frozen=True):
    """What a customer agreed to: `personalisation`, `training`, `marketing`."""

    customer_id: str
    consent: dict[str, ConsentSaid]


class Customer(msgspec.Struct, frozen=True):
    """One person: who, what they did (latest first), and what follows from it."""

    customer_id: str
    identities: list[Identity]
    attributes: dict[str, Any]
    features: dict[str, Value]
    features_as_of: Annotated[
        datetime,
        msgspec.Meta(
            description="The instant that the features hold for: this moment where the customer did"
            " something since the last run, else that run's."
        ),
    ]
    features_by_run: Annotated[
        list[str],
        msgspec.Meta(description="Features that only a run brings up to date: as of the last."),
    ]
    since: Annotated[
        int, msgspec.Meta(description="Events since the last run, which the features count in.")
    ]
    segments: list[SegmentName]
    consent: dict[str, ConsentSaid]
    history: list[Happening]
    events: Annotated[int, msgspec.Meta(description="Events in all; `history` may hold fewer.")]
    as_of: datetime


class ItemFound(msgspec.Struct, frozen=True):
    """One item of a list; how often it was chosen is not for a public key."""

    item_id: str
    title: str | None
    category: str | None
    brand: str | None
    price: float | None
    is_product: bool | None
    events: int | None
    customers: int | None


class ItemsFound(msgspec.Struct, frozen=True):
    """Items that match a search, the most used first."""

    items: list[ItemFound]
    total: int


class Item(msgspec.Struct, frozen=True):
    """One product or service; how often it was chosen is not for a public key."""

    item_id: str
    title: str | None
    category: str | None
    brand: str | None
    price: float | None
    available: bool | None
    is_product: bool | None
    attributes: dict[str, Any]
    events: int | None
    customers: int | None


class Segment(msgspec.Struct, frozen=True):
    """One group of customers."""

    id: str
    name: Words
    description: Words
    customers: int
    share: Annotated[float | None, msgspec.Meta(description="Of all customers, 0 to 1.")] = None
    value: Annotated[float | None, msgspec.Meta(description="Sales to its customers.")] = None
    features: dict[str, Value] = {}


class Cell(msgspec.Struct, frozen=True):
    """One field of the RFM map: scores run from 1 (worst fifth) to 5 (best fifth)."""

    recency: int
    frequency: int
    customers: int
    segment: str | None = None
    value: Annotated[float | None, msgspec.Meta(description="Sales to its customers.")] = None


class Choice(msgspec.Struct, frozen=True):
    """What speaks for one number of clusters."""

    k: int
    inertia: float | None = None
    silhouette: float | None = None
    stability: float | None = None


class Grouping(msgspec.Struct, frozen=True):
    """One way to divide the customers."""

    kind: str
    name: Words
    segments: list[Segment]
    why: Words | None = None
    k: int | None = None
    curve: list[Choice] = []
    cells: list[Cell] = []


class Segments(msgspec.Struct, frozen=True):
    """Every way in which the customers are divided."""

    as_of: datetime
    groupings: list[Grouping]


class Member(msgspec.Struct, frozen=True):
    """One customer of a segment."""

    customer_id: str
    name: str | None
    events: int
    value: float | None
    last_seen: datetime | None


class Members(msgspec.Struct, frozen=True):
    """The customers of one segment, those who spend most first."""

    kind: str
    segment: Segment
    customers: list[Member]
    total: int


class Stage(msgspec.Struct, frozen=True):
    """One step of the last run."""

    stage: str
    name: str
    state: Annotated[str, msgspec.Meta(description="`done`, or `kept` where nothing changed.")]
    rows: int | None = None
    seconds: float | None = None
    made_at: str | None = None


class Run(msgspec.Struct, frozen=True):
    """One run of the flow."""

    at: str
    seconds: float | None = None
    changed: bool | None = None
    made: int | None = None
    kept: int | None = None


class Totals(msgspec.Struct, frozen=True):
    """How much there is."""

    customers: int
    items: int
    products: int
    events: int
    anonymous_events: int
    orders: int
    sales: float | None
    types: dict[str, int]
    channels: dict[str, int]
    first: datetime | None
    last: datetime | None


class Day(msgspec.Struct, frozen=True):
    """One day's sales: purchases less returns."""

    day: date
    sales: float | None
    orders: int
    customers: int


class Health(msgspec.Struct, frozen=True):
    """One thing that ought to be true of the data, and of what share it is."""

    code: Literal["accounted", "kept", "identified", "described", "priced"]
    state: Literal["good", "fair", "poor"]
    share: float
    rows: int
    of: int


class Feature(msgspec.Struct, frozen=True):
    """What one number of a customer means, and where most customers stand."""

    name: str
    meaning: Words
    kind: Annotated[
        str, msgspec.Meta(description="count, money, quantity, days, share, ratio, or text.")
    ]
    unit: str
    customers: Annotated[int, msgspec.Meta(description="For how many it is known.")]
    quantiles: Annotated[
        list[float], msgspec.Meta(description="At 10, 25, 50, 75 and 90 per cent; exact.")
    ]


class Features(msgspec.Struct, frozen=True):
    """Every feature of a customer, in the order of the table."""

    as_of: datetime
    features: list[Feature]


class Overview(msgspec.Struct, frozen=True):
    """The whole workspace at a glance."""

    name: str
    currency: str
    as_of: datetime
    stages: list[Stage]
    runs: list[Run]
    totals: Totals
    days: list[Day]
    health: list[Health]


class Account(msgspec.Struct, frozen=True):
    """Where every row of a source went: rows_in = kept + merged + erased + quarantined."""

    source: str
    rows_in: int
    kept: int
    merged: int
    erased: int
    quarantined: dict[str, int]
    found: dict[str, int]


class Source(msgspec.Struct, frozen=True):
    """One source: its files, how they were read, and its account."""

    name: str
    table: str
    account: Account
    channel: str | None = None
    format: str | None = None
    files: list[str] = []
    said: Annotated[list[str], msgspec.Meta(description="What was found out about the files.")] = []
    span: list[datetime] | None = None
    policies: dict[str, Any] = {}


class Refused(msgspec.Struct, frozen=True):
    """One row that was not let in; nothing personal is shown."""

    source: str
    file: str | None
    row: int | None
    column: str | None
    reason: str
    found: str | None
    expected: str | None
    raw: str | None


class Data(msgspec.Struct, frozen=True):
    """What came in, what became of it, and examples of what did not get in."""

    as_of: datetime
    sources: list[Source]
    quarantine: list[Refused]


class ModelResult(msgspec.Struct, frozen=True):
    """How one model did on what customers went on to do."""

    name: str
    metrics: dict[str, Measure]
    fit_s: float | None = None
    score_s: float | None = None
    lists_per_s: float | None = None
    list_ms: float | None = None
    by_lists: ByLists | None = None
    peak_rss_mb: float | None = None
    parameters: dict[str, Any] = {}
    model: str | None = None
    customers: int | None = None
    slices: list[Part] = []


class Evaluation(msgspec.Struct, frozen=True):
    """The honest table, and which model answers because of it."""

    served: str
    why: Words
    models: list[ModelResult]
    split: Words | None = None
    customers: int | None = None
    k: int | None = None
    metric: str | None = None
    repeat: bool | None = None
    items: int | None = None
    new_customers: int | None = None
    seed: int | None = None
    made_at: datetime | None = None
    machine: Machine | None = None
    data: Parts | None = None
    leaks: Leaks | None = None
    tests: list[Compared] = []
    search: Search | None = None


class Trace(msgspec.Struct, frozen=True):
    """Something that the last run made and that holds a person, or was learned from them."""

    what: str
    version: str
    rows: dict[str, int] | None
    """Table -> rows of theirs, where they can be counted."""


class Erased(msgspec.Struct, frozen=True):
    """What was removed of a person, and what the next run will remove."""

    customer_id: str
    identifiers: dict[str, int]
    """Namespace -> how many identifiers are kept out from now on."""
    removed: dict[str, int]
    """Place -> rows that left it."""
    until_next_run: list[Trace]
    kept_by_you: list[str]
    """Files that are not bespeak's to change, and name the person."""


class Exported(msgspec.Struct, frozen=True):
    """All that is held of a person."""

    customer_id: str
    exported_at: datetime
    identifiers: list[str]
    consent: dict[str, ConsentSaid]
    attributes: dict[str, Any] | None
    features: dict[str, Any] | None
    segments: dict[str, list[dict[str, Any]]]
    interactions: list[dict[str, Any]]
    record: dict[str, dict[str, list[dict[str, Any]]]]
    """Source -> table -> rows."""
    since: list[dict[str, Any]]
    """Events that no run has read yet."""


class ListPlace(msgspec.Struct, frozen=True):
    """One place of the lists, from the top: how often it was shown, and what came of it."""

    position: Annotated[int, msgspec.Meta(description="From 0.")]
    shown: int
    clicked: Annotated[int, msgspec.Meta(description="Looked at or clicked.")]
    carted: int
    bought: int


class ListsShown(msgspec.Struct, frozen=True):
    """What became of the lists that were shown, of feedback that names their request_id."""

    as_of: datetime
    lists: int
    places: list[ListPlace]


class Access(msgspec.Struct, frozen=True):
    """What one who asks may do."""

    wanted: Annotated[bool, msgspec.Meta(description="Whether this server asks for keys.")]
    name: Annotated[str | None, msgspec.Meta(description="Of the key that came; null if none.")]
    scopes: list[str]


class Alive(msgspec.Struct, frozen=True):
    """The process answers."""

    status: str = "live"


class Ready(msgspec.Struct, frozen=True):
    """What is being served, and why a newer version is not, if it could not be opened."""

    status: Literal["ready", "stale", "degraded"]
    name: str
    version: str
    as_of: datetime
    opened_at: datetime
    problem: Problem | None
    log: Annotated[
        Problem | None, msgspec.Meta(description="Why events can't be taken or read now.")
    ]


_JSON = msgspec.json.Encoder(decimal_format="number")


def reply(answer: Any, status: int = 200) -> Response:
    """The answer as JSON; NaN, which JSON can't say, becomes null."""
    return Response(_JSON.encode(answer), status_code=status, media_type="application/json")
