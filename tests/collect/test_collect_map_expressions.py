"""The small SQL of a mapping: what each operation gives, and what each mistake is told."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from bespeak.collect import expressions, parse
from bespeak.collect.alike import Scope
from bespeak.engines import Engine
from bespeak.errors import MappingImpossible

ROWS = {
    "amount": ["1,5", "x", None],
    "n": [1, -2, 3],
    "f": [1.0, float("nan"), 2.5],
    "day": ["2020-07-01", "2020-07-01T10:00:00+02:00", None],
    "at": [datetime(2020, 7, 1, 12)] * 3,
    "flag": [True, False, None],
    "用户": ["u", "v", ""],
    "a b": ["p-q", " r ", ""],
    "a.b": ["x", "y", "z"],
}


def compute(engine: Engine, expression: str, **said: Any) -> list[Any]:
    """The expression over three rows of a source with a decimal comma, in Shanghai's time."""
    table = engine.table(pa.table({"row": [0, 1, 2], **ROWS}))
    tidy = {name: parse.tidy(table[name]) for name in ROWS}
    reader = parse.Reader(engine, decimal=",", zone="Asia/Shanghai", **said)
    assert expressions.problems(expression, list(ROWS)) == []
    value = expressions.compile_expression(expression, Scope(tidy, reader))
    found = engine.run(table.select(row=table.row, y=value)).to_pylist()
    return [row["y"] for row in sorted(found, key=lambda row: row["row"])]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        # arithmetic, and text that is a number by the source's rules
        ("amount + 1", [2.5, None, None]),
        ("n - 1", [0, -3, 2]),
        ("n * 2.5", [2.5, -5.0, 7.5]),
        ("n / 0", [None, None, None]),
        ("n / 2", [0.5, -1.0, 1.5]),
        ("n % 2", [1, 0, 1]),
        ("n % 0", [None, None, None]),
        ("-n", [-1, 2, -3]),
        ("abs(n)", [1, 2, 3]),
        ("round(f * 1.15, 1)", [1.2, None, 2.9]),
        ("round(f)", [1.0, None, 3.0]),
        ("floor(amount)", [1, None, None]),
        ("ceil(amount)", [2, None, None]),
        ("greatest(n, 2)", [2, 2, 3]),
        ("least(n, f)", [1.0, -2.0, 2.5]),
        # comparison and logic
        ("amount > 1", [True, None, None]),
        ("f >= 1", [True, None, True]),
        ("n = '3'", [False, False, True]),
        ("n <> 1", [False, True, True]),
        ("用户 = 'u'", [True, False, None]),
        ("n < 0 or n > 2", [False, True, True]),
        ("n > 0 and not n > 2", [True, False, False]),
        ("n in (1, 3)", [True, False, True]),
        ("n not in (1, 3)", [False, True, False]),
        ("用户 in ('u', 'w')", [True, False, None]),
        ("n between 1 and '2'", [True, False, False]),
        ("f is null", [False, True, False]),
        ("用户 is not null", [True, True, False]),
        ("flag is true", [True, False, False]),
        ("flag is false", [False, True, False]),
        ("用户 like 'u%'", [True, False, None]),
        ("用户 not like 'u%'", [False, True, None]),
        ("用户 ilike 'U'", [True, False, None]),
        # choice
        ("case when amount > 1 then 'big' when n < 0 then 'minus' end", ["big", "minus", None]),
        ("case n when 1 then 'one' else 'other' end", ["one", "other", "other"]),
        ("case when flag then n else 'none' end", ["1", "none", "none"]),
        ("if(n > 1, 'yes', 'no')", ["no", "no", "yes"]),
        ("coalesce(amount, n)", ["1,5", "x", "3"]),
        ("nullif(n, 3)", [1, -2, None]),
        ("nullif(amount, 'x')", ["1,5", None, None]),
        # text
        ("lower('AbC')", ["abc"] * 3),
        ("upper(用户)", ["U", "V", None]),
        ("trim('  a ')", ["a"] * 3),
        ("length(用户)", [1, 1, None]),
        ("concat(用户, '/', n)", ["u/1", "v/-2", "/3"]),
        ("用户 || n", ["u1", "v-2", None]),
        ("concat(用户, null)", ["u", "v", None]),
        ("substring(\"a b\", 3)", ["q", None, None]),
        ("substring(\"a b\", 1, 2)", ["p-", "r", None]),
        ("left(\"a b\", 1)", ["p", "r", None]),
        ("right(\"a b\", 1)", ["q", "r", None]),
        ("replace(\"a b\", '-', '+')", ["p+q", "r", None]),
        ("split_part(\"a b\", '-', 2)", ["q", None, None]),
        ("regexp_extract(\"a b\", '(.)-(.)', 2)", ["q", None, None]),
        ("regexp_extract(\"a b\", '[a-z]')", ["p", "r", None]),
        ("regexp_matches(\"a b\", '^p')", [True, False, None]),
        ("a.b", ["x", "y", "z"]),
        # casts
        ("cast(n as varchar)", ["1", "-2", "3"]),
        ("cast(amount as double)", [1.5, None, None]),
        ("cast(f as integer)", [1, None, 3]),
        ("cast(n as boolean)", [True, True, True]),
        ("cast('yes' as boolean)", [True] * 3),
        ("amount::double", [1.5, None, None]),
        ("try_cast(amount as bigint)", [2, None, None]),
        # literals
        ("null", [None] * 3),
        ("true", [True] * 3),
        ("'it''s'", ["it's"] * 3),
        ("1e3", [1000.0] * 3),
    ],
)  # fmt: skip
def test_every_operation_gives_what_sql_would(
    engine: Engine, expression: str, expected: list[Any]
) -> None:
    assert compute(engine, expression) == expected


