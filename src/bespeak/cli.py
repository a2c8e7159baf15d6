"""The command line: one verb a command, `--json` beside every table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bespeak import __version__, flow, ledger, report, screen, search_shown, shop, start
from bespeak.commands import HERE, Folder, Json, emit, opened, teaching
from bespeak.commands.keys import app as keys
from bespeak.commands.making import synth
from bespeak.commands.moving import compare, doctor
from bespeak.commands.operating import rollback, tasks
from bespeak.commands.people import audit, consent, erase, export
from bespeak.commands.serving import serve
from bespeak.errors import BadRequest, ConfigInvalid
from bespeak.everyone import recommend_everyone
from bespeak.recommend import ALL, BUDGET_S
from bespeak.workspace import Workspace

app = typer.Typer(
    help="Raw customer behaviour in, personal selling out.\n\nA first walk: `bespeak demo`. Your"
    " own data: `bespeak init shop --from exports/`, then `bespeak run -w shop`, then"
    " `bespeak serve -w shop`.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    add_completion=False,
)
quarantine = typer.Typer(
    help="Rows that were not let in: see them, and what a mended rule would recover.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
app.add_typer(quarantine, name="quarantine")
identities = typer.Typer(
    help="Who is who: the identifiers behind one person, and what a change would merge or split.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
app.add_typer(identities, name="identities")
app.add_typer(keys, name="key")


@app.callback(invoke_without_command=True)
def version(
    shown: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Raw customer behaviour in, personal selling out."""
    if shown:
        typer.echo(f"bespeak {__version__}")
        raise typer.Exit


@app.command()
@teaching
def init(
    folder: Annotated[Path, typer.Argument(help="The new workspace's folder.", metavar="DIR")],
    inputs: Annotated[
        list[str],
        typer.Option("--from", help="A file, folder, glob, database or Kafka URL; repeat."),
    ],
    name: Annotated[str | None, typer.Option(help="What to call it; the folder's name.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a bespeak.toml.")] = False,
    as_json: Json = False,
) -> None:
    """Look at data files and propose how they map to the record, each guess explained.

    Example: `bespeak init shop --from exports/orders.csv --from kafka://localhost:9092/visits`
    """
    proposal = start.propose(
        Workspace(folder), inputs, name=name or folder.resolve().name, force=force
    )
    if as_json:
        emit(proposal)
    else:
        screen.proposal(proposal, folder)


@app.command()
@teaching
def run(
    workspace: Folder = HERE,
    only: Annotated[
        str | None,
        typer.Option(
            help="Bring this stage up to date, with what it needs, and leave those after it: "
            + ", ".join(flow.STAGES)
        ),
    ] = None,
    engine: Annotated[str | None, typer.Option(help="Engine for this run: duckdb.")] = None,
    as_json: Json = False,
) -> None:
    """Take raw files to segments, recommendations and a console; redo only what changed."""
    with opened(workspace) as here, screen.progress(quiet=as_json) as tell:
        outcome = flow.run(here, only=only, engine=engine, tell=tell)
    if as_json:
        emit(flow.outcome_json(outcome))
    else:
        screen.outcome(outcome, ledger.status(here), workspace)


@app.command()
@teaching
def status(
    workspace: Folder = HERE,
    recount: Annotated[
        bool, typer.Option("--recount", help="Count the written Parquet again and compare.")
    ] = False,
    as_json: Json = False,
) -> None:
    """The account of every row, the tables, and the last run."""
    with opened(workspace) as here:
        found = ledger.status(here, recount=recount)
    if as_json:
        emit(found)
    else:
        screen.status(found)


