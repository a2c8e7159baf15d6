"""Values of a source as the record's types: text, numbers, exact money, times, yes and no."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bespeak.collect import parse, zones
from bespeak.columns import MONEY, NUMBER, TEXT, TIME, WHOLE, YES_NO
from bespeak.engines import Engine

quick = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
"""One example is a whole column, so that a query tests many values."""


def read(engine: Engine, values: Any, kind: str, type_: Any = None, **said: Any) -> list[Any]:
    """The values of one column, read as `kind`."""
    table = engine.table(pa.table({"row": range(len(values)), "x": pa.array(values, type_)}))
    reader = parse.Reader(engine, **said)
    parsed = parse.read(parse.tidy(table.x), kind, reader)
    assert parsed is not None
    value = parsed.value
    if parsed.wall is not None:
        local = engine.to_utc(engine.moment(parsed.wall), reader.zone)
        value = local.fill_null(parsed.value)
    found = engine.run(table.select(row=table.row, y=value)).to_pylist()
    return [row["y"] for row in sorted(found, key=lambda row: row["row"])]


def read_one(engine: Engine, value: Any, kind: str, **said: Any) -> Any:
    return read(engine, [value], kind, **said)[0]


# -- text ----------------------------------------------------------------------------------------


def test_text_is_trimmed_and_blank_is_missing(engine: Engine) -> None:
    texts = ["  a b ", "", "   ", "\t\n", "x", "!", " 中 ", None]
    assert read(engine, texts, TEXT) == ["a b", None, None, None, "x", "!", "中", None]


def test_whole_numbers_become_text_without_a_fraction(engine: Engine) -> None:
    assert read(engine, [17850.0, 2.5, float("nan"), 1e300, -0.0], TEXT)[:3] == [
        "17850",
        "2.5",
        None,
    ]
    assert read(engine, [17850, None], TEXT) == ["17850", None]
    assert read(engine, [Decimal("7.00"), Decimal("7.25")], TEXT) == ["7", "7.25"]


# -- numbers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ("1.5", "1.5"), ("+5", "5"), ("-0.00005", "-0.0001"), ("1,234.56", "1234.56"),
        ("1,23,456.7", "123456.7"), ("$5", "5"), ("€ 7", "7"), ("-$7", "-7"), ("$-7", "-7"),
        ("(12.00)", "-12"), ("5-", "-5"), ("5 -", "-5"), ("−5", "-5"), ("US$ 1,234", "1234"),
        ("12.50 EUR", "12.5"), ("1 234.5", "1234.5"), ("1\u202f234.5 kr", "1234.5"),
        ("1'234.50", "1234.5"), ("¥99", "99"), ("99元", "99"), ("1e3", "1000"), (".5", ".5"),
        ("5.", "5"),
    ],
)  # fmt: skip
def test_amounts_are_read_as_people_write_them(engine: Engine, shown: str, expected: str) -> None:
    assert read_one(engine, shown, MONEY) == Decimal(expected)
    wanted = float(read_one(engine, shown, MONEY)) if "0.00005" not in shown else -0.00005
    assert read_one(engine, shown, NUMBER) == wanted


@pytest.mark.parametrize(
    "shown",
    ["3,40", "1.5.2", "12a", "A12", "C536379", "-", ".", "--5", "-5-", "(5", "1_000", "nan", "inf",
     "1e999", "five", "5%", "1,2345", "€"],
)  # fmt: skip
def test_what_is_no_number_is_never_guessed(engine: Engine, shown: str) -> None:
    assert read_one(engine, shown, MONEY) is None
    assert read_one(engine, shown, NUMBER) is None


@pytest.mark.parametrize(
    ("shown", "expected"),
    [("1,5", "1.5"), ("1.234,56", "1234.56"), ("1.234", "1234"), ("1 234,50", "1234.5"),
     ("1234", "1234"), ("-1.234.567,89 €", "-1234567.89"), ("1.5", None), ("1,234.56", None)],
)  # fmt: skip
def test_a_decimal_comma_is_read_where_the_source_has_one(
    engine: Engine, shown: str, expected: str | None
) -> None:
    wanted = None if expected is None else Decimal(expected)
    assert read_one(engine, shown, MONEY, decimal=",") == wanted


amounts = st.decimals(-(10**9), 10**9, places=4, allow_nan=False, allow_infinity=False)


@quick
@given(st.lists(amounts, min_size=1, max_size=60))
def test_money_written_as_text_comes_back_exactly(engine: Engine, values: list[Decimal]) -> None:
    assert read(engine, [str(value) for value in values], MONEY) == values
    grouped = [f"{value:,.4f}" for value in values]
    assert read(engine, grouped, MONEY) == values
    swapped = [text.translate(str.maketrans(",.", ".,")) for text in grouped]
    assert read(engine, swapped, MONEY, decimal=",") == values


@quick
@given(st.lists(amounts, min_size=1, max_size=60))
def test_money_kept_as_a_float_comes_back_exactly(engine: Engine, values: list[Decimal]) -> None:
    assert read(engine, [float(value) for value in values], MONEY) == values


@quick
@given(st.lists(st.decimals(-(10**6), 10**6, places=7), min_size=1, max_size=60))
def test_money_is_rounded_half_away_from_zero(engine: Engine, values: list[Decimal]) -> None:
    wanted = [value.quantize(Decimal("1e-4"), ROUND_HALF_UP) for value in values]
    assert read(engine, [f"{value:f}" for value in values], MONEY) == wanted


@quick
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=60))
def test_floats_written_as_text_come_back_exactly(engine: Engine, values: list[float]) -> None:
    assert read(engine, [repr(value) for value in values], NUMBER) == values


@quick
@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=60))
def test_whole_numbers_come_back_exactly(engine: Engine, values: list[int]) -> None:
    assert read(engine, values, WHOLE, pa.int64()) == values
    assert read(engine, [str(value) for value in values], WHOLE) == values


def test_a_fraction_is_no_whole_number(engine: Engine) -> None:
    assert read(engine, ["3", "3.0", "3.5", "1,000", "x"], WHOLE) == [3, 3, None, 1000, None]
    assert read(engine, [3.0, 3.5, 1e30], WHOLE) == [3, None, None]


def test_not_a_number_is_missing_and_infinity_unreadable(engine: Engine) -> None:
    assert read(engine, [float("nan"), float("inf"), 2.0], MONEY) == [None, None, Decimal(2)]
    assert read(engine, [float("nan"), float("inf"), 2.0], NUMBER) == [None, None, 2.0]


def test_amounts_beyond_the_record_are_unreadable_not_wrong(engine: Engine) -> None:
    assert read(engine, ["99999999999999.9999", "100000000000000"], MONEY) == [
        Decimal("99999999999999.9999"),
        None,
    ]
    assert read(engine, [10**18], MONEY) == [None]


# -- times ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ("2020-07-01", "2020-06-30T23:00:00"),
        ("2020-07-01 10:00", "2020-07-01T09:00:00"),
        ("2020-07-01T10:00:00", "2020-07-01T09:00:00"),
        ("2020/7/1 9:05:00", "2020-07-01T08:05:00"),
        ("2020-07-01 10:00:00.25", "2020-07-01T09:00:00.250000"),
        ("2020-07-01T10:00:00Z", "2020-07-01T10:00:00"),
        ("2020-07-01 10:00:00 UTC", "2020-07-01T10:00:00"),
        ("2020-07-01T10:00:00+02:00", "2020-07-01T08:00:00"),
        ("2020-07-01 10:00:00 -0500", "2020-07-01T15:00:00"),
        ("2020-07-01T10:00:00,5+05:30", "2020-07-01T04:30:00.500000"),
        ("20200701", "2020-06-30T23:00:00"),
        ("20200701101112", "2020-07-01T09:11:12"),
        ("20200701T101112", "2020-07-01T09:11:12"),
        ("20200701T101112Z", "2020-07-01T10:11:12"),
        ("1593561600", "2020-07-01T00:00:00"),
        ("1593561600.5", "2020-07-01T00:00:00.500000"),
        ("1593561600123", "2020-07-01T00:00:00.123000"),
        ("1593561600123456", "2020-07-01T00:00:00.123456"),
        ("1593561600123456789", "2020-07-01T00:00:00.123456"),
    ],
)
def test_times_are_read_as_machines_write_them(engine: Engine, shown: str, expected: str) -> None:
    wanted = datetime.fromisoformat(expected)
    assert read_one(engine, shown, TIME, zone="Europe/London") == wanted
    if shown.isdigit():
        assert read(engine, [int(shown)], TIME, pa.int64(), zone="Europe/London") == [wanted]
        if int(shown) < 2**53:
            assert read(engine, [float(shown)], TIME, zone="Europe/London") == [wanted]


@pytest.mark.parametrize(
    "shown",
    ["01/02/2020", "31.12.2020", "2020", "2020-13-01", "2020-02-30", "10-11-12", "infinity",
     "epoch", "12345", "2020-07-01 25:00", "2020-07-01T10:00:00+99:00", "yesterday", "43831.5"],
)  # fmt: skip
def test_times_that_could_be_several_are_never_guessed(engine: Engine, shown: str) -> None:
    assert read_one(engine, shown, TIME) is None
    assert read_one(engine, shown, TIME, zone="Asia/Shanghai") is None


def test_numbers_too_small_for_seconds_are_no_times(engine: Engine) -> None:
    assert read(engine, [-5, 0, 2020, 43831, 99_999_999], TIME, pa.int64()) == [None] * 5
    assert read(engine, [-5.0, float("nan"), float("inf"), 43831.5], TIME) == [None] * 4


def test_patterns_of_the_source_come_first_and_iso_still_works(engine: Engine) -> None:
    formats = ("%d/%m/%Y %H:%M", "%d/%m/%Y", "%d/%b/%Y:%H:%M:%S %z")
    shown = ["01/02/2020 10:00", "01/02/2020", "17/May/2020:10:00:00 +0200", "2020-07-01", "x"]
    assert read(engine, shown, TIME, time_formats=formats, zone="Asia/Tokyo") == [
        datetime(2020, 2, 1, 1),
        datetime(2020, 1, 31, 15),
        datetime(2020, 5, 17, 8),
        datetime(2020, 6, 30, 15),
        None,
    ]
    assert read(engine, [12022020, None], TIME, pa.int64(), time_formats=("%d%m%Y",)) == [
        datetime(2020, 2, 12),
        None,
    ]


def test_typed_times_pass_through(engine: Engine) -> None:
    noon = datetime(2020, 7, 1, 12)
    assert read(engine, [noon, None], TIME, pa.timestamp("us")) == [noon, None]
    assert read(engine, [noon], TIME, pa.timestamp("ns")) == [noon]
    assert read(engine, [date(2020, 7, 1)], TIME) == [datetime(2020, 7, 1)]
    aware = pa.timestamp("us", tz="America/New_York")
    assert read(engine, [noon.replace(tzinfo=UTC)], TIME, aware, zone="Asia/Tokyo") == [noon]


@settings(quick, max_examples=8)
@given(
    st.lists(st.datetimes(datetime(1973, 4, 1), datetime(2099, 12, 30)), min_size=1, max_size=60)
)
def test_times_come_back_whatever_their_dress(engine: Engine, moments: list[datetime]) -> None:
    assert read(engine, [str(moment) for moment in moments], TIME) == moments
    offset = timedelta(hours=5, minutes=30)
    dressed = [f"{(moment + offset).isoformat()}+05:30" for moment in moments]
    assert read(engine, dressed, TIME, zone="America/New_York") == moments
    micros = [(moment - datetime(1970, 1, 1)) // timedelta(microseconds=1) for moment in moments]
    assert read(engine, micros, TIME, pa.int64()) == moments
    whole = [moment.replace(microsecond=0) for moment in moments]
    assert read(engine, [f"{moment:%Y%m%dT%H%M%S}" for moment in whole], TIME) == whole


def test_an_hour_that_is_skipped_or_comes_twice_has_one_reading(engine: Engine) -> None:
    shown = ["2017-03-26 01:30", "2017-10-29 01:30", "2017-10-29 00:30"]
    assert read(engine, shown, TIME, zone="Europe/London") == [
        datetime(2017, 3, 26, 1, 30),
        datetime(2017, 10, 29, 1, 30),
        datetime(2017, 10, 28, 23, 30),
    ]


@pytest.mark.parametrize(
    "zone",
    ["Europe/London", "America/New_York", "Asia/Shanghai", "Australia/Lord_Howe",
     "America/Sao_Paulo", "Pacific/Apia", "Asia/Kolkata"],
)  # fmt: skip
def test_the_table_of_clock_changes_says_what_the_calendar_says(engine: Engine, zone: str) -> None:
    changes = zones.changes(zone)
    minute = 60_000_000
    walls = [
        change.since + around * minute + less
        for change in changes[1:]
        for around in (-61, -60, -31, -30, -1, 0, 1, 30, 59, 60, 61)
        for less in (-1, 0)
    ] or [0]
    table = engine.table(pa.table({"wall": walls}))
    ours = zones.to_utc(engine, table.wall, zone)
    theirs = engine.to_utc(engine.moment(table.wall), zone)
    told = table.mutate(ours=ours, theirs=theirs)
    assert engine.run(told.filter(told.ours != told.theirs)).to_pylist() == []
    far = engine.table(pa.table({"wall": [-(10**15), 5 * 10**15]}))
    told = far.mutate(ours=zones.to_utc(engine, far.wall, zone))
    assert engine.run(told.filter(told.ours.isnull())).num_rows == 0


# -- yes and no ----------------------------------------------------------------------------------


def test_yes_and_no_are_understood(engine: Engine) -> None:
    shown = ["Yes", "N", "1", "0", "TRUE", "是", "否", "maybe", ""]
    wanted = [True, False, True, False, True, True, False, None, None]
    assert read(engine, shown, YES_NO) == wanted
    assert read(engine, [1, 0, 2], YES_NO) == [True, False, None]
    assert read(engine, [True, None], YES_NO) == [True, None]


# -- what can fail -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("type_", "kind", "fails"),
    [
        (pa.int64(), TEXT, False), (pa.string(), TEXT, False), (pa.int64(), NUMBER, False),
        (pa.int32(), MONEY, False), (pa.int64(), MONEY, True), (pa.float64(), NUMBER, True),
        (pa.string(), NUMBER, True), (pa.timestamp("us"), TIME, False), (pa.date32(), TIME, False),
        (pa.int64(), TIME, True), (pa.string(), TIME, True), (pa.int64(), WHOLE, False),
        (pa.float64(), WHOLE, True), (pa.bool_(), YES_NO, False), (pa.string(), YES_NO, True),
    ],
)  # fmt: skip
def test_only_what_can_fail_is_said_to(
    engine: Engine, type_: pa.DataType, kind: str, fails: bool
) -> None:
    table = engine.table(pa.table({"x": pa.array([], type_)}))
    parsed = parse.read(table.x, kind, parse.Reader(engine))
    assert parsed is not None
    assert parsed.may_fail is fails


@pytest.mark.parametrize(
    ("type_", "kind"),
    [(pa.timestamp("us"), MONEY), (pa.date32(), NUMBER), (pa.timestamp("us"), WHOLE),
     (pa.bool_(), TIME), (pa.list_(pa.int64()), NUMBER), (pa.bool_(), MONEY)],
)  # fmt: skip
def test_a_type_that_can_never_be_read_so_is_refused(
    engine: Engine, type_: pa.DataType, kind: str
) -> None:
    table = engine.table(pa.table({"x": pa.array([], type_)}))
    assert parse.read(table.x, kind, parse.Reader(engine)) is None
