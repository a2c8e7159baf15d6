"""What the command line shows: tables on standard output, progress and errors beside it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console, RenderableType
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from bespeak.access import Key
from bespeak.errors import BespeakError
from bespeak.recommend.answering.reasons import FALLBACKS

if TYPE_CHECKING:
    from bespeak.flow import Step

Answer = Mapping[str, Any]

LONG_NAME = 20
"""A longer name of a model takes several lines, or its figures would."""


def _out() -> Console:
    """Standard output; wide enough for a table where it is no terminal."""
    return Console(soft_wrap=False, width=None if sys.stdout.isatty() else 120, highlight=False)


def _aside() -> Console:
    return Console(stderr=True, highlight=False)


def failure(error: BespeakError, *, as_json: bool) -> None:
    """An error: what, found, expected, what next."""
    if as_json:
        said = {"code": type(error).__name__, "message": error.what, "found": error.found,
                "expected": error.expected, "next_step": error.next_step}  # fmt: skip
        sys.stderr.write(json.dumps({"error": said}, ensure_ascii=False) + "\n")
        return
    _aside().print(f"[bold red]✗[/] {escape(str(error))}", soft_wrap=True)


def keys(found: Sequence[Key]) -> None:
    """Keys by their ids; those that hold no longer are grey."""
    table = Table(box=box.SIMPLE_HEAD)
    for title in ("id", "kind", "name", "may", "a second", "made", "holds until"):
        table.add_column(title)
    now = datetime.now(UTC)
    for key in found:
        may = ", ".join(key.scopes) or "what a visitor does"
        rate = "" if key.per_second is None else f"{key.per_second:g}"
        times = (f"{at:%Y-%m-%d %H:%M}" if at else "" for at in (key.created, key.expires))
        style = None if key.holds(now) else "dim"
        table.add_row(key.id, key.kind, escape(key.name), may, rate, *times, style=style)
    if found:
        show([table])
    else:
        show(["There are no keys; make one with `bespeak key create --secret`."])


def key_made(key: Key, text: str) -> None:
    """A new key, the only time that it is seen."""
    where = "goes into your pages" if key.kind == "public" else "stays on your own server"
    show([f"[bold]{text}[/]"])
    note(f"This {key.kind} key {where}. It is not shown again.")


def note(text: str) -> None:
    _aside().print(escape(text))


def address(url: str, keyed: bool, *, store: bool = True) -> None:
    """Where the server listens, whether it asks for keys, and has a shop to play with."""
    console = _aside()
    console.print(f"\n[bold green]●[/] The console is at [bold]{url}/console/[/]")
    if store:
        console.print(f"  A shop to play with: [bold]{url}/store/[/]")
    console.print(f"  API: {url}/docs")
    who = "It asks for keys" if keyed else "It has no keys, so only this machine can reach it"
    console.print(f"  {who}. Ctrl-C ends it.\n")


@contextmanager
def progress(*, quiet: bool) -> Iterator[Callable[[Step], None]]:
    """A line per step that had work to do, with a spinner on the one at work."""
    console = _aside()
    if quiet:
        yield lambda step: None
        return
    with console.status("Looking for what changed") as spinner:

        def tell(step: Step) -> None:
            if step.state == "running":
                spinner.update(f"[cyan]{step.stage}[/] {escape(step.name)}")
            elif step.state == "done":
                rows = f"{step.rows:>12,} rows" if step.rows is not None else " " * 17
                console.print(
                    f"[green]✓[/] [cyan]{step.stage:<10}[/] {escape(step.name):<24}"
                    f" {rows} {step.seconds:>7.1f} s"
                )

        yield tell


@contextmanager
def working(text: str, *, quiet: bool) -> Iterator[None]:
    """A spinner over work of unknown length."""
    if quiet:
        yield
        return
    with _aside().status(text):
        yield


@contextmanager
def stages(text: str, *, quiet: bool) -> Iterator[Callable[[str], None]]:
    """A spinner over work whose parts have names."""
    if quiet:
        yield lambda name: None
        return
    with _aside().status(text) as spinner:
        yield lambda name: spinner.update(f"{text} [cyan]{escape(name)}[/]")


def show(parts: Iterable[RenderableType]) -> None:
    """Tables and lines, one below the other; lines wrap as the terminal does."""
    console = _out()
    for part in parts:
        console.print(part, soft_wrap=isinstance(part, str))


@contextmanager
def counting(text: str, total: int, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    """A bar over work of known length; told how much more is done."""
    with Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        console=_aside(), transient=True, disable=quiet,
    ) as bar:  # fmt: skip
        task = bar.add_task(text, total=total)
        yield lambda done: bar.advance(task, done)


def outcome(outcome: Any, status: Answer, folder: Path) -> None:
    """What a run came to, and where to go next."""
    console = _out()
    if not outcome.changed:
        console.print(
            f"Nothing has changed since the last run ({status['as_of_run']}); nothing to do."
        )
        for line in _served(status["served"]):
            console.print(line)
        return
    _account(console, status["account"])
    for line in _findings(outcome.found):
        console.print(line)
    place = "" if folder == Path() else f" -w {folder}"
    console.print(
        f"\nNext: [bold]bespeak serve{place}[/] for the console,"
        f" [bold]bespeak status{place}[/] for the account,"
        f" [bold]bespeak quarantine list{place}[/] for rows that were not let in."
    )


def _findings(found: Answer) -> Iterator[str]:
    """What was learned, a line each."""
    kmeans, ratings = found.get("kmeans"), found.get("ratings")
    if kmeans and kmeans["silhouette"] is not None:
        yield (
            f"Segments: k-means with k = {kmeans['k']}, silhouette {kmeans['silhouette']:.3f},"
            f" within-cluster sum of squares {kmeans['within_sum_of_squares']:,.1f}"
            f" (of {kmeans['measured_on']:,} customers)"
        )
    if ratings:
        yield (
            f"Ratings: RMSE {ratings['rmse']:.4f}, mean error {ratings['mae']:.4f} on"
            f" {ratings['pairs']:,} held-out ratings ({ratings['unknown_customers']:,} of unknown"
            f" customers, {ratings['unknown_items']:,} of unknown items)"
        )


def status(found: Answer) -> None:
    """The account, the tables and the last run."""
    console = _out()
    console.print(f"[bold]{escape(found['workspace'])}[/]  engine {found['engine']}")
    if found["as_of_run"] is None:
        console.print("No run has ended here yet. Run `bespeak run`.")
        return
    console.print(f"last run {found['as_of_run']}   {found['megabytes']:,.0f} MB on disk")
    for line in _served(found["served"]):
        console.print(line)
    _account(console, found["account"])
    table = _table("table", "rows")
    for name, rows in found["tables"].items():
        table.add_row(name, f"{rows:,}")
    console.print(table)


def _served(found: Answer) -> Iterator[str]:
    """Which version servers read, and what `bespeak rollback` would do."""
    if found["version"] is None:
        return
    back = f"   before it: {found['before']}" if found["before"] else ""
    yield f"served: version {found['version']}{back}"
    if found["undone"]:
        yield (
            f"[yellow]Rolled back[/] from version {found['undone']}: the schedule rests, and a run"
            " that comes to it again leaves it aside; `bespeak rollback` takes it after all."
        )


def rolled_back(found: Answer) -> None:
    """What is served now."""
    console = _out()
    for line in _served(found):
        console.print(line)
    console.print("Running servers change to it within a second or two, if it answers.")


def _account(console: Console, account: Sequence[Answer]) -> None:
    table = _table("source", "rows in", "kept", "merged", "quarantined", "erased", "found")
    for line in account:
        found = ", ".join(f"{kind} {n:,}" for kind, n in line["found"].items() if n)
        table.add_row(
            line["source"], f"{line['rows_in']:,}", f"{line['kept']:,}", f"{line['merged']:,}",
            f"{sum(line['quarantined'].values()):,}", f"{line['erased']:,}", escape(found),
        )  # fmt: skip
    console.print(table)


def recommendations(answer: Answer, *, why: bool) -> None:
    """A list for one customer, and whether it is a fallback."""
    console = _out()
    whom = f"customer {answer['customer_id']}" if answer["customer_id"] else "this visit"
    console.print(f"For {escape(whom)}, by {answer['model']} (version {answer['version']})")
    if answer["fallback"]:
        console.print(f"[yellow]Fallback:[/] {escape(answer['fallback_reason']['en'])}")
    columns = ["#", "item", "title", "score", *(["why"] if why else [])]
    table = _table(*columns, left=("title", "why", "item"))
    for place, item in enumerate(answer["items"], start=1):
        row = [str(place), item["item_id"], item["title"] or "", f"{item['score']:.4g}"]
        table.add_row(*(escape(cell) for cell in [*row, *([item["reason"]["en"]] if why else [])]))
    console.print(table)


def everyone(made: Answer) -> None:
    """What lists for all customers came to."""
    console = _out()
    console.print(
        f"{made['customers']:,} customers, {made['rows']:,} rows in [bold]{escape(made['out'])}[/]"
        f" by [bold]{made['model']}[/] ({made['customers_per_s']:,.0f} customers/s)"
    )
    for code, customers in made["fallbacks"].items():
        console.print(f"  {customers:,} got popular items: {FALLBACKS[code][0]}")
    if made["without_list"]:
        console.print(f"  {made['without_list']:,} got no list: {FALLBACKS['nothing_left'][0]}")


def evaluation(found: Answer) -> None:
    """One row a model: accuracy with its interval, variety, and cost."""
    console = _out()
    models: Sequence[Answer] = found["models"]
    if not models:
        console.print("Nothing to measure: no known customer did anything on the days held back.")
        return
    aside = ("gini@", "ips_recall@")  # these are shown below the table
    ranked = [name for name in models[0] if "@" in name and not name.startswith(aside)]
    ranked = [name for name in ranked if not name.endswith("_ci")]
    headings = [name.replace("diversity", "variety").replace("@", "\n@") for name in ranked]
    table = _table("model", *headings, "fit\ns", "lists\n/s", "peak\nMB")
    longest = max(len(model["name"]) for model in models)
    table.columns[0].no_wrap = longest <= LONG_NAME
    for model in models:
        cells = []
        for name in ranked:
            low, high = model.get(f"{name}_ci") or (None, None)
            spread = f"\n[dim]±{(high - low) / 2:.4f}[/]" if low is not None else ""
            digits = 2 if name.startswith("novelty") else 4
            cells.append("–" if model[name] is None else f"{model[name]:.{digits}f}{spread}")
        cost = (f"{model['fit_s']:.1f}", f"{model['lists_per_s']:,.0f}",
                f"{model['peak_rss_mb']:,.0f}")  # fmt: skip
        table.add_row(model["name"], *cells, *cost)
    console.print(table)
    who = "session prefixes, each" if found.get("of") == "sessions" else "customers"
    said = f"{models[0]['customers']:,} {who} with a test item; ± is half a 95 % interval."
    console.print(f"[dim]{said}[/]")
    for model in models:
        if model["by_lists"] is not None:
            console.print(f"[dim]{_one_by_one(model, found['k'])}[/]")


def _one_by_one(model: Answer, k: int) -> str:
    """What item lists before a slow model would save, and what they would lose."""
    lists = model["by_lists"]
    kept = "nothing to lose" if lists["kept"] is None else f"{lists['kept']:.1%} of its NDCG@{k}"
    return (
        f"{model['name']}: a single list takes {model['list_ms']:.1f} ms,"
        f" {lists['served_ms']:.1f} ms by item lists, which keep {kept}."
    )


def proposal(found: Answer, folder: Path) -> None:
    """Each guess and its reason, and what could not be told."""
    console = _out()
    for source in found["sources"]:
        console.print(f"\n[bold]{escape(source['name'])}[/] → {source['table']}")
        table = _table("key", "choice", "because", left=("key", "choice", "because"))
        for guess in source["guesses"]:
            table.add_row(*(escape(str(guess[part])) for part in ("key", "choice", "reason")))
        console.print(table)
    for file in found["unread"]:
        console.print(f"[yellow]Not mapped:[/] {escape(file['path'])}: {escape(file['why'])}")
    console.print(
        f"\nWritten to {escape(found['config'])}. Read it, mend what is wrong, then"
        f" [bold]bespeak run -w {folder}[/]."
    )


def quarantine(rows: Sequence[Answer]) -> None:
    """Rows that were not let in."""
    console = _out()
    if not rows:
        console.print("The quarantine is empty.")
        return
    table = _table("source", "file", "row", "column", "reason", "found", "expected",
                   left=("source", "file", "column", "reason", "found", "expected"))  # fmt: skip
    for row in rows:
        cells = (
            row[name] for name in ("source", "file", "row", "column", "reason", "found", "expected")
        )
        table.add_row(*(escape("" if cell is None else str(cell)) for cell in cells))
    console.print(table)


def replay(changes: Sequence[Answer], *, dry_run: bool) -> None:
    """By source and reason: rows let in now, still held, and held only now."""
    console = _out()
    table = _table(
        "source", "reason", "recovered", "still held", "newly held", left=("source", "reason")
    )
    for change in changes:
        counts = (f"{change[name]:,}" for name in ("recovered", "held", "new"))
        table.add_row(change["source"], change["reason"], *counts)
    console.print(table if changes else "The mended rules change nothing in the quarantine.")
    if dry_run and changes:
        console.print("Nothing was changed. `bespeak quarantine replay` does it.")


def _table(*columns: str, left: Sequence[str] = ("source", "table", "model", "found")) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name, justify="left" if name in left else "right", overflow="fold")
    return table


def identity(found: Answer) -> None:
    """One person's identifiers, and the links that hold them together."""
    console = _out()
    table = _table("identifier", "evidence", left=("identifier", "evidence"))
    for row in found["identifiers"]:
        table.add_row(escape(row["actor"]), escape(row["evidence"] or ""))
    console.print(table)
    if not found["links"]:
        return
    links = _table("link", "", "rows", "sources", left=("link", "", "sources"))
    for link in found["links"]:
        holds = "holds them together" if link["splits"] else ""
        pair = f"{link['left']} – {link['right']}"
        links.add_row(escape(pair), holds, f"{link['rows']:,}", ", ".join(link["sources"]))
    console.print(links)
    console.print("To undo a link, add its pair to `apart` under [identity] in bespeak.toml.")