@app.command()
@teaching
def recommend(  # noqa: PLR0913, PLR0917 - each is an option
    customer: Annotated[str | None, typer.Argument(help="A customer_id.")] = None,
    k: Annotated[int, typer.Option("-k", help="How many, 1 to 1000.")] = 10,
    items: Annotated[
        str | None, typer.Option(help="Instead of a customer: item ids of a visit, by comma.")
    ] = None,
    why: Annotated[bool, typer.Option("--why", help="Say the reason beside each item.")] = False,
    repeat: Annotated[
        bool | None,
        typer.Option("--repeat/--no-repeat", help="Whether to offer what they already have."),
    ] = None,
    everyone: Annotated[
        bool, typer.Option("--everyone", help="A list for each customer, as Parquet in DIR/rows.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="With --everyone: the folder to write.", metavar="DIR")
    ] = None,
    engine: Annotated[
        str | None, typer.Option(help="With --everyone: duckdb or spark, for this once.")
    ] = None,
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Recommend to one customer, or to all, by the model that the last run chose."""
    if everyone:
        if out is None or customer is not None or items is not None:
            raise BadRequest(
                "--everyone takes --out, and no customer or items",
                next_step="For example: bespeak recommend --everyone --out lists -k 20",
            )
        with opened(workspace) as here, screen.progress(quiet=as_json) as tell:
            made = recommend_everyone(here, out, k=k, repeat=repeat, engine=engine, tell=tell)
        if as_json:
            emit(made)
        else:
            screen.everyone(made)
        return
    history = [item.strip() for item in items.split(",") if item.strip()] if items else None
    if (customer is None) == (history is None):
        raise BadRequest(
            "give a customer, or --items", next_step="For example: bespeak recommend 900 -k 5 --why"
        )
    with opened(workspace) as here:
        answer = shop.answer_one(here, customer, history or (), k=k, repeat=repeat)
    if as_json:
        emit(answer)
    else:
        screen.recommendations(answer, why=why)


@app.command()
@teaching
def evaluate(  # noqa: PLR0913, PLR0917 - each is an option
    train: Annotated[Path | None, typer.Option(help="Train file; with --test.")] = None,
    test: Annotated[Path | None, typer.Option(help="Test file; with --train.")] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="Which model, or `auto`; repeat for more. By default the workspace's, or of files"
            " a few that are quick."
        ),
    ] = None,
    k: Annotated[int, typer.Option("-k", help="Length of the lists.")] = 10,
    repeat: Annotated[
        bool | None,
        typer.Option(
            "--repeat/--no-repeat",
            help="Whether a list may hold what its customer has in train, or its session so far."
            " By default: the workspace's choice; for files, yes for sessions and else no.",
        ),
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(
            help="Also tell figures apart by: activity, popularity, time (days or weeks of the"
            " test), a workspace's segment or place, or all; repeat for more."
        ),
    ] = None,
    budget: Annotated[
        float, typer.Option(help="With `auto`: seconds that its search may take.")
    ] = BUDGET_S,
    evidence: Annotated[
        bool, typer.Option("--evidence", help="With `auto`: print everything that was tried.")
    ] = False,
    into: Annotated[
        Path | None,
        typer.Option(
            "--report",
            help="Write a page with tables and plots, by default by all there is: one file that"
            " needs no network.",
            metavar="FILE.html",
        ),
    ] = None,
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Measure models on what customers did next, over all items, with intervals.

    Without files: the workspace's last weeks are the test. Files: `user item item …` a line, or
    CSV/Parquet with user, item and, where there are any, time and weight. Session files: train is
    Parquet with one list of items a row, the oldest first; test has `prefix` (a list) and `target`.

    `--model auto` searches models, their settings and blends on a part held back of what is known,
    within `--budget`, and measures what won: `bespeak evaluate --train a.txt --test b.txt --model
    auto --report report.html`.
    """
    if (train is None) != (test is None):
        raise BadRequest("--train and --test go together", next_step="Give both, or neither.")
    if into is not None:
        report.check_free(into)
    parts = by or ([] if into is None else [ALL])
    with search_shown.searching("Evaluating", quiet=as_json) as tell:
        if train is not None and test is not None:
            table = shop.evaluate_files(
                train, test, models=model, k=k, repeat=repeat, by=parts, budget_s=budget, tell=tell
            )
        else:
            with opened(workspace) as here:
                table = flow.evaluate(
                    here, models=model, k=k, repeat=repeat, by=parts, budget_s=budget, tell=tell
                )
    if as_json:
        emit(table)
    else:
        screen.evaluation(table)
        search_shown.beside(table, evidence=evidence, sliced=bool(by))
    if into is not None:
        report.write_report(table, into)
        screen.note(f"The report is in {into}.")


@app.command()
@teaching
def demo(
    folder: Annotated[Path, typer.Argument(help="Where to put it.", metavar="[DIR]")] = Path(
        "demo"
    ),
    serve_after: Annotated[
        bool, typer.Option("--serve/--no-serve", help="Open the console at the end.")
    ] = True,
    port: Annotated[int | None, typer.Option(help="The console's port.")] = None,
    as_json: Json = False,
) -> None:
    """A real grocer's year, from raw files to recommendations in the browser (extra `demo`)."""
    here = start.demo_workspace(folder)
    with screen.progress(quiet=as_json) as tell:
        outcome = flow.run(here, tell=tell)
    if as_json:
        emit(flow.outcome_json(outcome))
    else:
        screen.outcome(outcome, ledger.status(here), folder)
    if serve_after:
        shop.serve_shop(here, port=port, ready=screen.address)


app.command()(serve)
app.command()(compare)
app.command()(synth)
app.command()(doctor)
app.command()(tasks)
app.command()(rollback)
app.command()(erase)
app.command()(export)
app.command()(consent)
app.command()(audit)


@quarantine.command("list")
@teaching
def quarantined(
    workspace: Folder = HERE,
    source: Annotated[str | None, typer.Option(help="Only this source.")] = None,
    reason: Annotated[str | None, typer.Option(help="Only this reason.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many rows.")] = 20,
    as_json: Json = False,
) -> None:
    """Rows that were not let in, each with its file, row, reason and what was found."""
    with opened(workspace) as here:
        rows = ledger.quarantined(here, source=source, reason=reason, limit=limit)
    if as_json:
        emit(rows)
    else:
        screen.quarantine(rows)


@quarantine.command("replay")
@teaching
def replay(
    workspace: Folder = HERE,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Read the quarantine again under the mended mapping or rules, and say what came back."""
    with opened(workspace) as here, screen.progress(quiet=as_json) as tell:
        changes = flow.replay(here, dry_run=dry_run, tell=tell)
    if as_json:
        emit(changes)
    else:
        screen.replay(changes, dry_run=dry_run)


@identities.command("show")
@teaching
def identity(
    customer: Annotated[str, typer.Argument(help="A customer_id.")],
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """One person's identifiers, with the links and sources that join them."""
    with opened(workspace) as here:
        found = flow.explain_identity(here, customer)
    if as_json:
        emit(found)
    else:
        screen.identity(found)


@identities.command("preview")
@teaching
def identity_changes(workspace: Folder = HERE, as_json: Json = False) -> None:
    """Who would be merged or split by the bespeak.toml as it is now; changes nothing."""
    with opened(workspace) as here, screen.progress(quiet=as_json) as tell:
        found = flow.preview_identities(here, tell=tell)
    if as_json:
        emit(found)
    else:
        screen.identity_changes(found)


def main() -> None:
    """The entry point of the `bespeak` command."""
    app()


__all__ = ["ConfigInvalid", "app", "main"]
