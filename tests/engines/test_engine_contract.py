"""What every engine must do alike; a new engine adds itself to the fixture."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bespeak.engines import DuckDB, Engine
from bespeak.errors import BespeakError, SourceMissing, SourceUnreadable

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.fixture(params=["duckdb", "spark"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each engine in turn."""
    opened: Engine = request.getfixturevalue(request.param)
    return opened


def parquet(path: Path, rows: list[dict[str, object]]) -> Path:
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def test_rows_are_numbered_from_one_in_the_order_of_the_file(
    engine: Engine, tmp_path: Path
) -> None:
    path = parquet(tmp_path / "a.parquet", [{"n": n} for n in (5, 3, 9)])
    rows = engine.run(engine.read([path], rows_numbered=True)).to_pylist()
    assert {(row["n"], row["_row"], row["_file"]) for row in rows} == {
        (5, 1, str(path)), (3, 2, str(path)), (9, 3, str(path)),
    }  # fmt: skip


def test_files_of_one_source_are_united_by_the_names_of_their_columns(
    engine: Engine, tmp_path: Path
) -> None:
    one = parquet(tmp_path / "a.parquet", [{"a": 1, "b": "x"}])
    two = parquet(tmp_path / "b.parquet", [{"b": "y"}])
    rows = engine.run(engine.read([one, two])).to_pylist()
    assert sorted(rows, key=str) == sorted([{"a": 1, "b": "x"}, {"a": None, "b": "y"}], key=str)


def test_written_rows_are_counted_and_read_back(engine: Engine, tmp_path: Path) -> None:
    table = engine.table(pa.table({"month": ["01", "01", "02"], "n": [1, 2, 3]}))
    assert engine.write(table, tmp_path / "split", by="month") == 3
    assert sorted(path.name for path in (tmp_path / "split").iterdir()) == ["month=01", "month=02"]
    back = engine.run(engine.read([tmp_path / "split"]))
    assert back.column_names == ["n"] and sorted(back["n"].to_pylist()) == [1, 2, 3]


def test_what_is_kept_can_be_read_again_and_again(engine: Engine) -> None:
    kept = engine.keep(engine.table(pa.table({"n": [1, 2, 3]})))
    for _ in range(2):
        assert engine.run(kept.agg(total=kept["n"].sum()))["total"].to_pylist() == [6]


def summed(part: ir.Table) -> ir.Table:
    return part.group_by("who").agg(total=part["n"].sum(), rows=part.count())


def check_kept_apart(engine: Engine, rows: int) -> None:
    who = [None if at % 97 == 0 else f"c{at % 701}" for at in range(rows)]
    table = engine.table(pa.table({"who": who, "n": list(range(rows))}))
    expected = sorted(engine.run(summed(table)).to_pylist(), key=str)
    found = engine.keep_apart(table, "who", summed)
    assert sorted(engine.run(found).to_pylist(), key=str) == expected
    assert len(expected) == 702


def test_what_is_kept_apart_comes_to_the_same(engine: Engine) -> None:
    check_kept_apart(engine, 10_000)


def test_duckdb_parts_what_its_memory_could_not_sum(tmp_path: Path) -> None:
    parts = []
    with DuckDB(scratch=tmp_path, memory="64MB", threads=2) as engine:
        check_kept_apart(engine, 400_000)
        engine.keep_apart(
            engine.table(pa.table({"who": [f"c{at % 701}" for at in range(400_000)]})), "who",
            lambda part: parts.append(part) or part,
        )  # fmt: skip
    assert len(parts) == 3


def test_what_is_kept_has_the_types_that_were_said(engine: Engine) -> None:
    table = engine.table(pa.table({"n": [1, 2, 3]}))
    made = table.agg(
        total=table["n"].sum(), one=ibis.literal(1, "int64"), half=ibis.literal(0.5, "float64")
    )
    kept = engine.keep(made)
    assert kept.schema() == made.schema()
    assert engine.run(kept).to_pylist() == [{"total": 6, "one": 1, "half": 0.5}]


def test_a_file_of_one_vast_row_group_is_read_whole_and_numbered(
    engine: Engine, tmp_path: Path
) -> None:
    rows = 500_001
    path = tmp_path / "vast.parquet"
    pq.write_table(pa.table({"n": pa.array(range(rows))}), path, row_group_size=rows)
    table = engine.read([path], rows_numbered=True)
    found = engine.run(
        table.agg(
            rows=table.count(),
            numbers=table["_row"].nunique(),
            right=(table["n"] + 1 == table["_row"]).all(),
        )
    )
    assert found.to_pylist() == [{"rows": rows, "numbers": rows, "right": True}]


def test_batches_hold_every_row_in_order(engine: Engine) -> None:
    table = engine.table(pa.table({"n": list(range(1000))}))
    found = [
        n for batch in engine.batches(table.order_by("n"), rows=64) for n in batch["n"].to_pylist()
    ]
    assert found == list(range(1000))


