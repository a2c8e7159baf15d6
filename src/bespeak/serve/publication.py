"""Write what a server reads: sorted Arrow files to map into memory, and a little JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import msgspec
import numpy as np
import pyarrow as pa

from bespeak.engines import Engine
from bespeak.serve import answers
from bespeak.serve.shown import lists_shown
from bespeak.serve.snapshot import FORMAT

HISTORY = (
    "customer_id", "time", "type", "item_id", "quantity", "value", "channel", "order_id", "place",
    "discount",
)  # fmt: skip
UNREAD = ("event_id",)
"""Columns that only break ties in a file's order."""
EXAMPLES = 5
"""Quarantined rows kept per source and reason: a person reads a few; the record has them all."""
PART = 65_536
"""Rows written at once: what a batch in memory costs."""
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
GOOD, FAIR = 0.95, 0.8
"""Shares from which one aspect of the data counts as good, and as fair."""


@dataclass(frozen=True)
class Rows:
    """Tables of the engine that a snapshot is made of.

    customers   : united customers: customer_id, name, attributes …, first_seen, last_seen,
                  identifiers; one row per customer
    identities  : columns.IDENTITIES
    items       : united items and `is_product`; one row per item
    events      : the record's events and `customer_id` (null when anonymous)
    features    : one row per customer: customer_id, `as_of` (the same for all) and what is known
                  of them
    memberships : customer_id, kind, segment (text); at most one row per customer and kind
    quarantine  : the record's quarantine and lineage, or None
    hidden      : customer_id, item_id: what was dismissed; None for nothing
    consent     : customer_id, purpose, agreed, at; None where nobody said anything
    """

    customers: ir.Table
    identities: ir.Table
    items: ir.Table
    events: ir.Table
    features: ir.Table
    memberships: ir.Table
    quarantine: ir.Table | None = None
    hidden: ir.Table | None = None
    consent: ir.Table | None = None


@dataclass(frozen=True)
class Findings:
    """What the stages found, as JSON.

    as_of      : exclusive; no event at or after it is published
    sources    : of the shape of `answers.Source`
    groupings  : of the shape of `answers.Grouping`
    meanings   : of the feature columns: {"name", "meaning": {"en", "zh"}, "unit", "kind"}
    evaluation : of the shape of `answers.Evaluation`; None before one was made
    """

    name: str
    currency: str
    as_of: datetime
    sources: Sequence[Mapping[str, Any]] = ()
    groupings: Sequence[Mapping[str, Any]] = ()
    meanings: Sequence[Mapping[str, Any]] = ()
    evaluation: Mapping[str, Any] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Said in the snapshot's own description, for who reads the folder."""


def publish(engine: Engine, folder: Path, rows: Rows, findings: Findings) -> dict[str, Any]:
    """Fill `folder` with a snapshot; the same rows and findings give the same bytes.

    returns : {"rows": {file: n}} for the manifest, each counted as it was written
    raises  : msgspec.ValidationError if findings are not of their shape: a mistake of the caller
    """
    folder.mkdir(parents=True, exist_ok=True)
    events = engine.keep(_before(rows.events, findings.as_of))
    # what was merely shown is nobody's doing, and would drown what is
    done = events.filter(events["type"] != "impression")
    known = done.filter(done["customer_id"].notnull())
    actors = rows.identities.filter(rows.identities["actor"].notnull())
    identities = rows.identities.mutate(search=rows.identities["value"].lower())
    customers = engine.keep(_with_activity(rows.customers, known))
    items = _with_use(rows.items, done)
    members = _members(rows.memberships, customers)
    features = rows.features.drop("as_of")
    written = {
        "customers": (customers, ("customer_id",)),
        "identities": (identities, ("customer_id", "namespace", "value", "actor")),
        "actors": (actors.select("actor", "customer_id"), ("actor",)),
        "features": (features, ("customer_id",)),
        "memberships": (rows.memberships, ("customer_id", "kind", "segment")),
        "members": (members, ("key", "rank")),
        "events": (known, ("customer_id", "time", "event_id")),
        "items": (items, ("item_id",)),
        "hidden": (_hidden(rows, known), ("customer_id", "item_id")),
        "consent": (_consent(rows, known), ("customer_id", "purpose")),
    }
    counts = {
        name: _write_sorted(engine, table, folder / f"{name}.arrow", order)
        for name, (table, order) in written.items()
    }
    data = _data(engine, rows.quarantine, findings)
    overview = _overview(engine, events, rows.items, findings, data)
    described = answers.Features(_utc(findings.as_of), _features(engine, features, findings))
    segments = {"as_of": _utc(findings.as_of), "groupings": findings.groupings}
    _write_json(folder / "data.json", data)
    _write_json(folder / "overview.json", overview)
    _write_json(folder / "features.json", described)
    _write_json(folder / "segments.json", msgspec.convert(segments, answers.Segments))
    _write_json(folder / "lists.json", lists_shown(engine, rows.events, findings.as_of))
    if findings.evaluation is not None:
        _write_json(
            folder / "evaluation.json", msgspec.convert(findings.evaluation, answers.Evaluation)
        )
    made_for = engine.run(rows.features.agg(as_of=rows.features["as_of"].max()))["as_of"][0]
    about = {
        "format": FORMAT,
        "name": findings.name,
        "as_of": _utc(findings.as_of),
        "features_as_of": _utc(made_for.as_py() or findings.as_of),
        "rows": counts,
    }
    _write_json(folder / "snapshot.json", {**findings.extra, **about})
    return {"rows": counts}


