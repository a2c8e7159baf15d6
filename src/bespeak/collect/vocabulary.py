"""The words of `vocabulary.toml`, and how well a name goes with them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any

_AFTER = frozenset(
    "id no nr num number code key utc gmt local usd eur gbp cny inr at".split()  # noqa: SIM905
)
_TELLING: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "search": ("search",),
        "cart": ("cart", "basket"),
        "click": ("click",),
        "purchase": ("purchase", "buy", "order"),
        "view": ("view", "image", "info", "detail"),
    }
)
"""Beginnings of words that tell a type of event in a longer phrase, in this order."""


@cache
def vocabulary() -> Mapping[str, Any]:
    """The whole file."""
    text = resources.files("bespeak.collect").joinpath("vocabulary.toml").read_text("utf-8")
    return tomllib.loads(text)


def names_of(role: str) -> Sequence[str]:
    """What columns of a role are called."""
    names: Sequence[str] = vocabulary()["roles"][role]["names"]
    return names


def kinds_of(role: str) -> Sequence[str]:
    """What the values of a role look like."""
    kinds: Sequence[str] = vocabulary()["roles"][role]["kinds"]
    return kinds


def alike(words: str, names: Sequence[str]) -> float:
    """How well a column's words go with some names: 1 the same, 0 nothing in common.

    Part of a longer name counts less the more else stands there; an early name counts a little
    more than a late one, so that `order id` beats `order`.
    """
    best = 0.0
    compact = words.replace(" ", "")
    for rank, listed in enumerate(names):
        name, early = listed.removeprefix("="), 1 - 0.02 * rank / len(names)
        if name == words:
            return early
        if name.replace(" ", "") == compact:
            best = max(best, 0.98 * early)
        elif name == listed and _stands_in(name, words):
            share = len(name.replace(" ", "")) / len(compact)
            best = max(best, (0.55 + 0.35 * share) * early)
    return best


def _stands_in(name: str, words: str) -> bool:
    """Whether `name` ends the words, or begins them before an `id` or a unit; Chinese: anywhere.

    What a compound names stands last: a `customer type` is a type.
    """
    if re.search(r"[\u2e80-\uffff]", name):
        return name in words.replace(" ", "")
    if words.endswith(f" {name}"):
        return True
    rest = words.removeprefix(f"{name} ")
    return rest != words and all(word in _AFTER or word.isdigit() for word in rest.split())


def type_of_event(value: str) -> str | None:
    """The type of event that a value names; None if it names none."""
    known = meanings("types").get(plain(value))
    parts = re.split(r"[\W_]+", value.lower())
    if known is not None or "remove" in parts:
        return known
    for kind, beginnings in _TELLING.items():
        if any(part.startswith(beginnings) for part in parts):
            return kind
    return None


@cache
def meanings(part: str) -> Mapping[str, str]:
    """Value -> what it means, of `types`, `states` or `files`; in small letters, without marks."""
    return {plain(word): key for key, words in vocabulary()[part].items() for word in words}


def plain(value: str) -> str:
    """`Add-To_Cart` as `addtocart`."""
    return re.sub(r"[\W_]+", "", value.lower())
