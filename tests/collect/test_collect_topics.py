"""Copies of a topic: every message in one of them, once, whatever dies or goes away."""

from __future__ import annotations

import itertools
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from bespeak.collect import copy_topic, topic_copies
from bespeak.collect.messages import read_messages
from bespeak.collect.options import Options
from bespeak.collect.topics import Topic
from bespeak.errors import ConfigInvalid, EngineUnavailable, SourceMissing, SourceUnreadable
from bespeak.kafka import FromEnvironment, Kafka
from brokers import Broker, free_port, send

COPYING = """
import sys
from pathlib import Path
from bespeak.collect import copy_topic
from bespeak.kafka import Kafka
asked = Kafka(topic="visits", brokers=[sys.argv[1]])
print("ready", flush=True)
copy_topic("visits", asked, Path(sys.argv[2]), rows=400)
"""


def asked(broker: Broker, **more: Any) -> Kafka:
    return Kafka(topic="visits", brokers=[broker.address], **more)


def held(folder: Path) -> list[tuple[int, int, bytes | None]]:
    """Partition, offset and value of every message in the copies."""
    return [
        (copy.partition, row["offset"], row["value"])
        for copy in topic_copies(folder)
        for row in pq.read_table(copy.path).to_pylist()
    ]


def numbered(first: int, end: int) -> list[dict[str, int]]:
    return [{"n": number} for number in range(first, end)]


def test_each_message_is_copied_once_and_a_copy_never_changes(
    broker: Broker, tmp_path: Path
) -> None:
    folder = tmp_path / "copies"
    broker.create("visits", 3)
    assert copy_topic("visits", asked(broker), folder) == 0
    broker.tell("visits", numbered(0, 3), partition=0)
    broker.tell("visits", [b"not JSON", None], partition=2)
    assert copy_topic("visits", asked(broker), folder) == 5
    before = {copy.path: copy.path.read_bytes() for copy in topic_copies(folder)}
    assert copy_topic("visits", asked(broker), folder) == 0
    broker.tell("visits", numbered(3, 4), partition=0)
    assert copy_topic("visits", asked(broker), folder) == 1
    assert all(path.read_bytes() == content for path, content in before.items())
    assert [(c.partition, c.first, c.last) for c in topic_copies(folder)] == [
        (0, 0, 2), (0, 3, 3), (2, 0, 1),
    ]  # fmt: skip
    assert [value for _, _, value in held(folder)] == [
        b'{"n": 0}', b'{"n": 1}', b'{"n": 2}', b'{"n": 3}', b"not JSON", None,
    ]  # fmt: skip


def test_many_messages_make_several_copies_and_progress_is_told(
    broker: Broker, tmp_path: Path
) -> None:
    broker.create("visits")
    broker.tell("visits", numbered(0, 12_000))
    told: list[tuple[int, int]] = []
    copy_topic("visits", asked(broker), tmp_path, rows=5_000,
               tell=lambda passed, wanted: told.append((passed, wanted)))  # fmt: skip
    copies = topic_copies(tmp_path)
    assert len(copies) >= 2 and copies[0].first == 0 and copies[-1].last == 11_999
    assert all(one.last + 1 == next_.first for one, next_ in itertools.pairwise(copies))
    assert [offset for _, offset, _ in held(tmp_path)] == list(range(12_000))
    assert told[-1] == (12_000, 12_000) and len(told) == len(copies)


def test_killed_at_any_moment_and_begun_again_nothing_is_lost_or_doubled(
    broker: Broker, tmp_path: Path
) -> None:
    chance = random.Random(7)
    broker.create("visits", 3)
    for number in range(3):
        broker.tell("visits", numbered(0, 15_000), partition=number)
    folder = tmp_path / "copies"
    killed = 0
    for _ in range(5):
        with subprocess.Popen(
            [sys.executable, "-c", COPYING, broker.address, str(folder)], stdout=subprocess.PIPE
        ) as copying:
            assert copying.stdout is not None and copying.stdout.readline() == b"ready\n"
            time.sleep(chance.uniform(0.02, 0.5))
            copying.kill()
        killed += copying.returncode != 0
        (folder / ".aside-left").write_bytes(b"PAR1 and then the machine went down")
        broker.tell("visits", numbered(0, 500), partition=chance.randrange(3))
    assert killed >= 3, "the copying was over before it was killed"
    copy_topic("visits", asked(broker), folder)
    found = [(partition, offset) for partition, offset, _ in held(folder)]
    assert len(found) == len(set(found)) == 45_000 + 5 * 500
    assert not list(folder.glob(".aside-*"))


