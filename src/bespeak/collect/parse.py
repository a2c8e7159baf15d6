"""A source's values as the record's types: text, numbers, exact money, times, yes and no.

Every function takes a value of any type (text tidied already) and gives an expression that is null
where nothing stands or where what stands can't be read; `read` also says whether the second can
happen at all, so that a column which can't fail is never checked.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import reduce
from types import MappingProxyType

import ibis
import ibis.expr.types as ir

from bespeak.columns import MONEY, NUMBER, TEXT, TIME, WHOLE, YES_NO
from bespeak.engines import Engine

INSTANT = "timestamp('UTC')"
"""A type whose values are moments already, not a zone's wall clock."""

YES = ("true", "t", "yes", "y", "1", "1.0", "on", "是", "有", "真", "ja", "oui", "si", "sí")
NO = ("false", "f", "no", "n", "0", "0.0", "off", "否", "无", "假", "nein", "non")

COINS = (
    "[A-Z]{0,3}\\p{Sc}|USD|EUR|GBP|CNY|RMB|JPY|CHF|AUD|CAD|NZD|HKD|TWD|SGD|INR|KRW|BRL|MXN|ZAR|SEK"
    "|NOK|DKK|PLN|CZK|HUF|RON|BGN|TRY|RUB|UAH|ILS|AED|SAR|THB|IDR|MYR|PHP|VND|kr|zł|Kč|Ft|元|円"
)
"""What may stand before or after an amount, as a regular expression."""


@dataclass(frozen=True)
class Reader:
    """How one source writes its values.

    decimal      : what stands before the fraction, `.` or `,`
    zone         : where times without an offset were noted
    time_formats : strptime patterns, tried in order, before ISO 8601
    """

    engine: Engine
    decimal: str = "."
    zone: str = "UTC"
    time_formats: tuple[str, ...] = ()


@dataclass(frozen=True)
class Parsed:
    """A typed value, and whether something that stood there may have been unreadable."""

    value: ir.Value
    may_fail: bool
    wall: ir.Value | None = None
    """For times: microseconds on the zone's clock, where that is what stood there."""


def read(value: ir.Value, kind: str, reader: Reader) -> Parsed | None:
    """`value` as the record's type `kind`; None if no value of its type could ever be one."""
    parsed = READERS[kind](value, reader)
    return None if parsed is None else replace(parsed, value=parsed.value.cast(kind))


def tidy(value: ir.Value) -> ir.Value:
    """Text without the space around it, null if nothing is left; other types as they are.

    Engines strip slowly, so only what begins or ends with a character up to the space (or is
    empty) is stripped.
    """
    if not value.type().is_string():
        return value
    loose = (value < "!") | (value.right(1) <= " ")
    return ibis.ifelse(loose, value.strip().nullif(""), value)


def text(value: ir.Value) -> ir.Value:
    """Any value as text. A whole number is written without a fraction."""
    kind = value.type()
    if kind.is_string():
        return value
    if kind.is_floating() or (kind.is_decimal() and kind.scale != 0):
        whole = value.try_cast("int64")
        exact = (whole.cast("float64") == value.cast("float64")) & (whole < 10**15)
        return ibis.ifelse(exact, whole.cast("string"), present(value).cast("string"))
    return value.cast("string")


def present(value: ir.Value) -> ir.Value:
    """What stands there, in its own type; null for not-a-number."""
    if value.type().is_floating():
        return ibis.ifelse(is_finite(value) | value.isinf(), value, ibis.null(value.type()))
    return value


def is_finite(value: ir.Value) -> ir.Value:
    """Whether a float is a number; null for null.

    By subtraction: an engine that trusts a Parquet file's statistics, in which not-a-number does
    not count, takes it for granted that `isnan` is false.
    """
    return value - value == 0


# -- numbers -------------------------------------------------------------------------------------


def number(value: ir.Value, reader: Reader) -> ir.Value:
    """A finite float64."""
    kind = value.type()
    if kind.is_string():
        return _from_text(text(value), reader.decimal, _finite_text)
    if kind.is_floating():
        return _finite(value.cast("float64"))
    return value.cast("float64")


