"""Merges of identifiers, looked at: what holds a customer together, what a change would do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import ibis.expr.types as ir

from bespeak.engines import Engine
from bespeak.errors import NotFound

Pair = tuple[str, str]


def explain(
    engine: Engine,
    identities: ir.Table,
    links: ir.Table | None,
    customer_id: str,
    *,
    apart: Sequence[Sequence[str]] = (),
) -> list[dict[str, Any]]:
    """The direct links that make one customer of several identifiers, the strongest first.

    links   : as given to `identify`; apart as configured there
    returns : left, right, rows, sources, and `splits`: the groups of identifiers that would be
              customers of their own if this link were set apart; empty where other links hold them
    raises  : NotFound
    """
    own = identities.filter(identities["customer_id"] == customer_id)
    members = sorted(engine.run(own.select("actor"))["actor"].to_pylist())
    if not members:
        raise NotFound(f"there is no customer `{customer_id}`", next_step="Look it up by search.")
    if links is None or len(members) < 2:
        return []
    inside = links.semi_join(own, [("left", "actor")]).semi_join(own, [("right", "actor")])
    cut = {_pair(one, other) for one, other in apart}
    edges: dict[Pair, dict[str, int]] = {}
    for row in engine.run(inside.select("left", "right", "rows", "source")).to_pylist():
        pair = _pair(row["left"], row["right"])
        if pair not in cut and pair[0] != pair[1]:
            said = edges.setdefault(pair, {})
            said[row["source"]] = said.get(row["source"], 0) + row["rows"]
    ordered = sorted(edges, key=lambda pair: (-sum(edges[pair].values()), pair))
    return [
        {
            "left": pair[0],
            "right": pair[1],
            "rows": sum(edges[pair].values()),
            "sources": sorted(edges[pair]),
            "splits": _splits(members, [other for other in edges if other != pair]),
        }
        for pair in ordered
    ]


def compare_identities(
    engine: Engine, before: ir.Table, after: ir.Table
) -> dict[str, list[dict[str, Any]]]:
    """Who would be merged and who split: the preview of a change, and the proof of its undoing.

    before, after : IDENTITIES, as two calls of `identify` give them
    returns       : merged ({customer_id, was}) and split ({customer_id, into}), by customer_id;
                    an identifier that only one side knows takes no part
    """
    was = before.select("actor", _was="customer_id")
    now = after.select(_actor="actor", _now="customer_id")
    both = was.join(now, was["actor"] == now["_actor"]).select("_was", "_now").distinct()
    return {
        "merged": _fan(engine, both, "_now", "_was", "was"),
        "split": _fan(engine, both, "_was", "_now", "into"),
    }


def _fan(engine: Engine, both: ir.Table, one: str, many: str, said: str) -> list[dict[str, Any]]:
    """Customers of column `one` that meet more than one of column `many`."""
    counted = both.group_by(one).agg(n=both.count())
    several = both.semi_join(counted.filter(counted["n"] > 1), one)
    found: dict[str, list[str]] = {}
    for row in engine.run(several.order_by([one, many])).to_pylist():
        found.setdefault(row[one], []).append(row[many])
    return [{"customer_id": name, said: others} for name, others in found.items()]


def _pair(one: str, other: str) -> Pair:
    return (one, other) if one < other else (other, one)


def _splits(members: Sequence[str], edges: Iterable[Pair]) -> list[list[str]]:
    """The components of one customer's identifiers; empty if there is only one."""
    group = {member: member for member in members}

    def root(member: str) -> str:
        while group[member] != member:
            member = group[member]
        return member

    for left, right in edges:
        one, other = sorted((root(left), root(right)))
        group[other] = one
    found: dict[str, list[str]] = {}
    for member in members:
        found.setdefault(root(member), []).append(member)
    return list(found.values()) if len(found) > 1 else []
