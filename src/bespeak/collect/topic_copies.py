"""Copies of a topic: every message in one of them, as it came, and none in two.

A copy is a Parquet file that never changes, unless somebody in it is erased. Its name says the
partition and the offsets that it answers for, the next one begins where it ends, and none is there
before it is whole. So where to go on is read from names, and a copy cut short leaves nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bespeak.collect.topics import PATIENCE_S, Span, Topic
from bespeak.errors import BespeakError, SourceUnreadable
from bespeak.kafka import Kafka
from bespeak.workspace import write_atomically

ROWS = 500_000
"""Messages of the largest copy."""
BYTES = 64 * 2**20
"""Bytes of messages after which a copy ends: it is held in memory until then."""
SCHEMA = pa.schema(
    {
        "offset": pa.int64(),
        "time": pa.timestamp("ms", tz="UTC"),
        "key": pa.binary(),
        "value": pa.binary(),
    }
)
NOTE = b"bespeak"
"""Under which a copy's own note stands in its footer."""
_NAME = re.compile(r"partition-(\d{5})-(\d{15})-(\d{15})\.parquet")

Told = Callable[[int, int], None]
"""Offsets passed, and offsets to pass in all."""


@dataclass(frozen=True)
class TopicCopy:
    """One file, and the offsets of its partition that it answers for."""

    path: Path
    partition: int
    first: int
    last: int


@dataclass(frozen=True)
class _Plan:
    """What to read of one partition, and what can't be any more.

    removed : first and last offset that the topic gave up before they were read
    begins  : whether the partition was never read before
    """

    partition: int
    first: int
    end: int
    removed: tuple[int, int] | None
    begins: bool


def topic_copies(folder: Path) -> list[TopicCopy]:
    """The copies in `folder`, by partition and offset."""
    named = [(path, _NAME.fullmatch(path.name)) for path in folder.glob("partition-*.parquet")]
    found = [TopicCopy(path, *map(int, name.groups())) for path, name in named if name is not None]
    return sorted(found, key=lambda copy: (copy.partition, copy.first))


def copy_topic(
    source: str,
    asked: Kafka,
    folder: Path,
    *,
    rows: int = ROWS,
    patience_s: float = PATIENCE_S,
    tell: Told = lambda passed, all_of_it: None,
) -> int:
    """Copy what the topic has taken since, up to where it ends now; nobody else may meanwhile.

    returns : messages copied
    raises  : as Topic; SourceUnreadable if messages were removed unread (unless `gaps` lets it go
              on), or if it is not the topic that the copies are of
    """
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(".aside-*"):
        left.unlink()
    made = topic_copies(folder)
    with Topic(source, asked, patience_s=patience_s) as topic:
        spans = topic.spans()
        note = {"topic": asked.topic, "topic_id": topic.identity()}
        _check_same(source, folder, made, note)
        plans = _plans(source, asked, made, spans)
        wanted = sum(plan.end - plan.first for plan in plans)
        passed = copied = 0
        for plan in plans:
            for size, offsets in _copy(topic, plan, folder, note, rows):
                copied, passed = copied + size, passed + offsets
                tell(passed, wanted)
    return copied


def note_of(path: Path) -> dict[str, Any]:
    """What a copy says of itself: topic, topic_id, partition, first, last, removed, begins.

    raises : SourceUnreadable if it is no copy, or a damaged one
    """
    try:
        note: dict[str, Any] = json.loads((pq.read_schema(path).metadata or {})[NOTE])
    except (pa.ArrowInvalid, OSError, KeyError, json.JSONDecodeError) as error:
        raise SourceUnreadable(
            f"{path.name}: not readable as a copy of a topic",
            next_step="Put the file back from a backup; its name says which offsets it held.",
        ) from error
    return note


def forget(path: Path, offsets: Sequence[int]) -> None:
    """Write a copy anew without some of its messages: those of somebody who was erased."""
    whole = pq.read_table(path)
    gone = pc.is_in(whole["offset"], value_set=pa.array(offsets, pa.int64()))
    _put(path, whole.filter(pc.invert(gone)))


# -- what to read --------------------------------------------------------------------------------


