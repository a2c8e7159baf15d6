"""What a new version must answer before it is served: asked as customers would, and compared.

The rules, of which each is enough to refuse it:
- a question fails, or takes longer than PATIENCE_S twice;
- the list of a newcomer, or what is trending, is empty where it was not before;
- of the customers asked, less than half as many get a list as before; likewise visits with a
  history, and items that have similar ones;
- it has less than half as many items, or customers, as before.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bespeak.errors import VersionRefused
from bespeak.serve.shop import EVERYTHING, Shop

ASKED = 16
"""Customers and items that are asked about, spread evenly over all of them."""
LENGTH = 10
PATIENCE_S = 2.0
REST_S = 0.002
"""Between two questions while an old version answers: customers wait for each turn that these
take."""
LEFT = 0.5
"""Share of what was there before that must be there still."""
_NEXT = (
    "See what the last run did (`bespeak status`, /v1/tasks). `bespeak rollback` keeps the old one;"
    " if it is meant to be so, start the server again: it then takes the version as it is."
)

Question = Callable[[], Mapping[str, Any]]


def examine(new: Shop, old: Shop | None) -> None:
    """Ask `new` every question; compare with `old`, which is served, unless there is none.

    Nothing is compared either where somebody put `new` back by hand.

    raises : VersionRefused; whatever error a question fails with
    """
    rest_s = 0.0 if old is None else REST_S
    found = _found(new, rest_s)
    if old is None or new.by_hand:
        return
    for kind, before in _found(old, rest_s).items():
        now = found.get(kind, 0)
        if now < before * LEFT:
            raise VersionRefused(
                f"version {new.version}: {kind} have collapsed",
                found=f"{now:,}",
                expected=f"at least {LEFT:.0%} of {before:,}, as version {old.version} has",
                next_step=_NEXT,
            )


def _found(shop: Shop, rest_s: float) -> dict[str, int]:
    """How many there are of each kind of row, and how many of each kind of list are not empty.

    rest_s : to wait before each question
    """
    counts = {
        "items": shop.snapshot.items.rows.num_rows,
        "customers": shop.snapshot.customers.rows.num_rows,
    }
    for kind, question in _questions(shop):
        time.sleep(rest_s)
        answered = len(_answer(kind, question, shop.version)["items"]) > 0
        counts[kind] = counts.get(kind, 0) + answered
    return counts


def _questions(shop: Shop) -> Iterator[tuple[str, Question]]:
    """What is asked, each under the name of its kind."""

    def offer(customer_id: str | None, items: tuple[str, ...]) -> Question:
        return lambda: shop.recommend(customer_id=customer_id, items=items, k=LENGTH, repeat=None)

    def similar(item_id: str) -> Question:
        return lambda: shop.similar(item_id, k=LENGTH)

    yield "lists of a newcomer", offer(None, ())
    yield "lists of what is trending", lambda: shop.trending(k=LENGTH, filters=EVERYTHING)
    for customer_id in _spread(shop, "customers", "customer_id"):
        if not shop.erased(customer_id):  # who was is in the files until the next run
            yield "lists of customers", offer(customer_id, ())
    for item_id in _spread(shop, "items", "item_id"):
        yield "lists of visits with one item", offer(None, (item_id,))
        yield "lists of similar items", similar(item_id)


def _spread(shop: Shop, table: str, key: str) -> list[str]:
    """Up to ASKED ids of a table, evenly spread."""
    keys = getattr(shop.snapshot, table).rows[key]
    places = sorted({at * len(keys) // ASKED for at in range(ASKED)}) if len(keys) else []
    return [keys[place].as_py() for place in places]


def _answer(kind: str, question: Question, version: str) -> Mapping[str, Any]:
    """The answer; asked twice where the first took long, for it may have read from disk."""
    for _ in range(2):
        started = time.perf_counter()
        answer = question()
        if time.perf_counter() - started <= PATIENCE_S:
            return answer
    raise VersionRefused(
        f"version {version}: {kind} take too long",
        expected=f"an answer within {PATIENCE_S:g} s",
        next_step=_NEXT,
    )
