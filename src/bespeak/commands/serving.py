"""`serve`: by itself, since a server must be up at once and needs little of what runs need."""

from __future__ import annotations

from typing import Annotated

import typer

from bespeak import screen, shop
from bespeak.commands import HERE, Folder, opened, teaching


@teaching
def serve(
    workspace: Folder = HERE,
    port: Annotated[int | None, typer.Option(help="The port; bespeak.toml's by default.")] = None,
) -> None:
    """Answer over HTTP, with the console; without a key, on this machine only."""
    with opened(workspace) as here:
        shop.serve_shop(here, port=port, ready=screen.address)