def _plans(source: str, asked: Kafka, made: list[TopicCopy], spans: dict[int, Span]) -> list[_Plan]:
    """Each partition from where its copies end; all are looked at before anything is read."""
    held = {copy.partition: copy.last + 1 for copy in made}
    absent = held.keys() - spans.keys()
    if absent:
        raise _another(source, f"no partition {min(absent)}", "one, as its copies have")
    plans = []
    for number, span in spans.items():
        first = held.get(number, span.first)
        if span.end < first:
            found = f"partition {number} to end at offset {span.end:,}"
            raise _another(source, found, f"{first:,} or later, where its copies end")
        gone = (first, span.first - 1) if first < span.first else None
        if gone is not None and asked.gaps == "stop":
            raise _gap(source, number, gone)
        start = max(first, span.first)
        plans.append(_Plan(number, start, span.end, gone, number not in held))
    return plans


def _check_same(
    source: str, folder: Path, made: list[TopicCopy], note: dict[str, str | None]
) -> None:
    """The copies must be of this topic: another's offsets mean something else."""
    if not made:
        return
    before = note_of(made[-1].path)
    if before["topic"] != note["topic"]:
        raise SourceUnreadable(
            f"source `{source}`: the copies in {folder} are of another topic",
            found=f"`{before['topic']}`",
            expected=f"`{note['topic']}`",
            next_step="Give a source of another topic another name.",
        )
    if before["topic_id"] and note["topic_id"] and before["topic_id"] != note["topic_id"]:
        raise _another(source, "another topic of the same name", "the one that was copied")


def _another(source: str, found: str, expected: str) -> BespeakError:
    return SourceUnreadable(
        f"source `{source}`: the topic was made anew, or has lost messages",
        found=found,
        expected=expected,
        next_step="Read it under a new source name; what was copied stays if you keep the old one"
        ' with `files` on its copies and `format = "messages"`.',
    )


def _gap(source: str, partition: int, gone: tuple[int, int]) -> BespeakError:
    first, last = gone
    return SourceUnreadable(
        f"source `{source}`: partition {partition}: offsets {first:,} to {last:,} were removed from"
        f" the topic before they were read: up to {last - first + 1:,} messages are lost",
        next_step="Keep messages longer, or run more often. To go on without them, with the gap"
        ' stated: `kafka.gaps = "go_on"`.',
    )


# -- writing -------------------------------------------------------------------------------------


def _copy(
    topic: Topic, plan: _Plan, folder: Path, note: dict[str, Any], rows: int
) -> Iterator[tuple[int, int]]:
    """One partition, copy by copy: messages, and offsets passed."""
    note = {**note, "partition": plan.partition, "begins": plan.begins}
    if plan.removed is not None:
        _write(folder, {**note, "removed": True}, *plan.removed, [])
    tables: list[pa.Table] = []
    first = position = plan.first
    held = size = 0
    for messages, position in topic.read(plan.partition, plan.first, plan.end):
        tables.append(table_of(messages))
        held, size = held + len(messages), size + tables[-1].nbytes
        if held >= rows or size >= BYTES:
            _write(folder, note, first, position - 1, tables)
            yield held, position - first
            tables, first, held, size = [], position, 0, 0
            note = {**note, "begins": False}
    if position > first:
        _write(folder, note, first, position - 1, tables)
        yield held, position - first


def table_of(messages: list[Any]) -> pa.Table:
    """Messages of the client library as rows of `SCHEMA`."""
    times = [each.timestamp() for each in messages]
    columns = [
        [each.offset() for each in messages],
        [at if kind else None for kind, at in times],
        [each.key() for each in messages],
        [each.value() for each in messages],
    ]
    arrays = [pa.array(column, kind) for column, kind in zip(columns, SCHEMA.types, strict=True)]
    return pa.table(arrays, schema=SCHEMA)


def _write(
    folder: Path, note: dict[str, Any], first: int, last: int, tables: list[pa.Table]
) -> None:
    note = {"removed": False, **note, "first": first, "last": last}
    said = {NOTE: json.dumps(note, sort_keys=True).encode()}
    whole = pa.concat_tables([SCHEMA.empty_table(), *tables]).replace_schema_metadata(said)
    _put(folder / f"partition-{note['partition']:05d}-{first:015d}-{last:015d}.parquet", whole)


def _put(path: Path, whole: pa.Table) -> None:
    content = pa.BufferOutputStream()
    pq.write_table(whole, content, compression="zstd", compression_level=1, row_group_size=50_000)
    # what stands in a message nobody else need read
    write_atomically(path, content.getvalue().to_pybytes(), mode=0o600)