def _hidden(rows: Rows, known: ir.Table) -> ir.Table:
    if rows.hidden is None:
        return known.filter(ibis.literal(False)).select("customer_id", "item_id")
    return rows.hidden.select("customer_id", "item_id")


def _consent(rows: Rows, known: ir.Table) -> ir.Table:
    if rows.consent is not None:
        return rows.consent.select("customer_id", "purpose", "agreed", "at")
    nobody = known.filter(ibis.literal(False)).select("customer_id")
    return nobody.mutate(
        purpose=ibis.literal(""), agreed=ibis.literal(False), at=ibis.literal(0, "int64")
    )


def _before(events: ir.Table, as_of: datetime) -> ir.Table:
    """What a snapshot says of the events before `as_of`."""
    seen = events.filter(events["time"] < ibis.literal(as_of.replace(tzinfo=None)))
    return seen.select(*HISTORY, "event_id")


def _write_sorted(engine: Engine, table: ir.Table, path: Path, order: Sequence[str]) -> int:
    """One Arrow file in the order of its key, uncompressed, so that a reader maps it."""
    table = table.filter(table[order[0]].notnull()).order_by([table[name] for name in order])
    schema = pa.schema(f for f in table.schema().to_pyarrow() if f.name not in UNREAD)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        written = 0
        for part in _even(engine.batches(table), schema):
            # taking rows copies them, and so leaves nothing undefined where a value is null: the
            # same rows are the same bytes
            writer.write_table(part.take(pa.array(np.arange(part.num_rows))))
            written += part.num_rows
    return written


def _even(batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.Table]:
    """The same rows in tables of one size, wherever the engine cut them."""
    held = schema.empty_table()
    for batch in batches:
        held = pa.concat_tables(
            [held, pa.Table.from_batches([batch]).select(schema.names).cast(schema)]
        )
        while held.num_rows >= PART:
            yield held.slice(0, PART).combine_chunks()
            held = held.slice(PART)
    if held.num_rows:
        yield held.combine_chunks()


def _write_json(path: Path, value: Any) -> None:
    path.write_bytes(msgspec.json.format(msgspec.json.encode(value), indent=1))


def net_value(events: ir.Table) -> ir.Value:
    """What an event adds to sales: a purchase its value, a return less it, others nothing."""
    kind, value = events["type"], events["value"]
    return ibis.cases((kind == "purchase", value), (kind == "return", -value))


def _with_activity(customers: ir.Table, known: ir.Table) -> ir.Table:
    """Customers and their events, orders and net sales; sales are null for who never bought."""
    found = known.group_by("customer_id").agg(
        events=known.count(), orders=known["order_id"].nunique(), value=net_value(known).sum()
    )
    joined = customers.left_join(found, "customer_id").drop("customer_id_right")
    return joined.mutate(
        search=_searched(joined, "customer_id", "name"),
        events=joined["events"].fill_null(0).cast("int64"),
        orders=joined["orders"].fill_null(0).cast("int64"),
    )


