"""What engines do differently unless they are made to agree: each once, on every engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bespeak.engines import Engine, Spark
from bespeak.engines.dialect import java_pattern
from bespeak.errors import BespeakError

NAN, INF = float("nan"), float("inf")


@pytest.fixture(params=["duckdb", "spark"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each engine in turn."""
    opened: Engine = request.getfixturevalue(request.param)
    return opened


Column = Callable[[ir.Table], ir.Value]


def computed(engine: Engine, given: Mapping[str, Any], columns: Mapping[str, Column]) -> Any:
    """Each column's values over the rows of `given`, in their order."""
    size = len(next(iter(given.values())))
    table = engine.table(pa.table({"at": list(range(size)), **given}))
    rows = engine.run(table.select("at", **{name: made(table) for name, made in columns.items()}))
    rows = rows.sort_by("at")
    return {name: rows[name].to_pylist() for name in columns}


def test_not_a_number_is_a_value_and_nothing_is_not(engine: Engine) -> None:
    found = computed(
        engine,
        {"x": pa.array([NAN, None, 1.0], from_pandas=False)},
        {"none": lambda t: t.x.isnull(), "some": lambda t: t.x.notnull()},
    )
    assert found == {"none": [False, True, False], "some": [True, False, True]}


def test_division_is_in_floats_and_by_zero_it_is_infinite(engine: Engine) -> None:
    found = computed(
        engine,
        {"a": [7, -7, 0], "b": [2, 0, 0], "m": pa.array([Decimal("0.5000")] * 3)},
        {
            "ratio": lambda t: t.a / t.b,
            "of_money": lambda t: t.m / t.a.nullif(0),
            "whole": lambda t: t.a // t.b.nullif(0),
            "rest": lambda t: t.a % ibis.literal(3),
        },
    )
    assert found["ratio"][:2] == [3.5, -INF] and str(found["ratio"][2]) == "nan"
    assert found["of_money"] == [0.5 / 7, -0.5 / 7, None]
    assert found["whole"] == [3, None, None] and found["rest"] == [1, -1, 0]


def test_a_fraction_becomes_a_whole_number_by_rounding(engine: Engine) -> None:
    found = computed(
        engine,
        {
            "x": [2.5, 3.5, -2.5, 1e300],
            "m": pa.array([Decimal("2.5000"), Decimal("3.4999"), Decimal("-2.5000"), None]),
        },
        {"x": lambda t: t.x.try_cast("int64"), "m": lambda t: t.m.try_cast("int64")},
    )
    assert found == {"x": [2, 4, -2, None], "m": [3, 3, -3, None]}


def test_a_float_becomes_money_by_its_own_value_not_by_its_digits(engine: Engine) -> None:
    floats = [2.66625, 10.665 / 4, 0.125, 1.00005, -2.66625, 9999999999.9, 1e15, NAN, 0.1 + 0.2]
    found = computed(engine, {"x": floats}, {"m": lambda t: t.x.try_cast("decimal(18, 4)")})
    exact = [round(x * 10_000, 3) for x in floats[:3]]
    assert exact == [26662.5, 26662.5, 1250.0], "written with a five at the end"
    said = [None if value is None else str(value) for value in found["m"]]
    assert said == [
        "2.6662", "2.6662", "0.1250", "1.0001", "-2.6662", "9999999999.9000", None, None,
        "0.3000",
    ]  # fmt: skip


FLOATS = {
    0.0: "0.0", 1.0: "1.0", -2.5: "-2.5", 12345678.5: "12345678.5", 123456789012345.0:
    "123456789012345.0", 1e15: "1000000000000000.0", 1e16: "1e+16", 0.0001: "0.0001", 1e-5: "1e-05",
    1.5e-7: "1.5e-07", 1.5e300: "1.5e+300", 0.1: "0.1", 1 / 3: "0.3333333333333333", INF: "inf",
    -INF: "-inf", NAN: "nan", 100.0: "100.0", 2.0e22: "2e+22", -1.25e-10: "-1.25e-10",
}  # fmt: skip


def test_a_float_is_written_alike(engine: Engine) -> None:
    found = computed(engine, {"x": list(FLOATS)}, {"text": lambda t: t.x.cast("string")})
    assert found["text"] == list(FLOATS.values())


def test_money_and_times_are_written_alike(engine: Engine) -> None:
    moments = [datetime(2020, 1, 2, 3, 4, 5), datetime(2020, 1, 2, 3, 4, 5, 678_900)]
    found = computed(
        engine,
        {"m": pa.array([Decimal("0.0000"), Decimal("-12.3400")]), "t": pa.array(moments)},
        {"m": lambda t: t.m.cast("string"), "t": lambda t: t.t.cast("string")},
    )
    assert found["m"] == ["0.0000", "-12.3400"]
    assert found["t"] == ["2020-01-02 03:04:05", "2020-01-02 03:04:05.6789"]