def money(value: ir.Value, reader: Reader) -> ir.Value:
    """Decimal with four places: exact from text, a float rounded half away from zero."""
    kind = value.type()
    if kind.is_string():
        return _from_text(text(value), reader.decimal, lambda plain: plain.try_cast(MONEY))
    return value.try_cast(MONEY)


def whole(value: ir.Value, reader: Reader) -> ir.Value:
    """An int64; a number with a fraction is no whole number."""
    kind = value.type()
    if kind.is_integer() or kind.is_boolean():
        return value.cast("int64")
    exact = (
        _from_text(text(value), reader.decimal, lambda plain: plain.try_cast("decimal(38, 9)"))
        if kind.is_string()
        else value.try_cast("decimal(38, 9)")
    )
    rounded = exact.try_cast("int64")
    return ibis.ifelse(rounded.cast("decimal(38, 9)") == exact, rounded, ibis.null("int64"))


def _finite(value: ir.Value) -> ir.Value:
    return ibis.ifelse(is_finite(value), value, ibis.null("float64"))


def _finite_text(plain: ir.Value) -> ir.Value:
    return _finite(plain.try_cast("float64"))


def _from_text(shown: ir.Value, decimal: str, convert: Callable[[ir.Value], ir.Value]) -> ir.Value:
    """The usual plain form first, because it is cheap; the tidied form for what is left."""
    plain = shown
    if decimal == ",":
        plain = ibis.ifelse(shown.contains("."), ibis.null("string"), shown.replace(",", "."))
    plain = ibis.ifelse(plain.contains("_"), ibis.null("string"), plain)  # engines read 1_000
    return ibis.coalesce(convert(plain), convert(tidy_number(shown, decimal)))


def tidy_number(shown: ir.Value, decimal: str = ".") -> ir.Value:
    """`€ 1.234,50-` or `(1,234.50)` as `-1234.50`; null unless the whole text has such a shape.

    Groups of thousands must be whole groups, so `3,40` is never 340 where the point is decimal.
    """
    point = "[.]" if decimal == "." else ","
    group = "[ \u00a0\u2009\u202f'’" + (",]" if decimal == "." else ".]")
    digits = f"(?:[0-9]{{1,3}}(?:{group}[0-9]{{2,3}})*{group}[0-9]{{3}}|[0-9]+)"
    body = f"{digits}?(?:{point}[0-9]*)?"
    plus, coin = "[-+−]?", f"(?:{COINS})?"
    leading = f"(?:{plus} ?{coin}|{coin} ?{plus}) ?{body} ?{coin}"
    around = f"{coin} ?{body} ?{coin}"
    trailing = f"{coin} ?{digits}?(?:{point}[0-9]+)? ?{coin} ?[-+−]"  # but `5.-` is five, even
    shape = f"^(?:{leading}|{trailing}|[(]{around}[)])$"
    negative = shown.contains("-") | shown.contains("−") | shown.startswith("(")
    kept = shown.re_replace(f"[^0-9{decimal}]", "").replace(",", ".")
    signed = ibis.ifelse(negative, ibis.literal("-"), ibis.literal("")) + kept
    return ibis.ifelse(shown.re_search(shape), signed, ibis.null("string"))


# -- times ---------------------------------------------------------------------------------------

_DAY = "[0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2}"
_CLOCK = "[T ][0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?"
_OFFSET = " ?(?:Z|UTC|GMT|[-+](?:0[0-9]|1[0-4])(?::?[0-5][0-9])?)"
_COMPACT_DAY = (19000101, 21001231)
_COMPACT_CLOCK = (19000101000000, 21001231235959)
_SECONDS_FROM = 10**8
"""Smaller numbers (before March 1973) are taken for years, days or serials, never for seconds."""


@dataclass(frozen=True)
class Clock:
    """A time as it stood there: on the zone's clock, or a moment wherever one is; or none."""

    wall: ir.Value
    moment: ir.Value


def time(value: ir.Value, reader: Reader) -> ir.Value:
    """UTC, to the microsecond; a clock without an offset is that of `reader.zone`."""
    clock = read_clock(value, reader)
    if reader.zone == "UTC":
        return ibis.coalesce(clock.wall, clock.moment)
    return ibis.coalesce(reader.engine.to_utc(clock.wall, reader.zone), clock.moment)


