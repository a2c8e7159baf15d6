"""`serve`: by itself, since a server must be up at once and needs little of what runs need."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from bespeak import screen, shop
from bespeak.commands import HERE, opened, teaching


@teaching
def serve(
    workspace: Annotated[
        list[Path] | None,
        typer.Option(
            "--workspace",
            "-w",
            show_default="here",
            help="The workspace's folder; repeat to serve more to who has a key of them.",
        ),
    ] = None,
    port: Annotated[int | None, typer.Option(help="The port; bespeak.toml's by default.")] = None,
) -> None:
    """Answer over HTTP, with the console; without a key, on this machine only.

    Several workspaces share one address: which of them a request is for follows from its key, so
    each needs one. Host, port, workers and log are those of the first.

    Example: `bespeak serve -w shop-a -w shop-b`
    """
    with ExitStack() as stack:
        every = [stack.enter_context(opened(one)) for one in workspace or [HERE]]
        ready = partial(screen.address, store=len(every) == 1)
        shop.serve_shop(*every, port=port, ready=ready)
