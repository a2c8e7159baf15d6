"""What a committed figure must name: the machine, the date, the versions; and how it is printed."""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path


def described() -> str:
    """One line: cores, memory, processor, Python, engine, date."""
    pages = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return (
        f"{os.cpu_count()} cores, {pages / 2**30:.0f} GiB, {platform.machine()},"
        f" Python {platform.python_version()}, DuckDB {metadata.version('duckdb')},"
        f" {datetime.now(UTC):%Y-%m-%d}"
    )


def timed(command: Sequence[str]) -> tuple[float, float]:
    """Seconds and peak memory (MB) of a command run to its end; it must succeed.

    The peak is that of the largest process among the command and those it waited for.
    """
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"{' '.join(command)} ended with status {status}")
    unit = 1 if sys.platform == "darwin" else 1024
    return time.perf_counter() - started, used.ru_maxrss * unit / 1e6


def timed_family(command: Sequence[str], *, every: float = 0.25) -> tuple[float, float]:
    """Seconds and peak memory (MB) of a command and all that it started, Java too; Linux only.

    The peak is of their sum, looked at every so many seconds.
    """
    started, peak = time.perf_counter(), 0.0
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while process.poll() is None:
        peak = max(peak, sum(map(_resident, _family(process.pid))))
        time.sleep(every)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with status {process.returncode}")
    return time.perf_counter() - started, peak / 1e6


def _family(pid: int) -> list[int]:
    """A process and its descendants."""
    found = [pid]
    for each in found:
        try:
            text = Path(f"/proc/{each}/task/{each}/children").read_text(encoding="ascii")
        except OSError:  # it has ended meanwhile
            continue
        found += [int(child) for child in text.split()]
    return found


def _resident(pid: int) -> int:
    """Bytes in memory; 0 of a process that has ended."""
    try:
        pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    except OSError:
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def own_peak_mb() -> float:
    """This process's largest resident memory so far."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def bespeak() -> str:
    """The command of the environment that runs the benchmark."""
    return str(Path(sys.executable).with_name("bespeak"))
