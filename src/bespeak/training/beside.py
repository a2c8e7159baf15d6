"""Start a process that ends when this one does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

BUSY = 75
"""Exit status of a run that found another at work, and waits on."""
PATIENCE_S = 5.0
"""How long a process may take to end when it is asked to."""


@contextmanager
def trainer_beside(root: Path) -> Iterator[None]:
    """A trainer for the workspace in `root`, as long as the block lasts."""
    process = start("bespeak.training.trainer", str(root))
    try:
        yield
    finally:
        end(process, PATIENCE_S)


def start(module: str, *arguments: str) -> subprocess.Popen[bytes]:
    """A Python module as a process, the first of a group of its own.

    It should end when its standard input does; what it prints goes where our errors go.
    """
    return subprocess.Popen(
        # -P: whatever lies in the current folder is not taken for a module of ours
        [sys.executable, "-P", "-m", module, *arguments],
        stdin=subprocess.PIPE, stdout=2, start_new_session=True,
    )  # fmt: skip


def end(process: subprocess.Popen[bytes], patience_s: float) -> None:
    """End the process and its group: by the end of its input, then by force."""
    _let_go(process)
    with suppress(subprocess.TimeoutExpired):
        process.wait(patience_s)
    kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """End the process and all of its group, at once."""
    _let_go(process)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _let_go(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()
