"""Kafka topics as sources of the flow: copied by each run, then read like files."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

import msgspec

from bespeak import collect
from bespeak.config import Config, Source
from bespeak.errors import NotReady
from bespeak.flow.running import Flow, Step, Tell
from bespeak.workspace import Workspace

COPIES = "kafka"
"""Folder of the copies, one within it for each source."""


def copy_topics(workspace: Workspace, config: Config, tell: Tell) -> None:
    """Copy what each topic has taken since; the workspace must be locked.

    raises : as collect.copy_topic
    """
    for source in config.sources:
        if source.kafka is None:
            continue
        started = time.perf_counter()
        name = f"{source.name} topic"
        tell(Step("collect", name, "running"))
        rows = collect.copy_topic(
            source.name,
            source.kafka,
            _folder(workspace, source),
            tell=partial(_tell_how_far, tell, name),
        )
        tell(Step("collect", name, "done", rows, time.perf_counter() - started))


def with_topics(workspace: Workspace, config: Config) -> Config:
    """The config with each topic's copies in place of the topic; without those that have none.

    raises : NotReady where that leaves no source at all
    """
    sources = [
        _copied(source, workspace.root, _folder(workspace, source))
        for source in config.sources
        if source.kafka is None or collect.topic_copies(_folder(workspace, source))
    ]
    if config.sources and not sources:
        raise NotReady(
            f"{workspace.root}: no message of any topic was copied yet",
            next_step="`bespeak run` copies them; run it again once there are some.",
        )
    return msgspec.structs.replace(config, sources=sources)


def forget_erased(flow: Flow) -> None:
    """Write the copies anew that still hold messages of people who were erased."""
    for source in flow.config.sources:
        folder = _folder(flow.workspace, source)
        for raw in flow.raw.get(source.name, []):
            copy = folder / raw.file.name
            if raw.left_out is not None and raw.left_out.rows and copy.is_file():
                collect.forget(copy, raw.left_out.rows)


def _copied(source: Source, root: Path, folder: Path) -> Source:
    if source.kafka is None:
        return source
    files = [str(copy.path.relative_to(root)) for copy in collect.topic_copies(folder)]
    return msgspec.structs.replace(source, kafka=None, files=files, format="messages")


def _folder(workspace: Workspace, source: Source) -> Path:
    return workspace.root / COPIES / source.name


def _tell_how_far(tell: Tell, name: str, passed: int, wanted: int) -> None:
    tell(Step("collect", f"{name}: {passed:,} of {wanted:,} offsets", "running", passed))
