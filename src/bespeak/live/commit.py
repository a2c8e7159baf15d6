"""Group commit: many requests' events in one transaction, each answered when it is on disk."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from bespeak.errors import BespeakError, Busy
from bespeak.live.event import Entry
from bespeak.live.log import Log

TOGETHER = 2_000
"""Events of one transaction: enough that the disk's sync is shared, few enough to be soon over."""
WAITING = 20_000
"""Events that may wait; more are refused, before memory grows."""
AGAIN_S = 1.0
"""How often a log that took nothing is tried, where no events come that would."""
PAUSE_S = 0.1
"""What was offered waits as long for others: one transaction for many, and one row of SQL."""


@dataclass(frozen=True)
class _Batch:
    """Entries that are answered together."""

    entries: Sequence[Entry]
    done: Future[int]


@dataclass(frozen=True)
class _Wake:
    """Something was offered, or the log is to be tried: nobody waits for an answer."""


class Writer:
    """One thread that appends for all requests of this process."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._batches: queue.SimpleQueue[_Batch | _Wake | None] = queue.SimpleQueue()
        self._offered: list[Entry] = []
        self._waiting, self._lock, self._closed = 0, threading.Lock(), False
        self._problem: BespeakError | None = None
        self._thread = threading.Thread(target=self._work, name="bespeak-log", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Events that are not on disk yet."""
        return self._waiting

    @property
    def problem(self) -> BespeakError | None:
        """Why the log can't be used, as it last was tried; None where all is well."""
        return self._problem

    def doubt(self, error: BespeakError) -> None:
        """Somebody could not read the log: `problem` until it is found to be well."""
        known, self._problem = self._problem, error
        if known is None:
            self._batches.put(_Wake())

    def append(self, entries: Sequence[Entry]) -> Future[int]:
        """How many were new, once they are durable; a Future that fails with LogUnavailable.

        raises : Busy when too much waits already, or the server is stopping
        """
        with self._lock:
            if self._closed or self._waiting + len(entries) > WAITING:
                raise Busy(
                    "the event log can't take more at this moment",
                    found=f"{self._waiting} events that wait",
                    expected=f"at most {WAITING}",
                    next_step="Send the same events again in a second.",
                )
            self._waiting += len(entries)
            batch = _Batch(entries, Future())
            self._batches.put(batch)
        return batch.done

    def offer(self, entry: Entry) -> bool:
        """Have an entry written beside the next ones, or after a pause; nobody is told whether it
        was.

        returns : False where half of what may wait does already: events come first
        """
        with self._lock:
            if self._closed or self._waiting >= WAITING // 2:
                return False
            self._waiting += 1
            self._offered.append(entry)
            if len(self._offered) == 1:
                self._batches.put(_Wake())
        return True

    def close(self) -> None:
        """Write what waits, and end."""
        with self._lock:
            self._closed = True
        self._batches.put(None)
        self._thread.join()

    def _work(self) -> None:
        going = True
        while going:
            batches, going = self._next()
            with self._lock:
                offered, self._offered = self._offered, []
            if offered:
                batches.append(_Batch(offered, Future()))
            if batches:
                self._commit(batches)
            elif going:
                self._probe()

    def _next(self) -> tuple[list[_Batch], bool]:
        """All that waits, up to one transaction's worth; and whether there will be more.

        Nothing, after a while, where the log has to be tried.
        """
        wait_s = None if self._problem is None else AGAIN_S
        batches: list[_Batch] = []
        size, until = 0, None
        while size < TOGETHER:
            try:
                left = wait_s if until is None else max(0.0, until - time.monotonic())
                batch = self._batches.get(not batches, left)
            except queue.Empty:
                break
            if batch is None:
                return batches, False
            if isinstance(batch, _Batch):
                batches.append(batch)
                size += len(batch.entries)
            elif until is None:
                until = time.monotonic() + PAUSE_S
        return batches, True

    def _commit(self, batches: Sequence[_Batch]) -> None:
        try:
            new = self._log.append([batch.entries for batch in batches], time.time_ns() // 1_000)
        except BespeakError as error:
            self._problem = error
            for batch in batches:
                batch.done.set_exception(error)
        else:
            if any(batch.entries for batch in batches):
                self._problem = None
            for batch, count in zip(batches, new, strict=True):
                batch.done.set_result(count)
        finally:
            with self._lock:
                self._waiting -= sum(len(batch.entries) for batch in batches)

    def _probe(self) -> None:
        try:
            self._log.probe()
        except BespeakError as error:
            self._problem = error
        else:
            self._problem = None
