"""On what, and on which machine, models are measured."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np

from bespeak import machine
from bespeak.recommend.evaluating.splits import Held
from bespeak.recommend.histories import NO_TIME, Interactions, Whole
from bespeak.recommend.interactions import moment


def conditions(train: Interactions, held: Held, seed: int) -> dict[str, Any]:
    """What a reader must know to judge figures, and to get the same ones again.

    returns : "seed"; "made_at"; "machine", as `machine.described`; "data": {"train": {rows (pairs
              of customer and item), customers, items, first, last}, "test": {pairs, cold_pairs (of
              items that nobody has in train), customers, first, last}}; first and last are days, or
              None where no time is known
    """
    histories = train.histories
    timed = train.as_of is not None
    return {
        "seed": seed,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine.described(),
        "data": {
            "train": {
                "rows": len(histories.indices), "customers": len(histories),
                "items": len(train.items),
                **_days(np.append(histories.first_time, histories.last_time) if timed else None),
            },
            "test": {
                "pairs": len(held.items), "cold_pairs": int(_cold(train, held)),
                "customers": len(held), **_days(held.times),
            },
        },
    }  # fmt: skip


def _cold(train: Interactions, held: Held) -> int:
    having = np.bincount(train.histories.indices, minlength=len(train.items))
    return int((np.append(having, 0)[held.items] == 0).sum())


def _days(times: Whole | None) -> dict[str, str | None]:
    known = np.zeros(0, np.int64) if times is None else times[times != NO_TIME]
    if not len(known):
        return {"first": None, "last": None}
    ends = {"first": int(known.min()), "last": int(known.max())}
    return {name: moment(micros).date().isoformat() for name, micros in ends.items()}