def _with_use(items: ir.Table, events: ir.Table) -> ir.Table:
    """Items, and the events and customers that name each."""
    named = events.filter(events["item_id"].notnull())
    found = named.group_by("item_id").agg(
        events=named.count(), customers=named["customer_id"].nunique()
    )
    joined = items.left_join(found, "item_id").drop("item_id_right")
    return joined.mutate(
        search=_searched(joined, "item_id", "title", "category", "brand"),
        events=joined["events"].fill_null(0).cast("int64"),
        customers=joined["customers"].fill_null(0).cast("int64"),
    )


def _searched(table: ir.Table, *columns: str) -> ir.Value:
    """What a search looks through, in lower case; no word that is typed spans two columns."""
    first, *others = (table[name].fill_null("") for name in columns)
    text = first
    for other in others:
        text = text + "\n" + other
    return text.lower()


def _members(memberships: ir.Table, customers: ir.Table) -> ir.Table:
    """Each segment's customers, those who spend most first: `key` is `kind/segment`."""
    about = customers.select("customer_id", "name", "events", "value", "last_seen")
    joined = memberships.inner_join(about, "customer_id")
    keyed = joined.mutate(key=joined["kind"] + "/" + joined["segment"])
    rank = ibis.row_number().over(
        group_by="key",
        order_by=[keyed["value"].fill_null(0).desc(), keyed["events"].desc(), keyed["customer_id"]],
    )
    return keyed.mutate(rank=rank).select(
        "key", "rank", "customer_id", "name", "events", "value", "last_seen"
    )


def _data(engine: Engine, quarantine: ir.Table | None, findings: Findings) -> answers.Data:
    """The sources' accounts, and a few quarantined rows of each reason."""
    examples: list[dict[str, Any]] = []
    if quarantine is not None:
        place = ibis.row_number().over(
            group_by=["source", "reason"],
            order_by=[quarantine["file"], quarantine["row"], quarantine["column"]],
        )
        few = quarantine.mutate(place=place)
        few = few.filter(few["place"] < EXAMPLES).order_by(["source", "reason", "place"])
        columns = ("source", "file", "row", "column", "reason", "found", "expected", "raw")
        examples = engine.run(few.select(*columns)).to_pylist()
    said = {"as_of": _utc(findings.as_of), "sources": findings.sources, "quarantine": examples}
    return msgspec.convert(said, answers.Data)


def _overview(
    engine: Engine,
    events: ir.Table,
    items: ir.Table,
    findings: Findings,
    data: answers.Data,
) -> dict[str, Any]:
    """What /v1/overview says, but for the flow's steps, which differ between equal runs."""
    totals, priced = _totals(engine, events, items)
    return {
        "name": findings.name,
        "currency": findings.currency,
        "as_of": _utc(findings.as_of),
        "totals": totals,
        "days": _days(engine, events),
        "health": _health(engine, events, items, data, priced),
    }


def _totals(
    engine: Engine, events: ir.Table, items: ir.Table
) -> tuple[answers.Totals, tuple[int, int]]:
    """Counts of everything; and of all purchases, how many have a value."""
    bought = events["type"] == "purchase"
    row = engine.run(
        events.agg(
            events=events.count(),
            customers=events["customer_id"].nunique(),
            anonymous=events["customer_id"].isnull().sum(),
            orders=events["order_id"].nunique(),
            sales=net_value(events).sum(),
            first=events["time"].min(),
            last=events["time"].max(),
            bought=bought.sum(),
            priced=(bought & events["value"].notnull()).sum(),
        )
    ).to_pylist()[0]
    stock = engine.run(
        items.agg(items=items.count(), products=items["is_product"].sum())
    ).to_pylist()[0]
    totals = answers.Totals(
        customers=row["customers"],
        items=stock["items"],
        products=stock["products"] or 0,
        events=row["events"],
        anonymous_events=row["anonymous"] or 0,
        orders=row["orders"],
        sales=_number(row["sales"]),
        types=_counts(engine, events, "type"),
        channels=_counts(engine, events, "channel"),
        first=_utc(row["first"]),
        last=_utc(row["last"]),
    )
    return totals, (row["priced"] or 0, row["bought"] or 0)