def test_text_is_read_as_numbers_alike(engine: Engine) -> None:
    texts = ["15", " 15 ", "1e3", "1d", "2f", "inf", "x", "", "1.5", "9223372036854775807"]
    found = computed(
        engine,
        {"s": texts},
        {
            "whole": lambda t: t.s.try_cast("int64"),
            "real": lambda t: t.s.try_cast("float64"),
            "money": lambda t: t.s.try_cast("decimal(18, 4)").cast("string"),
        },
    )
    assert found["whole"] == [15, 15, 1000, None, None, None, None, None, 2, 2**63 - 1]
    assert found["real"] == [15.0, 15.0, 1e3, None, None, INF, None, None, 1.5, float(2**63 - 1)]
    assert found["money"][:5] == ["15.0000", "15.0000", "1000.0000", None, None]


def test_text_is_read_as_times_alike(engine: Engine) -> None:
    texts = ["2020-01-02", "2020-1-2 9:05", "2020/01/02 09:05:06.25", "2020-02-30", "soon"]
    found = computed(engine, {"s": texts}, {"t": lambda t: t.s.try_cast("timestamp(6)")})
    day = datetime(2020, 1, 2)
    assert found["t"] == [
        day, day.replace(hour=9, minute=5),
        day.replace(hour=9, minute=5, second=6, microsecond=250_000), None, None,
    ]  # fmt: skip


def test_an_offset_is_read_alike_with_seconds_or_without(engine: Engine) -> None:
    texts = ["2020-01-02 09:05:00+02", "2020-01-02 09:05+02:00", "2020-01-02T07:05Z"]
    found = computed(
        engine,
        {"s": texts},
        {"t": lambda t: t.s.try_cast("timestamp('UTC')").cast("timestamp(6)")},
    )
    assert found["t"] == [datetime(2020, 1, 2, 7, 5)] * 3


PATTERNS = {
    "%Y-%m-%d": ("2020-1-3", datetime(2020, 1, 3)),
    "%Y-%m-%d %H:%M": ("2020-01-03 1:2", datetime(2020, 1, 3, 1, 2)),
    "%d/%m/%Y %H:%M:%S": ("03/01/2020 23:59:58", datetime(2020, 1, 3, 23, 59, 58)),
    "%d %b %Y": ("3 jan 2020", datetime(2020, 1, 3)),
    "%B %d, %Y": ("January 3, 2020", datetime(2020, 1, 3)),
    "%Y%m%d": ("20200103", datetime(2020, 1, 3)),
    "%Y%m%dT%H%M%SZ": ("20200103T235958Z", datetime(2020, 1, 3, 23, 59, 58)),
    "%d/%m/%Y %I:%M %p": ("03/01/2020 9:05 PM", datetime(2020, 1, 3, 21, 5)),
    "%Y-%m-%d %H:%M:%S.%f": ("2020-01-03 00:00:00.25", datetime(2020, 1, 3, 0, 0, 0, 250_000)),
    "%d.%m.%Y at %H o'clock": ("3.1.2020 at 9 o'clock", datetime(2020, 1, 3, 9)),
}


def test_a_pattern_reads_a_time_alike_and_no_other_text(engine: Engine) -> None:
    for pattern, (text, moment) in PATTERNS.items():
        found = computed(
            engine,
            {"s": [text, f" {text} ", f"{text}x", "soon", None]},
            {"t": lambda t, pattern=pattern: engine.parse_time(t.s, pattern)},  # type: ignore[misc]
        )
        assert found["t"] == [moment, moment, None, None, None], pattern


def test_a_pattern_that_spark_has_no_words_for_is_refused_before_anything_runs() -> None:
    with pytest.raises(BespeakError, match=r"%U.*Spark can't read"):
        java_pattern("%Y week %U")


def test_regular_expressions_mean_the_same(engine: Engine) -> None:
    found = computed(
        engine,
        {"s": ["a.b", "axb", "a.b\n", "it's $5", "back\\slash"]},
        {
            "whole": lambda t: t.s.re_search("^a[.]b$"),
            "escaped": lambda t: t.s.re_search("a\\.b"),
            "swapped": lambda t: t.s.re_replace("(a)[.](b)", "\\2-\\1"),
            "priced": lambda t: t.s.re_replace("[0-9]", "$"),
            "taken": lambda t: t.s.re_extract("(a)(.)", 2),
            "quoted": lambda t: t.s.contains("'s"),
            "slashed": lambda t: t.s.contains("\\"),
        },
    )
    assert found["whole"] == [True, False, False, False, False]
    assert found["escaped"] == [True, False, True, False, False]
    assert found["swapped"][:3] == ["b-a", "axb", "b-a\n"] and found["priced"][3] == "it's $$"
    assert found["taken"] == [".", "x", ".", "", "c"]
    assert found["quoted"] == [False, False, False, True, False]
    assert found["slashed"] == [False, False, False, False, True]


def test_beyond_a_lists_end_there_is_nothing(engine: Engine) -> None:
    found = computed(
        engine,
        {"s": ["a > b", "a", None]},
        {"one": lambda t: t.s.split(" > ")[0], "two": lambda t: t.s.split(" > ")[1]},
    )
    assert found == {"one": ["a", "a", None], "two": ["b", None, None]}


