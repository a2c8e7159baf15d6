"""What the shop keeps as lists: its customers (CSV) and its items (JSON lines)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bespeak.synth import people as who
from bespeak.synth.catalogue import Catalogue, described, item_ids
from bespeak.synth.dirt import Spoilt, spoil
from bespeak.synth.files import File, note, write_lines
from bespeak.synth.people import CITIES, People
from bespeak.synth.plan import Plan, Whole, mixed, share_of
from bespeak.synth.spelling import day_texts, joined, money, replaced, separated, spoken, where

PART = 500_000
"""Customers, or items, of one file."""
CRM_HEADER = "account,email,phone,card,name,gender,birth_year,city,joined,consent\n"


def parts(count: int) -> int:
    return -(-count // PART)


def write_crm(folder: Path, plan: Plan, people: People, part: int) -> File:
    """`crm-00000.csv`: everybody with an account; the forgotten second accounts come last."""
    here = np.arange(part * PART, min((part + 1) * PART, plan.customers))
    listed, twice = here[people.member[here]], here[people.double[here]]
    person = np.concatenate([listed, twice])
    ordinal = np.repeat([0, 1], [len(listed), len(twice)])
    spoilt = spoil("crm", plan.chance(9, part), len(person))
    person, ordinal = person[spoilt.take], ordinal[spoilt.take]
    own = mixed(person, 61)
    resent = spoilt.has("same_key_duplicate")
    born = 1940 + (own % np.uint64(66)).astype(np.int64)
    gender = ((own >> np.uint64(8)) % np.uint64(3)).astype(np.int64)
    city = ((own >> np.uint64(16)) % np.uint64(len(CITIES))).astype(np.int64)
    joined_day = np.maximum(people.first[person].astype(np.int64), 0)
    columns = [
        who.accounts(person, ordinal),
        _addresses(people, person, ordinal),
        where(people.placeholder_phone[person], pa.scalar(who.SHARED_PHONE), _phones(person, own)),
        where(people.card[person] & (ordinal == 0), _cards(person)),
        _names(person),
        pa.array(["f", "m", None]).take(pa.array(gender)),
        _unreadable(where(~(spoilt.has("missing", "birth_year") | resent), spoken(born)), spoilt),
        where(~spoilt.has("missing", "city"), pa.array(CITIES).take(pa.array(city)), _nothing(own)),
        day_texts(plan.days).take(pa.array(joined_day)),
        where(share_of(person, 62) < 0.8, pa.scalar("yes"), pa.scalar("no")),
    ]
    name = f"crm-{part:05d}.csv"
    size = write_lines(folder, name, CRM_HEADER, separated(columns, ","))
    return note(folder, name, spoilt, size)


def _nothing(own: np.ndarray) -> pa.Array:
    """What people write where there is nothing."""
    return pa.array(["", "", "N/A", "-"]).take(pa.array((own >> np.uint64(40)) % np.uint64(4)))


def _addresses(people: People, person: Whole, ordinal: Whole) -> pa.Array:
    """E-mail addresses, some in capitals; a placeholder where there was none."""
    plain = who.emails(person, ordinal)
    shown = where(share_of(person, 63) < 0.1, pc.ascii_upper(plain), plain)
    return where(people.placeholder_email[person], pa.scalar(who.SHARED_EMAIL), shown)


def _phones(person: Whole, own: np.ndarray) -> pa.Array:
    """The same number in one of three spellings."""
    plain = who.phones(person)
    cut = [pc.utf8_slice_codeunits(plain, at, at + n) for at, n in ((0, 3), (3, 4), (7, 4))]
    spelling = (own >> np.uint64(24)) % np.uint64(3)
    spaced = joined("+86 ", cut[0], " ", cut[1], " ", cut[2])
    dashed = joined("+86-", cut[0], "-", cut[1], "-", cut[2])
    tight = joined("0086", plain)
    return where(spelling == 0, spaced, where(spelling == 1, dashed, tight))


def _cards(person: Whole) -> pa.Array:
    """In groups of four, as it stands on the card."""
    plain = who.cards(person)
    cut = [pc.utf8_slice_codeunits(plain, at, at + 4) for at in (0, 4, 8)]
    return joined(cut[0], " ", cut[1], " ", cut[2])


def _names(person: Whole) -> pa.Array:
    address = who.emails(person, np.zeros(len(person), np.int64))
    bare = pc.replace_substring_regex(address, r"^([a-z]+)\.([a-z]+)[0-9]+@.*$", r"\1 \2")
    return pc.utf8_title(bare)


def _unreadable(texts: pa.Array, spoilt: Spoilt) -> pa.Array:
    mask = spoilt.has("unparsable", "birth_year")
    return replaced(texts, mask, pa.array(["19??"] * int(mask.sum()), pa.string()))


def write_catalogue(folder: Path, plan: Plan, catalogue: Catalogue, part: int) -> File:
    """`catalogue-00000.jsonl`: every item, with titles in two languages."""
    here = np.arange(part * PART, min((part + 1) * PART, plan.items))
    spoilt = spoil("catalogue", plan.chance(10, part), len(here))
    item = here[spoilt.take]
    told = described(catalogue, item)
    bad = spoilt.has("unparsable", "price")
    price = replaced(money(told["price"]), bad, pa.array(['"ask"'] * int(bad.sum()), pa.string()))
    brand = joined(',"brand":"', told["brand"], '"')
    lines = joined(
        '{"sku":"', item_ids(item), '","title_en":"', told["title_en"],
        '","title_zh":"', told["title_zh"], '","category":"', told["category"], '"',
        where(~(spoilt.has("missing", "brand") | spoilt.has("same_key_duplicate")), brand, ""),
        where(~spoilt.has("missing", "price"), joined(',"price":', price), ""),
        "}\n",
    )  # fmt: skip
    name = f"catalogue-{part:05d}.jsonl"
    return note(folder, name, spoilt, write_lines(folder, name, "", lines))
