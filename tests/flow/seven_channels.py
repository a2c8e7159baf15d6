"""A small shop of seven channels, its dirt, and the truth kept apart from it.

Two hundred people browse, use the app, buy at the till, get mail, post, and stand in a CRM file,
each channel knowing them by another identifier. `build` writes the raw files and returns what is
true: who is who, and how many rows of each kind of dirt were planted.
"""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl

from bespeak.workspace import Workspace

START = datetime(2025, 3, 1, tzinfo=UTC)
CONFIG = Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")
GROUPS = ("茶", "coffee", "baking", "garden")


@dataclass
class Person:
    """One customer and every identifier that some channel knows them by."""

    number: int
    cookies: list[str]
    devices: list[str]
    email: str
    card: str
    handle: str
    taste: str

    def identifiers(self) -> set[str]:
        return {
            *(f"cookie:{value}" for value in self.cookies),
            *(f"device:{value}" for value in self.devices),
            f"email:{self.email}", f"card:{self.card}", f"handle:{self.handle}",
            f"customer:{self.number}",
        }  # fmt: skip


@dataclass
class Truth:
    """What a perfect reader of the raw files would know."""

    people: list[Person]
    rows: dict[str, int] = field(default_factory=dict)
    """Source -> data rows in its files."""
    planted: dict[str, int] = field(default_factory=dict)
    """Kind of dirt -> rows that carry it."""

    def plant(self, kind: str, rows: int = 1) -> None:
        self.planted[kind] = self.planted.get(kind, 0) + rows


@dataclass(frozen=True)
class Seven:
    """What a run on DuckDB made of it."""

    workspace: Workspace
    truth: Truth


def build(folder: Path, *, people: int = 200, seed: int = 11) -> Truth:
    """Write the raw files under `folder` and return the truth about them."""
    chance = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    truth = Truth([_person(number, chance) for number in range(1, people + 1)])
    items = [(f"SKU-{n:03d}", GROUPS[n % 4], round(1.5 + n * 0.35, 2)) for n in range(1, 81)]
    _catalogue(folder, items, truth)
    _crm(folder, truth)
    _till(folder, items, truth, chance)
    _web(folder, items, truth, chance)
    _app(folder, items, truth, chance)
    _mail(folder, truth, chance)
    _social(folder, items, truth, chance)
    return truth


def _person(number: int, chance: random.Random) -> Person:
    return Person(
        number=number,
        cookies=[f"c{number:04d}-{n}" for n in range(chance.choice((1, 1, 2)))],
        devices=[f"d{number:04d}"] if chance.random() < 0.6 else [],
        email=f"person{number}@example.org",
        card=f"90{number:06d}",
        handle=f"@p{number}",
        taste=GROUPS[number % 4],
    )


def _pick(items: list[tuple[str, str, float]], taste: str, chance: random.Random) -> Any:
    """Mostly from the person's own group, so that there is something to learn."""
    own = [item for item in items if item[1] == taste]
    return chance.choice(own if chance.random() < 0.85 else items)


def _moment(chance: random.Random) -> datetime:
    return START + timedelta(seconds=chance.randrange(0, 120 * 86_400))


def _catalogue(folder: Path, items: list[tuple[str, str, float]], truth: Truth) -> None:
    with (folder / "catalogue.csv").open("w", encoding="utf-8-sig", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(["sku", "title", "category", "price"])
        for sku, group, price in items:
            out.writerow([sku, f'The "{group}" one,\nno. {sku[-3:]}', f"shop > {group}", price])
        out.writerow(["POST", "Postage", "service", 3.5])
    truth.rows["catalogue"] = len(items) + 1


def _crm(folder: Path, truth: Truth) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["customer_id", "name", "email", "card", "handle", "country"])
    for person in truth.people:
        mail = person.email.upper() if person.number % 5 == 0 else person.email
        sheet.append(
            [person.number, f"Name {person.number}", mail, person.card, person.handle, "GB"]
        )
    book.save(folder / "crm.xlsx")
    truth.rows["crm"] = len(truth.people)


