"""Who agreed to what: all that sources, events and the log say of each person, the latest first."""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from bespeak.columns import TEXT, WHOLE, YES_NO
from bespeak.consent import CONSENT, PURPOSES, Purpose
from bespeak.engines import Engine

WORDS = {"customer_id": TEXT, "purpose": TEXT, "agreed": YES_NO, "at": WHOLE}
"""A row a person and purpose; `at` in microseconds since 1970, 0 where nobody knows when."""
YES = (
    "yes", "y", "true", "t", "1", "1.0", "on", "granted", "agreed", "accepted", "subscribed", "in",
    "ja", "oui", "si", "sí", "是", "同意", "已同意", "已订阅",
)  # fmt: skip
NO = (
    "no", "n", "false", "f", "0", "0.0", "off", "denied", "refused", "declined", "withdrawn",
    "unsubscribed", "out", "nein", "non", "否", "不同意", "拒绝", "已退订", "未订阅",
)  # fmt: skip
SPELLED: dict[Purpose, str] = {
    "personalisation": "personali[sz]ation", "training": "training", "marketing": "marketing",
}  # fmt: skip
_ANSWER = r"""["']?\s*[:=]?\s*["']?([^\s,;"'{}]*)"""


def unite_consent(
    engine: Engine,
    described: Sequence[ir.Table],
    events: ir.Table | None,
    log: ir.Table,
    identities: ir.Table,
) -> ir.Table:
    """The latest word of each person on each purpose; of two at the same time, the refusal.

    described : RECORD.customers' actor, consent and time, which says when the row was changed
                last. A cell names purposes, as in `marketing: no; training: yes` or JSON, or it is
                a plain yes or no to all of them. One that is neither is a no to all
    events    : RECORD.events, of which those of the type `consent` count, by their properties
    log       : actor, purpose, agreed, at: what the event log keeps
    returns   : WORDS
    """
    words = [log.select("actor", "purpose", "agreed", "at")]
    for table in described:
        words += _read(_cells(engine, table), plain=True)
    if events is not None:
        said = events.filter(events["type"] == CONSENT)
        words += _read(
            said.select("actor", cell=said["properties"], at=engine.micros(said["time"])),
            plain=False,
        )
    every = ibis.union(*words, distinct=False) if len(words) > 1 else words[0]
    every = every.filter(every["agreed"].notnull())
    people = identities.select("actor", "customer_id")
    known = every.inner_join(people, "actor")
    refused = ibis.ifelse(known["agreed"], 0, 1).cast("int64")
    held = known.mutate(word=known["at"] * 2 + refused)
    last = held.group_by(["customer_id", "purpose"]).aggregate(word=held["word"].max())
    return engine.keep(
        last.select(
            "customer_id",
            "purpose",
            agreed=last["word"] % 2 == 0,
            at=(last["word"] // 2).cast("int64"),
        )
    )


def _cells(engine: Engine, table: ir.Table) -> ir.Table:
    """actor, cell, at: of the rows that say anything."""
    told = table.filter(table["consent"].notnull())
    at = engine.micros(told["time"]).fill_null(0)
    cells = told.select("actor", cell=told["consent"].strip(), at=at)
    return cells.filter(cells["cell"] != "")


def _read(cells: ir.Table, *, plain: bool) -> list[ir.Table]:
    """actor, purpose, agreed, at of actor, cell, at: a table a purpose.

    plain : whether a cell that names no purpose speaks of all of them
    """
    text = cells["cell"].lower()
    unnamed = ~text.re_search("|".join(SPELLED.values()))
    found = []
    for purpose in PURPOSES:
        pattern = SPELLED[purpose]
        answer = _agreed(text.re_extract(pattern + _ANSWER, 1))
        cases = [(text.re_search(pattern), answer)]
        if plain:
            cases.append((unnamed, _agreed(text)))
        agreed = ibis.cases(*cases, else_=ibis.null("boolean"))
        found.append(
            cells.select("actor", purpose=ibis.literal(purpose), agreed=agreed, at=cells["at"])
        )
    return found


def _agreed(answer: ir.Value) -> ir.Value:
    """True for a yes; all else is a no: who said something that nobody can read did not agree."""
    return answer.isin(YES)


def unclear(engine: Engine, described: Sequence[ir.Table]) -> int:
    """How many cells of `consent` are no answer that can be read, and so a no."""
    cells = [_cells(engine, table).select("cell") for table in described]
    if not cells:
        return 0
    every = ibis.union(*cells, distinct=False) if len(cells) > 1 else cells[0]
    text = every["cell"].lower()
    clear = text.isin((*YES, *NO))
    for pattern in SPELLED.values():
        answer = text.re_extract(pattern + _ANSWER, 1)
        clear |= text.re_search(pattern) & answer.isin((*YES, *NO))
    found = every.filter(~clear)
    return int(engine.run(found.aggregate(rows=found.count()))["rows"][0].as_py())
