"""What is written of a source, and that its account adds up whatever the rows are."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prepare_worlds import NOON, conformed, none_merged, quote, raw, read, said, written

from bespeak import prepare
from bespeak.columns import LINEAGE, RECORD
from bespeak.config import Derived, Prepare, Source
from bespeak.engines import Engine
from bespeak.errors import ArtifactCorrupt
from bespeak.prepare import periods

LAW = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
IDENTIFIERS = {"customer": "customer", "email": "mail"}
REFUSED = pa.schema(
    [("file", pa.string()), ("row", pa.int64()), ("reason", pa.string()),
     ("found", pa.string()), ("expected", pa.string()), ("raw", pa.string())]
)  # fmt: skip


def test_every_row_is_kept_merged_or_quarantined(engine: Engine, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"quantity": 1.0, "_copies": 3},
        {"quantity": -1.0, "_found": None},
        {"_reason": "unparsable_time", "_column": "time", "_found": "soon", "time": None},
        {"quantity": 2.0},
    ]
    merged = engine.table(
        pa.table({"file": ["a.csv", "b.csv"], "row": [8, 9], "reason": ["exact_duplicate"] * 2,
                  "into_file": ["a.csv"] * 2, "into_row": [2, 2]})
    )  # fmt: skip
    refused = engine.table(
        pa.Table.from_pylist(
            [{"file": "a.csv", "row": 11, "reason": "ragged", "found": "2 columns",
              "expected": "3 columns", "raw": "x,y"}], schema=REFUSED)
    )  # fmt: skip
    manifest = written(
        engine, rows, tmp_path, columns=["quantity", "time"], merged=merged, refused=refused,
        rows_in=7,
    )  # fmt: skip
    assert manifest["table"] == "events"
    assert manifest["account"] == {
        "source": "till",
        "rows_in": 7,
        "kept": 2,
        "merged": 2,
        "erased": 0,
        "quarantined": {"negative_quantity": 1, "ragged": 1, "unparsable_time": 1},
        "found": {"exact_duplicate": 2, "missing:quantity": 1},
    }
    assert manifest["span"] == [NOON.isoformat()] * 2
    assert len(read(engine, tmp_path / "events")) == 2
    assert read(engine, tmp_path / "merged", "row")[0] == {
        "source": "till", "file": "a.csv", "row": 8, "reason": "exact_duplicate",
        "into_row": 2, "into_file": "a.csv",
    }  # fmt: skip


def test_kept_rows_have_the_columns_and_types_of_the_record(engine: Engine, tmp_path: Path) -> None:
    written(engine, [{"price": "1.5", "_items__title": "Tea"}], tmp_path, columns=["price"])
    schema = pq.read_schema(next((tmp_path / "events").rglob("*.parquet")))
    assert schema.names == [*RECORD["events"].columns, "flags", *LINEAGE]
    assert schema.field("price").type == pa.decimal128(18, 4)
    assert schema.field("time").type == pa.timestamp("us")
    row = read(engine, tmp_path / "events")[0]
    assert (row["price"], row["source"], row["file"], row["row"]) == (
        Decimal("1.5"), "till", "a.csv", 2,
    )  # fmt: skip


def test_the_quarantine_says_what_was_wrong_and_under_which_rule(
    engine: Engine, tmp_path: Path
) -> None:
    written(engine, [{"quantity": -3.0}], tmp_path, columns=["quantity"])
    row = read(engine, tmp_path / "quarantine")[0]
    rule = row.pop("rule")
    assert row == {
        "source": "till", "file": "a.csv", "row": 2, "column": "quantity",
        "reason": "negative_quantity", "found": "-3.0", "raw": "line=2",
        "expected": "0 or more for a purchase; map `type` to return or adjust where it is less",
    }  # fmt: skip
    stricter = tmp_path / "stricter"
    written(engine, [{"quantity": -3.0}], stricter, rules=Prepare(max_quantity=2))
    assert len(rule) == 12
    assert read(engine, stricter / "quarantine")[0]["rule"] != rule


def test_empty_folders_still_have_their_columns(engine: Engine, tmp_path: Path) -> None:
    manifest = written(engine, [], tmp_path, columns=["quantity"])
    assert manifest["account"]["rows_in"] == manifest["account"]["kept"] == 0
    assert manifest["span"] is None
    for name in ("events", "merged", "quarantine"):
        assert read(engine, tmp_path / name) == []
    assert set(engine.read([tmp_path / "quarantine"]).columns) == {
        *LINEAGE, *RECORD["quarantine"].columns,
    }  # fmt: skip


def test_a_row_lost_on_the_way_stops_the_run(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(ArtifactCorrupt, match=r"`till`.*does not add up.*1 kept.*expected 2 rows"):
        written(engine, [{}], tmp_path, rows_in=2)


# -- found -------------------------------------------------------------------------------------


def test_kinds_of_dirt_are_counted_in_raw_rows(engine: Engine, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"type": "return", "_copies": 2, "price": "1", "actor": "customer:1", "_items__title": "T"},
        {"price": "0", "actor": None, "_items__title": None, "_copies": 5},
        {"price": None, "actor": "customer:2", "_items__title": "T",
         "_reason": "unparsable_number", "_column": "price"},
        {"price": "-1", "actor": "customer:2", "_items__title": "T"},
    ]  # fmt: skip
    manifest = written(
        engine, rows, tmp_path, columns=["price"], rows_in=4,
        identifiers={"customer": "id"}, items={"title": "name"},
    )  # fmt: skip
    assert manifest["account"]["found"] == {
        "exact_duplicate": 0,
        "cancelled": 2,
        "price_not_positive": 6,
        "missing:customer": 5,
        "missing:title": 5,
    }


@pytest.mark.parametrize("blamed", ["time", "When"])
def test_what_cannot_be_read_is_not_missing(engine: Engine, tmp_path: Path, blamed: str) -> None:
    verdict = {"_reason": "unparsable_time", "_column": blamed, "_found": "soon", "time": None}
    rows = conformed(
        engine, [verdict, {"_reason": "missing_time", "_column": blamed, "time": None}]
    )
    source = Source(name="till", columns={"time": "When"})
    judged = prepare.judge(engine, rows, "events", Prepare())
    manifest = prepare.write_source(
        engine, judged, none_merged(engine), None, source, tmp_path, quote=quote
    )
    assert manifest["account"]["found"] == {"exact_duplicate": 0, "missing:time": 1}


def test_copies_that_merging_counted_have_the_type_of_every_other_number(
    engine: Engine, tmp_path: Path
) -> None:
    """A literal of the engine is narrower than a column; the two meet where keys repeat."""
    table = conformed(engine, [{"event_id": "e"}, {"event_id": "e"}, {"event_id": "f"}])
    table = table.mutate(_copies=ibis.literal(1, "int64"))
    source = Source(name="till", columns={"event_id": "id"})
    judged = prepare.judge(engine, table, "events", Prepare())
    manifest = prepare.write_source(
        engine, judged, none_merged(engine), None, source, tmp_path, quote=quote
    )
    assert (manifest["account"]["kept"], manifest["account"]["merged"]) == (2, 1)


def test_a_constant_is_never_missing(engine: Engine, tmp_path: Path) -> None:
    source = Source(name="till", columns={"place": Derived(constant="x"), "device": "device"})
    verdict = prepare.judge(engine, conformed(engine, [{}]), "events", Prepare())
    manifest = prepare.write_source(
        engine, verdict, none_merged(engine), None, source, tmp_path, quote=quote
    )
    assert manifest["account"]["found"] == {"exact_duplicate": 0, "missing:device": 1}


# -- same key ----------------------------------------------------------------------------------


def test_rows_of_one_event_id_merge_and_later_ones_complete_earlier_ones(
    engine: Engine, tmp_path: Path
) -> None:
    rows: list[dict[str, Any]] = [
        {"event_id": "e1", "place": "shop 1", "device": None},
        {"event_id": "e2"},
        {"event_id": "e1", "place": "shop 2", "device": "phone", "_copies": 2},
        {"event_id": "e1", "place": None, "device": "tablet"},
    ]
    manifest = written(engine, rows, tmp_path, columns=["event_id"], rows_in=4)
    account = manifest["account"]
    assert (account["kept"], account["merged"]) == (2, 2)
    assert account["found"]["same_key_duplicate"] == 3
    one, two = read(engine, tmp_path / "events", "event_id")
    assert (one["event_id"], one["place"], one["device"], one["row"]) == (
        "e1", "shop 1", "phone", 2,
    )  # fmt: skip
    assert two["event_id"] == "e2"
    merged = read(engine, tmp_path / "merged", "row")
    assert [(row["row"], row["reason"], row["into_row"]) for row in merged] == [
        (4, "same_key", 2),
        (5, "same_key", 2),
    ]


def test_events_without_ids_of_their_own_are_never_merged_by_key(
    engine: Engine, tmp_path: Path
) -> None:
    manifest = written(engine, [{}, {}], tmp_path)
    assert manifest["account"]["kept"] == 2


def test_an_item_described_twice_is_one_item(engine: Engine, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"item_id": "7", "title": None, "price": "2"},
        {"item_id": "7", "title": "Tea", "price": "3"},
    ]
    written(engine, rows, tmp_path, table="items", columns=["item_id", "title"])
    only = read(engine, tmp_path / "items")[0]
    assert (only["title"], only["price"]) == ("Tea", Decimal(2))


# -- derived -----------------------------------------------------------------------------------


def test_descriptions_of_items_are_counted(engine: Engine, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"item_id": "7", "_items__title": "Tea"},
        {"item_id": "7", "_items__title": "Tea"},
        {"item_id": "7", "_items__title": "TEA"},
        {"item_id": "7", "_items__title": None},
        {"item_id": "7", "_items__title": "damaged", "type": "adjust"},
        {"item_id": "8", "_items__title": "Milk", "quantity": -1.0},
    ]
    written(engine, rows, tmp_path, items={"title": "name"})
    found = read(engine, tmp_path / "items", "title")
    assert [(row["item_id"], row["title"], row["rows"]) for row in found] == [
        ("7", "TEA", 1),
        ("7", "Tea", 2),
        ("7", "damaged", 0),
    ]
    assert set(RECORD["items"].columns) < set(found[0])


def test_descriptions_of_customers_hang_on_their_identifier(engine: Engine, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"actor": "customer:1", "_customers__country": "France"},
        {"actor": None, "_customers__country": "France"},
    ]
    written(engine, rows, tmp_path, customers={"country": "Country"})
    found = read(engine, tmp_path / "customers")
    assert [(row["actor"], row["country"], row["rows"]) for row in found] == [
        ("customer:1", "France", 1)
    ]


def test_a_text_takes_what_it_does_not_say_from_its_row(engine: Engine, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"event_id": "e1", "actor": "customer:1", "item_id": "7", "type": "rate",
         "channel": "web", "_texts__text": "Good", "_texts__rating": "4.5"},
        {"event_id": "e2", "_texts__text": None, "_texts__rating": None},
    ]  # fmt: skip
    manifest = written(engine, rows, tmp_path, texts={"text": "review", "rating": "stars"})
    only = read(engine, tmp_path / "texts")
    assert manifest["written"]["texts"] == len(only) == 1
    assert {name: only[0][name] for name in RECORD["texts"].columns} == {
        "text_id": "e1", "actor": "customer:1", "item_id": "7", "kind": "rate", "time": NOON,
        "channel": "web", "language": None, "rating": 4.5, "text": "Good",
    }  # fmt: skip
    assert (only[0]["source"], only[0]["row"]) == ("till", 2)


def test_identifiers_of_one_row_are_linked_and_counted(engine: Engine, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"_id_customer": "customer:1", "_id_email": None, "_id_device": "device:a"},
        {"_id_customer": "customer:1", "_id_email": "email:x", "_id_device": "device:a"},
        {"_id_customer": "customer:2", "_id_email": None, "_id_device": None},
        {"_id_customer": "customer:2", "_id_email": "email:y", "_id_device": None,
         "_reason": "unparsable_time"},
    ]  # fmt: skip
    written(engine, rows, tmp_path, identifiers={**IDENTIFIERS, "device": "device"})
    found = read(engine, tmp_path / "links", "left", "right")
    assert [(row["left"], row["right"], row["rows"], row["first_row"]) for row in found] == [
        ("customer:1", "device:a", 2, 2),
        ("customer:1", "email:x", 1, 3),
        ("device:a", "email:x", 1, 3),
    ]


def test_folders_stand_only_for_what_the_source_can_tell(engine: Engine, tmp_path: Path) -> None:
    written(engine, [{"_id_customer": "customer:1"}], tmp_path / "till")
    assert sorted(path.name for path in (tmp_path / "till").iterdir()) == [
        "events", "merged", "quarantine",
    ]  # fmt: skip


# -- laws --------------------------------------------------------------------------------------

lines = st.fixed_dictionaries(
    {
        "event_id": st.sampled_from(["e1", "e2", "e3", "e4", "e5"]),
        "quantity": st.sampled_from([None, -1.0, 0.0, 2.0, 1e12]),
        "price": st.sampled_from([None, "-1", "0", "2.5"]),
        "type": st.sampled_from(["purchase", "return", "view"]),
        "time": st.sampled_from([NOON, datetime(1900, 1, 1)]),
    }
)


@LAW
@given(st.lists(lines, max_size=25), st.booleans())
def test_the_account_adds_up_and_is_a_recount_of_the_files(
    engine: Engine, tmp_path_factory: pytest.TempPathFactory, drawn: list[Any], keyed: bool
) -> None:
    folder = tmp_path_factory.mktemp("law")
    columns = ["quantity", "price"] + (["event_id"] if keyed else [])
    rows = [line if keyed else {**line, "event_id": f"own-{at}"} for at, line in enumerate(drawn)]
    manifest = written(engine, rows, folder, columns=columns, rows_in=len(rows))
    account = manifest["account"]
    assert account["kept"] == len(read(engine, folder / "events"))
    assert account["merged"] == len(read(engine, folder / "merged"))
    quarantine = read(engine, folder / "quarantine")
    assert sum(account["quarantined"].values()) == len(quarantine)
    assert account["kept"] + account["merged"] + len(quarantine) == len(rows)
    places = [
        row["row"]
        for name in ("events", "merged", "quarantine")
        for row in read(engine, folder / name)
    ]
    assert sorted(places) == list(range(2, len(rows) + 2))


@LAW
@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from([None, "1", "2"])), max_size=20))
def test_from_raw_rows_to_the_account_no_row_is_lost(
    engine: Engine, tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[str, str | None]]
) -> None:
    rows = [
        {"_file": file, "_row": at + 2, "price": None if price is None else float(price)}
        for at, (file, price) in enumerate(drawn)
    ]
    unique, merged = prepare.merge_exact(engine, raw(engine, rows, {"price": "float64"}))
    left = [
        {"file": row["_file"], "row": row["_row"], "_copies": row["_copies"], "price": row["price"]}
        for row in said(engine, unique)
    ]
    folder = tmp_path_factory.mktemp("law")
    account = written(engine, left, folder, columns=["price"], merged=merged, rows_in=len(rows))[
        "account"
    ]
    assert account["kept"] + account["merged"] == len(rows)
    assert account["found"]["exact_duplicate"] == account["merged"]
    empty = sum(row["price"] is None for row in rows)
    assert account["found"].get("missing:price", 0) == empty


# -- periods -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "days", "period"),
    [
        (1_500_000, 365, None),
        (20_940_529, 365, "month"),
        (100_000_000, 365, "week"),
        (400_000_000, 365, "day"),
        (10_000_000, 3650, "year"),
        (10_000_000, 0, None),
    ],
)
def test_a_file_holds_about_a_million_rows(rows: int, days: int, period: str | None) -> None:
    assert periods.choose_period(rows, NOON, NOON + timedelta(days=days)) == period


def test_periods_are_named_so_that_they_sort(engine: Engine) -> None:
    times = [datetime(2024, 1, 1), datetime(2023, 12, 31, 23, 59), datetime(2024, 3, 4), None]
    table = engine.table(pa.table({"time": pa.array(times, pa.timestamp("us"))}))
    names = {
        period: [
            row["name"]
            for row in said(
                engine, table.select(name=periods.period_of(engine, table.time, period))
            )
        ]
        for period in periods.PERIODS
    }
    assert names == {
        "year": ["2024", "2023", "2024", "undated"],
        "month": ["202401", "202312", "202403", "undated"],
        "week": ["20240101", "20231225", "20240304", "undated"],
        "day": ["20240101", "20231231", "20240304", "undated"],
    }


def test_a_large_table_is_split_by_time_and_loses_nothing(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(periods, "ROWS", 10)
    rows = [{"time": NOON + timedelta(days=at)} for at in range(100)]
    manifest = written(engine, rows, tmp_path)
    folders = sorted(path.name for path in (tmp_path / "events").iterdir())
    assert folders[:2] == ["period=20240226", "period=20240304"]
    assert manifest["account"]["kept"] == 100
    assert [row["row"] for row in read(engine, tmp_path / "events", "row")] == list(range(2, 102))
