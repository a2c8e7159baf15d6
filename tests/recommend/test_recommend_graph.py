from __future__ import annotations

from contracts.recommender import RecommenderContract


class TestGraph(RecommenderContract):
    name = "graph"
    personal = True
