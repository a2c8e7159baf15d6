"""What a trade knows: vocabulary and thresholds, as data. Code never asks which pack it has."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec

from bespeak.errors import ConfigInvalid

FOLDER = Path(__file__).parent


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One table of a pack.toml."""


class Services(_Part, frozen=True):
    """Words by which a line of a bill is told from a product. All lower case; a title is compared
    as words, without punctuation or numbers (Chinese text as characters)."""

    whole: tuple[str, ...] = ()
    """A title, or the last part of a category, that is nothing but this is no product."""
    heads: tuple[str, ...] = ()
    """So is one that ends with this (English puts what a thing is last: `packing charge`)."""
    starts: tuple[str, ...] = ()
    """So is one that begins with this."""
    anywhere: tuple[str, ...] = ()
    """So is one with these words anywhere."""
    unless: tuple[str, ...] = ()
    """What makes a title with `heads` a product after all."""
    hints: tuple[str, ...] = ()
    """Words too weak to decide alone; enough where the item's id is unlike all others."""
    codes: tuple[str, ...] = ()
    """Ids, less their digits, that are no product's; heard only where ids are numbers as a rule."""
    endings: tuple[str, ...] = ()
    """Ends of a Chinese title that is no product."""
    endings_unless: tuple[str, ...] = ()
    """Ends of a Chinese title that is a product sold without that cost (`…包邮费`)."""


class Pack(_Part, frozen=True):
    """One trade."""

    name: str
    title: dict[str, str] = {}
    """Language (en, zh) -> what people call it."""
    services: Services = Services()
    id_digits_share: float = 0.9
    """Where at least this share of the ids carry a digit, one without stands out."""


def load_pack(name: str) -> Pack:
    """The pack called `name`.

    raises : ConfigInvalid, naming the packs there are, or what is wrong with this one
    """
    known = sorted(path.parent.name for path in FOLDER.glob("*/pack.toml"))
    if name not in known:
        raise ConfigInvalid(
            f"workspace.pack: there is no pack `{name}`", expected=f"one of {', '.join(known)}"
        )
    path = FOLDER / name / "pack.toml"
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Pack)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ConfigInvalid(f"{path}: {error}", next_step="Mend that file.") from error
