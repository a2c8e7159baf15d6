"""What may be said of an item, and which of it chance says to one visit: one fact, or none.

What closes a gap in somebody's knowledge can only be learned where chance decided what they saw.
So every fact that there is, and saying nothing, has the same share of the visits; the answer
carries that share (the propensity), and the page reports what it showed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bespeak.serve.answers import Words

POLICY = "uniform-1"
"""Named in every exposure; another way to choose is another name."""


@dataclass(frozen=True)
class Fact:
    """One thing that is so of one item.

    fact : names it among the item's facts: `brand`, `category`, `together:ITEM`
    """

    fact: str
    kind: Literal["attribute", "together", "none"]
    text: Words | None


NONE = Fact("none", "none", None)


def facts(item: Mapping[str, Any], near: Sequence[Mapping[str, Any]]) -> list[Fact]:
    """What the catalogue says of an item, and what buyers chose beside it.

    item : a row of the snapshot's items
    near : the items that go with it, best first; only the first is told
    """
    found = []
    if item["brand"]:
        said = item["brand"]
        found.append(Fact("brand", "attribute", Words(f"Its brand is {said}.", f"品牌：{said}")))
    if item["category"]:
        said = item["category"]
        found.append(Fact("category", "attribute", Words(f"It stands in {said}.", f"品类：{said}")))
    for other in near[:1]:
        title = other["title"] or other["item_id"]
        words = Words(f"Customers who chose it also chose {title}.", f"选它的顾客也选了{title}。")
        found.append(Fact(f"together:{other['item_id']}", "together", words))
    return found


def chosen(options: Sequence[Fact], *, session_id: str, item_id: str) -> Fact:
    """One of `options` or NONE, each with the same chance; the same for a session and item.

    Each option draws a number of its own and the greatest wins (rendezvous hashing), so that where
    a fact comes or goes, only those visits change that had it or get it.
    """

    def draw(option: Fact) -> bytes:
        key = json.dumps([POLICY, session_id, item_id, option.fact])
        return hashlib.sha256(key.encode()).digest()

    return max([*options, NONE], key=draw)