def test_counts_of_nothing_are_zero_and_sums_of_nothing_null(engine: Engine) -> None:
    table = engine.table(pa.table({"n": pa.array([], pa.int64())}))
    found = engine.run(
        table.agg(
            rows=table.count(), big=table.count(where=table.n > 1),
            kinds=table.n.nunique(where=table.n > 1), total=table.n.sum(),
        )
    )  # fmt: skip
    assert found.to_pylist() == [{"rows": 0, "big": 0, "kinds": 0, "total": None}]


def test_a_small_literal_is_a_float_where_it_is_said_to_be(engine: Engine) -> None:
    found = computed(
        engine,
        {"x": [3.0], "m": pa.array([Decimal("0.1000")])},
        {
            "sum": lambda t: t.x * 0.1 + 0.2,
            "choice": lambda t: ibis.ifelse(t.x > 2, ibis.literal(0.1), ibis.literal(1.0)) * 3,
        },
    )
    assert found == {"sum": [3.0 * 0.1 + 0.2], "choice": [0.1 * 3]}


def test_quantiles_are_exact_and_between_neighbours(engine: Engine) -> None:
    table = engine.table(pa.table({"x": [1.0, 2.0, 4.0, 100.0]}))
    found = engine.run(table.agg(median=table.x.quantile(0.5), low=table.x.quantile(0.25)))
    assert found.to_pylist() == [{"median": 3.0, "low": 1.75}]


def test_names_may_hold_any_sign(engine: Engine) -> None:
    found = computed(engine, {"a.b c;`": [3]}, {"more": lambda t: t["a.b c;`"] + 1})
    assert found == {"more": [4]}


def test_no_name_of_a_file_hides_it(engine: Engine, tmp_path: Path) -> None:
    names = ["_hidden", ".dotted", "with space", "cur{l}y", "per%20cent+", "中文", "st*r", "plain"]
    files = [tmp_path / f"{name}.parquet" for name in names]
    for at, file in enumerate(files):
        pq.write_table(pa.table({"n": [at]}), file)
    rows = engine.run(engine.read(files, rows_numbered=True)).to_pylist()
    assert {row["_file"]: (row["n"], row["_row"]) for row in rows} == {
        str(file): (at, 1) for at, file in enumerate(files)
    }


def test_times_of_any_unit_and_zone_are_read_to_the_microsecond(
    engine: Engine, tmp_path: Path
) -> None:
    noon = datetime(2020, 6, 1, 12, 0, 0, 1)
    kinds = {"us": pa.timestamp("us"), "ns": pa.timestamp("ns"), "tz": pa.timestamp("us", "UTC")}
    path = tmp_path / "times.parquet"
    pq.write_table(pa.table({name: pa.array([noon], kind) for name, kind in kinds.items()}), path)
    table = engine.read([path])
    assert table.schema()["tz"].timezone == "UTC" and table.schema()["us"].timezone is None
    micros = {name: engine.micros(table[name].cast("timestamp(6)")) for name in kinds}
    expected = 1_591_012_800_000_001
    assert set(engine.run(table.select(**micros)).to_pylist()[0].values()) == {expected}


def test_what_is_written_has_the_same_types_on_every_engine(engine: Engine, tmp_path: Path) -> None:
    table = engine.table(
        pa.table({"m": [Decimal("1.5000")], "n": [1], "t": [datetime(2020, 1, 1)]})
    )
    made = table.group_by("t").agg(
        total=table.m.sum(), n=table.n.sum(), rows=table.count(), x=table.m.cast("float64").mean()
    )
    engine.write(made, tmp_path / "out")
    (file,) = (tmp_path / "out").rglob("*.parquet")
    kinds = {field.name: str(field.type) for field in pq.read_schema(file)}
    assert kinds == {
        "t": "timestamp[us]", "total": "decimal128(38, 4)", "n": "int64", "rows": "int64",
        "x": "double",
    }  # fmt: skip


def test_a_chain_of_computed_columns_does_not_multiply(spark: Spark) -> None:
    """Written out wherever it is used, the last column would have 2 to the 18th parts."""
    table = spark.table(pa.table({"s": ["a"]}))
    for step in range(18):
        table = table.mutate(s=ibis.ifelse(table.s == str(step), table.s, table.s + "x"))
    assert spark.run(table.filter(table.s.notnull()))["s"].to_pylist() == ["a" + "x" * 18]


def test_json_in_text_gives_what_stands_at_a_path_and_is_never_an_error(engine: Engine) -> None:
    texts = ['{"a": {"b": "x\\u00e9\\n"}}', '{"a": {"b": 1.5}}', '{"a": null}',
             '{"a": {"b": true}}', "{", None, "[]", ""]  # fmt: skip
    found = computed(engine, {"text": texts}, {"b": lambda t: engine.json_value(t.text, "a.b")})
    assert found["b"] == ["xé\n", "1.5", None, "true", None, None, None, None]