def test_decimals_are_cast_exactly(engine: Engine) -> None:
    assert [str(value) for value in compute(engine, "cast(n as decimal(10, 2))")] == [
        "1.00", "-2.00", "3.00",
    ]  # fmt: skip
    assert [str(value) for value in compute(engine, "cast(amount as decimal)")] == [
        "1.500", "None", "None",
    ]  # fmt: skip


def test_wall_clocks_stay_wall_clocks_and_text_becomes_moments(engine: Engine) -> None:
    assert compute(engine, "time_add(at, n, 'day')") == [
        datetime(2020, 7, 2, 12), datetime(2020, 6, 29, 12), datetime(2020, 7, 4, 12),
    ]  # fmt: skip
    assert compute(engine, "time_add(timestamp '2016-12-27 05:00:00', n * 7, 'days')") == [
        datetime(2017, 1, 3, 5), datetime(2016, 12, 13, 5), datetime(2017, 1, 17, 5),
    ]  # fmt: skip
    assert compute(engine, "time_add(day, 30, 'minute')") == [
        datetime(2020, 6, 30, 16, 30, tzinfo=UTC), datetime(2020, 7, 1, 8, 30, tzinfo=UTC), None,
    ]  # fmt: skip


def test_times_are_compared_as_moments(engine: Engine) -> None:
    # the wall clock 05:00 in Shanghai is 21:00 UTC of the day before
    assert compute(engine, "day > timestamp '2020-07-01 05:00:00'") == [False, True, None]
    assert compute(engine, "at >= date '2020-07-01'") == [True, True, True]
    assert compute(engine, "at > timestamp '2020-07-01T03:00:00Z'") == [True, True, True]
    assert compute(engine, "at > timestamp '2020-07-01T04:00:00Z'") == [False, False, False]


def test_a_day_is_cut_from_a_time_as_it_is_written(engine: Engine) -> None:
    assert compute(engine, "cast(at as date)") == [datetime(2020, 7, 1)] * 3
    assert compute(engine, "cast(day as timestamp)")[0] == datetime(2020, 7, 1)


def test_decimals_are_multiplied_without_overflow(engine: Engine) -> None:
    expression = "cast('90706.7390' as decimal(18, 4)) * cast('1102.454' as decimal(18, 6))"
    table = engine.table(pa.table({"row": [0]}))
    scope = Scope({"row": table.row}, parse.Reader(engine))
    value = expressions.compile_expression(expression, scope)
    assert engine.run(table.select(y=value)).to_pylist() == [{"y": 100000007.237506}]


def test_shifts_out_of_range_are_null_and_stop_nothing(engine: Engine) -> None:
    assert compute(engine, "time_add(at, n * 1000000000, 'week')") == [None] * 3


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("foo(n)", "function `foo` is not known (did you mean `floor`?)"),
        ("uper(用户)", "function `uper` is not known (did you mean `upper`?)"),
        ("sum(n)", "function `sum` is not known"),
        ("now()", "function `now` is not known"),
        ("random()", "function `rand` is not known"),
        ("count(*)", "`*` is not allowed here"),
        ("amout + 1", "there is no column `amout` (did you mean `amount`?)"),
        ("AMOUNT + 1", "there is no column `AMOUNT` (did you mean `amount`?)"),
        ("n +", "it can't be read: something is missing"),
        ("'n", "it can't be read: Error tokenizing"),
        ("", "it must be exactly one expression"),
        ("n; n", "it must be exactly one expression"),
        ("drop table x", "`DROP TABLE x` is not allowed here"),
        ("(select 1)", "`(SELECT 1)` is not allowed here"),
        ("n in (select 1)", "`n IN (SELECT 1)` is not allowed in this form"),
        ("sum(n) over ()", "`SUM(n) OVER ()` is not allowed here"),
        ("n as m", "`n AS m` is not allowed here"),
        ("trim(both 'x' from 用户)", "is not allowed in this form"),
        ("n is 5", "after `is` stands null, true or false"),
        ("用户 like n", "needs a text in quotes, not a column"),
        ("replace(用户, n, 'x')", "needs a text in quotes, not a column"),
        ("split_part(用户, n, 1)", "needs a text in quotes, not a column"),
        ("split_part(用户, '-', 0)", "needs whole numbers from 1"),
        ("substring(用户, 0)", "needs whole numbers from 1"),
        ("substring(用户, n)", "needs whole numbers from 1"),
        ("left(用户, n)", "needs whole numbers from 1"),
        ("round(n, 20)", "needs 0 to 9 places"),
        ("regexp_extract(用户, '(')", "`(` is no regular expression"),
        ("regexp_matches(用户, '(?=x)')", "look-around"),
        ("regexp_matches(用户, '(a)\\1')", "look-around, back-references"),
        ("regexp_extract(用户, 'x', 1)", "`x` has 0 groups in parentheses, not 1"),
        ("regexp_extract(用户, 用户)", "needs a text in quotes, not a column"),
        ("time_add(at, 1)", "`time_add` needs a unit"),
        ("time_add(at, 1, 'month')", "`time_add` needs a unit"),
        ("cast(n as blob)", "is no type to cast to (there are varchar, integer"),
        ("timestamp 'tomorrow'", "`tomorrow` is no time like 2017-01-31"),
        ("(" * 400 + "n" + ")" * 400, "nested"),
        ("n + " * 200 + "n", "it is nested more than 100 deep"),
        ("n" * 20_001, "it is longer than 20,000 characters"),
    ],
)
def test_every_mistake_is_named(expression: str, problem: str) -> None:
    found = "; ".join(expressions.problems(expression, list(ROWS)))
    assert problem in found


