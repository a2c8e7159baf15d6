"""Every error a user can meet. Each says what, where, found, expected and what to do next."""

from __future__ import annotations


class BespeakError(Exception):
    """The root. `str(error)` is a message meant for a person.

    what     : one sentence that names the file, row, key or id concerned
    found    : what was there, never a personal value
    expected : what should have been there
    next_step: what the reader can do now
    """

    status = 400
    """The HTTP status under which the API reports this error."""

    def __init__(
        self,
        what: str,
        *,
        found: str | None = None,
        expected: str | None = None,
        next_step: str | None = None,
    ) -> None:
        self.what, self.found, self.expected, self.next_step = what, found, expected, next_step
        super().__init__(what)

    def __str__(self) -> str:
        parts = [self.what.rstrip(".")]
        if self.found is not None:
            parts.append(f"found {self.found}")
        if self.expected is not None:
            parts.append(f"expected {self.expected}")
        message = ", ".join(parts) + "."
        return f"{message} {self.next_step}" if self.next_step else message


class ConfigInvalid(BespeakError, ValueError):
    """bespeak.toml does not say what it must."""


class SourceMissing(BespeakError, FileNotFoundError):
    """A file, table or folder that a source names is not there."""


class SourceUnreadable(BespeakError, ValueError):
    """A source is there but is not what its format says."""


class MappingImpossible(BespeakError, ValueError):
    """A mapping names a column that is not there, or an expression that can't be computed."""


class ColumnMissing(BespeakError, KeyError):
    """A table lacks a column that a step needs."""

    __str__ = BespeakError.__str__


class NotFound(BespeakError, KeyError):
    """No such customer, item, segment or model."""

    status = 404
    __str__ = BespeakError.__str__


class BadRequest(BespeakError, ValueError):
    """A parameter is outside its range."""

    status = 422


class KeyMissing(BespeakError, PermissionError):
    """Who asks gave no key, or none that holds."""

    status = 401


class NotAllowed(BespeakError, PermissionError):
    """The key that was given does not open this."""

    status = 403


class NotReady(BespeakError, RuntimeError):
    """The workspace lacks what the command needs; an earlier stage has not run."""

    status = 503


class WorkspaceBusy(BespeakError, RuntimeError):
    """Another run holds the workspace."""

    status = 409


class ArtifactCorrupt(BespeakError, ValueError):
    """An artifact on disk is not what its manifest says."""

    status = 503


class VersionRefused(BespeakError, RuntimeError):
    """A version can be opened, but does not answer as it should."""

    status = 503


class EngineUnavailable(BespeakError, RuntimeError):
    """The chosen engine is not installed or can't do a step."""

    status = 503


class LogUnavailable(BespeakError, RuntimeError):
    """The event log can't keep or give what it was asked to."""

    status = 503


class DiskUnavailable(BespeakError, RuntimeError):
    """A file of the workspace can't be written: the disk is full, or may only be read."""

    status = 503


class Busy(BespeakError, RuntimeError):
    """More is waiting than may wait; the same request may succeed a little later."""

    status = 429


class AddressTaken(BespeakError, OSError):
    """The server's port is in use, or needs rights that this user lacks."""

    status = 409
