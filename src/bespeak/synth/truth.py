"""What a perfect reader of the raw files would know of the customers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bespeak.synth import people as who
from bespeak.synth.files import TRUTH
from bespeak.synth.people import People
from bespeak.synth.plan import Plan, Whole
from bespeak.synth.segments import CATEGORIES, SEGMENTS
from bespeak.synth.spelling import joined

STEP = 200_000
"""Customers written at a time."""
IDENTIFIERS = pa.schema(
    [
        ("namespace", pa.string()),
        ("value", pa.string()),
        ("person", pa.int64()),
        ("linked", pa.bool_()),
    ]
)
PEOPLE = pa.schema(
    [
        ("person", pa.int64()),
        ("account", pa.string()),
        ("segment", pa.string()),
        ("favourite", pa.string()),
        ("second", pa.string()),
        ("first_day", pa.float32()),
        ("last_day", pa.float32()),
    ]
)


def write_people(folder: Path, plan: Plan, people: People) -> None:
    """`truth/people.parquet`: one row per customer, with the segment that made them behave so."""
    names = pa.array([kind.name for kind in SEGMENTS])
    tastes = pa.array([name for name, *_ in CATEGORIES])
    with pq.ParquetWriter(folder / TRUTH / "people.parquet", PEOPLE) as out:
        for start in range(0, plan.customers, STEP):
            part = slice(start, min(start + STEP, plan.customers))
            person = np.arange(part.start, part.stop)
            account = who.accounts(person, np.zeros_like(person))
            columns = [
                pa.array(person),
                pc.if_else(pa.array(people.member[part]), account, None),
                names.take(pa.array(people.segment[part])),
                tastes.take(pa.array(people.favourite[part])),
                tastes.take(pa.array(people.second[part])),
                pa.array(people.first[part]),
                pa.array(people.last[part]),
            ]
            out.write_table(pa.table(columns, schema=PEOPLE))


def write_identifiers(folder: Path, plan: Plan, people: People) -> int:
    """`truth/identifiers.parquet`: one row per identifier that a raw row names; how many.

    person : null where the identifier is shared by many people and so belongs to nobody
    linked : whether some row names it beside another identifier of the same person
    """
    written = 0
    with pq.ParquetWriter(folder / TRUTH / "identifiers.parquet", IDENTIFIERS) as out:
        for start in range(0, plan.customers, STEP):
            person = np.arange(start, min(start + STEP, plan.customers))
            for part in _identifiers(people, person):
                out.write_table(part)
                written += part.num_rows
        shared = _shared(plan, people)
        out.write_table(shared)
    return written + int(shared.num_rows)


def _identifiers(people: People, person: Whole) -> Iterator[pa.Table]:
    """Namespace by namespace, those of a range of customers."""
    member, zero = person[people.member[person]], np.int64(0)
    double = person[people.double[person]]
    yield _part("customer", who.accounts(member, zero * member), member, True)
    yield _part("customer", who.accounts(double, zero * double + 1), double, True)
    called = _own(member, people.placeholder_phone)
    yield _part("phone", joined("86", who.phones(called)), called, True)
    yield _part("card", who.cards(member[people.card[member]]), member[people.card[member]], True)
    mailed = _own(member, people.placeholder_email)
    yield _part("email", who.emails(mailed, zero * mailed), mailed, True)
    mailed = _own(double, people.placeholder_email)
    yield _part("email", who.emails(mailed, zero * mailed + 1), mailed, True)
    guests = person[~people.member[person] & (people.seen["email"][person, 0, 0] > 0)]
    yield _part("email", who.emails(guests, zero * guests), guests, True)
    for namespace, spell in (("cookie", who.cookies), ("device", who.devices)):
        seen = people.seen[namespace]
        for ordinal in range(seen.shape[1]):
            named = person[seen[person, ordinal, 0] > 0]
            linked = seen[named, ordinal, 1] > 0
            yield _part(namespace, spell(named, zero * named + ordinal), named, linked)


def _own(person: Whole, placeholder: Any) -> Whole:
    own: Whole = person[~placeholder[person]]
    return own


def _part(namespace: str, values: Any, person: Whole, linked: Any) -> pa.Table:
    rows = len(person)
    links = np.full(rows, linked) if isinstance(linked, bool) else linked
    names = pa.array([namespace] * rows, pa.string())
    return pa.table([names, values, pa.array(person), pa.array(links)], schema=IDENTIFIERS)


def _shared(plan: Plan, people: People) -> pa.Table:
    """Placeholders and devices of the shop; they belong to nobody."""
    numbers = np.arange(who.shared_count(plan))
    shared = [("device", value) for value in who.tablets(numbers).to_pylist()]
    shared += [("cookie", value) for value in who.kiosks(numbers).to_pylist()]
    offices = np.arange(plan.customers // who.OFFICE + 1)
    shared += [("cookie", value) for value in who.offices(offices).to_pylist()]
    shared += [("email", who.GUEST_EMAIL), ("card", who.SHARED_CARD)]
    if people.placeholder_email.any():
        shared += [("email", who.SHARED_EMAIL), ("phone", who.SHARED_PHONE)]
    names, values = zip(*shared, strict=True)
    nobody = pa.nulls(len(shared), pa.int64())
    return pa.table(
        [pa.array(names), pa.array(values), nobody, pa.array([False] * len(shared))],
        schema=IDENTIFIERS,
    )
