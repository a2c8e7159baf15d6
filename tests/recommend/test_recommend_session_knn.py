from __future__ import annotations

from typing import ClassVar

from contracts.recommender import RecommenderContract


class TestSessionKnn(RecommenderContract):
    name = "session_knn"
    personal = True


class TestSessionKnnOfFewNeighbours(RecommenderContract):
    name = "session_knn"
    parameters: ClassVar = {"neighbours": 3, "newest": 2, "own": 0.0, "longest_history": 3}
