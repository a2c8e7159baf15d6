"""Keys: who may ask the server, and for what."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

import typer

from bespeak import screen
from bespeak.access import SCOPES, Key, Keyring
from bespeak.commands import BY, HERE, Folder, Json, emit, opened, teaching
from bespeak.errors import BadRequest
from bespeak.privacy import Act, audit
from bespeak.workspace import Workspace

app = typer.Typer(
    help="Who may ask the server, and for what.\n\nWithout a key, `bespeak serve` listens on this"
    " machine only and answers everybody on it. With the first key, every address wants one: a"
    " public key in your shop's pages, for what a visitor does in a session of their own; a secret"
    " key on your own server, for all else.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
Id = Annotated[str, typer.Argument(help="The key's id, as `bespeak key list` shows it.")]


@app.command()
@teaching
def create(
    public: Annotated[
        bool, typer.Option("--public/--secret", help="For pages, or for your own server.")
    ],
    name: Annotated[str, typer.Option(help="What you call it.")] = "",
    scope: Annotated[
        list[str] | None,
        typer.Option(
            help="What a secret key may do, repeat for more: send (events, items), read (lists,"
            " customers, data), manage (erase, export, train). All, by default."
        ),
    ] = None,
    per_second: Annotated[
        float | None, typer.Option(help="Requests a second, each worker; no bound by default.")
    ] = None,
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Make a key. It is shown once, and kept only as what can't be turned back into it.

    Example: `bespeak key create --public --name "web shop"`
    """
    if public and scope:
        raise BadRequest("a public key has no scopes: it opens what a visitor may do")
    with opened(workspace) as here:
        key, text = Keyring(here.root).create(
            "public" if public else "secret", name=name, scopes=scope or SCOPES,
            per_second=per_second,
        )  # fmt: skip
        _on_record(here, "key made", key)
    _made(key, text, as_json)


@app.command("list")
@teaching
def listed(workspace: Folder = HERE, as_json: Json = False) -> None:
    """Every key, also those that hold no longer; never the keys themselves."""
    with opened(workspace) as here:
        keys = Keyring(here.root).all()
    if as_json:
        emit([_told(key) for key in keys])
    else:
        screen.keys(keys)


@app.command()
@teaching
def rotate(
    key_id: Id,
    grace_hours: Annotated[
        float, typer.Option(min=0, help="How long the old one holds on, for you to change over.")
    ] = 24.0,
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Make a key that may do the same; the old one holds for a while more."""
    with opened(workspace) as here:
        key, text = Keyring(here.root).rotate(key_id, grace=timedelta(hours=grace_hours))
        _on_record(here, "key rotated", key, instead_of=key_id)
    _made(key, text, as_json)


@app.command()
@teaching
def revoke(key_id: Id, workspace: Folder = HERE, as_json: Json = False) -> None:
    """Let a key hold no longer, nor the tokens and sign-ins that go by it; within a second."""
    with opened(workspace) as here:
        key = Keyring(here.root).revoke(key_id)
        _on_record(here, "key revoked", key)
    if as_json:
        emit(_told(key))
    else:
        screen.keys([key])


def _on_record(here: Workspace, act: Act, key: Key, **about: str) -> None:
    audit(here).add(act, by=BY, key=key.id, kind=key.kind, **about)


def _made(key: Key, text: str, as_json: bool) -> None:
    if as_json:
        emit({**_told(key), "key": text})
    else:
        screen.key_made(key, text)


def _told(key: Key) -> dict[str, Any]:
    told = ("id", "kind", "name", "scopes", "per_second", "created", "expires")
    return {field: getattr(key, field) for field in told}
