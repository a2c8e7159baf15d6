"""Commands for who keeps a server going: what it did, and how to go back."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from bespeak import ledger, screen, shop
from bespeak.commands import HERE, Folder, Json, emit, opened, teaching


@teaching
def tasks(
    name: Annotated[
        str | None, typer.Argument(help="One task, with its log.", metavar="[ID]")
    ] = None,
    lines: Annotated[int, typer.Option(min=0, help="Lines of the log.")] = 50,
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Runs that a server started, by schedule or on request: state, time, what went wrong.

    `[train]` in bespeak.toml says when `bespeak serve` starts one; POST /v1/tasks starts one now.
    """
    with opened(workspace) as here:
        known = shop.open_tasks(here)
        if name is None:
            every = [task.shown() for task in known.latest()]
        else:
            task = known.find(name)
            one = {**task.shown(), "log": known.lines(task, lines)}
    if as_json:
        emit(msgspec.to_builtins({"tasks": every} if name is None else one))
    elif name is None:
        screen.tasks(every)
    else:
        screen.task(one)


@teaching
def rollback(
    to: Annotated[
        str | None,
        typer.Option(help="The version before, to be sure that it is that one.", metavar="VERSION"),
    ] = None,
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Make the state before the current one current again; once more undoes that.

    Running servers change to it without a dropped request. The schedule of [train] then rests. A
    run that you start is published as ever if it comes to something else, because data,
    bespeak.toml or code have changed, and left aside if it comes to what was rolled back.

    Example: `bespeak status -w shop`, then `bespeak rollback -w shop`
    """
    with opened(workspace) as here:
        here.rollback(to)
        found = ledger.served(here)
    if as_json:
        emit(found)
    else:
        screen.rolled_back(found)
