"""A Kafka topic by its offsets: where each partition begins and ends, and what stands between.

Nothing is committed to the broker and no group is joined: who reads says from where, so neither a
rebalance nor another reader can move it. The client library is of the extra `kafka`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from bespeak import kafka
from bespeak.errors import (
    BespeakError,
    ConfigInvalid,
    EngineUnavailable,
    SourceMissing,
    SourceUnreadable,
)

PATIENCE_S = 15.0
"""Without an answer for so long, a broker is held to be away."""
IDENTITY_S = 3.0
WAIT_S = 0.2
"""How long one look for messages takes, where fewer come than are wanted."""
TOGETHER = 5_000
"""Messages handed on at a time, if so many wait."""
_DEFAULTS: Mapping[str, Any] = {
    "group.id": "bespeak",  # never joined; the library wants one
    "client.id": "bespeak",
    "log_level": 0,  # what goes wrong is an error, said once
    "reconnect.backoff.ms": 200,
}
_OURS: Mapping[str, Any] = {
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "enable.partition.eof": True,
    "auto.offset.reset": "error",
}
_ASIDE = re.compile(r" \(after \d+ms in state \w+\)| \(HighwaterMark -?\d+\)")


@dataclass(frozen=True)
class Span:
    """One partition: its first offset, and the one that its next message will have."""

    first: int
    end: int


class Topic:
    """One topic, open to be read; use it in a `with`."""

    def __init__(self, source: str, asked: kafka.Kafka, *, patience_s: float = PATIENCE_S) -> None:
        """Raises EngineUnavailable without the extra, ConfigInvalid on settings that are none."""
        try:
            import confluent_kafka
            import confluent_kafka.admin
        except ImportError as error:
            raise EngineUnavailable(
                f"source `{source}` is a Kafka topic, for which the client is not installed",
                next_step="Run `pip install 'bespeak[kafka]'`.",
            ) from error
        self._library, self._patience_s = confluent_kafka, patience_s
        self.name, self._source = asked.topic, source
        self._where = f"source `{source}`: topic `{asked.topic}` at {', '.join(asked.brokers)}"
        given, self._secrets = kafka.settings(asked, source)
        self._settings = {
            **_DEFAULTS, **given, **_OURS, "bootstrap.servers": ",".join(asked.brokers),
        }  # fmt: skip
        self._complaints: list[Any] = []
        try:
            self._consumer: Any = confluent_kafka.Consumer(
                {**self._settings, "error_cb": self._complaints.append}
            )
        except (confluent_kafka.KafkaException, TypeError, ValueError) as error:
            raise ConfigInvalid(
                f"source `{source}`: kafka.settings: {self._said(_text(error))}",
                next_step="The names are those of librdkafka's CONFIGURATION.md.",
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._consumer.close()

    # -- what there is ---------------------------------------------------------------------------

    def spans(self) -> dict[int, Span]:
        """Every partition as it is now.

        raises : SourceMissing if the topic or its brokers are not there, or don't let us in
        """
        found = {}
        for number in sorted(self._partitions()):
            place = self._library.TopicPartition(self.name, number)
            found[number] = Span(*self._asked(self._consumer.get_watermark_offsets, place))
        return found

    def identity(self) -> str | None:
        """What tells this topic from a later one of the same name; None where brokers don't say.

        It is asked for once, for a short time: old brokers have none, and others answer only
        administrators. Offsets tell most topics that were made anew without it.
        """
        shared = {name: value for name, value in self._settings.items() if name not in _OURS}
        client = self._library.admin.AdminClient(shared)
        named = self._library.TopicCollection([self.name])
        try:
            described = client.describe_topics(
                named, request_timeout=min(IDENTITY_S, self._patience_s)
            )
            known = described[self.name].result().topic_id
        except self._library.KafkaException:
            return None
        told = known.get_most_significant_bits() or known.get_least_significant_bits()
        return str(known) if told else None

    def _partitions(self) -> list[int]:
        kinds = self._library.KafkaError
        hopeless = {
            kinds.UNKNOWN_TOPIC_OR_PART: "there is no such topic",
            kinds.TOPIC_AUTHORIZATION_FAILED: "this user may not read it",
            kinds.TOPIC_EXCEPTION: "no topic can have that name",
        }
        until = time.monotonic() + self._patience_s
        while True:
            told = self._asked(lambda timeout: self._consumer.list_topics(self.name, timeout))
            topic = told.topics[self.name]
            if topic.error is None:
                return list(topic.partitions)
            if topic.error.code() in hopeless:
                raise SourceMissing(
                    f"{self._where}: {hopeless[topic.error.code()]}",
                    next_step="Check `kafka.topic`, and what this user may read.",
                )
            if time.monotonic() > until:
                raise self._away(topic.error)
            time.sleep(0.2)

    def _asked(self, ask: Any, *about: Any) -> Any:
        """The answer to one question, in bounded time."""
        until = time.monotonic() + self._patience_s
        while True:
            try:
                return ask(*about, timeout=min(1.0, self._patience_s))
            except self._library.KafkaException as error:
                self._consumer.poll(0)  # what the library has to say of it
                self._check_refused()
                if time.monotonic() > until:
                    raise self._away(error.args[0]) from error

    # -- reading ---------------------------------------------------------------------------------

    def read(self, partition: int, first: int, end: int) -> Iterator[tuple[list[Any], int]]:
        """What stands from `first` to before `end`, in order: messages, and the offset after them.

        The last offset is `end`, or less where a transaction is still open: none of what comes
        after it can be read yet.
        raises : SourceMissing if nothing comes any more; SourceUnreadable on what can't be given
        """
        place = self._library.TopicPartition(self.name, partition, first)
        self._consumer.assign([place])
        position, heard, over = first, time.monotonic(), first >= end
        while not over:
            messages, position, over = self._next(partition, position, end)
            if messages or over:
                yield messages, position
                heard = time.monotonic()
            elif time.monotonic() - heard > self._patience_s:
                self._check_refused()
                raise self._away(self._complaints[-1] if self._complaints else None)
        self._consumer.unassign()

    def _next(self, partition: int, position: int, end: int) -> tuple[list[Any], int, bool]:
        """What came, the offset after it, and whether that was all."""
        messages: list[Any] = []
        # no more than there are: it would wait for them
        wanted = min(TOGETHER, end - position)
        for each in self._consumer.consume(wanted, timeout=WAIT_S):
            error = each.error()
            if error is None:
                if each.offset() >= end:
                    return messages, end, True
                messages.append(each)
                position = each.offset() + 1
            elif error.code() == self._library.KafkaError._PARTITION_EOF:
                # before this are the marks of transactions, which are nobody's message
                return messages, min(max(position, each.offset()), end), True
            elif not error.retriable():
                raise self._unreadable(partition, position, error)
        return messages, position, position >= end

    # -- what went wrong -------------------------------------------------------------------------

    def _check_refused(self) -> None:
        kinds = self._library.KafkaError
        refusals = {kinds._AUTHENTICATION, kinds.SASL_AUTHENTICATION_FAILED, kinds._SSL}
        for complaint in self._complaints:
            if complaint.code() in refusals:
                raise SourceMissing(
                    f"{self._where}: the broker does not let us in: {self._said(complaint.str())}",
                    next_step="Check `kafka.settings`: user, password, mechanism, certificates.",
                )

    def _away(self, error: Any) -> BespeakError:
        complaints = [each for each in self._complaints if "brokers are down" not in each.str()]
        why = complaints[-1] if complaints else error
        return SourceMissing(
            f"{self._where}: no answer within {self._patience_s:g} s",
            found=self._said(why.str()) if why is not None else "silence",
            expected="a broker that answers",
            next_step="Check `kafka.brokers`; the next run goes on where this one stopped.",
        )

    def _unreadable(self, partition: int, position: int, error: Any) -> BespeakError:
        gone = error.code() == self._library.KafkaError._AUTO_OFFSET_RESET
        step = "The messages there were removed meanwhile; run again." if gone else None
        return SourceUnreadable(
            f"{self._where}: partition {partition} can't be read on from offset {position:,}:"
            f" {self._said(error.str())}",
            next_step=step or "Mend that on the broker; the next run goes on from there.",
        )

    def _said(self, text: str) -> str:
        """The library's words without times and without any secret."""
        for secret in self._secrets:
            text = text.replace(secret, "…")
        return _ASIDE.sub("", text).strip().rstrip(".")


def _text(error: Exception) -> str:
    said = error.args[0] if error.args else error
    return str(said.str() if hasattr(said, "str") else said)
