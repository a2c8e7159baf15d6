"""Every family of features, in the order of the columns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from bespeak.features import (
    basket,
    cadence,
    categories,
    channels,
    discount,
    engagement,
    hours,
    items,
    orders,
    returns,
    trend,
    windows,
)
from bespeak.features.declare import Feature
from bespeak.features.scope import CHANNEL_SHARE, MAX_CHANNELS, Scope, scope_of

OF_ORDERS = (
    orders,
    cadence,
    basket,
    discount,
    returns,
    windows,
    trend,
    hours,
    channels,
    engagement,
)
"""Families of a customer that rest on orders and active hours; each module has a `declare`."""
OF_CATEGORIES = (categories,)
"""Families of a customer that rest on the items bought."""
OF_ITEMS = (items,)

KEYS = (
    ("customers", "customer_id", "id", "id", "The customer", "客户编号"),
    ("items", "item_id", "id", "id", "The item", "商品编号"),
    (
        "customers", "as_of", "time", "UTC",
        "Only what came before this instant counts", "仅统计此时刻之前的行为",
    ),
    (
        "items", "as_of", "time", "UTC",
        "Only what came before this instant counts", "仅统计此时刻之前的行为",
    ),
)  # fmt: skip

Entry = dict[str, str | dict[str, str]]


def of_orders(scope: Scope) -> tuple[Feature, ...]:
    return tuple(feature for family in OF_ORDERS for feature in family.declare(scope))


def of_categories(scope: Scope) -> tuple[Feature, ...]:
    return tuple(feature for family in OF_CATEGORIES for feature in family.declare(scope))


def of_items(scope: Scope) -> tuple[Feature, ...]:
    return tuple(feature for family in OF_ITEMS for feature in family.declare(scope))


def declared(columns: Iterable[str], *, channel: str) -> tuple[Feature, ...]:
    """The features in a table of customers that has these columns.

    channel : one in which they are met now, though the table may not know it yet
    """
    names = set(columns)
    scope = scope_of(names)
    if channel not in scope.channels and len(scope.channels) < MAX_CHANNELS:
        scope = replace(scope, channels=(*scope.channels, channel))
        names.add(f"{CHANNEL_SHARE}{channel}")
    every = (*of_orders(scope), *of_categories(scope))
    return tuple(feature for feature in every if feature.name in names)


def describe(columns: Iterable[str] | None = None) -> list[Entry]:
    """What every column of the feature tables means.

    columns : those of a table at hand, whose windows, categories and channels are then named; by
              default the usual windows, and `*` for the category or channel in a column's name
    returns : {"name", "table": "customers" | "items", "meaning": {"en", "zh"}, "unit", "kind"}
    """
    names = None if columns is None else list(columns)
    scope = Scope() if names is None else scope_of(names)
    entries: list[Entry] = [
        {"name": name, "table": table, "meaning": {"en": en, "zh": zh}, "unit": unit, "kind": kind}
        for table, name, kind, unit, en, zh in KEYS
    ]
    for table, features in (
        ("customers", of_orders(scope) + of_categories(scope)),
        ("items", of_items(scope)),
    ):
        entries += [_entry(table, feature) for feature in features]
    return [entry for entry in entries if names is None or entry["name"] in names]


def _entry(table: str, feature: Feature) -> Entry:
    return {
        "name": feature.name,
        "table": table,
        "meaning": {"en": feature.en, "zh": feature.zh},
        "unit": feature.unit,
        "kind": feature.kind,
    }
