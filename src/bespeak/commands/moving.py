"""Commands for who outgrows a machine, or changes engines: is it the same, and is it time?"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from bespeak import screen
from bespeak.commands import HERE, Folder, Json, emit, opened, teaching
from bespeak.flow import comparing, examining
from bespeak.workspace import Workspace


@partial(teaching, status=2)
def compare(
    a: Annotated[Path, typer.Argument(help="A workspace's folder.", metavar="WORKSPACE_A")],
    b: Annotated[Path, typer.Argument(help="Another one's.", metavar="WORKSPACE_B")],
    only: Annotated[
        list[str] | None,
        typer.Option(
            help="Only what this names or begins, repeat for more: record/events (of every source),"
            " record/identities, features, artifacts/models …"
        ),
    ] = None,
    tolerance: Annotated[
        float, typer.Option(help="Relative, for floats; all else must be exact.")
    ] = comparing.FLOAT_TOLERANCE,
    as_json: Json = False,
) -> None:
    """Compare what two workspaces hold, row by row: after a move to Spark, or an upgrade.

    Tables of the record and the features, segments, models' arrays and documents of the last run.
    The order of rows, the layout of files, times of the clock and versions say nothing; NaN equals
    NaN, and null only null. Personal identifiers are hashed under each workspace's `.secret`: give
    both the same one before the run.

    Exit status: 0 equal, 1 different, 2 could not compare.

    Example: `mkdir new`, `cp old/bespeak.toml old/.secret new` (and the raw files, if they lie
    there), `bespeak run -w new --engine spark`, `bespeak compare old new`
    """
    with screen.stages("Comparing", quiet=as_json) as tell:
        found = comparing.compare_workspaces(
            Workspace(a), Workspace(b), only=only or (), tolerance=tolerance, tell=tell
        )
    if as_json:
        emit(found.json())
    else:
        screen.show(found.shown())
    raise typer.Exit(0 if found.equal else 1)


@partial(teaching, status=2)
def doctor(
    workspace: Folder = HERE,
    engine: Annotated[
        str | None, typer.Option(help="Ask about this engine instead: duckdb or spark.")
    ] = None,
    hours: Annotated[
        float, typer.Option(help="How long a run over all files may take.")
    ] = examining.HOURS,
    as_json: Json = False,
) -> None:
    """Say what this workspace needs, what is slow, and when to move to Spark.

    Memory, disk and time of a run over all files as they are now, in proportion to what the last
    runs did cost; each figure says what it was measured on, and is missing where nothing was. It
    reads no rows, so it is quick.

    Exit status: 0, 1 where something must be fixed, 2 where it could not look.
    """
    with opened(workspace) as here:
        found = examining.diagnose(here, engine=engine, hours=hours)
    if as_json:
        emit(found.json())
    else:
        screen.show(found.shown())
    raise typer.Exit(0 if found.well else 1)
