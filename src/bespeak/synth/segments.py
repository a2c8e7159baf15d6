"""The five kinds of customer behind a world: what a clustering of behaviour can find again."""

from __future__ import annotations

from dataclasses import dataclass

CATEGORIES = (
    ("Grocery", "食品", 0.20, 18.0),
    ("Fresh", "生鲜", 0.10, 25.0),
    ("Drinks", "饮料", 0.08, 12.0),
    ("Baby", "母婴", 0.08, 90.0),
    ("Home", "家居", 0.14, 75.0),
    ("Beauty", "美妆", 0.10, 110.0),
    ("Clothing", "服饰", 0.14, 160.0),
    ("Electronics", "数码", 0.08, 480.0),
    ("Sports", "运动", 0.05, 140.0),
    ("Garden", "园艺", 0.03, 55.0),
)
"""English and Chinese name, share of the items, typical price."""


@dataclass(frozen=True)
class Segment:
    """How one kind of customer behaves.

    share    : of all customers
    visits   : relative number of visits while active
    channels : shares of web, app, till and mail among the visits
    tastes   : weight of each category when a customer's two favourites are drawn
    basket   : mean rows of a visit online, mean lines at the till
    buys     : share of online visits that end in an order
    repeats  : share of choices that fall on the few items the customer always has
    weekend  : how much likelier a visit is on Saturday or Sunday than on another day, 0.25 to 4
    hours    : the hours around which visits lie
    active   : `all`, or `early` (came to an end half-way)
    member   : share with an account
    card     : share of these with a loyalty card
    bargains : share of lines with something off
    returns  : share of lines at the till that are brought back
    """

    name: str
    zh: str
    share: float
    visits: float
    channels: tuple[float, float, float, float]
    tastes: tuple[float, ...]
    basket: float
    lines: float
    buys: float
    repeats: float
    weekend: float
    hours: tuple[float, ...]
    active: str
    member: float
    card: float
    bargains: float
    returns: float


SEGMENTS = (
    Segment(
        "loyal", "忠诚常客", 0.20, 4.2, (0.34, 0.24, 0.34, 0.08),
        (5, 6, 4, 0.2, 1.5, 0.5, 0.2, 0.1, 0.2, 0.5), 3.5, 2.5, 0.85, 0.45, 0.9,
        (8.5, 12.5), "all", 1.0, 0.98, 0.06, 0.0005,
    ),
    Segment(
        "family", "家庭大单", 0.20, 2.2, (0.04, 0.02, 0.91, 0.03),
        (4, 3, 1, 6, 2, 0.1, 0.3, 0.1, 0.2, 0.3), 4.0, 7.0, 0.40, 0.50, 3.6,
        (10.5, 16.0), "all", 0.98, 0.99, 0.08, 0.07,
    ),
    Segment(
        "digital", "数码夜猫", 0.22, 2.6, (0.04, 0.91, 0.01, 0.04),
        (0.3, 0.1, 1, 0.1, 0.4, 2.5, 0.6, 6, 2.5, 0.1), 3.0, 2.0, 0.85, 0.20, 1.1,
        (21.5, 23.0), "all", 1.0, 0.45, 0.06, 0.0005,
    ),
    Segment(
        "browser", "淘便宜的", 0.20, 2.6, (0.95, 0.01, 0.01, 0.03),
        (0.1, 0.1, 0.1, 0.3, 2, 4, 6, 0.6, 0.4, 0.3), 4.0, 1.5, 0.6, 0.08, 1.2,
        (14.0, 20.0), "all", 0.75, 0.30, 0.95, 0.0005,
    ),
    Segment(
        "lapsed", "流失老客", 0.18, 2.0, (0.50, 0.04, 0.42, 0.04),
        (0.6, 0.3, 0.6, 0.6, 5, 0.6, 2, 0.4, 1.5, 4), 4.0, 2.5, 0.60, 0.25, 1.5,
        (11.0, 18.0), "early", 0.94, 0.92, 0.25, 0.0005,
    ),
)  # fmt: skip
