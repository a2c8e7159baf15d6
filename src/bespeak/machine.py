"""The machine that this process runs on, as far as the system says."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

from bespeak import __version__

CGROUP = Path("/sys/fs/cgroup")
MEMINFO = Path("/proc/meminfo")
CPUINFO = Path("/proc/cpuinfo")


def described() -> dict[str, Any]:
    """What a measured second, or megabyte, was measured on.

    returns : processor (None where the system does not say), cores, memory_gb (10^9 bytes, or
              None), system, python, bespeak
    """
    total, _ = memory()
    return {
        "processor": _processor(),
        "cores": cores(),
        "memory_gb": None if total is None else round(total / 1e9, 1),
        "system": f"{platform.system()} {platform.machine()}".strip(),
        "python": platform.python_version(),
        "bespeak": __version__,
    }


def cores() -> int:
    """That this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    usable = len(affinity(0)) if affinity is not None else os.cpu_count() or 1
    quota, _, period = _read(CGROUP / "cpu.max").partition(" ")
    if quota.isdigit() and period.strip().isdigit():
        return max(1, min(usable, int(quota) // int(period)))
    return usable


def memory() -> tuple[int | None, int | None]:
    """Bytes in all, of the machine or of the container if that is less, and free.

    None where the system does not say.
    """
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


def _processor() -> str | None:
    names = (line.split(":", 1) for line in _read(CPUINFO).splitlines() if ":" in line)
    said = next((value.strip() for key, value in names if key.strip() == "model name"), "")
    return said or platform.processor() or None
