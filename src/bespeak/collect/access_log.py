"""A web server's access log: common or combined format, with or without the host's name first."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from pathlib import Path

from bespeak.collect.batches import (
    DAMAGED,
    Batch,
    Reading,
    Refused,
    clipped,
    counted,
    text_table,
)
from bespeak.collect.charset import find_encoding
from bespeak.collect.options import Options
from bespeak.collect.text import damage, lines

COLUMNS = (
    "vhost", "host", "user", "time", "method", "path", "query", "status", "bytes", "referrer",
    "agent",
)  # fmt: skip
_QUOTED = r'"((?:[^"\\]|\\.)*)"'
_LINE = re.compile(
    r"(?:(\S+) (?!- ))?(\S+) \S+ (\S+(?: \S+)*?) \[([^\]]{20,30})\] "
    rf"{_QUOTED} (\d{{3}}|-) (\d+|-)(?: {_QUOTED} {_QUOTED}.*)?\s*"
)
_REQUEST = re.compile(r"([A-Z][A-Z_-]*) (\S+)(?: HTTP/[\d.]+)?")
_TIME = re.compile(r"(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_BATCH_BYTES = 16 * 1024 * 1024

Values = tuple[str | None, ...]


def read_access_log(path: Path, options: Options) -> Reading:
    """Requests of an access log; `_row` is the line, `time` is UTC.

    columns: COLUMNS, all text; what the log gives as `-` is null. `path` is without the query.
    raises : SourceMissing; SourceUnreadable if it is empty, no text, or has a line without an end
    """
    encoding = find_encoding(path, options.encoding, within=2**21 if options.quick else None)
    reading = Reading(iter(()), {"encoding": encoding.name}, [encoding.said])
    reading.said.append("Times are brought to UTC by the offset that each line gives.")
    rows = lines(path, encoding.name, options.row_limit)
    reading.batches = _batches(rows, damage(encoding.name), options.batch_rows, reading)
    return reading


def _utc(moment: str) -> str | None:
    """`10/Oct/2000:13:55:36 -0700` as `2000-10-10T20:55:36Z`; None if there is no such time."""
    match = _TIME.fullmatch(moment)
    if match is None or match[2] not in _MONTHS:
        return None
    day, _, year, hour, minute, second, sign, hours, minutes = match.groups()
    ahead = timedelta(hours=int(hours), minutes=int(minutes))
    try:
        zone = timezone(ahead if sign == "+" else -ahead)
        local = datetime(
            int(year), _MONTHS.index(match[2]) + 1, int(day), int(hour), int(minute),
            int(second), tzinfo=zone,
        )  # fmt: skip
        return local.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError):
        return None


def parse(line: str, utc: Callable[[str], str | None] = _utc) -> Values | None:
    """The values of COLUMNS in one line; None if it is no line of an access log."""
    match = _LINE.fullmatch(line)
    if match is None:
        return None
    vhost, host, user, moment, request, status, size, referrer, agent = match.groups()
    time = utc(moment)
    if time is None:
        return None
    asked = _REQUEST.fullmatch(request)
    method, target = asked.groups() if asked else (None, None)
    path, mark, query = (target or "").partition("?")
    return (
        vhost, _given(host), _given(user), time, method, path or None, query if mark else None,
        _given(status), _given(size), _given(referrer), _given(agent),
    )  # fmt: skip


def _given(value: str | None) -> str | None:
    if value is None or value in {"-", ""}:
        return None
    return value.replace('\\"', '"') if "\\" in value else value


def _batches(
    rows: Iterator[tuple[int, bytes]], errors: str, most: int, reading: Reading
) -> Iterator[Batch]:
    kept: list[Values] = []
    numbers: list[int] = []
    refused: list[Refused] = []
    blank = size = 0
    utc = lru_cache(maxsize=4096)(_utc)  # a busy second fills many lines
    for row, line in rows:
        text = line.decode("utf-8", errors).strip()
        if not text:
            blank += 1
            continue
        size += len(line)
        values = None if DAMAGED.search(text) else parse(text, utc)
        if values is None:
            refused.append(_refusal(row, text))
        else:
            kept.append(values)
            numbers.append(row)
        if len(kept) + len(refused) >= most or size >= _BATCH_BYTES:
            yield _batch(kept, numbers, refused)
            kept, numbers, refused, size = [], [], [], 0
    yield _batch(kept, numbers, refused)
    if blank:
        reading.said.append(f"{counted(blank, 'blank line')} stood between the rows.")


def _batch(kept: list[Values], numbers: list[int], refused: list[Refused]) -> Batch:
    columns = zip(*kept, strict=True) if kept else iter([()] * len(COLUMNS))
    named = {name: list(values) for name, values in zip(COLUMNS, columns, strict=True)}
    return Batch(text_table(named, numbers), refused)


def _refusal(row: int, text: str) -> Refused:
    if DAMAGED.search(text):
        return Refused(
            row, "undecodable_text", "damaged bytes", "text in the file's encoding", clipped(text)
        )
    expected = 'host ident user [time] "request" status bytes ("referrer" "agent")'
    return Refused(row, "not_a_log_line", "another text", expected, clipped(text))
