"""Who agreed to what, for a run: of the sources, and of the event log at this moment."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
import msgspec
import pyarrow as pa

from bespeak import prepare
from bespeak.consent import PURPOSES, Consent, Purpose
from bespeak.flow.running import CONSENT, UNLEARNED, Flow
from bespeak.flow.taking import has_log
from bespeak.opening import open_log
from bespeak.workspace import Version, digest

SAID = pa.schema(
    [("actor", pa.string()), ("purpose", pa.string()), ("agreed", pa.bool_()), ("at", pa.int64())]
)


def find_consent(flow: Flow) -> Version:
    """The latest word of everybody on every purpose, and of whom nothing is to be learned."""
    log, privacy = said_live(flow), flow.config.privacy

    def make(folder: Path) -> Mapping[str, Any]:
        words = flow.engine.keep(consent(flow, log))
        rows = flow.engine.write(words, folder / "rows")
        out = refusing(flow, words, "training")
        left_out = flow.engine.write(out, folder / UNLEARNED)
        return {
            "rows": rows,
            "said": _counted(flow, words),
            "unclear": prepare.unclear(flow.engine, _described(flow)),
            "left_out": left_out,
            UNLEARNED: _named(flow, out),
        }

    inputs = {
        **flow.of(*flow.keys("customers", "events"), "record/identities"),
        "log": digest(log.to_pydict()),
        "without_consent": msgspec.to_builtins(privacy.without_consent),
    }
    return flow.build("record", "consent", inputs=inputs, code=("prepare", "consent.py"), make=make)


def consent(flow: Flow, log: pa.Table) -> ir.Table:
    """customer_id, purpose, agreed, at.

    log : of `said_live`
    """
    return prepare.unite_consent(
        flow.engine, _described(flow), flow.record("events"), flow.engine.table(log),
        flow.table("record/identities"),
    )  # fmt: skip


def said_live(flow: Flow) -> pa.Table:
    """What the event log keeps, at this moment; in an order of its own."""
    found: list[Consent] = []
    if has_log(flow.workspace, flow.config):
        with closing(open_log(flow.workspace, flow.config)) as log:
            found = log.every_consent()
    rows = [
        {"actor": one.visitor, "purpose": one.word.purpose, "agreed": one.word.agreed,
         "at": one.word.at}
        for one in found
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=SAID)


def refusing(flow: Flow, words: ir.Table, purpose: Purpose) -> ir.Table:
    """customer_id of whose data may not be used for this purpose, once each."""
    said = words.filter(words["purpose"] == purpose)
    if flow.config.privacy.unsaid(purpose) == "use":
        return said.filter(~said["agreed"]).select("customer_id")
    people = flow.table("record/identities").select("customer_id").distinct()
    return people.anti_join(said.filter(said["agreed"]), "customer_id")


def _described(flow: Flow) -> list[ir.Table]:
    return [flow.engine.read([source.path / "customers"]) for source in flow.sources("customers")]


def _counted(flow: Flow, words: ir.Table) -> dict[str, dict[str, int]]:
    """Purpose -> how many agreed, and how many refused."""
    counts = words.group_by(["purpose", "agreed"]).aggregate(people=words.count())
    found = {
        (row["purpose"], row["agreed"]): row["people"]
        for row in flow.engine.run(counts).to_pylist()
    }
    return {
        purpose: {
            "agreed": found.get((purpose, True), 0),
            "refused": found.get((purpose, False), 0),
        }
        for purpose in PURPOSES
    }


def _named(flow: Flow, people: ir.Table) -> str:
    """A digest of these people: what is learned from the others is made anew when it changes."""
    found = hashlib.sha256()
    for batch in flow.engine.batches(people.order_by("customer_id")):
        for customer_id in batch["customer_id"].to_pylist():
            found.update(f"{customer_id}\n".encode())
    return found.hexdigest()[:12]


__all__ = ["CONSENT", "consent", "find_consent", "refusing", "said_live"]