def _till(folder: Path, items: Any, truth: Truth, chance: random.Random) -> None:
    """Semicolons, decimal commas, Latin-1, local time, and the most dirt."""
    header = ["receipt", "card", "sku", "description", "qty", "price", "when"]
    rows: list[list[str]] = []
    for receipt in range(1, 1501):
        person = chance.choice(truth.people)
        when = _moment(chance).strftime("%d.%m.%Y %H:%M")
        anonymous = chance.random() < 0.1
        basket = {_pick(items, person.taste, chance) for _ in range(chance.randint(1, 4))}
        for sku, group, price in sorted(basket):
            card = "" if anonymous else person.card
            text = f"{price:.2f}".replace(".", ",")
            words = f"Café {group}".replace("茶", "tea")
            rows.append([f"T{receipt}", card, sku, words, "1", text, when])
    rows += [list(row) for row in chance.sample(rows, 40)]
    truth.plant("missing:card", sum(not row[1] for row in rows))
    truth.plant("exact_duplicate", 40)
    spoiled = [
        ("unparsable_time", "when", "31.31.2025 99:99"),
        ("unparsable_number", "price", "dear"),
        ("negative_quantity", "qty", "-3"),
    ]
    for at, (kind, column, value) in enumerate(spoiled):
        rows.append([f"B{at}", "90000001", "SKU-001", "Cafe", "1", "1,85", "01.04.2025 10:00"])
        rows[-1][header.index(column)] = value
        truth.plant(kind)
    lines = [";".join(row) for row in rows] + ["R1;90000001;SKU-001"]
    truth.plant("ragged_row")
    text = "\r\n".join([";".join(header), *lines]) + "\r\n"
    (folder / "till.csv").write_bytes(text.encode("latin-1"))
    truth.rows["till"] = len(lines)


def _web(folder: Path, items: Any, truth: Truth, chance: random.Random) -> None:
    """A page-view export with offsets in its times; an e-mail stands there after a login."""
    rows: list[list[str]] = []
    for person in truth.people:
        for cookie in person.cookies:
            for visit in range(chance.randint(1, 4)):
                start = _moment(chance)
                for step in range(chance.randint(1, 6)):
                    when = (start + timedelta(minutes=2 * step)).isoformat()
                    known = person.email if visit == 0 and step == 0 else ""
                    sku = _pick(items, person.taste, chance)[0]
                    kind = chance.choice(["view", "view", "cart"])
                    rows.append([cookie, known, f"/product/{sku}", kind, when])
    with (folder / "web.csv").open("w", encoding="utf-8", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(["visitor_id", "email", "url", "event", "time"])
        out.writerows(rows)
    truth.rows["web"] = len(rows)


def _app(folder: Path, items: Any, truth: Truth, chance: random.Random) -> None:
    """JSON lines with epoch milliseconds, and lines that are no JSON."""
    lines = []
    for person in truth.people:
        for device in person.devices:
            for step in range(chance.randint(2, 8)):
                sku = _pick(items, person.taste, chance)[0]
                stamp = int(_moment(chance).timestamp() * 1000)
                event = {"device": {"id": device}, "name": "view", "item": sku, "ts": stamp}
                if step == 0:
                    event["user"] = {"email": person.email}
                lines.append(json.dumps(event))
    lines += ['{"device": {"id": "broken"', "not json at all"]
    truth.plant("invalid_json", 2)
    (folder / "app.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    truth.rows["app"] = len(lines)


def _mail(folder: Path, truth: Truth, chance: random.Random) -> None:
    rows = [
        [person.email, f"news-{wave}", kind, (START + timedelta(days=30 * wave)).isoformat()]
        for wave in range(3)
        for person in truth.people
        for kind in ("sent", "opened", "clicked")[: chance.randint(1, 3)]
    ]
    with (folder / "mail.csv").open("w", encoding="utf-8", newline="") as stream:
        out = csv.writer(stream, delimiter="\t")
        out.writerow(["email", "campaign", "event", "time"])
        out.writerows(rows)
    truth.rows["mail"] = len(rows)


def _social(folder: Path, items: Any, truth: Truth, chance: random.Random) -> None:
    rows = []
    for person in chance.sample(truth.people, 60):
        sku = _pick(items, person.taste, chance)[0]
        rows.append({"handle": person.handle, "text": f"我喜欢 {sku}, love it", "item": sku,
                     "created_at": _moment(chance).isoformat()})  # fmt: skip
    text = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    (folder / "social.jsonl").write_text(text + "\n", encoding="utf-8")
    truth.rows["social"] = len(rows)


def pairs(groups: list[set[str]]) -> Iterator[tuple[str, str]]:
    """Every two identifiers that belong to one person."""
    for group in groups:
        ordered = sorted(group)
        for at, left in enumerate(ordered):
            for right in ordered[at + 1 :]:
                yield left, right
