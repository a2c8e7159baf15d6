"""Commands for what a person may ask: to see what is held of them, and to be forgotten."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from bespeak import consenting, flow, people, privacy, screen
from bespeak.commands import BY, HERE, Folder, Json, emit, opened, teaching
from bespeak.consent import PURPOSES, Purpose
from bespeak.errors import BadRequest, BespeakError
from bespeak.people_shown import acts, consents, erasure
from bespeak.workspace import Workspace, write_atomically

Customer = Annotated[str, typer.Argument(help="A customer_id, as the console shows it.")]


@teaching
def erase(
    customer: Customer,
    run_after: Annotated[
        bool,
        typer.Option(
            "--run/--no-run", help="Run at once, which removes them from all that runs made."
        ),
    ] = True,
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Forget one person: event log, record, features, models, lists, and keep them out.

    From this moment no answer knows them and no event of theirs is taken; the run that follows
    makes everything that holds them anew without them. Your own raw files are not changed: what
    they say of the person is passed over whenever they are read, and named in the report.

    Exit status: 0; 1 where the person is not there, or the run could not be made: they are erased
    all the same, but for what the next run has to remove.

    Example: `bespeak erase 900 -w shop`
    """
    with opened(workspace) as here:
        found = people.erase(here, customer, by=BY)
        if run_after:
            found["run"] = _run(here, quiet=as_json)
    if as_json:
        emit(found)
    else:
        screen.show(erasure(found))
    if run_after and not found["run"]["made"]:
        raise typer.Exit(1)


def _run(here: Workspace, *, quiet: bool) -> dict[str, Any]:
    """What the run came to, or why there was none: the erasure before it stands either way."""
    try:
        with screen.progress(quiet=quiet) as tell:
            flow.run(here, tell=tell)
    except BespeakError as error:
        return {"made": False, "problem": str(error), **people.carried_out(here)}
    return {"made": True, "problem": None, **people.carried_out(here)}


@teaching
def export(
    customer: Customer,
    out: Annotated[Path, typer.Option(help="The file to write.", metavar="FILE")],
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Write all that is held of one person as JSON, for them to have.

    Identifiers, attributes, features, segments, and every row of the record and event of the log
    that is theirs. E-mail addresses and the like stand there as keyed hashes, since no more is
    held. The file is readable by you alone.

    Example: `bespeak export 900 --out 900.json -w shop`
    """
    with opened(workspace) as here:
        held = people.export(here, customer, by=BY)
    text = json.dumps(held, ensure_ascii=False, indent=1, default=str)
    write_atomically(out, text.encode())
    out.chmod(0o600)
    rows = sum(len(r) for tables in held["record"].values() for r in tables.values())
    said = {"out": str(out), "rows": rows, "since": len(held["since"])}
    if as_json:
        emit(said)
    else:
        screen.note(f"{rows:,} rows of the record and {said['since']:,} events since: {out}")


@teaching
def audit(workspace: Folder = HERE, as_json: Json = False) -> None:
    """Every act of an administrator, oldest first: erasures, exports, consents, keys, rollbacks.

    A customer stands there as a keyed hash.
    """
    with opened(workspace) as here:
        lines = privacy.audit(here).lines()
    if as_json:
        emit(lines)
    else:
        screen.show(acts(lines))


@teaching
def consent(
    customer: Customer,
    agree: Annotated[
        list[str] | None,
        typer.Option(help="A purpose that they agree to; repeat for more.", metavar="PURPOSE"),
    ] = None,
    refuse: Annotated[
        list[str] | None,
        typer.Option(help="A purpose that they refuse; repeat for more.", metavar="PURPOSE"),
    ] = None,
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """What a person agreed to; with --agree or --refuse, take a new word of theirs.

    The purposes are `personalisation` (lists made from what they did), `training` (models and
    segments may learn from them) and `marketing` (they may be written to). Lists go by it from the
    next request on, models from the next run on.

    Example: `bespeak consent 900 --refuse training -w shop`
    """
    told = _told(agree or [], refuse or [])
    with opened(workspace) as here:
        if told:
            found = consenting.say(here, customer, told, by=BY)
        else:
            found = consenting.see(here, customer)
    if as_json:
        emit(found)
    else:
        screen.show(consents(found))


def _told(agree: list[str], refuse: list[str]) -> dict[Purpose, bool]:
    """raises : BadRequest on a purpose that is none, or that is both agreed to and refused"""
    for name in (*agree, *refuse):
        if name not in PURPOSES or (name in agree and name in refuse):
            raise BadRequest("a purpose, once", found=f"`{name}`", expected=" or ".join(PURPOSES))
    return {one: one in agree for one in PURPOSES if one in agree or one in refuse}
