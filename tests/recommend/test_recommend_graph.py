from __future__ import annotations

from bespeak.recommend.models.graph import GraphParameters, fit_graph
from contracts.recommender import RecommenderContract, checkerboard


class TestGraph(RecommenderContract):
    name = "graph"
    personal = True


def test_a_large_catalogue_gets_fewer_candidates_and_directions_by_the_rule() -> None:
    whole = GraphParameters()
    assert (whole.candidates_of(40_981), whole.rank_of(29_858, 40_981)) == (1000, 512)
    assert (whole.candidates_of(1_000_000), whole.rank_of(640_000, 1_000_000)) == (250, 484)
    assert whole.candidates_of(10**8) == whole.neighbours  # what is kept is never cut
    assert whole.rank_of(10**9, 10**9) == 0


def test_with_little_memory_the_directions_are_the_leading_ones_all_the_same() -> None:
    known = checkerboard(200)
    rich, poor = GraphParameters(rank=6), GraphParameters(rank=6, memory_gb=4e-5)
    assert (rich.rank_of(200, 200), poor.rank_of(200, 200)) == (6, 0)
    some = GraphParameters(rank=6, memory_gb=6e-5)
    assert some.rank_of(200, 200) == 2
    model = fit_graph(known, some)
    found = model.recommend(known.histories, 1, exclude=known.histories)
    assert found.items[:, 0].tolist() == list(range(200))
