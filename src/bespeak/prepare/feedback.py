"""What came of what was shown: clicks, baskets and purchases, joined to the exposure before them.

Never written: it follows from exposures, events and identities, and of many exposures it is large.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import ibis
import ibis.expr.types as ir

from bespeak.columns import FEEDBACK, TEXT, WHOLE
from bespeak.engines import Engine

WITHIN = timedelta(days=7)
"""How long after an exposure something still counts as come of it, where no request says so."""
KEY = ["source", "event_id"]
SLOTS = ("list", "fact")
"""Places in the shop that don't compete: a list, and the one for a fact or none."""


def feedback(
    engine: Engine, exposures: ir.Table, events: ir.Table, *, within: timedelta = WITHIN
) -> ir.Table:
    """Exposures, and when first the customer clicked on, carted and bought what was shown.

    An event that names a request belongs to that request's exposure of its item. Any other belongs
    to the last exposure of its item to its customer, if that was not longer ago than `within`: to
    one in a list, and to one of a fact or none.

    exposures : columns.EXPOSURES and customer_id (null where nobody is known)
    events    : RECORD.events and customer_id
    returns   : exposures with `clicked`, `carted`, `bought` (UTC; null: it did not happen) and
                `joined`: `request`, `window`, or null where nothing came of it
    """
    slot = ibis.ifelse(exposures["kind"] == "list", *SLOTS)
    shown = exposures.mutate(_slot=slot, _at=engine.micros(exposures["time"]))
    done = _done(engine, events)
    by_request = _by_request(shown, done)
    by_window = _by_window(shown, done, round(within / timedelta(microseconds=1)))
    whole = shown.left_join(by_request, KEY, rname="_r_{name}")
    whole = whole.left_join(by_window, KEY, rname="_w_{name}")

    def any_of(sign: str) -> ir.Value:
        return ibis.or_(*(whole[f"_{sign}_{name}"].notnull() for name in FEEDBACK))

    return whole.select(
        *exposures.columns,
        **{
            name: engine.moment(ibis.coalesce(whole[f"_r_{name}"], whole[f"_w_{name}"]))
            for name in FEEDBACK
        },
        joined=ibis.cases((any_of("r"), "request"), (any_of("w"), "window"), else_=None),
    )


def _done(engine: Engine, events: ir.Table) -> ir.Table:
    """What customers did about items, once for each slot."""
    kinds = {kind: name for name, kinds in FEEDBACK.items() for kind in kinds}
    acted = events.filter(events["type"].isin(list(kinds)), events["item_id"].notnull())
    done = acted.select(
        "customer_id", "item_id", "request_id",
        _at=engine.micros(acted["time"]),
        _did=ibis.cases(*((acted["type"] == kind, name) for kind, name in kinds.items())),
    )  # fmt: skip
    return ibis.union(*(done.mutate(_slot=ibis.literal(slot)) for slot in SLOTS))


def _first(rows: ir.Table, keys: Sequence[str], sign: str, **more: ir.Value) -> ir.Table:
    """When each kind of feedback first came."""
    firsts = {f"_{sign}_{name}": rows["_at"].min(where=rows["_did"] == name) for name in FEEDBACK}
    return rows.group_by(list(keys)).agg(**firsts, **more)


def _by_request(shown: ir.Table, done: ir.Table) -> ir.Table:
    """Of each exposure that has any: feedback that names its request."""
    keys = ["_slot", "request_id", "item_id"]
    named = shown.filter(shown["request_id"].notnull()).select(*keys, *KEY)
    return _first(done.inner_join(named, keys), KEY, "r")


def _by_window(shown: ir.Table, done: ir.Table, within: int) -> ir.Table:
    """Of each exposure: feedback that names no request which showed the item, by who and when.

    Exposures and feedback stand in one line of time, so that each looks back to the last exposure
    and no pair of them is made.
    """
    whose = ["_slot", "customer_id", "item_id"]
    known = shown.filter(shown["customer_id"].notnull())
    named = shown.filter(shown["request_id"].notnull())
    rest = done.anti_join(named, ["_slot", "request_id", "item_id"]).semi_join(known, whose)
    nothing = {name: ibis.null(TEXT) for name in KEY}
    line = known.select(*whose, "_at", *KEY, _did=ibis.null(TEXT)).union(
        rest.select(*whose, "_at", **nothing, _did="_did")
    )
    order = ibis.window(group_by=whose, order_by=["_at", line["_did"].notnull(), *KEY, "_did"])
    line = line.mutate(_place=ibis.row_number().over(order))
    so_far = ibis.window(group_by=whose, order_by="_place", preceding=None, following=0)
    is_shown = line["_did"].isnull()
    line = line.mutate(
        **{
            f"_last_{name}": ibis.ifelse(is_shown, line[f"_{name}"], ibis.null(WHOLE))
            .max()
            .over(so_far)
            for name in ("place", "at")
        }
    )
    near = line["_at"] - line["_last_at"] <= within
    held = line.filter(line["_last_place"].notnull(), line["_did"].isnull() | near)
    keys = [*whose, "_last_place"]
    found = _first(held, keys, "w", **{name: held[name].max() for name in KEY})
    return found.drop(*keys)
