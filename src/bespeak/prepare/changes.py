"""Changes of the catalogue: what holds of each item now, and what its price and stock were when."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from bespeak.columns import PRICES, RECORD


def described_by_changes(changes: ir.Table) -> ir.Table:
    """One row an item, as its latest change leaves it: columns of RECORD.items, null what no change
    has said. It is the most trusted description.

    changes : as the copies of the log hold them (`live.CHANGE_COLUMNS`): a row a change, with all
              that was said of the item up to it
    """
    place = ibis.row_number().over(group_by="item_id", order_by=ibis.desc("position"))
    ranked = changes.mutate(place=place)
    latest = ranked.filter(ranked["place"] == 0)
    told = {
        "item_id": latest["item_id"],
        **{name: latest[name] for name in ("title", "category", "brand", "price", "time")},
        "available": _on_sale(latest),
        "attributes": ibis.null("string"),
    }
    columns = RECORD["items"].columns
    return latest.select(**{name: told[name].cast(kind) for name, kind in columns.items()})


def given_up(changes: ir.Table) -> ir.Table:
    """item_id of what the shop has given up, as the latest change of each leaves it.

    changes : as `described_by_changes` takes it
    """
    last = changes.group_by("item_id").agg(sold=changes["sold"].argmax(changes["position"]))
    return last.filter(~last["sold"]).select("item_id")


def price_history(changes: ir.Table) -> ir.Table:
    """What each item cost, and whether it was there to buy, from when to when: columns of PRICES.

    Only changes that moved one of the two begin a row; before an item's first row nothing was said.
    """
    said = changes.mutate(available=_on_sale(changes))
    ordered = {"group_by": "item_id", "order_by": "position"}
    moved = said.mutate(
        first=ibis.row_number().over(**ordered) == 0,
        price_before=said["price"].lag().over(**ordered),
        available_before=said["available"].lag().over(**ordered),
    )
    same = moved["price"].identical_to(moved["price_before"]) & moved["available"].identical_to(
        moved["available_before"]
    )
    begun = moved.filter(moved["first"] | ~same)
    spans = begun.mutate(from_time=begun["time"], to_time=begun["time"].lead().over(**ordered))
    return spans.select(**{name: spans[name].cast(kind) for name, kind in PRICES.items()})


def _on_sale(changes: ir.Table) -> ir.BooleanValue:
    """Whether it can be bought; null where no change has said."""
    given_up = ~changes["sold"].fill_null(True)
    found: ir.BooleanValue = ibis.cases((given_up, False), else_=changes["available"])
    return found
