"""A copy of a Kafka topic as rows: one JSON object a message, numbered by their offsets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bespeak.collect.batches import Reading, Refused, clipped, counted
from bespeak.collect.jsonl import NOTHING, Row, objects
from bespeak.collect.options import ROW_LIMIT, Options
from bespeak.collect.topic_copies import note_of, table_of
from bespeak.collect.topics import PATIENCE_S, Topic
from bespeak.errors import SourceUnreadable
from bespeak.kafka import Kafka

KEY, TIME = "kafka_key", "kafka_time"
"""Columns beside the message's own, where the mapping asks for them."""
_EXPECTED = "a JSON object in UTF-8"
_GROUP = 5_000


def read_messages(path: Path, options: Options) -> Reading:
    """Rows of a copy; `_row` is the message's offset. A message that is no object is refused.

    raises : SourceUnreadable if the file is no copy of a topic
    """
    note = note_of(path)
    wanted = [name for name in (KEY, TIME) if options.mentions(name)]
    messages = _messages(_held(path), wanted, options.row_limit)
    batches = objects(messages, "utf-8", options.batch_rows)
    return Reading(batches, {"encoding": "utf-8"}, list(_said(note)))


def first_messages(
    name: str, asked: Kafka, rows: int, *, patience_s: float = PATIENCE_S
) -> tuple[list[str], list[dict[str, Any]], list[str]]:
    """The first rows of a topic, as many of each partition; nothing is kept.

    returns : the columns, the rows as dicts of text, what was found out
    raises  : as Topic
    """
    with Topic(name, asked, patience_s=patience_s) as topic:
        spans = {number: span for number, span in topic.spans().items() if span.first < span.end}
        share = rows // max(1, len(spans))
        tables = [
            table_of(messages).to_batches()
            for number, span in spans.items()
            for messages, _ in topic.read(number, span.first, min(span.end, span.first + share))
        ]
    batches = (batch for table in tables for batch in table)
    found = next(objects(_messages(batches, [KEY, TIME], ROW_LIMIT), "utf-8", rows + 1))
    told = found.rows.drop_columns("_row")
    said = [f"Topic {asked.topic} has {counted(len(spans), 'partition')} with messages."]
    if found.refused:
        said.append(f"{len(found.refused):,} of the first messages are no JSON objects.")
    return told.column_names, told.to_pylist(), said


def _said(note: Mapping[str, Any]) -> Iterator[str]:
    where = f"Partition {note['partition']} of topic {note['topic']}"
    first, last = note["first"], note["last"]
    if note["removed"]:
        yield (
            f"{where}: offsets {first:,} to {last:,} had been removed before they were read:"
            f" up to {last - first + 1:,} messages are missing."
        )
    elif note["begins"] and first:
        yield f"{where} began at offset {first:,} when it was first read."


def _held(path: Path) -> Iterator[pa.RecordBatch]:
    """What a copy holds, a little at a time."""
    try:
        yield from pq.ParquetFile(path).iter_batches(batch_size=_GROUP)
    except (pa.ArrowInvalid, OSError) as error:
        raise SourceUnreadable(
            f"{path.name}: the copy is damaged",
            next_step="Put it back from a backup; its name says which offsets it held.",
        ) from error


def _messages(
    batches: Iterable[pa.RecordBatch], wanted: Sequence[str], limit: int
) -> Iterator[Row | Refused]:
    for batch in batches:
        offsets, values = batch["offset"].to_pylist(), batch["value"].to_pylist()
        beside = _beside(batch, wanted)
        for at, (offset, value) in enumerate(zip(offsets, values, strict=True)):
            refused = _refused(offset, value, limit)
            yield refused or (offset, value, beside[at] if beside else NOTHING)


def _refused(offset: int, value: bytes | None, limit: int) -> Refused | None:
    """Why a message can't be looked at as JSON at all."""
    if value is None:
        return Refused(offset, "null_message", "no value (a tombstone)", _EXPECTED, "")
    if not value.strip():
        return Refused(offset, "empty_message", f"{len(value)} blank bytes", _EXPECTED, "")
    if len(value) > limit:
        found, most = f"{len(value):,} bytes", f"at most {limit:,}"
        raw = clipped(value[:limit].decode("utf-8", "surrogateescape"))
        return Refused(offset, "huge_message", found, most, raw)
    return None


def _beside(batch: pa.RecordBatch, wanted: Sequence[str]) -> list[dict[str, str | None]]:
    """Key and time of each message as text, as far as they are asked for."""
    if not wanted:
        return []
    told: dict[str, list[str | None]] = {}
    if KEY in wanted:
        told[KEY] = [_key(key) for key in batch["key"].to_pylist()]
    if TIME in wanted:
        times = batch["time"].to_pylist()
        told[TIME] = [None if at is None else at.isoformat() for at in times]
    return [dict(zip(told, row, strict=True)) for row in zip(*told.values(), strict=True)]


def _key(key: bytes | None) -> str | None:
    """A key as text; one that is no text as hexadecimal digits."""
    if key is None:
        return None
    try:
        return key.decode("utf-8")
    except UnicodeDecodeError:
        return key.hex()
