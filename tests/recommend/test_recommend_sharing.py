from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bespeak.recommend.models import fit, graph
from bespeak.recommend.searching.sharing import Sharing
from contracts.recommender import world


def test_graphs_that_share_steps_are_those_that_share_none(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(6)
    pairs = [(f"c{c:02}", f"i{i:02}") for c in range(90) for i in range(60) if draw.random() < 0.2]
    one, other = world(pairs), world(pairs[:-40])
    decomposed: list[int] = []
    leading = graph.leading

    def counted(matrix: Any, rank: int, seed: int) -> Any:
        decomposed.append(rank)
        return leading(matrix, rank, seed)

    sharing = Sharing()
    with monkeypatch.context() as patch:
        patch.setattr(graph, "leading", counted)
        tries = [
            (known, given, sharing("graph", known, given))
            for known, given in [
                (one, {}), (one, {"share": 3.0}), (one, {"least_common": 1}), (one, {"rank": 2}),
                (other, {"rank": 2}), (one, {"rank": 2}),
            ]
        ]  # fmt: skip
        assert decomposed == [3, 2, 2, 2]
        sharing("item_knn", one, {})
        sharing("graph", one, {"rank": 2})
        assert decomposed == [3, 2, 2, 2, 2]  # nothing is kept while other models are fitted
    for known, given, model in tries:
        alone = fit("graph", known, given)
        found, wanted = (each.recommend(known.histories, 9) for each in (model, alone))
        assert np.array_equal(found.items, wanted.items)
        assert np.array_equal(found.scores, wanted.scores)
