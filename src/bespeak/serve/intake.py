"""Where this worker's events go and come from: the log, and the one thread that appends to it."""

from __future__ import annotations

from dataclasses import dataclass

from bespeak import live
from bespeak.serve.assortment import Assortment


@dataclass(frozen=True)
class Intake:
    """One open log.

    identify   : spells an identifier as the record does, personal ones hashed
    assortment : what changed of the catalogue since the version that is served
    admit      : of some events, those of nobody who was erased
    """

    log: live.Log
    writer: live.Writer
    identify: live.Identify
    assortment: Assortment
    admit: live.Admit = live.everybody

    @classmethod
    def over(
        cls, log: live.Log, identify: live.Identify, admit: live.Admit = live.everybody
    ) -> Intake:
        """The log, with a thread of its own that appends."""
        return cls(log, live.Writer(log), identify, Assortment(log), admit)

    def close(self) -> None:
        """Write what waits, and let go of the log."""
        self.writer.close()
        self.log.close()
