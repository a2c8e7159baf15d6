"""A topic is a source of the flow: its messages cleaned and accounted for like any file's rows."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from small_shop import QUICK

from bespeak import collect, flow, ledger, people
from bespeak.errors import ConfigInvalid, NotReady, SourceMissing
from bespeak.flow import Step
from bespeak.flow.examining import diagnose
from bespeak.start import propose
from bespeak.workspace import Workspace
from brokers import Broker, free_port, send

CONFIG = (
    """
[workspace]
name = "Small shop"

[[sources]]
name = "visits"
channel = "web"
kafka = {{ topic = "visits", brokers = ["{address}"] }}
identifiers = {{ customer = "who" }}
columns = {{ event_id = "id", type = "what", item_id = "item", time = "at" }}
"""
    + QUICK
)
ITEMS = ("tea", "milk", "ink", "pens")


def visit(number: int, **more: Any) -> dict[str, Any]:
    at = f"2026-02-{1 + number % 28:02d}T10:00:00Z"
    what = "purchase" if number % 3 else "view"
    told = {"id": f"e{number}", "what": what, "who": f"c{number % 40}", "at": at}
    return {**told, "item": ITEMS[number % 4], **more}


def visits(first: int, end: int) -> list[dict[str, Any]]:
    return [visit(number) for number in range(first, end)]


def workspace_over(address: str, folder: Path) -> Workspace:
    (folder / "bespeak.toml").write_text(CONFIG.format(address=address), encoding="utf-8")
    return Workspace(folder)


@pytest.fixture
def workspace(broker: Broker, tmp_path: Path) -> Workspace:
    broker.create("visits", 3)
    return workspace_over(broker.address, tmp_path)


def rows(workspace: Workspace, part: str) -> list[dict[str, Any]]:
    folder = workspace.get("record/sources/visits").path / part
    found: list[dict[str, Any]] = ds.dataset(folder, partitioning=None).to_table().to_pylist()
    return found


def ids(workspace: Workspace) -> list[str]:
    return sorted(row["event_id"] for row in rows(workspace, "events"))


def account(workspace: Workspace) -> dict[str, Any]:
    (line,) = ledger.status(workspace, recount=True)["account"]
    return dict(line)


def test_several_partitions_run_after_run_each_message_once(
    broker: Broker, workspace: Workspace
) -> None:
    for number in range(3):
        broker.tell("visits", visits(number * 100, number * 100 + 100), partition=number)
    told: list[Step] = []
    flow.run(workspace, only="prepare", tell=told.append)
    assert ids(workspace) == sorted(f"e{number}" for number in range(300))
    assert ("visits topic", "done", 300) in {(step.name, step.state, step.rows) for step in told}
    assert any(step.name == "visits topic: 300 of 300 offsets" for step in told)
    assert not flow.run(workspace, only="prepare").changed
    broker.tell("visits", visits(300, 310), partition=1)
    assert flow.run(workspace, only="prepare").changed
    assert ids(workspace) == sorted(f"e{number}" for number in range(310))
    line = account(workspace)
    assert (line["rows_in"], line["kept"], line["merged"]) == (310, 310, 0)


def test_an_event_sent_twice_is_merged_by_its_id(broker: Broker, workspace: Workspace) -> None:
    broker.tell("visits", visits(0, 100), partition=0)
    broker.tell("visits", [visit(7), visit(8, shelf="top")], partition=1)
    flow.run(workspace, only="prepare")
    broker.tell("visits", [visit(9)], partition=2)
    flow.run(workspace, only="prepare")
    line = account(workspace)
    assert (line["rows_in"], line["kept"], line["merged"]) == (103, 100, 3)
    assert ids(workspace) == sorted(f"e{number}" for number in range(100))


def test_bad_messages_are_in_the_quarantine_by_partition_and_offset(
    broker: Broker, workspace: Workspace
) -> None:
    broker.tell("visits", visits(0, 60), partition=0)
    huge = b'{"id": "' + b"x" * 17_000_000 + b'"}'
    bad = [visit(100), b"no JSON", None, b"", b"\xff\xfe", b"[1]", huge, visit(101, at="never"),
           b'{\n "id": "e102",\n "what": "view", "who": "c1", "item": "tea",\n'
           b' "at": "2026-02-03T10:00:00Z"}\n']  # fmt: skip
    broker.tell("visits", bad, partition=2)
    flow.run(workspace, only="prepare")
    held = {(row["file"], row["row"]): row["reason"] for row in rows(workspace, "quarantine")}
    name = "partition-00002-000000000000000-000000000000008.parquet"
    assert held == {
        (name, 1): "invalid_json",
        (name, 2): "null_message",
        (name, 3): "empty_message",
        (name, 4): "undecodable_text",
        (name, 5): "invalid_json",
        (name, 6): "huge_message",
        (name, 7): held[(name, 7)],
    }
    assert "time" in held[(name, 7)]
    line = account(workspace)
    assert (line["rows_in"], line["kept"]) == (69, 62)
    assert line["rows_in"] == line["kept"] + line["merged"] + sum(line["quarantined"].values())
    assert {"e100", "e102"} <= set(ids(workspace))


def test_key_and_time_of_a_message_can_be_mapped(broker: Broker, tmp_path: Path) -> None:
    broker.create("visits")
    bare = {"what": "view", "item": "tea"}
    moment = int(datetime(2026, 2, 3, 12, tzinfo=UTC).timestamp() * 1000) + 250
    send(broker.address, "visits", [bare] * 3, key=b"c7", at_ms=moment)
    workspace = workspace_over(broker.address, tmp_path)
    text = CONFIG.format(address=broker.address)
    text = text.replace('"who"', '"kafka_key"').replace('"at"', '"kafka_time"')
    (tmp_path / "bespeak.toml").write_text(text.replace('event_id = "id", ', ""), encoding="utf-8")
    flow.run(workspace, only="prepare")
    (row,) = rows(workspace, "events")
    assert row["actor"] == "customer:c7"
    assert row["time"].replace(tzinfo=None) == datetime(2026, 2, 3, 12, 0, 0, 250_000)


def test_a_broker_that_is_away_leaves_the_last_good_state(
    broker: Broker, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker.tell("visits", visits(0, 100))
    flow.run(workspace, only="prepare")
    before = workspace.current()
    soon = partial(collect.copy_topic, patience_s=1)
    monkeypatch.setattr(collect, "copy_topic", soon)  # the same, for who can't wait
    text = CONFIG.format(address=f"127.0.0.1:{free_port()}")
    (workspace.root / "bespeak.toml").write_text(text, encoding="utf-8")
    started = time.monotonic()
    with pytest.raises(SourceMissing, match="no answer within"):
        flow.run(workspace)
    assert time.monotonic() - started < 6
    assert workspace.current() == before
    assert diagnose(workspace).sources[0].rows == 100
    broker.tell("visits", visits(100, 105))
    workspace_over(broker.address, workspace.root)
    flow.run(workspace, only="prepare")
    assert ids(workspace) == sorted(f"e{number}" for number in range(105))


def test_a_topic_without_messages_is_said(broker: Broker, workspace: Workspace) -> None:
    with pytest.raises(NotReady, match="no message of any topic"):
        flow.run(workspace)


def test_runs_killed_at_any_moment_count_each_message_once(
    broker: Broker, workspace: Workspace
) -> None:
    chance = random.Random(11)
    for number in range(3):
        broker.tell("visits", visits(number * 8_000, number * 8_000 + 8_000), partition=number)
    begin = "import sys; from bespeak.cli import main; print('ready', flush=True); main()"
    command = [sys.executable, "-c", begin, "run", "--only", "prepare", "-w", str(workspace.root)]
    for most in (0.4, 1.0, 1.6):
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as running:
            assert running.stdout is not None and running.stdout.readline() == b"ready\n"
            time.sleep(chance.uniform(0.1, most))
            running.kill()
        assert running.returncode == -signal.SIGKILL, "the run was over before it was killed"
    flow.run(workspace, only="prepare")
    line = account(workspace)
    assert (line["rows_in"], line["kept"], line["merged"]) == (24_000, 24_000, 0)
    assert ids(workspace) == sorted(f"e{number}" for number in range(24_000))


def test_who_is_erased_leaves_the_copies_as_well_and_a_replay_does_not_bring_them_back(
    broker: Broker, workspace: Workspace
) -> None:
    who = "ada-lovelace-1815"
    broker.tell("visits", [*visits(0, 100), visit(100, who=who), visit(101)], partition=1)
    flow.run(workspace)
    people.erase(workspace, who, by="test")
    names = [copy.path.name for copy in collect.topic_copies(workspace.root / "kafka" / "visits")]
    broker.tell("visits", [visit(102, who=who), visit(103)], partition=1)
    flow.run(workspace)
    done = people.carried_out(workspace)
    assert (done["pending"], done["raw_files"]) == (False, [])
    ours = [
        path for path in workspace.root.rglob("*") if path.is_file() and "broker" not in path.name
    ]
    assert not [path for path in ours if holds(path, who)]
    assert ids(workspace) == sorted(f"e{number}" for number in (*range(100), 101, 103))
    flow.run(workspace, only="prepare")  # over the copies as they are now
    assert (account(workspace)["rows_in"], account(workspace)["erased"]) == (102, 0)
    again = collect.topic_copies(workspace.root / "kafka" / "visits")
    assert names == [copy.path.name for copy in again][:1]


def holds(path: Path, text: str) -> bool:
    """Whether a file, or a table in it, has `text` in it."""
    if path.suffix == ".parquet":
        return text in str(pq.read_table(path).to_pydict())
    return text.encode() in path.read_bytes()


def test_a_password_stands_in_no_file_of_the_workspace(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_KAFKA", "hunter2-hunter2")
    broker.create("visits")
    broker.tell("visits", visits(0, 60))
    workspace = workspace_over(broker.address, tmp_path)
    text = (tmp_path / "bespeak.toml").read_text(encoding="utf-8")
    # a broker without passwords asks for none
    secret = 'settings = { "sasl.password" = { environment = "SHOP_KAFKA" } } }'
    text = text.replace(f'["{broker.address}"] }}', f'["{broker.address}"], {secret}')
    (tmp_path / "bespeak.toml").write_text(text, encoding="utf-8")
    flow.run(workspace, only="prepare")
    assert ids(workspace)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in files if b"hunter2" in path.read_bytes()]


def test_init_looks_at_a_topic_and_its_proposal_runs(broker: Broker, tmp_path: Path) -> None:
    broker.create("shop.visits", 2)
    told = [{"event_id": f"e{n}", "type": "purchase", "customer_id": f"c{n % 30}",
             "item_id": ITEMS[n % 4], "time": f"2026-02-{1 + n % 28:02d}T10:00:00Z"}
            for n in range(120)]  # fmt: skip
    broker.tell("shop.visits", told[:60], partition=0)
    broker.tell("shop.visits", [*told[60:], b"no JSON"], partition=1)
    workspace = Workspace(tmp_path / "shop")
    propose(workspace, [f"kafka://{broker.address}/shop.visits"], name="Shop")
    (source,) = workspace.config().sources
    assert source.kafka is not None and source.kafka.topic == "shop.visits"
    assert (source.name, source.table) == ("shop-visits", "events")
    flow.run(workspace, only="prepare")
    line = account(workspace)
    assert (line["rows_in"], line["kept"]) == (121, 120)


def test_init_says_what_an_address_of_a_topic_looks_like(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match="kafka://host:port/topic") as caught:
        propose(Workspace(tmp_path), ["kafka://shop:hunter2@broker/visits"], name="Shop")
    assert "hunter2" not in str(caught.value)