def identity_changes(found: Answer) -> None:
    """Who would be merged, and who split."""
    console = _out()
    if not found["merged"] and not found["split"]:
        console.print("The config as it is changes nobody.")
        return
    table = _table("customer", "change", "of", left=("customer", "change", "of"))
    for kind, parts in (("merged", "was"), ("split", "into")):
        for change in found[kind]:
            who = escape(change["customer_id"])
            table.add_row(who, f"{kind}, {parts}", escape(", ".join(change[parts])))
    console.print(table)
    console.print("Nothing was changed. `bespeak run` does it.")


def world(made: Answer, folder: Path) -> None:
    """What a made-up shop came to: its files, their rows and dirt, and how long it took."""
    console = _out()
    table = _table("source", "files", "rows", "dirt", "MB", "kinds of dirt",
                   left=("source", "kinds of dirt"))  # fmt: skip
    for line in made["sources"]:
        kinds = ", ".join(f"{kind} {rows:,}" for kind, rows in line["dirt"].items())
        table.add_row(
            line["source"], f"{line['files']:,}", f"{line['rows']:,}",
            f"{sum(line['dirt'].values()):,}", f"{line['bytes'] / 1e6:,.1f}", kinds,
        )  # fmt: skip
    console.print(table)
    console.print(
        f"{made['events']:,} events in {made['seconds']:.1f} s"
        f" ({made['events_per_second']:,} a second); {made['identifiers']:,} identifiers of"
        f" {made['customers']:,} people. The truth stands in {escape(str(folder / 'truth'))}."
    )
    console.print(f"Next: [bold]bespeak run -w {escape(str(folder))}[/]")


def tasks(found: Sequence[Answer]) -> None:
    """Runs that a server started, a line each."""
    console = _out()
    if not found:
        console.print("No server has started a run here. See \\[train] in docs/configuration.md.")
        return
    words = ("task", "why", "state", "at work on")
    table = _table("task", "why", "attempt", "state", "started", "seconds", "at work on",
                   left=words)  # fmt: skip
    for one in found:
        started = "" if one["started"] is None else f"{one['started']:%Y-%m-%d %H:%M:%S}"
        seconds = "" if one["seconds"] is None else f"{one['seconds']:,.1f}"
        doing = one["problem"].message if one["problem"] else one["step"] or ""
        shown = one["id"], one["why"], str(one["attempt"]), one["state"], started, seconds
        table.add_row(*shown, escape(doing if one["state"] != "done" else ""))
    console.print(table)


def task(found: Answer) -> None:
    """One run and its log."""
    tasks([found])
    for line in found["log"]:
        _out().print(escape(line), soft_wrap=True)
