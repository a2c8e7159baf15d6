"""A customer's features at this moment: their whole history, with what the log has taken since.

The snapshot has what the last run knew of them, the log the rest; the declarations are those that
the tables are made from. What cleaning takes from whole tables (outliers, missing values filled) is
not done to the latest events: that comes with the next run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from bespeak import features, live, serve
from bespeak.consent import CONSENT
from bespeak.opening import COPIES
from bespeak.serve.assortment import described

UNIT = Decimal("0.0001")
"""Of money in the record."""
INSTANT = timedelta(microseconds=1)
Event = Mapping[str, Any]


class Lately:
    """The features of one snapshot's customers, brought up to date when they are asked for."""

    def __init__(self, snapshot: serve.Snapshot, zone: str) -> None:
        """zone : whose clocks tell hour and weekday"""
        columns = [name for name in snapshot.features.rows.column_names if name != "customer_id"]
        self._declared = features.declared(columns, channel=COPIES)
        self._columns = [*columns, *{one.name for one in self._declared} - {*columns}]
        self._snapshot, self._zone = snapshot, zone

    def __call__(
        self,
        customer_id: str,
        since: Sequence[live.Kept],
        *,
        moment: datetime,
        changes: serve.Changes = serve.UNCHANGED,
    ) -> serve.FeaturesNow:
        """As serve.FeaturesLately."""
        before = self._snapshot.history(customer_id).to_pylist()
        events = [*before, *(_told(kept) for kept in since if kept.entry.type != CONSENT)]
        known = dict(self._items({event["item_id"] for event in events} - {None}, changes))
        categories = {item: category for item, (category, _) in known.items()}
        kept, state = features.Live(self._declared, self._zone, categories), features.State()
        for event in events:
            _, is_product = known.get(event["item_id"], (None, None))
            kept.add(state, {**_NOT_KEPT, **event, "is_product": is_product})
        latest = max((event["time"].replace(tzinfo=UTC) for event in events), default=moment)
        as_of = max(moment, latest + INSTANT)  # a sender's clock may run ahead
        values = kept.values(state, as_of)
        row = self._snapshot.features.one(customer_id) or {}
        now = {name: values.get(name, row.get(name)) for name in self._columns}
        return serve.FeaturesNow(now, as_of, [name for name in now if name not in values])

    def _items(
        self, ids: set[str], changes: serve.Changes
    ) -> Iterator[tuple[str, tuple[str | None, bool | None]]]:
        """Of each item its category and whether it is a product, as they are now."""
        for item_id in ids:
            row = described(item_id, self._snapshot.items.one(item_id), changes)
            if row is not None:
                yield item_id, (features.first_level(row["category"]), row["is_product"])


_NOT_KEPT = {"session_id": None, "price": None}
"""What the snapshot has not, and no feature of a customer that can be brought up to date needs."""


def _told(kept: live.Kept) -> Event:
    """An event of the log as the record would have it."""
    row = live.row_of(kept)
    money = {name: _money(row[name]) for name in ("value", "discount")}
    named = ("type", "item_id", "order_id", "time", "quantity")
    about = {name: row[name] for name in named}
    return {**about, **money, "customer_id": kept.entry.visitor, "channel": COPIES}


def _money(amount: str | None) -> Decimal | None:
    return None if amount is None else Decimal(amount).quantize(UNIT, ROUND_HALF_UP)
