from __future__ import annotations

import numpy as np
import pytest

from bespeak.recommend.models import fit
from bespeak.recommend.searching.carving import by_share
from bespeak.recommend.searching.polishing import Mixture, polish
from bespeak.recommend.searching.spaces import Shape
from bespeak.recommend.searching.trying import Bench, Config, Try
from contracts.recommender import world


def bench(budget_s: float = 1e6) -> Bench:
    """Two tried models of four tastes; the clock stands still."""
    draw = np.random.default_rng(2)
    known = world(
        [
            (f"c{c:03}", f"i{i:02}")
            for c in range(60)
            for i in range(24)
            if draw.random() < (0.6 if c % 4 == i % 4 else 0.06)
        ]
    )
    trial = by_share(known, repeat=False)
    shape = Shape.of(trial.train, repeat=False)
    found = Bench(trial, shape, 3, budget_s, fit, lambda progress: None, lambda: 0.0)
    for name in ("item_knn", "rp3beta"):
        found.attempt(Config(name))
    return found


def polished(found: Bench, keep_s: float = 0.0) -> list[Try]:
    """The first blend of both, and what came after it."""
    mixture = Mixture.of(found.tries, [0.5, 0.5])
    measured = mixture.measured(found)
    polish(found, mixture, measured, 7, keep_s)
    return found.tries[2:]


def test_one_thing_is_changed_at_a_time_and_the_best_is_measured_by_itself() -> None:
    found = bench()
    first, *others = polished(found)
    parts = [one.config.parameters["parts"] for one in (first, others[0])]
    assert [part["model"] for part in parts[1]] == ["item_knn", "rp3beta"]
    assert [part["weight"] for part in parts[1]] != [part["weight"] for part in parts[0]]
    assert [part["parameters"] for part in parts[1]] == [part["parameters"] for part in parts[0]]
    settings = {
        str(part["parameters"]) for one in others for part in one.config.parameters["parts"]
    }
    assert len(settings) > 4
    last = others[-1]
    assert last.model is not None
    assert last.figures["recall@3"] > 0  # all figures, not the foretold one alone
    assert found.worth(last) > found.worth(first)
    assert found.worth(last) == pytest.approx(max(found.worth(one) for one in others), rel=1e-3)
    assert sum(one.config.same(last.config) for one in found.tries) == 1


def test_where_no_time_is_left_the_first_blend_stays() -> None:
    assert len(polished(bench(), keep_s=1e7)) == 1
