"""Where this worker's events go and come from: the log, and the one thread that appends to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bespeak import live
from bespeak.consent import Consent
from bespeak.errors import LogUnavailable
from bespeak.serve.assortment import Assortment, Changes


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

    def history(self, visitors: Sequence[str], limit: int, *, after: int) -> list[live.Seen] | None:
        """As the log's, or None where the log can't be read: lists go on without it."""
        try:
            return self.log.history(visitors, limit, after=after)
        except LogUnavailable as error:
            self.writer.doubt(error)
            return None

    def lately(self, visitors: Sequence[str], limit: int, *, after: int) -> live.Lately | None:
        """As the log's, or None where the log can't be read."""
        try:
            return self.log.lately(visitors, limit, after=after)
        except LogUnavailable as error:
            self.writer.doubt(error)
            return None

    def shown(self, visitors: Sequence[str], limit: int, *, since: int) -> list[live.Shown] | None:
        """As the log's, or None where the log can't be read."""
        try:
            return self.log.shown(visitors, limit, since=since)
        except LogUnavailable as error:
            self.writer.doubt(error)
            return None

    def consents(self, visitors: Sequence[str]) -> list[Consent]:
        """As the log's; none where the log can't be read: then what a run knew holds."""
        try:
            return self.log.consents(visitors)
        except LogUnavailable as error:
            self.writer.doubt(error)
            return []

    def owner(self, session: str) -> str | None:
        """As the log's; None where the log can't be read."""
        try:
            return self.log.owner(session)
        except LogUnavailable as error:
            self.writer.doubt(error)
            return None

    def changes(self, base: int, last: int | None = None) -> Changes:
        """What changed of the catalogue beyond `base`; where the log can't be read, what this
        worker knew last.

        last : as `Assortment.since` takes it
        """
        try:
            return self.assortment.since(base, last)
        except LogUnavailable as error:
            self.writer.doubt(error)
            return self.assortment.known(base)

    def close(self) -> None:
        """Write what waits, and let go of the log."""
        self.writer.close()
        self.log.close()