def literal_time(shown: str) -> ir.Value:
    """An ISO time that stands in the mapping: a wall clock, or a moment if it has an offset."""
    moment = datetime.fromisoformat(shown)
    if moment.tzinfo is None:
        return ibis.literal(moment, type=TIME)
    return ibis.literal(moment.astimezone(UTC).replace(tzinfo=None), type=TIME).cast(INSTANT)


def read_clock(value: ir.Value, reader: Reader) -> Clock:
    """What a typed time, a text or a number says of a time; at most one of the two is there."""
    kind, nothing = value.type(), ibis.null(TIME)
    if kind.is_timestamp() and kind.timezone is not None:
        return Clock(nothing, value.cast(INSTANT).cast(TIME))
    if kind.is_timestamp() or kind.is_date():
        return Clock(value.cast(TIME), nothing)
    shown = text(value)
    patterns = _by_patterns(shown, reader)
    if kind.is_integer():
        clock = _clock_of_whole(value.cast("int64"), reader)
    elif kind.is_numeric():
        clock = _clock_of_number(value.cast("float64"), reader)
    else:
        clock = _clock_of_text(shown, reader)
    if patterns is None:
        return clock
    wall = ibis.coalesce(patterns.wall, ibis.ifelse(patterns.moment.isnull(), clock.wall, nothing))
    moment = ibis.coalesce(patterns.moment, clock.moment)
    return Clock(wall, ibis.ifelse(wall.isnull(), moment, nothing))


def _by_patterns(shown: ir.Value, reader: Reader) -> Clock | None:
    """By the source's patterns; one with %z or %Z gives moments."""
    if not reader.time_formats:
        return None
    walls, moments = [ibis.null(TIME)], [ibis.null(TIME)]
    for pattern in reader.time_formats:
        parsed = reader.engine.parse_time(shown, pattern)
        if "%z" in pattern or "%Z" in pattern:
            moments.append(parsed.cast(INSTANT).cast(TIME))
        else:
            walls.append(parsed)
    return Clock(ibis.coalesce(*walls[1:], walls[0]), ibis.coalesce(*moments[1:], moments[0]))


def _clock_of_text(shown: ir.Value, reader: Reader) -> Clock:
    """ISO 8601, or seconds or milliseconds since 1970."""
    engine, tidy = reader.engine, shown.replace(",", ".")
    digits = shown.re_search("^[0-9]{8,19}$")
    counted = _clock_of_whole(shown.try_cast("int64"), reader)
    wall = ibis.cases(
        (shown.re_search(f"^{_DAY}(?:{_CLOCK})?$"), tidy.try_cast(TIME)),
        (digits, counted.wall),
        (shown.re_search("^[0-9]{8}T[0-9]{6}$"), engine.parse_time(shown, "%Y%m%dT%H%M%S")),
    )
    # An engine may drop an offset in silence when it reads a time without a zone.
    offset = tidy.replace(" +", "+").replace(" -", "-").replace(" Z", "Z")
    fraction = shown.re_search("^[0-9]{9,11}[.][0-9]+$")
    moment = ibis.cases(
        (shown.re_search(f"^{_DAY}{_CLOCK}{_OFFSET}$"), offset.try_cast(INSTANT).cast(TIME)),
        (digits, counted.moment),
        (fraction, _moment_of_seconds(shown.try_cast("float64"), reader)),
        (shown.re_search("^[0-9]{8}T[0-9]{6}Z$"), engine.parse_time(shown, "%Y%m%dT%H%M%SZ")),
    )
    return Clock(wall, ibis.ifelse(wall.isnull(), moment, ibis.null(TIME)))


