"""Which identifiers are one person: connected components over identifiers seen together."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import ibis
import ibis.expr.types as ir

from bespeak.columns import IDENTITIES, PERSONAL_NAMESPACES, SESSION, TEXT
from bespeak.config import Identity
from bespeak.engines import Engine
from bespeak.prepare.components import components

SHARED_SHOWN = 100
"""Shared identifiers that the report names; it counts them all."""
SHOWN = 4
"""Characters of a hash that evidence shows."""


def identify(
    engine: Engine, actors: ir.Table, links: ir.Table | None, identity: Identity
) -> tuple[ir.Table, dict[str, Any]]:
    """Every identifier and the customer behind it.

    actors  : `actor` (`namespace:value`; repeats and nulls do no harm)
    links   : left, right, rows, source (several rows per pair are added up); None where no row
              names two identifiers
    returns : IDENTITIES, one row per identifier; and a report: identifiers, customers, links,
              joined (identifiers that share their customer), largest, rounds, shared, apart
    """
    known = actors.filter(actors["actor"].notnull()).select("actor").distinct()
    if links is None or not _size(engine, links):
        return _alone(engine, known, identity)
    pairs = engine.keep(_pairs(links))
    shared = engine.keep(_shared(pairs, identity))
    used = engine.keep(_used(pairs, shared, identity.apart))
    labels, rounds = components(engine, used)
    nodes = _nodes(known, pairs)
    joined = nodes.left_join(labels, nodes["actor"] == labels["node"])
    labelled = joined.select("actor", label=ibis.coalesce(joined["label"], joined["actor"]))
    named = _named(labelled, identity.primary)
    identities = engine.keep(_with_evidence(named, pairs, used, shared))
    report = _report(engine, identities, shared)
    report |= {"links": _size(engine, used), "rounds": rounds, "apart": len(identity.apart)}
    return identities, report


def _alone(engine: Engine, known: ir.Table, identity: Identity) -> tuple[ir.Table, dict[str, Any]]:
    """Without links every identifier is a customer of its own."""
    named = _named(known.mutate(label=known["actor"]), identity.primary)
    evidence = named.mutate(evidence=ibis.literal("seen with no other identifier"))
    identities = engine.keep(evidence.select(*IDENTITIES))
    report = _report(engine, identities, None)
    return identities, report | {"links": 0, "rounds": 0, "apart": len(identity.apart)}


# -- links -----------------------------------------------------------------------------------------


def _pairs(links: ir.Table) -> ir.Table:
    """left < right, source, rows: one row per pair and source."""
    turned = links.select(
        left=ibis.least(links["left"], links["right"]),
        right=ibis.greatest(links["left"], links["right"]),
        source="source",
        rows="rows",
    )
    turned = turned.filter(turned["left"] != turned["right"])
    return turned.group_by(["left", "right", "source"]).agg(rows=turned["rows"].sum())


def _both_ways(pairs: ir.Table) -> ir.Table:
    """actor, other, source, rows: each pair from either side."""
    there = pairs.select(actor=pairs["left"], other=pairs["right"], source="source", rows="rows")
    back = pairs.select(actor=pairs["right"], other=pairs["left"], source="source", rows="rows")
    return there.union(back)


def _shared(pairs: ir.Table, identity: Identity) -> ir.Table:
    """actor, namespace, identifiers: those linked to too many of one other namespace.

    Of a primary namespace fewer are too many, for its values tell people apart; but not of another
    primary one, for a person may well have several cards. Sessions are never too many.
    """
    seen = _both_ways(pairs).select("actor", "other").distinct()
    seen = seen.mutate(namespace=_namespace(seen["other"]))
    seen = seen.filter(seen["namespace"] != _namespace(seen["actor"]), seen["namespace"] != SESSION)
    counted = seen.group_by(["actor", "namespace"]).agg(identifiers=seen.count())
    names = identity.primary
    people = counted["namespace"].isin(names) & ~_namespace(counted["actor"]).isin(names)
    most = ibis.ifelse(people, min(identity.max_customers, identity.max_links), identity.max_links)
    over = counted.filter(counted["identifiers"] > most)
    order = ibis.window(group_by="actor", order_by=[ibis.desc("identifiers"), "namespace"])
    ranked = over.mutate(_rank=ibis.row_number().over(order))
    return ranked.filter(ranked["_rank"] == 0).drop("_rank")


def _used(pairs: ir.Table, shared: ir.Table, apart: Sequence[Sequence[str]]) -> ir.Table:
    """The pairs that join: neither end is shared, and nobody set them apart."""
    many = shared.select("actor")
    used = pairs.anti_join(many, [("left", "actor")]).anti_join(many, [("right", "actor")])
    ends = [sorted(pair) for pair in apart]
    if ends:
        parted = [(used["left"] == left) & (used["right"] == right) for left, right in ends]
        used = used.filter(~reduce(lambda one, other: one | other, parted))
    return used


def _nodes(known: ir.Table, pairs: ir.Table) -> ir.Table:
    """Every identifier that an actor or a link names."""
    left = pairs.select(actor=pairs["left"])
    right = pairs.select(actor=pairs["right"])
    return ibis.union(known, left, right, distinct=True)


# -- names -----------------------------------------------------------------------------------------


def _namespace(actor: ir.Value) -> ir.Value:
    return actor.left(actor.find(":"))


def _value(actor: ir.Value) -> ir.Value:
    return actor.substr(actor.find(":") + 1)


def _named(labelled: ir.Table, primary: Sequence[str]) -> ir.Table:
    """actor, namespace, value, customer_id: no two components get the same customer_id.

    A component is called by the least value of the first primary namespace it has. Of components
    that would be called the same, the one with the earlier namespace keeps the short name; a value
    with a colon in it is never used alone, so no short name equals a long one.
    """
    split = labelled.mutate(
        namespace=_namespace(labelled["actor"]), value=_value(labelled["actor"])
    )
    last = len(primary)
    ranks = [(split["namespace"] == name, rank) for rank, name in enumerate(primary)]
    ranked = split.mutate(_rank=ibis.cases(*ranks, else_=last) if ranks else ibis.literal(last))
    order = ibis.window(group_by="label", order_by=["_rank", "actor"])
    first = ranked.mutate(_at=ibis.row_number().over(order))
    heads = first.filter(first["_at"] == 0).select("label", "_rank", _head="actor", _short="value")
    plain = (heads["_rank"] < last) & ~heads["_short"].contains(":")
    heads = heads.mutate(_name=ibis.ifelse(plain, heads["_short"], heads["_head"]))
    claim = ibis.window(group_by="_name", order_by=["_rank", "_head"])
    heads = heads.mutate(_claim=ibis.row_number().over(claim))
    heads = heads.select(
        _label="label",
        customer_id=ibis.ifelse(heads["_claim"] == 0, heads["_name"], heads["_head"]),
    )
    joined = split.join(heads, split["label"] == heads["_label"])
    return joined.select("actor", "namespace", "value", "customer_id")


# -- evidence --------------------------------------------------------------------------------------


def _with_evidence(named: ir.Table, pairs: ir.Table, used: ir.Table, shared: ir.Table) -> ir.Table:
    """IDENTITIES: why each identifier stands with its customer."""
    strongest = _strongest(used).select(_one="actor", _with="said")
    many = shared.select(_many="actor", _of="namespace", _n="identifiers")
    linked = _both_ways(pairs).select(_linked="actor").distinct()
    rows = named.left_join(strongest, named["actor"] == strongest["_one"])
    rows = rows.left_join(many, rows["actor"] == many["_many"])
    rows = rows.left_join(linked, rows["actor"] == linked["_linked"])
    crowd = rows["_n"].cast(TEXT) + " identifiers of " + rows["_of"]
    evidence = ibis.cases(
        (rows["_many"].notnull(), "seen with " + crowd + ", so shared and joined to nobody"),
        (rows["_one"].notnull(), rows["_with"]),
        (rows["_linked"].notnull(), "seen only with identifiers that are shared or set apart"),
        else_="seen with no other identifier",
    )
    return rows.mutate(evidence=evidence).select(*IDENTITIES)


def _strongest(used: ir.Table) -> ir.Table:
    """actor, said: the link with the most rows, ties to the least other and source."""
    sides = _both_ways(used)
    order = ibis.window(group_by="actor", order_by=[ibis.desc("rows"), "other", "source"])
    ranked = sides.mutate(_rank=ibis.row_number().over(order))
    best = ranked.filter(ranked["_rank"] == 0)
    times = ibis.ifelse(best["rows"] == 1, " row of ", " rows of ")
    count = best["rows"].cast(TEXT)
    said = "with " + _shown(best["other"]) + " in " + count + times + best["source"]
    return best.select("actor", said=said)


def _shown(actor: ir.Value) -> ir.Value:
    """An identifier as evidence may name it: of a hash only its beginning."""
    namespace = _namespace(actor)
    short = namespace + ":" + _value(actor).left(SHOWN) + "…"
    return ibis.ifelse(namespace.isin(PERSONAL_NAMESPACES), short, actor)


# -- report ----------------------------------------------------------------------------------------


def _report(engine: Engine, identities: ir.Table, shared: ir.Table | None) -> dict[str, Any]:
    """Counts of what was found, and the shared identifiers with the most links first."""
    people = identities.group_by("customer_id").agg(n=identities.count())
    counts = people.agg(
        identifiers=people["n"].sum(),
        customers=people.count(),
        joined=ibis.ifelse(people["n"] > 1, people["n"], 0).sum(),
        largest=people["n"].max(),
    )
    found = {name: value or 0 for name, value in engine.run(counts).to_pylist()[0].items()}
    if shared is None:
        return found | {"shared": [], "shared_count": 0}
    order = [ibis.desc("identifiers"), "actor"]
    top = engine.run(shared.order_by(order).limit(SHARED_SHOWN)).to_pylist()
    return found | {"shared": top, "shared_count": _size(engine, shared)}


def _size(engine: Engine, rows: ir.Table) -> int:
    return int(engine.run(rows.agg(n=rows.count()))["n"][0].as_py())