def test_rows_go_through_a_python_function_wherever_they_are(engine: Engine) -> None:
    def doubled(by: int, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            values = [by * n for n in batch["n"].to_pylist()]
            yield pa.record_batch({"twice": pa.array(values, pa.int64())})

    table = engine.table(pa.table({"n": list(range(1000))}))
    made = engine.map(table, doubled, pa.schema({"twice": pa.int64()}), given=2)
    assert sorted(engine.run(made)["twice"].to_pylist()) == list(range(0, 2000, 2))


def test_rows_of_one_value_can_be_asked_for_together(engine: Engine) -> None:
    def runs(_: None, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        seen = [key for batch in batches for key in batch["key"].to_pylist()]
        first = [at for at, key in enumerate(seen) if at == 0 or seen[at - 1] != key]
        ends = [*first[1:], len(seen)]
        yield pa.record_batch(
            {
                "key": pa.array([seen[at] for at in first], pa.string()),
                "rows": pa.array([b - a for a, b in zip(first, ends, strict=True)], pa.int64()),
            }
        )

    table = engine.table(pa.table({"key": [f"k{n % 7}" for n in range(100)]}))
    schema = pa.schema({"key": pa.string(), "rows": pa.int64()})
    found = engine.run(engine.map(table, runs, schema, given=None, together="key")).to_pylist()
    assert sorted((row["key"], row["rows"]) for row in found) == [
        (f"k{n}", 15 if n < 2 else 14) for n in range(7)
    ]


@given(st.integers(min_value=-(10**15), max_value=4 * 10**15))
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None
)
def test_a_moment_and_its_microseconds_are_the_same_thing(engine: Engine, micros: int) -> None:
    row = engine.table(pa.table({"us": pa.array([micros], pa.int64())}))
    row = row.mutate(time=engine.moment(row["us"]))
    row = row.mutate(back=engine.micros(row["time"]))
    found = engine.run(row).to_pylist()[0]
    assert found["back"] == micros
    assert found["time"].replace(tzinfo=UTC) == EPOCH + timedelta(microseconds=micros)


@pytest.mark.parametrize(
    ("wall", "zone", "utc"),
    [
        ("2020-07-01 12:00:00", "Europe/London", datetime(2020, 7, 1, 11)),
        ("2020-01-01 12:00:00", "Europe/London", datetime(2020, 1, 1, 12)),
        ("2020-01-01 12:00:00", "America/New_York", datetime(2020, 1, 1, 17)),
        ("2020-01-01 12:00:00", "Asia/Shanghai", datetime(2020, 1, 1, 4)),
    ],
)
def test_wall_clocks_become_utc(engine: Engine, wall: str, zone: str, utc: datetime) -> None:
    row = engine.table(pa.table({"wall": [wall]}))
    row = row.select(utc=engine.to_utc(row["wall"].cast("timestamp(6)"), zone))
    assert engine.run(row)["utc"].to_pylist() == [utc]


def test_text_that_fits_no_pattern_is_null(engine: Engine) -> None:
    row = engine.table(pa.table({"text": ["03/04/2020 09:30", "31/31/2020 09:30", "soon"]}))
    row = row.select("text", time=engine.parse_time(row["text"], "%d/%m/%Y %H:%M"))
    found = {one["text"]: one["time"] for one in engine.run(row).to_pylist()}
    assert found["03/04/2020 09:30"] == datetime(2020, 4, 3, 9, 30)
    assert found["31/31/2020 09:30"] is None and found["soon"] is None


def test_money_adds_up_exactly(engine: Engine) -> None:
    row = engine.table(pa.table({"text": ["0.10"] * 1000}))
    row = row.mutate(value=row["text"].cast("decimal(18, 4)"))
    assert str(engine.run(row.agg(total=row["value"].sum()))["total"][0]) == "100.0000"


def test_equal_rows_have_equal_hashes_nulls_included(engine: Engine) -> None:
    row = engine.table(pa.table({"a": ["x", "x", None, None, "y"], "b": [1, 1, None, None, 1]}))
    hashed = engine.run(row.mutate(h=engine.row_hash(row, ["a", "b"])))["h"].to_pylist()
    assert len(set(hashed)) == 3


def test_a_missing_file_and_a_false_one_are_named(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(SourceMissing, match=r"gone\.parquet"):
        engine.read([tmp_path / "gone.parquet"])
    false = tmp_path / "false.parquet"
    false.write_text("no parquet")
    with pytest.raises(SourceUnreadable, match=r"false\.parquet"):
        engine.read([false])


def test_an_impossible_step_is_our_error(engine: Engine) -> None:
    row = engine.table(pa.table({"text": ["x"]}))
    with pytest.raises(BespeakError, match="could not compute"):
        engine.run(row.select(n=row["text"].cast("int64")))
    assert ibis.options.interactive is False