def _clock_of_whole(value: ir.Value, reader: Reader) -> Clock:
    """20170131, 20170131101112, or a count since 1970 whose unit its size tells.

    Nine to eleven digits are seconds, up to thirteen milliseconds, up to seventeen microseconds,
    beyond that nanoseconds; each range lies between 1973 and 5138, so they can't be confused.
    """
    engine = reader.engine
    value = ibis.ifelse(value.between(0, 9 * 10**18), value, ibis.null("int64"))
    shown = value.cast("string")
    near = value // 1_000  # engines divide in floats, which can't hold nineteen digits
    micros = ibis.cases(
        (value < 10**11, value * 1_000_000),
        (value < 10**14, value * 1_000),
        (value < 10**17, value),
        else_=near + (value - near * 1_000) // 1_000,
    ).cast("int64")
    day, clock = value.between(*_COMPACT_DAY), value.between(*_COMPACT_CLOCK)
    wall = ibis.cases(
        (day, engine.parse_time(shown, "%Y%m%d")),
        (clock, engine.parse_time(shown, "%Y%m%d%H%M%S")),
    )
    return Clock(wall, ibis.cases(((value >= _SECONDS_FROM) & ~clock, engine.moment(micros))))


def _clock_of_number(value: ir.Value, reader: Reader) -> Clock:
    """Seconds with a fraction; else a whole number that happens to be kept as a float."""
    seconds = (value >= _SECONDS_FROM) & (value < 1e11)
    clock = _clock_of_whole(value.try_cast("int64"), reader)
    fine = _moment_of_seconds(value, reader)
    return Clock(clock.wall, ibis.ifelse(seconds, fine, clock.moment))


def _moment_of_seconds(value: ir.Value, reader: Reader) -> ir.Value:
    return reader.engine.moment(nearest(value * 1e6))


def nearest(value: ir.Value) -> ir.Value:
    """The nearest whole number; null beyond 64 bits, where an engine would stop."""
    return ibis.ifelse(value.abs() < 9e18, value, ibis.null("float64")).round(0).cast("int64")


# -- yes and no ----------------------------------------------------------------------------------


def yes_no(value: ir.Value) -> ir.Value:
    """A boolean from `yes`, `N`, `1`, `是` and the like."""
    if value.type().is_boolean():
        return value
    shown = text(value).lower()
    return ibis.cases((among(shown, YES), True), (among(shown, NO), False))


def among(value: ir.Value, words: Sequence[str]) -> ir.Value:
    """Whether `value` is one of a few words; comparisons, for an engine may make IN a join."""
    return reduce(operator.or_, [value == word for word in words])


# -- which type may be read as which -------------------------------------------------------------


def _as_text(value: ir.Value, _: Reader) -> Parsed:
    return Parsed(text(value), may_fail=False)


def _as_number(value: ir.Value, reader: Reader) -> Parsed | None:
    kind = value.type()
    if not (kind.is_string() or kind.is_numeric() or kind.is_boolean()):
        return None
    return Parsed(number(value, reader), kind.is_string() or kind.is_floating())


def _as_money(value: ir.Value, reader: Reader) -> Parsed | None:
    kind = value.type()
    if not (kind.is_string() or kind.is_numeric()):
        return None
    small = kind.is_integer() and kind.nbytes < 8
    return Parsed(money(value, reader), may_fail=not small)


def _as_whole(value: ir.Value, reader: Reader) -> Parsed | None:
    kind = value.type()
    if not (kind.is_string() or kind.is_numeric() or kind.is_boolean()):
        return None
    return Parsed(whole(value, reader), may_fail=not (kind.is_integer() or kind.is_boolean()))


def _as_time(value: ir.Value, reader: Reader) -> Parsed | None:
    kind = value.type()
    typed = kind.is_timestamp() or kind.is_date()
    if not (typed or kind.is_string() or kind.is_numeric()):
        return None
    if reader.zone == "UTC":
        return Parsed(time(value, reader), may_fail=not typed)
    clock = read_clock(value, reader)
    return Parsed(clock.moment, not typed, reader.engine.micros(clock.wall))


def _as_yes_no(value: ir.Value, _: Reader) -> Parsed:
    return Parsed(yes_no(value), may_fail=not value.type().is_boolean())


READERS: Mapping[str, Callable[[ir.Value, Reader], Parsed | None]] = MappingProxyType(
    {
        TEXT: _as_text,
        NUMBER: _as_number,
        MONEY: _as_money,
        WHOLE: _as_whole,
        TIME: _as_time,
        YES_NO: _as_yes_no,
    }
)