def _counts(engine: Engine, events: ir.Table, column: str) -> dict[str, int]:
    """Events of each value of a column, the commonest first."""
    held = events.filter(events[column].notnull())
    found = held.group_by(column).agg(rows=held.count())
    rows = engine.run(found).to_pylist()
    return {row[column]: row["rows"] for row in sorted(rows, key=lambda r: (-r["rows"], r[column]))}


def _days(engine: Engine, events: ir.Table) -> list[answers.Day]:
    """Sales of each day on which something was bought or brought back."""
    traded = events.filter(events["type"].isin(["purchase", "return"]))
    dated = traded.mutate(day=traded["time"].date(), net=net_value(traded))
    daily = dated.group_by("day").agg(
        sales=dated["net"].sum(),
        orders=dated["order_id"].nunique(),
        customers=dated["customer_id"].nunique(),
    )
    return [
        answers.Day(row["day"], _number(row["sales"]), row["orders"], row["customers"])
        for row in engine.run(daily.order_by("day")).to_pylist()
    ]


def _health(
    engine: Engine,
    events: ir.Table,
    items: ir.Table,
    data: answers.Data,
    priced: tuple[int, int],
) -> list[answers.Health]:
    """What ought to be true of every row, and of how many it is."""
    titled = items.filter(items["title"].notnull()).select("item_id")
    named = events.filter(events["item_id"].notnull())
    described = engine.run(named.semi_join(titled, "item_id").agg(rows=ibis._.count())).to_pylist()[
        0
    ]["rows"]
    counted = engine.run(
        events.agg(
            events=events.count(),
            identified=events["customer_id"].notnull().sum(),
            named=events["item_id"].notnull().sum(),
        )
    ).to_pylist()[0]
    accounts = [source.account for source in data.sources]
    rows_in = sum(account.rows_in for account in accounts)
    kept = sum(account.kept + account.merged for account in accounts)
    placed = kept + sum(a.erased + sum(a.quarantined.values()) for a in accounts)
    found = (
        ("accounted", placed, rows_in),
        ("kept", kept, rows_in),
        ("identified", counted["identified"] or 0, counted["events"]),
        ("described", described, counted["named"] or 0),
        ("priced", *priced),
    )
    return [
        msgspec.convert(_aspect(code, rows, of), answers.Health) for code, rows, of in found if of
    ]


def _aspect(code: str, rows: int, of: int) -> dict[str, Any]:
    share = rows / of
    if code == "accounted":
        state = "good" if rows == of else "poor"
    else:
        state = "good" if share >= GOOD else "fair" if share >= FAIR else "poor"
    return {"code": code, "state": state, "share": share, "rows": rows, "of": of}


def _features(engine: Engine, features: ir.Table, findings: Findings) -> list[answers.Feature]:
    """What each column means, and where most customers stand in it."""
    said = {entry["name"]: entry for entry in findings.meanings}
    numbers = _quantiles(engine, features)
    found = []
    for name in features.columns:
        if name == "customer_id":
            continue
        entry = said.get(name, {"meaning": {"en": name, "zh": name}, "unit": "", "kind": "ratio"})
        known, quantiles = numbers.get(name, (0, []))
        kind = entry["kind"] if name in numbers else "text"
        meaning = answers.Words(**entry["meaning"])
        found.append(answers.Feature(name, meaning, kind, entry["unit"], known, quantiles))
    return found


def _quantiles(engine: Engine, features: ir.Table) -> dict[str, tuple[int, list[float]]]:
    """Per numeric column, for how many customers it is known, and its exact quantiles."""
    numeric = [name for name, kind in features.schema().items() if kind.is_numeric()]
    if not numeric:
        return {}
    columns = {f"{name}:n": features[name].count() for name in numeric} | {
        f"{name}:{q}": features[name].cast("float64").quantile(q)
        for name in numeric
        for q in QUANTILES
    }
    row = engine.run(features.agg(**columns)).to_pylist()[0]
    return {
        name: (
            row[f"{name}:n"],
            [row[f"{name}:{q}"] for q in QUANTILES] if row[f"{name}:n"] else [],
        )
        for name in numeric
    }


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _utc(time: Any) -> Any:
    """A time of the record, which is UTC, saying so."""
    return None if time is None else time.replace(tzinfo=UTC)