def test_a_partition_that_came_later_is_read_from_its_beginning(
    broker: Broker, tmp_path: Path
) -> None:
    broker.create("visits", 2)
    broker.tell("visits", numbered(0, 2), partition=0)
    copy_topic("visits", asked(broker), tmp_path)
    broker.tell("visits", numbered(0, 2), partition=1)
    copy_topic("visits", asked(broker), tmp_path)
    assert [(partition, offset) for partition, offset, _ in held(tmp_path)] == [
        (0, 0), (0, 1), (1, 0), (1, 1),
    ]  # fmt: skip


def test_a_topic_that_is_made_anew_is_not_taken_for_the_old_one(
    broker: Broker, tmp_path: Path
) -> None:
    broker.create("visits")
    broker.tell("visits", numbered(0, 3))
    copy_topic("visits", asked(broker), tmp_path)
    broker.kill()
    broker.start()
    broker.create("visits")
    with pytest.raises(SourceUnreadable, match="made anew"):
        copy_topic("visits", asked(broker), tmp_path)
    broker.tell("visits", numbered(0, 9))  # so that its offsets alone would not tell
    with pytest.raises(SourceUnreadable, match="another topic of the same name"):
        copy_topic("visits", asked(broker), tmp_path)
    assert len(held(tmp_path)) == 3


def test_copies_of_another_topic_are_not_mixed(broker: Broker, tmp_path: Path) -> None:
    broker.create("visits")
    broker.create("orders")
    broker.tell("visits", numbered(0, 3))
    copy_topic("visits", asked(broker), tmp_path)
    other = Kafka(topic="orders", brokers=[broker.address])
    with pytest.raises(SourceUnreadable, match="found `visits`, expected `orders`"):
        copy_topic("visits", other, tmp_path)


def test_a_broker_that_is_away_is_said_within_bounded_time_and_the_next_run_goes_on(
    broker: Broker, tmp_path: Path
) -> None:
    broker.create("visits")
    broker.tell("visits", numbered(0, 3))
    copy_topic("visits", asked(broker), tmp_path)
    broker.tell("visits", numbered(3, 5))
    broker.pause()
    started = time.monotonic()
    with pytest.raises(SourceMissing, match="no answer within 1 s"):
        copy_topic("visits", asked(broker), tmp_path, patience_s=1)
    assert time.monotonic() - started < 6
    broker.resume()
    copy_topic("visits", asked(broker), tmp_path)
    assert [offset for _, offset, _ in held(tmp_path)] == [0, 1, 2, 3, 4]


def test_a_broker_that_goes_away_in_the_middle_leaves_whole_copies(
    broker: Broker, tmp_path: Path
) -> None:
    broker.create("visits")
    broker.tell("visits", numbered(0, 30_000))
    # little is fetched ahead, so that it has not all come before the broker goes
    slowly = asked(broker, settings={"queued.max.messages.kbytes": 1, "fetch.max.bytes": 20_000,
                                     "message.max.bytes": 20_000})  # fmt: skip
    with pytest.raises(SourceMissing, match="the next run goes on"):
        copy_topic("visits", slowly, tmp_path, rows=1_000, patience_s=1,
                   tell=lambda passed, wanted: broker.pause())  # fmt: skip
    got = [offset for _, offset, _ in held(tmp_path)]
    assert 0 < len(got) < 30_000 and got == list(range(len(got)))
    broker.resume()
    copy_topic("visits", asked(broker), tmp_path)
    assert [offset for _, offset, _ in held(tmp_path)] == list(range(30_000))


def test_without_the_client_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    with pytest.raises(EngineUnavailable, match=r"bespeak\[kafka\]"):
        copy_topic("visits", Kafka(topic="visits", brokers=["127.0.0.1:1"]), tmp_path)


