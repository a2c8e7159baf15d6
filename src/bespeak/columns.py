"""The record's vocabulary: every canonical table and one spelling per column.

Times are UTC, to the microsecond, without an offset. Money is DECIMAL(18, 4) in the row's currency.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

TEXT, NUMBER, WHOLE, MONEY, TIME, YES_NO = (
    "string",
    "float64",
    "int64",
    "decimal(18, 4)",
    "timestamp(6)",
    "boolean",
)

LINEAGE: Mapping[str, str] = MappingProxyType({"source": TEXT, "file": TEXT, "row": WHOLE})
"""Where a row came from; `row` counts as a person would in the file (see collect)."""

EVENT_TYPES = (
    "view", "click", "search", "cart", "wishlist", "purchase", "return", "adjust", "rate",
    "impression", "dismiss", "restore", "survey", "send", "open", "ask", "mention", "login",
    "consent", "other",
)  # fmt: skip
"""`dismiss` is "not interested" in an item, `restore` takes that back; `adjust` moves
stock or a ledger and is no customer's doing; `send` is a message that left; `consent` says what
may be done with what is known of who sends it."""


@dataclass(frozen=True)
class Grain:
    """One canonical table: what a row is, its typed columns, which it can't do without."""

    row: str
    columns: Mapping[str, str]
    required: tuple[str, ...]
    key: tuple[str, ...] = ()
    time: str | None = None
    actor: bool = False
    """Whether rows carry identifiers of a customer (column `actor`)."""
    personal: tuple[str, ...] = field(default=())
    """Columns whose values are never quoted in a message."""


RECORD: Mapping[str, Grain] = MappingProxyType(
    {
        "events": Grain(
            row="one thing a customer did",
            columns={
                "event_id": TEXT, "actor": TEXT, "session_id": TEXT, "order_id": TEXT,
                "item_id": TEXT, "type": TEXT, "time": TIME, "channel": TEXT,
                "quantity": NUMBER, "price": MONEY, "value": MONEY, "discount": MONEY,
                "currency": TEXT, "place": TEXT, "device": TEXT, "request_id": TEXT,
                "position": WHOLE, "properties": TEXT,
            },
            required=("type", "time"),
            key=("event_id",),
            time="time",
            actor=True,
        ),
        "customers": Grain(
            row="one description of one customer by one source",
            columns={
                "actor": TEXT, "name": TEXT, "birth_year": WHOLE, "gender": TEXT, "country": TEXT,
                "region": TEXT, "city": TEXT, "language": TEXT, "income": TEXT, "household": TEXT,
                "consent": TEXT, "attributes": TEXT, "time": TIME,
            },
            required=("actor",),
            key=("actor",),
            actor=True,
            personal=("name",),
        ),
        "items": Grain(
            row="one product or service",
            columns={
                "item_id": TEXT, "title": TEXT, "category": TEXT, "brand": TEXT, "price": MONEY,
                "available": YES_NO, "attributes": TEXT, "time": TIME,
            },
            required=("item_id",),
            key=("item_id",),
        ),
        "offers": Grain(
            row="one campaign or coupon: sent to, valid for or redeemed by",
            columns={
                "offer_id": TEXT, "campaign": TEXT, "actor": TEXT, "item_id": TEXT,
                "from_time": TIME, "to_time": TIME, "kind": TEXT,
            },
            required=("offer_id", "kind"),
            actor=True,
        ),
        "placements": Grain(
            row="one item shown at one place for a while",
            columns={
                "item_id": TEXT, "place": TEXT, "from_time": TIME, "to_time": TIME, "kind": TEXT,
                "position": TEXT,
            },
            required=("item_id", "from_time"),
            time="from_time",
        ),
        "texts": Grain(
            row="one review, query or message",
            columns={
                "text_id": TEXT, "actor": TEXT, "item_id": TEXT, "kind": TEXT, "time": TIME,
                "channel": TEXT, "language": TEXT, "rating": NUMBER, "text": TEXT,
            },
            required=("text",),
            time="time",
            actor=True,
            personal=("text",),
        ),
        "links": Grain(
            row="one row of a source that names two identifiers of one customer",
            columns={"left": TEXT, "right": TEXT, "rows": WHOLE, "first_row": WHOLE},
            required=("left", "right"),
        ),
        "quarantine": Grain(
            row="one row that was not let in",
            columns={
                "column": TEXT, "reason": TEXT, "found": TEXT, "expected": TEXT, "raw": TEXT,
                "rule": TEXT,
            },
            required=("reason",),
        ),
        "merged": Grain(
            row="one row that stands in another",
            columns={"reason": TEXT, "into_row": WHOLE, "into_file": TEXT},
            required=("reason",),
        ),
    }
)  # fmt: skip

IDENTITIES: Mapping[str, str] = MappingProxyType(
    {"actor": TEXT, "namespace": TEXT, "value": TEXT, "customer_id": TEXT, "evidence": TEXT}
)
"""One identifier; `actor` is `namespace:value`, `value` a keyed hash where it is personal."""

PRICES: Mapping[str, str] = MappingProxyType(
    {"item_id": TEXT, "price": MONEY, "available": YES_NO, "from_time": TIME, "to_time": TIME}
)
"""What one item cost, and whether it could be bought, from a moment on and before another; null
what nobody said, and `to_time` while it holds."""

EXPOSURES: Mapping[str, str] = MappingProxyType(
    {
        "event_id": TEXT, "source": TEXT, "actor": TEXT, "session_id": TEXT, "item_id": TEXT,
        "fact": TEXT, "kind": TEXT, "time": TIME, "place": TEXT, "device": TEXT, "position": WHOLE,
        "request_id": TEXT, "model": TEXT, "version": TEXT, "policy": TEXT, "propensity": NUMBER,
    }
)  # fmt: skip
"""One customer saw one item or fact. `kind` is `list` (the item stood in a list), `fact` (it was
said of the item) or `none` (there was a place for a fact, and chance left it empty); `propensity`
is the chance that the policy had to show just this, null where nothing was left to chance."""

FEEDBACK: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"clicked": ("click", "view"), "carted": ("cart",), "bought": ("purchase",)}
)
"""What may come of an exposure: its name -> the types of event that tell it."""

MODEL_ASKED = "model_asked"
"""The property of an impression that names the model which the shop had asked for, to try it: of
such a list no exposure is made."""

PERSONAL_NAMESPACES = ("email", "phone", "name", "card", "address", "ip")
"""Identifiers kept only as a keyed hash, whatever the source calls them."""

DISMISS, RESTORE = "dismiss", "restore"
"""What a customer is not interested in, and is again."""

SESSION = "session"
"""The namespace of visits: a person has as many of these as they like."""

MAPPABLE = tuple(name for name in RECORD if name not in {"links", "quarantine", "merged"})
