"""What the command line shows of a search for a model, and beside the table of an evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bespeak.recommend import Progress, Try
from bespeak.screen import show

Answer = Mapping[str, Any]

SURE = 0.05
"""A difference that chance would make less often than this is called one."""


@contextmanager
def searching(text: str, *, quiet: bool) -> Iterator[Callable[[Progress], None]]:
    """A spinner, which says what a search is at and the best so far; plain lines elsewhere.

    On a terminal only what was better than all before stays; else a line for each try does.
    """
    if quiet:
        yield lambda progress: None
        return
    console = Console(stderr=True, highlight=False)
    with console.status(text) as spinner:

        def tell(at: Progress) -> None:
            best = at.best
            reached = (
                f"best so far [bold]{best.title}[/] {best.figures[at.measure]:.4f}" if best else ""
            )
            clock = f"{at.spent_s:.0f} of {at.budget_s:g} s"
            if at.done is None and at.now is None:
                spinner.update(text)
            elif at.done is None:
                spinner.update(f"{clock}: trying [cyan]{escape(str(at.now))}[/]   {reached}")
            elif not console.is_terminal or at.done is best:
                said = _tried(at.done, at.measure, best=at.done is best)
                console.print(f"{at.spent_s:>7.1f} s  {said}", soft_wrap=True)

        yield tell


def _tried(done: Try, measure: str, *, best: bool) -> str:
    name = escape(done.title or done.config.title)
    if done.state != "tried":
        return f"[dim]{name}: {done.state}, {escape(done.because)}[/]"
    better = "  [green]the best so far[/]" if best else ""
    return f"{name}: {measure} {done.figures[measure]:.4f}{better}"


def beside(found: Answer, *, evidence: bool, sliced: bool) -> None:
    """Below the main table: whether differences are sure, leaks, slices, and how `auto` chose."""
    if not found["models"]:
        return
    k, search = found["k"], found.get("search")
    show(_uneven(found["models"], k))
    show(_tests(found))
    show(_leaks(found))
    if sliced:
        show(_slices(found["models"], k))
    if search:
        show(_chosen(search))
        if evidence:
            show([_tries(search), *_final(search)])


def _uneven(models: Sequence[Answer], k: int) -> Iterator[str]:
    """What the main table has no room for."""
    for model in models:
        uneven, rare = (_spread(model, f"{name}@{k}") for name in ("gini", "ips_recall"))
        yield (
            f"[dim]{escape(model['name'])}: Gini of what is shown {uneven},"
            f" recall if every item were seen as often {rare}[/]"
        )


def _tests(found: Answer) -> Iterator[str]:
    """The best model against each other one."""
    measure = f"ndcg@{found['k']}"
    best = max(found["models"], key=lambda model: model[measure])["name"]
    rows = [row for row in found["tests"] if row["measure"] == measure and best in
            (row["better"], row["worse"])]  # fmt: skip
    for row in rows:
        other = row["worse"] if row["better"] == best else row["better"]
        sure = row["p_holm"] < SURE
        said = "better than" if sure else "not surely better than"
        low, high = row["ci"] or (None, None)
        span = "" if low is None else f" [{low:.4f}, {high:.4f}]"
        yield escape(
            f"{best} is {said} {other}: {measure} {row['difference']:+.4f}{span},"
            f" p {_p(row['p_holm'])} ({row['test']}, Holm)"
        )


def _p(value: float) -> str:
    return "< .0001" if value < 0.0001 else f"= {value:.4f}"


def _leaks(found: Answer) -> Iterator[str]:
    leaks = found["leaks"]
    known = "already in their session" if found.get("of") == "sessions" else "in train too"
    said = f"{leaks['in_train']:,} of {leaks['pairs']:,} test pairs are {known}"
    if leaks["in_train"] and leaks["dropped"]:
        yield f"[yellow]{said}[/]; they were left out, since lists may not hold what is owned."
    elif leaks["in_train"]:
        yield f"{said}, as repeats may be."
    if leaks.get("early"):
        yield (
            f"[yellow]{leaks['early']:,} of {leaks['timed']:,} test rows are earlier than the"
            " latest of train[/]: models may have seen what came after."
        )
    if found["new_customers"]:
        yield (
            f"[dim]{found['new_customers']:,} of those asked for have no history"
            " (--by activity tells them apart).[/]"
        )


def _slices(models: Sequence[Answer], k: int) -> Iterator[Table]:
    """A table for each thing that figures are told apart by."""
    parts = [row["by"] for row in models[0].get("slices", ())]
    for by in dict.fromkeys(parts):
        table = _table(f"by {by}", "of", "model", f"recall@{k}", f"ndcg@{k}")
        for at in (at for at, one in enumerate(parts) if one == by):
            for place, model in enumerate(models):
                row = model["slices"][at]
                first = (row["slice"], f"{row['customers']:,}") if not place else ("", "")
                spans = (_spread(row, f"{name}@{k}") for name in ("recall", "ndcg"))
                table.add_row(*(escape(cell) for cell in (*first, model["name"])), *spans)
        yield table


def _spread(row: Answer, name: str) -> str:
    if row[name] is None:
        return "–"
    low, high = row[f"{name}_ci"] or (None, None)
    return f"{row[name]:.4f}" + ("" if low is None else f" [dim]±{(high - low) / 2:.4f}[/]")


def _chosen(search: Answer) -> Iterator[str]:
    tried = [row for row in search["tried"] if row["state"] == "tried"]
    yield (
        f"auto chose [bold]{escape(search['chosen'])}[/]: {escape(search['because'])};"
        f" {len(tried)} configurations tried, {len(search['tried']) - len(tried)} left out, in"
        f" {search['search_s']:.0f} of {search['budget_s']:g} s. --evidence or --json has them all."
    )


def _final(search: Answer) -> Iterator[str]:
    """The finalists, on rows that the search had not seen."""
    for row in search["final"]:
        figure = row[search["measure"]]
        yield f"In the final: {escape(row['model'])} {search['measure']} {figure:.4f}"


def _tries(search: Answer) -> Table:
    measure = search["measure"]
    table = _table("model", "settings", measure, "fit s", "score s")
    for row in search["tried"]:
        settings = _settings(row)
        if row["state"] == "tried":
            cells = (f"{row[measure]:.4f}", f"{row['fit_s']:.1f}", f"{row['score_s']:.1f}")
            table.add_row(row["model"], escape(settings), *cells)
        else:
            said = f"{settings}  {row['state']}: {row['because']}".strip()
            table.add_row(row["model"], escape(said), "", "", "", style="dim")
    return table


def _settings(row: Answer) -> str:
    if row["model"] != "blend":
        return ", ".join(f"{name}={value}" for name, value in row["parameters"].items())
    return " + ".join(f"{part['weight']:g} {part['model']}" for part in row["parameters"]["parts"])


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for name in columns:
        left = name in {"model", "settings"} or name.startswith("by ")
        table.add_column(name, justify="left" if left else "right", overflow="fold")
    return table
