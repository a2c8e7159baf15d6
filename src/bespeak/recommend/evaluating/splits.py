"""Which interactions are known and which are to be foretold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from bespeak.errors import BadRequest
from bespeak.recommend.answering.owned import owned
from bespeak.recommend.evaluating.files import Rows
from bespeak.recommend.histories import Flags, Histories, Index, Interactions, Whole, compressed
from bespeak.recommend.interactions import DAY, instant, ranked_ids

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from bespeak.engines import Engine


@dataclass(frozen=True, eq=False)
class Held:
    """What customers turned out to have: row r holds `items[indptr[r]:indptr[r + 1]]`, each once.

    customers : int32, each row's customer among those of the training part; -1: not there
    items     : int32, positions among the training part's items; -1: not there, so never hit,
                but still relevant
    asked     : what is known of each row, where that is not its customer's training part
    times     : microseconds since 1970 of each item, the first time it was had; None: not known
    """

    customers: Index
    indptr: Whole
    items: Index
    asked: Histories | None = None
    times: Whole | None = None

    def __len__(self) -> int:
        return len(self.customers)

    @property
    def rows(self) -> Whole:
        """The row of every entry."""
        return np.repeat(np.arange(len(self)), np.diff(self.indptr))

    def where(self, kept: Flags) -> Held:
        """Only some entries, and only the rows that have any left."""
        rows = self.rows[kept]
        left, renumbered = np.unique(rows, return_inverse=True)
        asked = None if self.asked is None else self.asked.take(left)
        indptr = compressed(renumbered, len(left))
        times = None if self.times is None else self.times[kept]
        return Held(self.customers[left], indptr, self.items[kept], asked, times)

    def known(self, train: Interactions) -> Histories:
        """What each row's list is made of."""
        return train.histories.take(self.customers) if self.asked is None else self.asked


def hold(
    train: Interactions,
    customers: Sequence[str],
    items: Sequence[str],
    times: Whole | None = None,
) -> Held:
    """Test pairs in the terms of the training part; a pair named twice counts once, and first.

    times : microseconds since 1970, where they are known
    """
    return _held(train, pa.chunked_array([pa.array(customers, pa.string())]),
                 pa.chunked_array([pa.array(items, pa.string())]), times)  # fmt: skip


def load_held(engine: Engine, pairs: ir.Table, train: Interactions) -> Held:
    """The rows of `foretold(…)` in the terms of the training part."""
    rows = engine.run(pairs.select("customer_id", "item_id", "time"))
    return _held(train, rows["customer_id"], rows["item_id"], rows["time"].to_numpy())


def before(engine: Engine, events: ir.Table, since: datetime) -> ir.Table:
    """Events before `since` (UTC): what may be learned from."""
    return events.filter(engine.micros(events["time"]) < instant(since))


def foretold(
    engine: Engine,
    events: ir.Table,
    *,
    since: datetime,
    until: datetime,
    types: Sequence[str] = ("purchase",),
) -> ir.Table:
    """What each customer had of products in [since, until), each once.

    returns : customer_id, item_id, time (of the first time, microseconds since 1970)
    """
    at = engine.micros(events["time"])
    kept = events.filter(
        events["customer_id"].notnull(),
        events["item_id"].notnull(),
        events["is_product"].fill_null(True),
        events["type"].isin(list(types)),
        at >= instant(since),
        at < instant(until),
    )
    first = engine.micros(kept["time"]).min()
    return kept.group_by(["customer_id", "item_id"]).aggregate(time=first)


def by_time(rows: Rows, days: float) -> tuple[Rows, Rows]:
    """A file's rows before its last `days`, and those within them.

    raises : BadRequest where rows have no time, or one part would be empty
    """
    _need_times(rows, "a split by time")
    test = rows.times > int(rows.times.max()) - round(days * DAY)
    if test.all():
        raise BadRequest(
            "nothing is left to learn from", found=f"{days:g} days of test",
            expected="less than the file spans", next_step="Take fewer days.",
        )  # fmt: skip
    return rows.where(~test), rows.where(test)


def leave_last_out(rows: Rows) -> tuple[Rows, Rows]:
    """Each customer's rows but the last, and the last; who has one row only is learned from.

    The last is by time, then by item id.
    raises : BadRequest where rows have no time
    """
    _need_times(rows, "leaving the last out")
    _, of_customer = ranked_ids(pa.chunked_array([pa.array(rows.customers, pa.string())]))
    _, of_item = ranked_ids(pa.chunked_array([pa.array(rows.items, pa.string())]))
    order = np.lexsort((of_item, rows.times, of_customer))
    ordered = of_customer[order]
    last = np.append(ordered[1:] != ordered[:-1], True)
    alone = np.bincount(of_customer)[ordered] < 2
    test = np.zeros(len(rows), np.bool_)
    test[order[last & ~alone]] = True
    return rows.where(~test), rows.where(test)


def carve(
    interactions: Interactions, share: float, *, seed: int, order: Any = None
) -> tuple[Interactions, Held]:
    """Interactions with a share of each customer's items taken out, and what was taken.

    At least one item of everybody who has two; for validation where no time is known.
    order  : a number per entry: of each customer those with the least are taken; random by default
    raises : BadRequest unless 0 < share < 1
    """
    if not 0 < share < 1:
        raise BadRequest("share", found=str(share), expected="more than 0 and less than 1")
    histories = interactions.histories
    rows, lengths = histories.rows, histories.lengths
    drawn = np.random.default_rng(seed).random(len(rows))
    taken = np.lexsort((drawn, rows) if order is None else (drawn, order, rows))
    wanted = np.where(lengths < 2, 0, np.maximum(1, (lengths * share).astype(np.int64)))
    test = np.zeros(len(rows), np.bool_)
    test[taken[np.arange(len(rows)) - histories.indptr[rows] < wanted[rows]]] = True
    everybody = Held(np.arange(len(histories), dtype=np.int32), histories.indptr, histories.indices)
    return replace(interactions, histories=histories.where(~test)), everybody.where(test)


def unowned(held: Held, histories: Histories, items: int) -> Flags:
    """Which entries of `held` are in nobody's own history: `histories` has a row per row of it."""
    owned = histories.rows * items + histories.indices
    return (held.items < 0) | ~np.isin(held.rows * items + held.items, owned)


def new_to(held: Held, train: Interactions) -> Held:
    """Only what a list may offer its customer, or its session, by `owned`."""
    had = owned(held.known(train), buys=train.buys, as_of=train.as_of)
    return held.where(unowned(held, had, len(train.items)))


def _held(
    train: Interactions,
    customers: pa.ChunkedArray,
    items: pa.ChunkedArray,
    times: Whole | None,
) -> Held:
    names, of_customer = ranked_ids(customers)
    things, of_item = ranked_ids(items)
    every = of_customer * max(len(things), 1) + of_item
    order = np.arange(len(every)) if times is None else np.argsort(times, kind="stable")
    pairs, first = np.unique(every[order], return_index=True)
    places = train.items.find_all(list(things))
    return Held(
        train.customers.find_all(list(names)),
        compressed(pairs // max(len(things), 1), len(names)),
        places[pairs % max(len(things), 1)],
        times=None if times is None else times[order][first],
    )


def _need_times(rows: Rows, what: str) -> None:
    if not rows.timed:
        raise BadRequest(f"{what} needs a time in every row", next_step="Give a test file instead.")