def test_nobody_listens(tmp_path: Path) -> None:
    nobody = Kafka(topic="visits", brokers=[f"127.0.0.1:{free_port()}"])
    with pytest.raises(SourceMissing, match="Connection refused"):
        copy_topic("visits", nobody, tmp_path, patience_s=1)


def test_an_unknown_topic_is_named(broker: Broker, tmp_path: Path) -> None:
    broker.create("visit")
    with pytest.raises(SourceMissing, match=r"topic `visits` at .*: there is no such topic"):
        copy_topic("visits", asked(broker), tmp_path)


def test_a_wrong_password_is_refused_at_once_and_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("confluent_kafka")
    monkeypatch.setenv("SHOP_KAFKA", "hunter2-hunter2")
    with Broker(tmp_path / "log", "--authentication") as guarded:
        secured = asked(
            guarded,
            settings={
                "security.protocol": "SASL_PLAINTEXT",
                "sasl.mechanism": "SCRAM-SHA-256",
                "sasl.username": "shop",
                "sasl.password": FromEnvironment("SHOP_KAFKA"),
            },
        )
        with pytest.raises(SourceMissing, match="does not let us in") as caught:
            copy_topic("visits", secured, tmp_path / "copies")
    assert "hunter2" not in str(caught.value) + repr(secured)
    assert capfd.readouterr() == ("", "")


def test_settings_that_are_none_are_named_without_a_secret(tmp_path: Path) -> None:
    wrong = Kafka(topic="visits", brokers=["127.0.0.1:1"], settings={"no.such": "x"})
    with pytest.raises(ConfigInvalid, match=r"no\.such"):
        copy_topic("visits", wrong, tmp_path)
    unset = {"sasl.password": FromEnvironment("BESPEAK_NOT_SET")}
    with pytest.raises(ConfigInvalid, match="BESPEAK_NOT_SET, found nothing there"):
        copy_topic(
            "visits", Kafka(topic="visits", brokers=["127.0.0.1:1"], settings=unset), tmp_path
        )


@pytest.fixture
def forgetful() -> Any:
    """librdkafka's own broker: beyond 5 MB of a partition it removes what is oldest."""
    confluent_kafka = pytest.importorskip("confluent_kafka", reason="needs the extra `kafka`")
    running = confluent_kafka.Producer({"test.mock.num.brokers": 1, "log_level": 0})
    told = running.list_topics(timeout=5)
    (broker,) = told.brokers.values()
    yield f"{broker.host}:{broker.port}"
    del running


def test_what_the_topic_removed_unread_stops_the_run_or_is_stated(
    forgetful: str, tmp_path: Path
) -> None:
    heavy = [b'{"n": "' + b"x" * 100_000 + b'"}'] * 40
    send(forgetful, "visits", heavy)
    asked = Kafka(topic="visits", brokers=[forgetful])
    assert copy_topic("visits", asked, tmp_path, patience_s=1) == 40
    send(forgetful, "visits", heavy * 3)
    with pytest.raises(SourceUnreadable, match=r"offsets 40 to \d+ were removed"):
        copy_topic("visits", asked, tmp_path, patience_s=1)
    going_on = Kafka(topic="visits", brokers=[forgetful], gaps="go_on")
    copied = copy_topic("visits", going_on, tmp_path, patience_s=1)
    with (
        Topic("visits", going_on, patience_s=1) as topic,
        pytest.raises(SourceUnreadable, match="removed meanwhile; run again"),
    ):
        list(topic.read(0, 0, 160))
    copies = [copy for copy in topic_copies(tmp_path) if copy.partition == 0]
    assert all(one.last + 1 == next_.first for one, next_ in itertools.pairwise(copies))
    first, gap, rest = copies
    assert (first.last, gap.first, rest.last) == (39, 40, 159)
    assert copied == rest.last - rest.first + 1 < 120
    reading = read_messages(gap.path, Options())
    assert [batch.rows.num_rows for batch in reading.batches] == [0]
    assert reading.said == [
        f"Partition 0 of topic visits: offsets 40 to {gap.last} had been removed before they were"
        f" read: up to {gap.last - 39} messages are missing."
    ]
