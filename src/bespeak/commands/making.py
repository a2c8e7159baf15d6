"""A command that makes data to try things on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bespeak import screen
from bespeak.commands import Json, emit, teaching
from bespeak.synth import Plan, summary, synthesise


@teaching
def synth(
    out: Annotated[Path, typer.Option(help="A new folder for it.", metavar="DIR")],
    customers: Annotated[int, typer.Option(help="People, with and without an account.")] = 20_000,
    items: Annotated[int, typer.Option(help="Products on sale.")] = 5_000,
    events: Annotated[int, typer.Option(help="Things they do; copies come on top.")] = 1_000_000,
    days: Annotated[int, typer.Option(help="From 2024-01-01 on.")] = 365,
    seed: Annotated[int, typer.Option(help="Which of all such worlds.")] = 7,
    workers: Annotated[int | None, typer.Option(help="Threads; a core each.")] = None,
    as_json: Json = False,
) -> None:
    """Make up a shop of any size, dirt and all, with the truth about it kept apart.

    Website (Parquet), app (JSON lines), tills and mail (CSV), customers and catalogue go to
    DIR/raw, with seasons, sessions and tastes, and the faults of real files: duplicates, gaps,
    outliers, wrong clocks, shared identifiers. DIR/truth says who is who, which segment made each
    customer behave so, and which rows are dirt; bespeak never reads it. The same arguments give
    the same bytes.

    Example: `bespeak synth --events 100000 --customers 2000 --out shop`, then `bespeak run -w shop`
    """
    plan = Plan(customers, items, events, days, seed)
    with screen.counting("Making events", events, quiet=as_json) as tell:
        made = synthesise(plan, out, workers=workers, tell=tell)
    if as_json:
        emit(summary(made))
    else:
        screen.world(summary(made), out)
