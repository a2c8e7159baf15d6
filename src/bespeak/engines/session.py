"""A Spark session: the one that is there, the one that is named, or one on this machine."""

from __future__ import annotations

import logging
import os
import re
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bespeak.engines import java
from bespeak.errors import NotReady

ADDRESS = re.compile(r"(spark|sc)://([^/;]+)")
PORTS: Mapping[str, int] = MappingProxyType({"spark": 7077, "sc": 15002})
"""Where a master, and a server of Spark Connect, listen unless said otherwise."""
PATIENCE_S = 10.0
"""For a machine to take a connection; Spark itself would go on asking for minutes."""
UNSAFE = ("CollapseProject", "PushDownPredicates", "PushPredicateThroughNonJoin")
"""Rules of Spark's optimiser that write a computed column out wherever it is used: ten steps, each
of which uses the last one's columns twice, would become a thousand."""
SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.ansi.enabled": "true",
        "spark.sql.caseSensitive": "true",
        "spark.sql.legacy.parquet.nanosAsLong": "true",
        "spark.sql.parquet.inferTimestampNTZ.enabled": "false",
        "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
        "spark.sql.parquet.compression.codec": "zstd",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        # what follows from a chain of computed columns: it grows with the power of their number
        "spark.sql.constraintPropagation.enabled": "false",
        "spark.sql.optimizer.excludedRules": ",".join(
            f"org.apache.spark.sql.catalyst.optimizer.{rule}" for rule in UNSAFE
        ),
    }
)
"""What the meaning of a step rests on; set on a session of our own, not on the user's."""
LOCAL: Mapping[str, str] = MappingProxyType(
    {
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.shuffle.partitions": "16",
    }
)
"""For a Spark inside this process, which nobody else is meant to reach."""
JAVA_OPTIONS = "spark.driver.extraJavaOptions"
QUIET = """\
rootLogger.level = fatal
rootLogger.appenderRef.stderr.ref = stderr
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
logger.shell.name = org.apache.spark.api.python.PythonGatewayServer
logger.shell.level = fatal
"""
"""Log4j: what goes wrong comes back as an exception; a screen of stack traces helps nobody.
Without a level of its own the shell would announce that it makes it WARN, and make it so."""


def open_session(
    *,
    scratch: Path,
    memory: str,
    threads: int | None,
    master: str | None,
    settings: Mapping[str, str],
) -> tuple[Any, bool]:
    """A session with SETTINGS, and whether it is ours to stop.

    An existing session of this process comes first, then SPARK_REMOTE, then `master`, then what
    spark-submit or spark-defaults.conf say, then Spark on this machine.

    memory   : of the driver, like 2GB; on this machine that is all the memory the rows may take
    settings : Spark's own, over ours
    raises   : NotReady without pyspark, without Java where one is needed, where the address does
               not answer, or where Spark does not start
    """
    try:
        from pyspark import SparkContext
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise NotReady(
            'engine = "spark" needs pyspark, which is not installed',
            next_step="pip install 'bespeak[spark]'",
        ) from error
    logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)
    there = SparkSession.getActiveSession()
    if there is None and SparkContext._active_spark_context is not None:
        there = SparkSession.builder.getOrCreate()  # another thread's
    if there is None:
        return _started(SparkSession.builder, scratch, memory, threads, master, settings), True
    return _with(there.newSession() if hasattr(there, "newSession") else there, SETTINGS), False


def _started(
    builder: Any,
    scratch: Path,
    memory: str,
    threads: int | None,
    master: str | None,
    settings: Mapping[str, str],
) -> Any:
    remote = os.environ.get("SPARK_REMOTE", "")
    if remote and not remote.startswith("local"):
        check_reachable(remote)
        return _opened(builder.remote(remote))
    # functions run in Python processes of their own: of this Python, or Arrow would be missing
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    if remote:  # a server of Spark Connect inside this process
        with _java_home(java.home(scratch)):
            return _opened(builder.remote(remote))
    from pyspark import SparkConf

    conf = SparkConf()
    known = master or conf.get("spark.master", None)
    address = known or f"local[{threads or '*'}]"
    check_reachable(address)
    quiet = scratch / "log4j2.properties"
    quiet.write_text(QUIET, encoding="utf-8")
    chosen = {
        "spark.master": address,
        "spark.app.name": "bespeak",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.memory": java_size(memory),
        "spark.sql.warehouse.dir": str(scratch / "warehouse"),
        **({**LOCAL, "spark.local.dir": str(scratch)} if address.startswith("local") else {}),
        **SETTINGS,
        **settings,
        JAVA_OPTIONS: f"-Dlog4j2.configurationFile={quiet.as_uri()} "
        + settings.get(JAVA_OPTIONS, ""),
    }
    conf.setAll(list(chosen.items()))
    with _java_home(java.home(scratch)):
        return _opened(builder.config(conf=conf))


@contextmanager
def _java_home(home: Path) -> Iterator[None]:
    """For as long as Java takes to start: `home` is gone before this process is."""
    before = os.environ.get("JAVA_HOME")
    os.environ["JAVA_HOME"] = str(home)
    try:
        yield
    finally:
        del os.environ["JAVA_HOME"]
        if before is not None:
            os.environ["JAVA_HOME"] = before


def _opened(builder: Any) -> Any:
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        return _with(builder.getOrCreate(), SETTINGS)
    except (PySparkException, Py4JError) as error:
        raise NotReady(
            f"Spark does not start, {_said(error)}",
            next_step="Check `[spark]` in bespeak.toml: `master`, and each of `settings`.",
        ) from error


def _said(error: Exception) -> str:
    """The first line of the first cause."""
    java = getattr(error, "_origin", None) or getattr(error, "java_exception", None)
    text = str(error)
    while java is not None:
        text, java = str(java.toString()), java.getCause()
    return text.strip().splitlines()[0]


def check_reachable(address: str) -> None:
    """One of the machines of `spark://host:port,host:port` or `sc://host:port` must answer.

    Other addresses (`yarn`, `local[2]`, `k8s://…`) are taken as they are.
    raises : NotReady
    """
    found = ADDRESS.match(address)
    if found is None:
        return
    for place in found[2].split(","):
        host, _, port = place.rpartition(":")
        where = (host.strip("[]"), int(port)) if port.isdecimal() else (place, PORTS[found[1]])
        try:
            socket.create_connection(where, timeout=PATIENCE_S).close()
        except OSError:
            continue
        return
    raise NotReady(
        f"nothing answers at {found[0]}, where Spark should be",
        expected="a Spark master, or a server of Spark Connect",
        next_step="Start it, or mend `spark.master` in bespeak.toml or SPARK_REMOTE.",
    )


def _with(session: Any, settings: Mapping[str, str]) -> Any:
    for key, value in settings.items():
        session.conf.set(key, value)
    return session


def java_size(memory: str) -> str:
    """`2GB` or `1.5 GiB` as Java says it, in whole mebibytes; a bare number counts bytes."""
    number = memory.strip().rstrip("BbIi").strip()
    unit = {"K": 1 / 1024, "M": 1, "G": 1024, "T": 1024**2}.get(number[-1].upper())
    if unit is None:
        return f"{round(float(number) / 2**20)}m"
    return f"{round(float(number[:-1]) * unit)}m"
