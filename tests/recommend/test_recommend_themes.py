from __future__ import annotations

import numpy as np

from bespeak.recommend.histories import Interactions
from bespeak.recommend.searching.carving import by_share
from bespeak.recommend.searching.themes import distances
from contracts.recommender import world

ITEMS, THEMES = 120, 8


def themed(customers: int = 300, seed: int = 5) -> Interactions:
    """Each customer has most items of two of eight themes; item i is of theme i mod 8."""
    draw = np.random.default_rng(seed)
    pairs = []
    for customer in range(customers):
        mine = draw.choice(THEMES, 2, replace=False)
        pairs += [
            (f"c{customer:03}", f"i{item:03}")
            for item in range(ITEMS)
            if item % THEMES in mine and draw.random() < 0.6
        ]
    return world(pairs)


def theme_of(known: Interactions) -> np.ndarray:
    return np.array([int(name[1:]) % THEMES for name in known.items])


def test_what_goes_together_is_near() -> None:
    known = themed()
    far = distances(known, seed=3)
    histories, theme = known.histories, theme_of(known)
    for row in range(len(histories)):
        entries = histories.row(row)
        mine = theme[histories.indices[entries]]
        pivot = mine[far[entries] == 0.0][0]
        assert far[entries][mine == pivot].max() < far[entries][mine != pivot].min()


def test_too_little_data_has_no_themes() -> None:
    assert distances(world([("a", "x"), ("a", "y"), ("b", "x")]), seed=3) is None


def test_some_customers_lose_a_theme_and_some_lose_anything() -> None:
    known = themed()
    trial = by_share(known, repeat=False, seed=3)
    assert trial.how.endswith("of some at random, of some what goes together")
    held = theme_of(known)[trial.held.items]
    alike = [len(set(held[trial.held.rows == row])) == 1 for row in range(len(trial))]
    sizes = np.diff(trial.held.indptr)
    several = [same for same, size in zip(alike, sizes, strict=True) if size > 1]
    assert 0.6 < np.mean(several) < 0.95  # half of them by a theme, the others seldom by chance
    again = by_share(known, repeat=False, seed=3)
    assert np.array_equal(trial.held.items, again.held.items)
