"""A Spark session: the one that is there, the one that is named, or one on this machine."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bespeak.engines import java
from bespeak.errors import NotReady

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
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.shuffle.partitions": "16",
    }
)
"""For a Spark inside this process, which nobody else is meant to reach."""
QUIET = "rootLogger.level=fatal\nrootLogger.appenderRef.stdout.ref=c\nappender.c.type=Console\n\
appender.c.name=c\nappender.c.target=SYSTEM_ERR\nappender.c.layout.type=PatternLayout\n"
"""Log4j: what goes wrong comes back as an exception; a screen of stack traces helps nobody."""


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
    raises   : NotReady without pyspark, or without Java where one is needed
    """
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise NotReady(
            'engine = "spark" needs pyspark, which is not installed',
            next_step="pip install 'bespeak[spark]'",
        ) from error
    logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)
    there = SparkSession.getActiveSession()
    if there is None:
        made = _started(SparkSession.builder, scratch, memory, threads, master, settings)
        return _with(made, SETTINGS), True
    return _with(there.newSession() if hasattr(there, "newSession") else there, SETTINGS), False


def _started(
    builder: Any,
    scratch: Path,
    memory: str,
    threads: int | None,
    master: str | None,
    settings: Mapping[str, str],
) -> Any:
    if "SPARK_REMOTE" in os.environ:
        return builder.remote(os.environ["SPARK_REMOTE"]).getOrCreate()
    # functions run in Python processes of their own: of this Python, or Arrow would be missing
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ["JAVA_HOME"] = str(java.find(scratch))
    from pyspark import SparkConf

    conf = SparkConf()
    known = master or conf.get("spark.master", None)
    address = known or f"local[{threads or '*'}]"
    quiet = scratch / "log4j2.properties"
    quiet.write_text(QUIET, encoding="utf-8")
    chosen = {
        "spark.master": address,
        "spark.app.name": "bespeak",
        "spark.driver.memory": _java_size(memory),
        "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile={quiet.as_uri()}",
        "spark.sql.warehouse.dir": str(scratch / "warehouse"),
        **({**LOCAL, "spark.local.dir": str(scratch)} if address.startswith("local") else {}),
        **SETTINGS,
        **settings,
    }
    conf.setAll(list(chosen.items()))
    return builder.config(conf=conf).getOrCreate()


def _with(session: Any, settings: Mapping[str, str]) -> Any:
    for key, value in settings.items():
        session.conf.set(key, value)
    return session


def _java_size(memory: str) -> str:
    """`2GB` or `1.5 GiB` as Java says it, in whole mebibytes."""
    number = memory.strip().rstrip("BbIi").strip()
    unit = {"K": 1 / 1024, "M": 1, "G": 1024, "T": 1024**2}[number[-1].upper()]
    return f"{round(float(number[:-1]) * unit)}m"
