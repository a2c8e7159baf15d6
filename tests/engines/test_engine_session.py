"""Which Spark a run gets, and what a user is told where there is none."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from bespeak.engines import Spark
from bespeak.engines.session import check_reachable, java_size
from bespeak.errors import NotReady


@pytest.fixture
def port() -> int:
    """One where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        found: int = taken.getsockname()[1]
        return found


def test_a_session_that_is_there_is_used_and_outlives_the_engine(
    spark_session: Spark, tmp_path: Path
) -> None:
    there = spark_session.session.sparkContext
    there_before = spark_session.session.conf.get("spark.sql.shuffle.partitions")
    with Spark(scratch=tmp_path, master="spark://ignored:7077") as opened:
        assert opened.session.sparkContext is there
        opened.session.conf.set("spark.sql.shuffle.partitions", "7")
    assert spark_session.session.range(3).count() == 3, "it was not stopped"
    assert spark_session.session.conf.get("spark.sql.shuffle.partitions") == there_before
    assert not list(tmp_path.iterdir()), "and nothing is left behind"


def test_a_session_of_another_thread_is_used_as_well(spark_session: Spark, tmp_path: Path) -> None:
    def opened() -> None:
        with Spark(scratch=tmp_path):
            pass

    thread = threading.Thread(target=opened)
    thread.start()
    thread.join()
    assert spark_session.session.range(3).count() == 3, "it was not stopped"


@pytest.mark.parametrize("address", ["spark://127.0.0.1:{}", "sc://127.0.0.1:{}/;user_id=me"])
def test_an_address_where_nothing_answers_is_told_at_once(address: str, port: int) -> None:
    with pytest.raises(NotReady, match=f"nothing answers at s[a-z]+://127.0.0.1:{port}, "):
        check_reachable(address.format(port))


def test_one_of_several_masters_is_enough(port: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        check_reachable(f"spark://127.0.0.1:{port},127.0.0.1:{server.getsockname()[1]}")


def test_addresses_that_are_no_machines_are_taken_as_they_are() -> None:
    for address in ("local[2]", "yarn", "k8s://https://host:1"):
        check_reachable(address)


@pytest.mark.parametrize(
    ("memory", "said"),
    [("2GB", "2048m"), ("1.5 GiB", "1536m"), ("512m", "512m"), (str(2**30), "1024m")],
)
def test_memory_is_told_to_java_in_its_own_way(memory: str, said: str) -> None:
    assert java_size(memory) == said


def test_without_pyspark_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "pyspark"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pyspark", None)
    with pytest.raises(NotReady, match=r"needs pyspark.*bespeak\[spark\]"):
        Spark(scratch=tmp_path)


@pytest.mark.slow
def test_settings_that_spark_refuses_are_told_in_one_sentence(tmp_path: Path) -> None:
    """In a process of its own: all other tests share a Spark that is there already."""
    code = (
        "from pathlib import Path; from bespeak.engines import Spark\n"
        f"Spark(scratch=Path({str(tmp_path)!r}), threads=1,"
        " settings={'spark.sql.shuffle.partitions': 'many'})"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    last = ended.stderr.strip().splitlines()[-1]
    assert last.startswith("bespeak.errors.NotReady: Spark does not start, "), ended.stderr
    assert "spark.sql.shuffle.partitions" in last and "[spark]" in last
