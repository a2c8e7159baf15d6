"""A copy of a Kafka topic as rows: one JSON object a message, numbered by their offsets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bespeak.collect.batches import Reading, Refused, clipped
from bespeak.collect.jsonl import NOTHING, Row, objects
from bespeak.collect.options import Options
from bespeak.collect.topic_copies import note_of
from bespeak.errors import SourceUnreadable

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
    messages = _messages(path, wanted, options.row_limit)
    batches = objects(messages, "utf-8", options.batch_rows)
    return Reading(batches, {"encoding": "utf-8"}, list(_said(note)))


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


def _messages(path: Path, wanted: Sequence[str], limit: int) -> Iterator[Row | Refused]:
    try:
        for batch in pq.ParquetFile(path).iter_batches(batch_size=_GROUP):
            offsets, values = batch["offset"].to_pylist(), batch["value"].to_pylist()
            beside = _beside(batch, wanted)
            for at, (offset, value) in enumerate(zip(offsets, values, strict=True)):
                refused = _refused(offset, value, limit)
                yield refused or (offset, value, beside[at] if beside else NOTHING)
    except (pa.ArrowInvalid, OSError) as error:
        raise SourceUnreadable(
            f"{path.name}: the copy is damaged",
            next_step="Put it back from a backup; its name says which offsets it held.",
        ) from error


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
