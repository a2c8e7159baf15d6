"""Connected components as relational steps.

Every round, each node takes the least node within two steps of it as its parent, the forest that
this makes is flattened by doubling, and the edges are redrawn between the roots. A root that is
left was the least within two steps, so it has a neighbour that is no root and that no other root
has: roots at least halve every round, whatever the shape of the graph.

source : after Shiloach and Vishkin (1982), with the two-step minimum for their hooking rules
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from bespeak.engines import Engine
from bespeak.errors import BespeakError

ROUNDS = 64
"""2**64 nodes would need as many; more rounds mean that something is wrong."""


def components(engine: Engine, edges: ir.Table) -> tuple[ir.Table, int]:
    """The least node of every node's component.

    edges   : left, right (text, never null), in any order and direction
    returns : node, label, one row per node that has an edge; and the rounds it took
    raises  : BespeakError if it does not end, which only changing input can cause
    """
    ends = edges.select("left", "right").filter(edges["left"] != edges["right"])
    flipped = ends.select(left=ends["right"], right=ends["left"])
    between = engine.keep(ends.union(flipped).distinct())
    labels = between.select(node=between["left"], label=between["left"]).distinct()
    for done in range(ROUNDS):
        if not _size(engine, between):
            return labels, done
        parents = _flattened(engine, engine.keep(_hooked(between)))
        labels = engine.keep(_relabelled(labels, parents))
        between = engine.keep(_redrawn(between, parents))
    raise _endless()


def _hooked(between: ir.Table) -> ir.Table:
    """node, parent: the least node within two steps, itself included."""
    one = between.group_by("left").agg(least=between["right"].min())
    one = one.select(node="left", least=ibis.least(one["left"], one["least"]))
    met = between.join(one, between["right"] == one["node"])
    two = met.group_by("left").agg(least=met["least"].min())
    return two.select(node=two["left"], parent=ibis.least(two["left"], two["least"]))


def _flattened(engine: Engine, parents: ir.Table) -> ir.Table:
    """node, parent with every parent a root: each pass doubles how far a node looks up."""
    for _ in range(ROUNDS):
        above = parents.select(_node="node", _parent="parent")
        jumped = parents.join(above, parents["parent"] == above["_node"])
        if not _size(engine, jumped.filter(jumped["parent"] != jumped["_parent"])):
            return parents
        parents = engine.keep(jumped.select("node", parent=jumped["_parent"]))
    raise _endless()


def _relabelled(labels: ir.Table, parents: ir.Table) -> ir.Table:
    joined = labels.left_join(
        parents.select(_node="node", _parent="parent"), labels["label"] == parents["node"]
    )
    return joined.select("node", label=ibis.coalesce(joined["_parent"], joined["label"]))


def _redrawn(between: ir.Table, parents: ir.Table) -> ir.Table:
    """The edges between roots; those within one tree are gone."""
    up = parents.select(_node="node", _parent="parent")
    first = between.join(up, between["left"] == up["_node"])
    half = first.select(left=first["_parent"], right=first["right"])
    up = parents.select(_far="node", _top="parent")
    second = half.join(up, half["right"] == up["_far"])
    drawn = second.select(left=second["left"], right=second["_top"])
    return drawn.filter(drawn["left"] != drawn["right"]).distinct()


def _size(engine: Engine, rows: ir.Table) -> int:
    return int(engine.run(rows.agg(n=rows.count()))["n"][0].as_py())


def _endless() -> BespeakError:
    return BespeakError(
        f"identity: components were not found within {ROUNDS} rounds",
        expected="links that stay the same while they are read",
        next_step="Run again while nothing else writes to the workspace; if it stays, report it.",
    )
