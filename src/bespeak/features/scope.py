"""What the families are declared for: windows from the settings, labels from the data."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

CATEGORY_SHARE = "category_share:"
CHANNEL_SHARE = "channel_share:"
"""A column's name goes on with the category or channel as the record spells it."""

MAX_CHANNELS = 12


@dataclass(frozen=True)
class Scope:
    """Everything a family's columns depend on."""

    windows_days: tuple[int, ...] = (28, 91)
    categories: tuple[str, ...] = ("*",)
    channels: tuple[str, ...] = ("*",)


def scope_of(columns: Iterable[str]) -> Scope:
    """The scope that a table with these columns was made for."""
    names = list(columns)
    days = {int(found[1]) for name in names if (found := re.search(r"_(\d+)d$", name))}
    return Scope(
        windows_days=tuple(sorted(days)),
        categories=_labels(names, CATEGORY_SHARE),
        channels=_labels(names, CHANNEL_SHARE),
    )


def _labels(names: list[str], prefix: str) -> tuple[str, ...]:
    return tuple(name.removeprefix(prefix) for name in names if name.startswith(prefix))
