"""What became of the lists that were shown: impressions, and the feedback that names them."""

from __future__ import annotations

from datetime import UTC, datetime

import ibis
import ibis.expr.types as ir

from bespeak.columns import FEEDBACK, MODEL_ASKED
from bespeak.engines import Engine
from bespeak.serve import answers


def lists_shown(engine: Engine, events: ir.Table, as_of: datetime) -> answers.ListsShown:
    """By place on the list, how often it was shown and chosen; each item of a list counts once.
    Lists by which a model was tried do not count.

    events : RECORD.events
    as_of  : exclusive, UTC
    """
    named = events.filter(
        events["time"] < ibis.literal(as_of.replace(tzinfo=None)),
        events["request_id"].notnull(), events["item_id"].notnull(),
    )  # fmt: skip
    keys = ["request_id", "item_id"]
    seen = named.filter(named["type"] == "impression", named["position"].notnull())
    asked = engine.json_value(seen["properties"], MODEL_ASKED)
    seen = seen.anti_join(seen.filter(asked.notnull()), "request_id")
    shown = seen.group_by(keys).agg(position=seen["position"].min())
    done = named.group_by(keys).agg(
        **{
            name: (named["type"].isin(kinds)).cast("int64").max()
            for name, kinds in FEEDBACK.items()
        }
    )
    joined = shown.inner_join(done, keys)
    found = joined.group_by("position").agg(
        shown=joined.count(), **{name: joined[name].sum() for name in FEEDBACK}
    )
    rows = engine.run(found.order_by("position")).to_pylist()
    lists = engine.run(shown.agg(lists=shown["request_id"].nunique())).to_pylist()[0]["lists"]
    places = [answers.ListPlace(**row) for row in rows]
    return answers.ListsShown(as_of.replace(tzinfo=UTC), lists, places)
