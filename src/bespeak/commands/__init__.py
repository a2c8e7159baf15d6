"""What every command shares: its frame, its options, its JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, ParamSpec

import typer

from bespeak import screen
from bespeak.errors import BespeakError
from bespeak.workspace import Workspace

P = ParamSpec("P")

Folder = Annotated[
    Path, typer.Option("--workspace", "-w", help="The workspace's folder.", show_default="here")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of a table.")]
HERE = Path()
BY = "command line"
"""Who asks, as the audit log has it."""


def teaching(command: Callable[P, None], *, status: int = 1) -> Callable[P, None]:
    """Turn our errors into a message and an exit status; anything else is a bug and says so."""

    @wraps(command)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except BespeakError as error:
            screen.failure(error, as_json=bool(kwargs.get("as_json")))
            raise typer.Exit(status) from error
        except KeyboardInterrupt as error:
            screen.note("Stopped. What the last good run made is as it was.")
            raise typer.Exit(130) from error

    return guarded


def emit(document: Any) -> None:
    """One JSON document on standard output."""
    json.dump(document, sys.stdout, ensure_ascii=False, indent=1, default=str)
    sys.stdout.write("\n")


@contextmanager
def opened(folder: Path) -> Iterator[Workspace]:
    """The workspace in `folder`; its config is read, so a wrong folder is said at once."""
    workspace = Workspace(folder)
    workspace.config()
    yield workspace
