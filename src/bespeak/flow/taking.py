"""The event log as a source of the flow: what came in live is cleaned and counted like the rest."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import msgspec

from bespeak import live
from bespeak.columns import SESSION
from bespeak.config import Config, Source
from bespeak.errors import ConfigInvalid
from bespeak.opening import COPIES, open_log
from bespeak.privacy import Marks
from bespeak.workspace import Workspace


def has_log(workspace: Workspace, config: Config) -> bool:
    """Whether there is a log to read; none is made."""
    return config.live.database is not None or (workspace.root / live.FILE_NAME).exists()


def take(workspace: Workspace, config: Config, marks: Marks) -> None:
    """Copy what the log has taken since; the workspace must be locked.

    marks  : who was erased; copies that still hold them are written anew
    raises : as `open_log`
    """
    if has_log(workspace, config):
        with closing(open_log(workspace, config)) as log:
            live.copy_new(log, workspace.root / COPIES)
            live.copy_changes(log, workspace.root / COPIES)
    if marks.pending:
        live.without(workspace.root / COPIES, marks.among)


def with_log(workspace: Workspace, config: Config) -> Config:
    """The config with the copies as one more source, where there are any.

    raises : ConfigInvalid where a source of the config has that name
    """
    made = live.copies(workspace.root / COPIES)
    if not made:
        return config
    if COPIES in {source.name for source in config.sources}:
        raise ConfigInvalid(
            f"sources: one is called `{COPIES}`, which is the event log's own name",
            next_step="Call it something else in bespeak.toml.",
        )
    return msgspec.structs.replace(config, sources=[*config.sources, _source(made, config)])


def taken(config: Config) -> int:
    """The last position of the log that the config's sources hold; 0 without a log."""
    files = [file for source in config.sources if source.name == COPIES for file in source.files]
    return max((int(Path(file).stem.rpartition("-")[2]) for file in files), default=0)


def changes(workspace: Workspace) -> list[live.Copy]:
    """The copies of the changes of the catalogue, in order."""
    return live.copies(workspace.root / COPIES, live.CHANGES)


def changed(workspace: Workspace) -> int:
    """The last change of the catalogue that the copies hold; 0 without one."""
    return max((copy.last for copy in changes(workspace)), default=0)


def _source(made: list[live.Copy], config: Config) -> Source:
    seen = {name for copy in made for name in copy.namespaces} - {SESSION}
    first = [name for name in config.identity.primary if name in seen]
    # who says so outranks what was seen on the way; a session names who has nothing else
    named = [*first, *sorted(seen - {*first}), SESSION]
    return Source(
        name=COPIES,
        channel=COPIES,
        files=[f"{COPIES}/{copy.path.name}" for copy in made],
        timezone="UTC",
        decimal=".",
        spelled=True,
        identifiers={name: f"{live.IDENTIFIER}{name}" for name in named},
        columns={name: name for name in live.COLUMNS},
    )