def test_all_problems_of_an_expression_are_told_at_once() -> None:
    found = expressions.problems("foo(amout) + bar(m)", ["amount"])
    assert found == [
        "function `foo` is not known (did you mean `floor`?)",
        "function `bar` is not known",
        "there is no column `amout` (did you mean `amount`?)",
        "there is no column `m`",
    ]


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("at + 1", "a time stands where a number is expected"),
        ("case when at then 1 end", "a time stands where a condition is expected"),
        ("cast(at as double)", "a time stands where a number is expected"),
        ("flag > at", "a boolean stands where a time is expected"),
    ],
)
def test_types_that_make_no_sense_together_are_refused(
    engine: Engine, expression: str, problem: str
) -> None:
    with pytest.raises(MappingImpossible, match=problem):
        compute(engine, expression)


def test_the_columns_that_an_expression_reads_are_known() -> None:
    assert expressions.columns_of("concat(用户, \"a b\", a.b, 'n')") == {"用户", "a b", "a.b"}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("i * i", [None, None, 4]),
        ("i + i", [None, None, 4]),
        ("i - 1", [None, 2**63 - 2, 1]),
        ("-i", [None, -(2**63) + 1, -2]),
        ("abs(i)", [None, 2**63 - 1, 2]),
        ("cast(x as bigint)", [None, None, 3]),
        ("floor(x)", [None, None, 2]),
        ("round(x)", [None, None, 3]),
        ("x % 0", [None, None, None]),
        ("i % 0", [None, None, None]),
    ],
)
def test_no_number_is_too_large_to_go_on(
    engine: Engine, expression: str, expected: list[Any]
) -> None:
    columns = {"i": [-(2**63), 2**63 - 1, 2], "x": [float("inf"), -1e300, 2.5]}
    table = engine.table(pa.table({"row": [0, 1, 2], **columns}))
    scope = Scope({name: table[name] for name in columns}, parse.Reader(engine))
    value = expressions.compile_expression(expression, scope)
    found = engine.run(table.select(row=table.row, y=value)).to_pylist()
    shown = [row["y"] for row in sorted(found, key=lambda row: row["row"])]
    assert shown == expected


HOSTILE = [
    "9999-12-31 23:59:59", "0001-01-01", "294247-01-10", "21001231235959", "2020-06-01T25:00Z",
    "9223372036854775807", "-9223372036854775808", "9" * 18, "9" * 19, "9" * 30, "99999999999.9999",
    "1e308", "-1e400", "nan", "infinity", "٣", "-", "--", "(1", "€€1",
    "\x00", "x" * 5000, "'; drop table x",
]  # fmt: skip


@pytest.mark.parametrize("kind", ["float64", "int64", "decimal(18, 4)", "timestamp(6)", "boolean"])
def test_no_text_can_stop_a_reading(engine: Engine, kind: str) -> None:
    table = engine.table(pa.table({"x": HOSTILE}))
    for zone in ("UTC", "Europe/London"):
        reader = parse.Reader(engine, decimal=",", zone=zone, time_formats=("%d/%m/%Y", "%Y%m%d"))
        parsed = parse.read(parse.tidy(table.x), kind, reader)
        assert parsed is not None
        values = [parsed.value] if parsed.wall is None else [parsed.value, parsed.wall]
        shown = [value.name(f"v{at}") for at, value in enumerate(values)]
        assert engine.run(table.select(shown)).num_rows == len(HOSTILE)
